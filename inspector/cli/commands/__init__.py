"""The commands, a noun a file: each takes the options apart, asks `answers/` and draws what comes back."""
