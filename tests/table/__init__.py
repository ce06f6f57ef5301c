"""The table of what can be right or wrong with a chain, served over TLS and compared with OpenSSL."""
