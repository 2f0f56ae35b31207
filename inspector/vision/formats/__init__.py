"""The formats of picture files: a module each, found by `signature`. None of them decides what the line does."""
