"""Owns the verdict: scores of tiles and thresholds to ok, defect or unsure. Pure, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inspector.bundle import Decision, Label

Outcome = Literal["ok", "defect", "unsure", "error"]
OUTCOMES: tuple[Outcome, ...] = ("ok", "defect", "unsure", "error")
#: Severities, the worst last.
RANK = {"none": 0, "minor": 1, "major": 2, "critical": 3}


@dataclass(frozen=True, slots=True)
class TileDecision:
    """What one tile shows. `label` is the most likely label also where the outcome is unsure; `reason` says why."""

    outcome: Outcome
    label: str
    severity: str
    score: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers a decision is made with: from the bundle, unless the line's config overrides a threshold."""

    labels: tuple[Label, ...]
    temperature: float
    thresholds: tuple[float, ...]
    min_contrast: float
    max_novelty: tuple[float, ...] = ()  # of each label; empty where the model does not tell


def rules(
    labels: tuple[Label, ...],
    decision: Decision,
    overrides: Mapping[str, float] | None = None,
    margin: float = 0.0,
    severities: Mapping[str, str] | None = None,
) -> Rules:
    """A bundle's numbers in the order of its labels, under a line's own thresholds and severities.

    `margin` widens every novelty.
    """
    thresholds = {**decision.thresholds, **(overrides or {})}
    limits, own = decision.max_novelty, severities or {}
    return Rules(
        tuple(label.model_copy(update={"severity": own.get(label.name, label.severity)}) for label in labels),
        decision.temperature,
        tuple(thresholds[label.name] for label in labels),
        decision.min_contrast,
        tuple(limits[label.name] + margin for label in labels) if limits else (),
    )


def decide_tile(scores: NDArray[np.float32], contrast: float, rules: Rules) -> TileDecision:
    """Decide one tile from the model's scores and its contrast in gray levels.

    `scores`: float32 (labels,), the logits, with the novelty behind them where the rules have limits for it.

    A blank tile, one unlike all that the model was made from, a score that is not a number, or one under its
    label's threshold is unsure: what the model does not know never passes, and never takes the name of the nearest
    class.
    """
    if not np.isfinite(scores).all():
        return TileDecision("unsure", "", "none", 0.0, "the model's scores are not finite")
    logits = scores[: len(rules.labels)]
    exponentials = np.exp((logits - logits.max()) / rules.temperature)
    best = int(logits.argmax())
    score = float(exponentials[best] / exponentials.sum())
    label = rules.labels[best]
    if contrast < rules.min_contrast:
        return TileDecision("unsure", label.name, "none", score, f"blank: contrast {contrast:.1f} gray levels")
    if rules.max_novelty and scores[-1] > rules.max_novelty[best]:
        reason = f"unlike what the model knows: novelty {scores[-1]:.1f} over {rules.max_novelty[best]:.1f}"
        return TileDecision("unsure", label.name, "none", score, reason)
    if score < rules.thresholds[best]:
        return TileDecision("unsure", label.name, "none", score, f"score under {rules.thresholds[best]:.2f}")
    outcome: Outcome = "ok" if label.kind == "ok" else "defect"
    return TileDecision(outcome, label.name, label.severity, score)


def decide_tiles(
    scores: NDArray[np.float32], contrasts: Sequence[float] | NDArray[np.float32], rules: Rules
) -> list[TileDecision]:
    """Decide each of several tiles by its row of scores, float32 (tiles, outputs), and its contrast."""
    return [decide_tile(row, float(contrast), rules) for row, contrast in zip(scores, contrasts, strict=True)]


def decide_frame(tiles: Sequence[TileDecision]) -> TileDecision:
    """The frame's verdict: its strongest defect, else its least sure tile, else ok with its weakest score.

    ValueError for no tiles: a frame nobody looked at has no verdict.
    """
    if not tiles:
        raise ValueError("a frame without tiles cannot be decided")
    defects = [tile for tile in tiles if tile.outcome == "defect"]
    if defects:
        return max(defects, key=lambda tile: (RANK[tile.severity], tile.score))
    unsure = [tile for tile in tiles if tile.outcome == "unsure"]
    return min(unsure or tiles, key=lambda tile: tile.score)
