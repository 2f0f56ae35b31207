"""The command line: what can be typed, and how answers look in a terminal."""
