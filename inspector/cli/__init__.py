"""The command line: its options, and how answers look in a terminal."""
