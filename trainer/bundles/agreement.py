"""Owns how far an exported program is from its checkpoint: scores, probabilities and decisions on the same pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.vision.bundle import Decision
from trainer.evaluation.evaluate import Model, decide
from trainer.evaluation.metrics import softmax
from trainer.progress.callback import Progress, silent

#: Largest difference of a logit in fp32, relative to the largest of its picture. Folding batch norm into the
#: convolutions and another order of summing differ by about 1e-5; a wrong graph or weight by more than 0.1.
TOLERANCE = 1e-3
#: In a lower precision logits move by some percent, and pictures near a border fall to the other side: on NEU's 373
#: bf16 changed 1 decision of the bundled model. More than this share is another model than the one evaluated.
MOST_CHANGED = 0.01


@dataclass(frozen=True, slots=True)
class Agreement:
    """On `pictures`: the largest differences, of a score relative to the largest of its picture and of a probability.

    `decisions_changed` counts another outcome or label.
    """

    pictures: int
    logits: float
    probabilities: float
    decisions_changed: int


def agreement(
    trained: Model, runs: Model, decision: Decision, pictures: Sequence[NDArray[np.uint8]], progress: Progress = silent
) -> Agreement:
    """Score the pictures with both and compare."""
    one = trained.scores(pictures, progress, "score with the checkpoint")
    other = runs.scores(pictures, progress, "score with the bundle")
    scale = np.abs(one).max(axis=1, keepdims=True)
    likely, likely_too = (softmax(trained.logits(scores), decision.temperature) for scores in (one, other))
    apart = np.abs(likely - likely_too)
    was, now = (decide(model, decision, pictures, scores) for model, scores in ((trained, one), (runs, other)))
    changed = [(a.outcome, a.label) != (b.outcome, b.label) for a, b in zip(was, now, strict=True)]
    return Agreement(len(pictures), float((np.abs(one - other) / scale).max()), float(apart.max()), sum(changed))
