"""What is generated from the options of the commands."""
