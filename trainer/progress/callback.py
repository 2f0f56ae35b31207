"""Owns how a long step reports its progress: a function that is called now and then."""

from collections.abc import Callable

#: Called with the name of the step, the number of pictures done, and their total.
Progress = Callable[[str, int, int], None]


def silent(step: str, done: int, total: int) -> None:
    """Show nothing."""
