"""What is on record, and every question to it."""
