"""What people decide of the grades of pieces, kept for ever."""
