"""A model held against the one that serves, before it may serve itself."""
