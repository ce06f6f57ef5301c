"""Facts: looks at one SMTP server and judges nothing."""
