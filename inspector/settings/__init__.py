"""YAML to types: every setting, its default, bounds and help."""
