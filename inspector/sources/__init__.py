"""Frames come in: a source owns each until it is on record."""
