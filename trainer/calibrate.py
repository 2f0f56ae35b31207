"""Owns the choice of temperature and thresholds, by measurement on the validation part and nothing else."""

import numpy as np
from numpy.typing import NDArray

from inspector.bundle import Decision, Label
from trainer.config import DecisionChoice
from trainer.metrics import Indices, log_loss, softmax

#: Bounds of the temperature: outside them a few hundred validation images would be over-interpreted.
_TEMPERATURES = np.geomspace(0.5, 4, 61)


def choose(logits: NDArray[np.float32], truth: Indices, labels: tuple[Label, ...], how: DecisionChoice) -> Decision:
    """One temperature (least log loss) and one threshold for all labels (as high as `max_unsure` allows).

    Without validation images: temperature 1 and the least threshold.
    """
    temperature, threshold = 1.0, how.min_threshold
    if len(truth):
        temperature = float(min(_TEMPERATURES, key=lambda t: log_loss(softmax(logits, t), truth)))
        scores = softmax(logits, temperature)
        right = np.sort(scores.max(axis=1)[scores.argmax(axis=1) == truth])
        if len(right):
            lost = int(len(right) * how.max_unsure)  # so many of the least sure right answers may go
            threshold = float(np.clip(right[lost] - 0.005, how.min_threshold, how.max_threshold))
    return Decision(
        temperature=round(temperature, 4),
        thresholds={label.name: round(threshold, 2) for label in labels},
        min_contrast=how.min_contrast,
    )
