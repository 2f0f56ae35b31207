"""When a candidate is to be promoted: better than chance explains, worse nowhere, and no critical defect lost."""

from typing import Any

from trainer.retrain import advice


def compared(on: str = "eval part", gained: int = 0, lost: int = 0, p: float = 1.0, **more: Any) -> dict[str, Any]:
    """A comparison on 100 pictures."""
    return {
        "on": on, "images": 100, "right": 80 + gained - lost, "serving_right": 80, "gained": gained, "lost": lost,
        "p_value": p, "critical_lost": [],
    } | more  # fmt: skip


def test_better_somewhere_and_worse_nowhere_is_promoted() -> None:
    found = advice.of([compared(gained=10, p=0.002), compared("reviewed frames", gained=2, lost=1)])
    assert found.promote and found.reasons == (
        "it is better on the eval part: 90 of 100 right, the serving model 80; 10 gained, 0 lost, "
        "p = 0.002 (exact McNemar)",
    )


def test_better_on_one_and_worse_on_the_other_is_not() -> None:
    found = advice.of([compared(gained=10, p=0.002), compared("reviewed frames", lost=9, p=0.004)])
    assert not found.promote and found.reasons[0].startswith("it is worse on the reviewed frames")


def test_what_chance_explains_is_not_promoted() -> None:
    found = advice.of([compared(gained=3, lost=1, p=0.62)])
    assert not found.promote and "chance explains the difference" in found.reasons[0]


def test_a_critical_defect_that_passes_is_worth_more_than_any_gain() -> None:
    found = advice.of([compared(gained=30, p=1e-6, critical_lost=["a.bmp"])])
    assert not found.promote and "passes 1 critical defects" in found.reasons[0] and "a.bmp" in found.reasons[0]


def test_a_gain_on_frames_that_were_labelled_because_they_were_wrong_proves_nothing() -> None:
    guesses = compared("reviewed frames", gained=20, p=1.9e-6, images=30, right=20, serving_right=0)
    found = advice.of([compared(gained=1), guesses])
    assert not found.promote and "people labelled what was wrong: label 20 or more that are right" in found.reasons[0]
    assert advice.of([compared("reviewed frames", gained=20, p=1.9e-6, serving_right=25)]).promote


def test_without_a_bundle_there_is_nothing_to_promote() -> None:
    found = advice.of([compared(gained=30, p=1e-6)], refused="refused: it calls all pictures ok")
    assert found.reasons == ("refused: it calls all pictures ok",) and not found.promote
