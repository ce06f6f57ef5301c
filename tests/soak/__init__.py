"""A long run of the daemon against good and hostile servers: see `__main__`."""
