"""Sums of each source: what it says of itself, what is on record, and the gaps between them."""
