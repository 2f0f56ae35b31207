"""Procedural strip, clean or with defects."""
