"""Owns what a check of a model measured, in the shape in which the history keeps it."""

from typing import Any

import msgspec

#: Frames that are listed by name at most.
LISTED = 100


class LostFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled frame that the serving model has right and the other one has wrong.

    `severity`: of the label. `decided`: how the other model decides it, its label where it finds a defect.
    """

    source: str
    frame: str
    name: str
    label: str
    severity: str
    decided: str


class FlipCount(msgspec.Struct, frozen=True):
    """How many frames two models decide otherwise, and of how many."""

    hits: int
    of: int


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a model, against the one that served.

    `against`: the address of that one. `golden_revision`: the state of the golden set. `failure`: why the model cannot
    be run; then nothing else was measured. `golden_difference`: of the bundle's own golden images, relative.
    `ms_per_tile`: CPU time, on a GPU the time. `memory_mb`: of one process, at most; `free_mb`: before it started.

    Of the golden set: its frames, and those lost. Of kept frames that nobody labelled: how many are decided otherwise,
    by the severity and by the label (or outcome) that the serving model finds; `left_out`: pictures that could not be
    read, or whose recipe is not known any more. Of labelled frames: those that only the serving model has right
    (`lost`), those that only the other one has right (`gained`), and critical defects that the serving model finds and
    the other one passes.
    """

    against: str
    against_model: str
    golden_revision: int
    workers: int
    failure: str = ""
    golden_difference: float | None = None
    ms_per_tile: float = 0.0
    serving_ms_per_tile: float = 0.0
    memory_mb: float = 0.0
    free_mb: float = 0.0
    golden: int = 0
    golden_lost: list[LostFrame] = []
    replayed: int = 0
    left_out: int = 0
    flips: dict[str, FlipCount] = {}
    flips_by_label: dict[str, FlipCount] = {}
    labelled: int = 0
    lost: int = 0
    gained: int = 0
    critical_misses: list[LostFrame] = []

    def figures(self) -> dict[str, Any]:
        """Return it as the history keeps it."""
        figures: dict[str, Any] = msgspec.to_builtins(self)
        return figures


def from_figures(figures: dict[str, Any]) -> CheckResult | None:
    """Return what the history keeps; None where it is of another version, or of no check."""
    try:
        return msgspec.convert(figures, CheckResult)
    except msgspec.ValidationError:
        return None
