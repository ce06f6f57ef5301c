"""What is generated from the options of the commands and from the alert rules."""
