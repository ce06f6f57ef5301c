"""The mail servers that people run, each started with one certificate: one module a server."""
