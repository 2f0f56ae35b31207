"""How good a recipe is on strip that it has not seen: folds, and draws of a few pictures."""
