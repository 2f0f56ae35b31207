"""Owns the decision: scores of tiles and thresholds to ok, defect or unsure. Pure, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inspector.vision.bundle import Decision, Label
from inspector.vision.precedence import Overrides, effective
from inspector.vocabulary import NO_REASON, RANK, Outcome, Reason

#: Least score of the label where only the scores of all labels of its kind together reach the threshold.
_MAJORITY = 0.5


@dataclass(frozen=True, slots=True)
class TileDecision:
    """The decision of one tile. `label` is the likeliest one, also if it is unsure; `reason` says why it is unsure."""

    outcome: Outcome
    label: str
    severity: str
    score: float
    reason: Reason = NO_REASON


@dataclass(frozen=True, slots=True)
class DecisionRules:
    """The numbers that a decision is made with, in the order of `labels`; precedence.py says whose they are."""

    labels: tuple[Label, ...]
    temperature: float
    thresholds: tuple[float, ...]
    min_contrast: float
    max_novelty: tuple[float, ...] = ()  # of each label; empty where the model does not tell
    place_thresholds: tuple[float, ...] = ()  # of each label; empty where a place is decided as a tile is
    by_kind: bool = False  # thresholds hold for all labels of a kind together

    def of_places(self) -> "DecisionRules":
        """Return the rules for places of wide frames: the tiles around a place may differ in which defect they show."""
        return replace(self, thresholds=self.place_thresholds, by_kind=True) if self.place_thresholds else self


def rules(
    labels: tuple[Label, ...],
    decision: Decision,
    line: Overrides | None = None,
    recipe: Overrides | None = None,
) -> DecisionRules:
    """Return a bundle's numbers in the order of its labels, under those of the line and of a recipe."""
    numbers = effective({label.name: decision.of_label(label) for label in labels}, line, recipe)
    by_label = [numbers.labels[label.name] for label in labels]
    limits = decision.max_novelty
    has_places = any(decision.of_label(label).place_threshold is not None for label in labels)
    return DecisionRules(
        labels=tuple(
            label.model_copy(update={"severity": one.severity}) for label, one in zip(labels, by_label, strict=True)
        ),
        temperature=decision.temperature,
        thresholds=tuple(one.threshold for one in by_label),
        min_contrast=decision.min_contrast,
        max_novelty=tuple(limits[label.name] + numbers.novelty_margin for label in labels) if limits else (),
        place_thresholds=tuple(one.place_threshold for one in by_label) if has_places else (),
    )


def decide_tile(scores: NDArray[np.float32], contrast: float, rules: DecisionRules) -> TileDecision:
    """Decide one tile from the model's scores and its contrast in gray levels.

    `scores`: float32 (labels,), the logits, with the novelty behind them where the rules have limits for it.

    Unsure is a blank tile, a tile unlike the training images, a score that is not finite, and a score under the
    threshold of its label: what the model does not know never passes, and never takes the name of the nearest class.
    """
    if not np.isfinite(scores).all():
        return TileDecision("unsure", "", "none", 0.0, Reason("not_finite"))
    logits = scores[: len(rules.labels)]
    exponentials = np.exp((logits - logits.max()) / rules.temperature)
    best = int(logits.argmax())
    probabilities = exponentials / exponentials.sum()
    score = float(probabilities[best])
    label = rules.labels[best]
    if contrast < rules.min_contrast:
        return TileDecision("unsure", label.name, "none", score, Reason("blank", f"{contrast:.1f}"))
    if rules.max_novelty and scores[-1] > rules.max_novelty[best]:
        reason = Reason("novel", f"{scores[-1]:.1f} over {rules.max_novelty[best]:.1f}")
        return TileDecision("unsure", label.name, "none", score, reason)
    if doubt := _doubt(probabilities, best, rules):
        return TileDecision("unsure", label.name, "none", score, doubt)
    outcome: Outcome = "ok" if label.kind == "ok" else "defect"
    return TileDecision(outcome, label.name, label.severity, score)


def _doubt(probabilities: NDArray[np.float32], best: int, rules: DecisionRules) -> Reason | None:
    """Return why the likeliest label is not sure enough; None if it is."""
    least, score = rules.thresholds[best], float(probabilities[best])
    if score >= least:
        return None
    if not rules.by_kind:
        return Reason("low_score", f"{least:.2f}")
    kind = rules.labels[best].kind
    if sum(float(part) for part, label in zip(probabilities, rules.labels, strict=True) if label.kind == kind) < least:
        return Reason("low_score_of_kind", f"{kind} labels under {least:.2f}")
    if score >= _MAJORITY:
        return None
    return Reason("which_label", f"{kind} it is: score under {_MAJORITY:.2f}")


def decide_tiles(
    scores: NDArray[np.float32], contrasts: Sequence[float] | NDArray[np.float32], rules: DecisionRules
) -> list[TileDecision]:
    """Decide each of several tiles by its row of scores, float32 (tiles, outputs), and its contrast."""
    return [decide_tile(row, float(contrast), rules) for row, contrast in zip(scores, contrasts, strict=True)]


def decide_frame(tiles: Sequence[TileDecision]) -> TileDecision:
    """Return the verdict of a frame: its worst defect, else its least sure tile, else ok with its lowest score.

    Raise ValueError if there are no tiles: a frame that was not inspected has no verdict.
    """
    if not tiles:
        raise ValueError("a frame without tiles cannot be decided")
    defects = [tile for tile in tiles if tile.outcome == "defect"]
    if defects:
        return max(defects, key=lambda tile: (RANK[tile.severity], tile.score))
    unsure = [tile for tile in tiles if tile.outcome == "unsure"]
    return min(unsure or tiles, key=lambda tile: tile.score)
