"""Verdicts onto the record, and what keeps the record whole and within its bounds."""
