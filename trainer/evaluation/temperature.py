"""Owns the temperature: how far validation answers may make a model surer, or less sure, than training left it."""

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.metrics import Indices, log_loss, softmax

#: Outside them a few hundred validation pictures would be over-interpreted.
_TRIED = np.geomspace(0.25, 4, 161)
#: Log loss knows no end of sureness where every answer is right: under 1 is for models seen to be wrong, and how often.
LEAST_ANSWERS, LEAST_WRONG = 50, 5


def choose(logits: NDArray[np.float32], truth: Indices) -> tuple[float, str]:
    """Return the temperature of least log loss, and what a reader must know of it, "" if nothing.

    It is 1 or more unless LEAST_ANSWERS pictures, LEAST_WRONG of them wrong, speak for less. Without pictures it is 1.
    """
    if not len(truth):
        return 1.0, "no validation picture: the temperature stays at 1, and no score was ever compared with the truth"
    wrong = int((logits.argmax(axis=1) != truth).sum())
    known = len(truth) >= LEAST_ANSWERS and wrong >= LEAST_WRONG
    tried = _TRIED if known else _TRIED[len(_TRIED) // 2 :]
    best = round(float(min(tried, key=lambda t: log_loss(softmax(logits, t), truth))), 4)
    if best == round(float(tried[0]), 4):
        return best, _least(best, wrong, len(truth), known)
    if best == _TRIED[-1]:
        return best, f"the temperature is at {best:g}, the most that is tried: the scores are still surer than right"
    return best, ""


def _least(temperature: float, wrong: int, answers: int, known: bool) -> str:
    if known:
        return f"the temperature is at {temperature:g}, the least that is tried: the scores are less sure than right"
    return (
        f"{wrong} of {answers} validation answers are wrong, too few to make the model surer than it is: the "
        f"temperature stays at 1 ({LEAST_WRONG} wrong of at least {LEAST_ANSWERS} are needed)"
    )
