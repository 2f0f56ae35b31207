"""The HTML of maps and reports."""
