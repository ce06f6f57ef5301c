"""Monitor the certificates of SMTP servers: Prometheus exporter and Nagios plugin."""

__version__ = "0.1.0"
