"""Which models the line knows, and which one decides since when."""
