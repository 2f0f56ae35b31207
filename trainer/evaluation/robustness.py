"""Owns the robustness suite: how many pictures a model still has right under each fault of the line."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.dataset import Dataset
from trainer.evaluation.evaluate import Evaluation, decide
from trainer.evaluation.metrics import wilson
from trainer.progress.callback import Progress, silent
from trainer.synthetic.corruptions import FAULTS, STRENGTHS, Fault

#: Pictures of one source that are taken at most: 13 faults in 3 strengths make 20,000 of them.
PICTURES = 500
_CHUNK = 64


def measure(done: Evaluation, progress: Progress = silent) -> dict[str, Any]:
    """Return the report's part: for each fault and strength, images, right and unsure, in all and by source.

    Of each source the same pictures, spread evenly over its list, go through every fault.
    """
    chosen = _spread([row.source for row in done.data.rows])
    right = done.logits[chosen].argmax(axis=1) == done.data.targets[chosen]
    results = []
    for number, fault in enumerate(FAULTS):
        for strength, name in enumerate(STRENGTHS):
            still_right, unsure = _under(done, chosen, fault, strength)
            figures = {"fault": fault.name, "strength": name, "amount": fault.amounts[strength], "unit": fault.unit}
            results.append(figures | _counts(still_right, unsure, [done.data.rows[index].source for index in chosen]))
            steps = number * len(STRENGTHS) + strength + 1
            progress("faults", steps * len(chosen), len(FAULTS) * len(STRENGTHS) * len(chosen))
    return {
        "images": len(chosen),
        "right_without": int(right.sum()),
        "example": done.data.rows[chosen[0]].path,
        "faults": results,
    }


def _spread(sources: Sequence[str]) -> list[int]:
    """Choose at most PICTURES of each source, evenly taken."""
    chosen: list[int] = []
    for source in dict.fromkeys(sources):
        places = [index for index, name in enumerate(sources) if name == source]
        chosen += [places[len(places) * step // PICTURES] for step in range(PICTURES)] if places[PICTURES:] else places
    return sorted(chosen)


def _under(
    done: Evaluation, chosen: Sequence[int], fault: Fault, strength: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of the chosen pictures are right under the fault, and which the line would call unsure."""
    data: Dataset = done.data
    right, unsure = np.zeros(len(chosen), bool), np.zeros(len(chosen), bool)
    for start in range(0, len(chosen), _CHUNK):
        part = list(chosen[start : start + _CHUNK])
        changed = [fault.apply(data.images[index], strength, data.rows[index].path) for index in part]
        scores = done.model.scores(changed)
        tiles = decide(done.model, done.decision, changed, scores)
        right[start : start + _CHUNK] = done.model.logits(scores).argmax(axis=1) == data.targets[part]
        unsure[start : start + _CHUNK] = [tile.outcome == "unsure" for tile in tiles]
    return right, unsure


def _counts(right: NDArray[np.bool_], unsure: NDArray[np.bool_], sources: Sequence[str]) -> dict[str, Any]:
    names = np.array(sources)
    by_source = {
        name: {"images": int((names == name).sum()), "right": int(right[names == name].sum())}
        for name in dict.fromkeys(sources)
    }
    return {
        "images": len(right),
        "right": int(right.sum()),
        "share": int(right.sum()) / len(right),
        "share_95": wilson(int(right.sum()), len(right)),
        "unsure": int(unsure.sum()),
        "by_source": by_source,
    }
