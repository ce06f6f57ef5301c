"""What a probe costs, in units of the least that any probe can cost."""
