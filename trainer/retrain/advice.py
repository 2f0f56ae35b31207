"""Owns the advice at the end: promote the candidate or do not, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.retrain.gains import REVIEWED

#: One-sided p below which a difference is not chance.
SIGNIFICANT = 0.05
#: Reviewed frames that the serving model has right, from which a gain on reviewed frames counts. People label what is
#: wrong: on such frames alone nothing can be lost, and a model that guesses gains.
CONFIRMED = 20


@dataclass(frozen=True, slots=True)
class Advice:
    """Whether to promote, and the reasons, the weightiest first."""

    promote: bool
    reasons: tuple[str, ...]


def of(compared: Sequence[Mapping[str, Any]], refused: str = "") -> Advice:
    """Return the advice on comparisons of `gains.compare`. `refused`: why no bundle was written, "" if one was.

    A candidate is to be promoted if it is better than chance explains somewhere, worse nowhere, and passes no critical
    defect that the serving model finds.
    """
    against = [refused] if refused else []
    for one in compared:
        if one["critical_lost"]:
            against.append(f"it passes {len(one['critical_lost'])} critical defects of the {one['on']} as ok that the "
                           f"serving model does not: {one['critical_lost'][0]}")  # fmt: skip
    against += (f"it is worse on the {_said(one)}" for one in compared if _sure(one["lost"], one["gained"], one))
    gained = [one for one in compared if _sure(one["gained"], one["lost"], one)]
    better = [f"it is better on the {_said(one)}" for one in gained if not _chosen_for_being_wrong(one)]
    if against:
        return Advice(False, tuple(dict.fromkeys(against)))
    if better:
        return Advice(True, tuple(better))
    if gained:
        return Advice(
            False,
            tuple(
                f"it is better on the {_said(one)}, but people labelled what was wrong: label "
                f"{CONFIRMED} or more that are right, too (`inspector review`)"
                for one in gained
            ),
        )
    return Advice(False, tuple(f"chance explains the difference on the {_said(one)}" for one in compared)
                  or ("nothing was compared: there are no eval pictures",))  # fmt: skip


def _sure(more: int, fewer: int, one: Mapping[str, Any]) -> bool:
    """Return whether the difference goes this way, and chance does not explain it."""
    return more > fewer and one["p_value"] / 2 < SIGNIFICANT


def _chosen_for_being_wrong(one: Mapping[str, Any]) -> bool:
    return bool(one["on"] == REVIEWED and one["serving_right"] < CONFIRMED)


def _said(one: Mapping[str, Any]) -> str:
    return (
        f"{one['on']}: {one['right']} of {one['images']} right, the serving model {one['serving_right']}; "
        f"{one['gained']} gained, {one['lost']} lost, p = {one['p_value']:.2g} (exact McNemar)"
    )
