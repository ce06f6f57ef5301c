"""What lives long: the schedule of probes, the board of their results, and the web server that shows it."""
