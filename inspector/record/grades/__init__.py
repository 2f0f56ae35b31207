"""People's decisions on the grades of pieces, kept for ever."""
