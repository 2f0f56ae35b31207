"""Owns whose number decides: the recipe's before the line's, the line's before the bundle's. Pure, no I/O.

Thresholds and severities go by label: what a recipe leaves out for a label is the line's, and what that leaves out is
the bundle's. The line is the config's `decision`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Owner = Literal["recipe", "line", "bundle"]


class Overrides(Protocol):
    """Numbers of the line or of a recipe, which replace those of the bundle."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Threshold by label, for tiles and for places of wide frames."""

    @property
    def novelty_margin(self) -> float | None:
        """Amount added to the bundle's novelty limits; None: as the line has it."""

    @property
    def severities(self) -> Mapping[str, str]:
        """Severity by label."""


class BundleNumbers(Protocol):
    """Numbers of a bundle for a label."""

    @property
    def severity(self) -> str:
        """Severity of a defect of this label."""

    @property
    def threshold(self) -> float:
        """Threshold of a tile."""

    @property
    def place_threshold(self) -> float | None:
        """Threshold of a place that several tiles show; None: that of a tile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveLabel:
    """What decides a label; `set_by`: whose numbers are among these, the strongest first."""

    severity: str
    threshold: float
    place_threshold: float
    set_by: tuple[Owner, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """What decides, by label and in all."""

    labels: dict[str, EffectiveLabel]
    novelty_margin: float
    novelty_margin_set_by: Owner


def effective(
    bundle: Mapping[str, BundleNumbers], line: Overrides | None = None, recipe: Overrides | None = None
) -> Effective:
    """Return the numbers that decide: those of the bundle by label, under the line's, under the recipe's."""
    owners: tuple[tuple[Owner, Overrides | None], ...] = (("line", line), ("recipe", recipe))
    over = [(owner, numbers) for owner, numbers in owners if numbers is not None]
    margins: list[tuple[Owner, float]] = [("bundle", 0.0)]
    margins += [(owner, one.novelty_margin) for owner, one in over if one.novelty_margin is not None]
    owner, margin = margins[-1]
    return Effective(
        labels={name: _label(name, numbers, over) for name, numbers in bundle.items()},
        novelty_margin=margin,
        novelty_margin_set_by=owner,
    )


def _label(name: str, bundle: BundleNumbers, over: list[tuple[Owner, Overrides]]) -> EffectiveLabel:
    severity, threshold, place = bundle.severity, bundle.threshold, bundle.place_threshold
    place = threshold if place is None else place
    set_by: tuple[Owner, ...] = ()
    for owner, one in over:
        severity = one.severities.get(name, severity)
        threshold, place = one.thresholds.get(name, threshold), one.thresholds.get(name, place)
        set_by = (owner, *set_by) if name in one.thresholds or name in one.severities else set_by
    return EffectiveLabel(severity=severity, threshold=threshold, place_threshold=place, set_by=set_by or ("bundle",))
