"""Holds how far people and model agree: what passed, what was called a defect that is none, by label and by week."""

from typing import Any

import pytest

from inspector.quality.agreement import Agreement, Passed, agreement
from inspector.quality.proportions import wilson
from inspector.record.labels.labels import GivenLabel, opinions

MONDAY = 1_764_547_200.0  # 2025-12-01, in week 2025-W49


def said(number: int, people: str, outcome: str, model: str, **more: Any) -> GivenLabel:
    """What Ann says of a frame, and what the model had said."""
    record = {"outcome": outcome, "label": model, "captured_at": MONDAY, **more.pop("record", {})}
    values = {
        "id": number, "source": "drop", "frame": f"f{number}", "box": None, "label": people, "kind": "first",
        "person": "ann", "at": MONDAY, "note": "", "undoes": None, "picture": "", "record": record,
    }  # fmt: skip
    return GivenLabel(**(values | more))


def of(*labels: GivenLabel) -> Agreement:
    """What these labels tell."""
    return agreement(opinions(labels))


def test_each_label_is_counted_by_what_the_model_had_said() -> None:
    found = of(
        said(1, "scratches", "defect", "scratches"),
        said(2, "scratches", "defect", "patches"),
        said(3, "scratches", "ok", "ok"),
        said(4, "scratches", "unsure", "scratches"),
        said(5, "ok", "ok", "ok"),
        said(6, "ok", "defect", "patches"),
    )
    clean, scratches = found.labels
    assert (clean.frames, clean.same, clean.other, clean.ok, clean.unsure) == (2, 1, 1, 0, 0)
    assert (scratches.frames, scratches.same, scratches.other, scratches.ok, scratches.unsure) == (4, 1, 1, 1, 1)
    assert (found.escapes.hits, found.escapes.of) == (1, 4)
    assert (found.false_alarms.hits, found.false_alarms.of) == (1, 2)


def test_a_share_has_its_interval_and_of_nothing_nothing_is_known() -> None:
    found = of(said(1, "scratches", "ok", "ok"))
    assert (found.escapes.low, found.escapes.high) == wilson(1, 1)
    assert (found.false_alarms.of, found.false_alarms.low, found.false_alarms.high) == (0, 0.0, 1.0)


def test_a_disputed_frame_counts_nowhere_but_as_disputed() -> None:
    found = of(said(1, "ok", "ok", "ok"), said(2, "scratches", "ok", "ok", frame="f1", person="bob", kind="second"))
    assert (found.frames, found.disputed, found.labels) == (0, 1, [])


def test_weeks_are_those_of_the_capture_and_unsure_frames_are_no_disagreement() -> None:
    later = {"captured_at": MONDAY + 7 * 86_400}
    found = of(
        said(1, "ok", "ok", "ok"), said(2, "ok", "unsure", "ok"), said(3, "ok", "defect", "patches", record=later)
    )
    assert [(one.week, one.agreed.hits, one.agreed.of) for one in found.weeks] == [
        ("2025-W49", 1, 1),
        ("2025-W50", 0, 1),
    ]


def test_only_frames_chosen_at_random_tell_of_all_that_passed() -> None:
    sampled = {"sampled": True}
    found = of(
        said(1, "scratches", "ok", "ok", record=sampled),
        said(2, "ok", "ok", "ok", record=sampled),
        said(3, "scratches", "ok", "ok"),
        said(4, "scratches", "defect", "scratches", record=sampled),
    )
    assert (found.sampled_escapes.hits, found.sampled_escapes.of) == (1, 2)


def test_a_frame_that_was_never_inspected_and_a_label_of_a_region_count_not() -> None:
    found = of(said(1, "scratches", "error", ""), said(2, "ok", "ok", "ok", box=(0, 0, 5, 5)))
    assert (found.frames, found.labels) == (1, [])


def test_escapes_of_all_passed_frames_are_estimated_from_those_chosen_at_random_and_labelled() -> None:
    random, later = {"sampled": True}, {"sampled": True, "captured_at": MONDAY + 7 * 86_400}
    labels = [said(n, "scratches" if n == 1 else "ok", "ok", "ok", record=random) for n in range(1, 51)]
    labels += [said(n, "scratches", "ok", "ok") for n in range(60, 80)]  # those that people looked for do not count
    labels += [said(n, "scratches", "defect", "scratches", record=random) for n in range(80, 90)]
    labels += [said(n, "ok", "ok", "ok", record=later) for n in range(90, 94)]
    asked: list[tuple[float | None, float | None]] = []

    def passed(since: float | None, until: float | None) -> Passed:
        asked.append((since, until))
        return Passed(frames=100_000 if since is None else 40_000, sampled=200 if since is None else 3)

    found = agreement(opinions(labels), passed)

    rate, low, high = found.escape_rate, *wilson(1, 54)
    assert (rate.escapes.hits, rate.escapes.of, rate.sampled, rate.passed) == (1, 54, 200, 100_000)
    assert rate.missed == pytest.approx(100_000 / 54)
    assert (rate.missed_low, rate.missed_high) == (pytest.approx(100_000 * low), pytest.approx(100_000 * high))
    first, second = (week.escape_rate for week in found.weeks)
    assert (first.escapes.hits, first.escapes.of, second.escapes.hits, second.escapes.of) == (1, 50, 0, 4)
    assert second.missed == 0 and second.missed_high == pytest.approx(40_000 * wilson(0, 4)[1])
    assert second.sampled == 4  # the record of one is gone, its label is not
    week = 7 * 86_400
    assert set(asked) == {(None, None), (MONDAY, MONDAY + week), (MONDAY + week, MONDAY + 2 * week)}


def test_without_a_label_of_a_frame_chosen_at_random_nothing_is_estimated() -> None:
    found = agreement(opinions([said(1, "ok", "ok", "ok")]), lambda since, until: Passed(frames=9, sampled=3))
    assert (found.escape_rate.missed, found.escape_rate.sampled, found.escape_rate.passed) == (None, 3, 9)
    assert of(said(1, "ok", "ok", "ok", record={"sampled": True})).escape_rate.missed is None
