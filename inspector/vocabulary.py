"""Owns the words that every part of the inspector shares: outcomes and severities. Imports nothing of it."""

from typing import Literal

#: The longest side that a message between our processes can carry.
MAX_SIDE_PX = 65_536


Outcome = Literal["ok", "defect", "unsure", "error"]


OUTCOMES: tuple[Outcome, ...] = ("ok", "defect", "unsure", "error")


#: Severities, the worst last.
RANK = {"none": 0, "minor": 1, "major": 2, "critical": 3}
