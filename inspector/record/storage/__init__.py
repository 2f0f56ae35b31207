"""The record as files: which they are, who holds them, their bound, their copies."""
