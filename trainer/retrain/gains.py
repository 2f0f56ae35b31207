"""Owns what a candidate gains and loses against the serving model, on pictures that neither learned from.

The two may have other labels: an answer is right where the name is. A label that a model does not have it gets wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.vision.bundle import Decision
from trainer.data.dataset import Dataset
from trainer.data.manifest import LABELLED, Manifest, Row
from trainer.evaluation import evaluate
from trainer.evaluation.compare import mcnemar
from trainer.evaluation.evaluate import Model
from trainer.progress.callback import Progress, silent

#: What is compared on, by the name in the report.
EVAL_PART, REVIEWED = "eval part", "reviewed frames"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model called each picture, and what it would do with it: ok, defect or unsure."""

    called: NDArray[np.str_]
    outcomes: NDArray[np.str_]


def answers(model: Model, decision: Decision, data: Dataset, progress: Progress = silent) -> Answers:
    """Return the answers of a model, decided as the line decides."""
    scores = model.scores(data.images, progress)
    names = np.array([label.name for label in model.labels])
    tiles = evaluate.decide(model, decision, data.images, scores)
    return Answers(names[model.logits(scores).argmax(axis=1)], np.array([tile.outcome for tile in tiles]))


def compare(plan: Manifest, rows: Sequence[Row], ours: Answers, theirs: Answers) -> list[dict[str, Any]]:
    """Return the figures on the eval part, and on frames that people labelled, apart from it; where there are any.

    `p_value` is of the exact two-sided McNemar test. `critical_lost` names pictures of critical defects that the
    candidate passes as ok, and the serving model does not.
    """
    reviewed = np.array([row.source.startswith(LABELLED) for row in rows], bool)
    sets = {EVAL_PART: ~reviewed, REVIEWED: reviewed}
    return [_figures(name, plan, rows, chosen, ours, theirs) for name, chosen in sets.items() if chosen.any()]


def _figures(
    name: str, plan: Manifest, rows: Sequence[Row], chosen: NDArray[np.bool_], ours: Answers, theirs: Answers
) -> dict[str, Any]:
    truth = np.array([row.label for row in rows])
    right, other = (chosen & (one.called == truth) for one in (ours, theirs))
    gained, lost = right & ~other, other & ~right
    critical = {label.name for label in plan.labels if label.severity == "critical"}
    passed = (ours.outcomes == "ok") & (theirs.outcomes != "ok") & chosen & np.isin(truth, sorted(critical))
    return {
        "on": name,
        "images": int(chosen.sum()),
        "right": int(right.sum()),
        "serving_right": int(other.sum()),
        "gained": int(gained.sum()),
        "lost": int(lost.sum()),
        "p_value": mcnemar(int(gained.sum()), int(lost.sum())),
        "critical_lost": [rows[index].path for index in np.flatnonzero(passed).tolist()],
        "per_label": [
            {
                "label": label,
                **{
                    key: int((counted & (truth == label)).sum())
                    for key, counted in (
                        ("images", chosen), ("right", right), ("serving_right", other), ("gained", gained),
                        ("lost", lost),
                    )
                },
            }
            for label in (one.name for one in plan.labels)
        ],
        "differ": [
            {"path": rows[index].path, "label": rows[index].label, "called": str(ours.called[index]),
             "serving_called": str(theirs.called[index])}
            for index in np.flatnonzero(chosen & (ours.called != theirs.called)).tolist()
        ],
    }  # fmt: skip
