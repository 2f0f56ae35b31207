"""The settings of each type of source: one file a type."""
