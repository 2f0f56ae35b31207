"""From what people said to a candidate, in one go: better than what serves, or not, and why."""
