"""Coverage-guided fuzzing of what reads bytes from servers: `make fuzz`."""
