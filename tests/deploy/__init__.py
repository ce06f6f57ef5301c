"""What users copy, and what the documents say, held against the code."""
