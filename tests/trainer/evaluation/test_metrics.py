"""The arithmetic, against numbers worked out by hand."""

import numpy as np
import pytest

from inspector.vision.bundle import Decision, Label
from trainer.evaluation import calibrate, metrics
from trainer.recipe.bundle import DecisionChoice

LABELS = (Label(name="ok", kind="ok", severity="none"), Label(name="scratches", kind="defect", severity="major"))


def test_confusion_counts_truth_in_rows() -> None:
    table = metrics.confusion(np.array([0, 0, 0, 1, 2]), np.array([0, 0, 1, 1, 0]), 3)
    assert table.tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_precision_recall_and_f1_of_each_label() -> None:
    a, b, c, d = metrics.per_label(np.array([[2, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]), list("abcd"))

    assert (a.images, a.right, a.precision, a.recall, a.f1) == (3, 2, 2 / 3, 2 / 3, 2 / 3)
    assert (b.images, b.right, b.precision, b.recall, b.f1) == (1, 1, 1 / 2, 1.0, 2 / 3)
    assert (c.precision, c.recall, c.f1) == (None, 0.0, 0.0)  # never called so
    assert (d.precision, d.recall, d.f1) == (None, None, None)  # nothing there to measure


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (372, 373, 0.98497, 0.99953),
        (0, 10, 0, 0.27753),
        (10, 10, 0.72247, 1),
        (15, 148, 0.0624, 0.1605),  # Newcombe, Statistics in Medicine 17, 1998, table I
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_a_share_is_wilsons(part: int, whole: int, low: float, high: float) -> None:
    assert metrics.wilson(part, whole) == pytest.approx((low, high), abs=5e-5)


def test_nothing_counted_has_no_interval() -> None:
    assert metrics.wilson(0, 0) is None
    (figures, _) = metrics.per_label(np.array([[0, 0], [0, 3]]), list("ab"))
    assert (figures.precision_95, figures.recall_95, figures.f1_95) == (None, None, None)


def test_each_ratio_lies_in_its_interval_and_f1_counts_what_is_or_is_called_so() -> None:
    (figures, _) = metrics.per_label(np.array([[18, 2], [4, 30]]), list("ab"))
    assert (figures.images, figures.called, figures.right) == (20, 22, 18)
    assert figures.recall_95 == metrics.wilson(18, 20) and figures.precision_95 == metrics.wilson(18, 22)
    low, high = metrics.wilson(18, 24)
    assert figures.f1_95 == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))
    assert figures.f1_95[0] < figures.f1 < figures.f1_95[1]


def test_a_share_is_printed_with_its_interval_or_a_dash() -> None:
    assert metrics.percent({"recall": 0.9444, "recall_95": (0.849, 0.981)}, "recall") == "94.44 (84.9–98.1)"
    assert metrics.percent({"recall": 0.9444, "recall_95": (0.849, 0.981)}, "recall", 1) == "94.4 (85–98)"
    assert metrics.percent({"recall": None, "recall_95": None}, "recall") == "–"


def test_top_k_counts_the_truth_among_the_k_highest() -> None:
    logits = np.array([[3, 2, 1], [3, 2, 1], [3, 2, 1], [1, 1, 0]], np.float32)
    truth = np.array([0, 1, 2, 1])
    assert [metrics.top_k(logits, truth, k) for k in (1, 2, 3)] == [1, 3, 4]


def test_softmax_and_log_loss() -> None:
    scores = metrics.softmax(np.array([[0, np.log(3)], [1000, 0]], np.float32))
    assert scores == pytest.approx(np.array([[0.25, 0.75], [1, 0]]))
    assert metrics.softmax(np.array([[0, np.log(9)]], np.float32), 2)[0] == pytest.approx([0.25, 0.75])
    assert metrics.log_loss(scores, np.array([0, 0])) == pytest.approx(-np.log(0.25) / 2)


def test_the_calibration_error_is_the_gap_between_score_and_share_right() -> None:
    # Given 10 answers at 0.95 of which 8 are right, and 10 at 0.62 of which 7 are
    scores = np.array([0.95] * 10 + [0.62] * 10)
    right = np.array([True] * 8 + [False] * 2 + [True] * 7 + [False] * 3)

    bins = metrics.reliability(scores, right)

    assert len(bins) == 15 and sum(part.images for part in bins) == 20
    assert (bins[14].images, bins[14].right, bins[14].score) == (10, 8, pytest.approx(0.95))
    assert (bins[9].low, bins[9].high, bins[9].right) == (pytest.approx(0.6), pytest.approx(2 / 3), 7)
    assert metrics.calibration_error(bins) == pytest.approx((0.15 + 0.08) / 2)


def test_a_score_of_exactly_one_or_nothing_has_its_bin() -> None:
    bins = metrics.reliability(np.array([1.0, 0.0]), np.array([True, False]), 5)
    assert [part.images for part in bins] == [1, 0, 0, 0, 1]
    assert metrics.calibration_error(bins) == 0
    assert metrics.calibration_error(metrics.reliability(np.zeros(0), np.zeros(0, bool))) == 0


def test_refusing_the_least_sure_leaves_fewer_wrong_and_equal_scores_go_together() -> None:
    scores = np.array([0.9, 0.5, 0.5, 0.7, 0.99])
    right = np.array([True, False, True, False, True])
    curve = [(kept.images, kept.wrong, kept.least_score) for kept in metrics.risk_coverage(scores, right)]
    assert curve == [(1, 0, 0.99), (2, 0, 0.9), (3, 1, 0.7), (5, 2, 0.5)]


def test_the_temperature_brings_the_calibration_error_down_on_pictures_it_was_not_fitted_on() -> None:
    # Given scores four times too sure of themselves
    rng = np.random.default_rng(5)
    calibrated = rng.normal(0, 1.5, (4000, 3))
    truth = np.array([rng.choice(3, p=row) for row in metrics.softmax(calibrated)])
    logits = (4 * calibrated).astype(np.float32)
    names = (*LABELS, Label(name="patches", kind="defect", severity="minor"))

    # When one half chooses the temperature
    chosen = calibrate.choose(logits[:2000], truth[:2000], names, DecisionChoice()).decision
    figures = calibrate.describe(logits[2000:], truth[2000:], chosen.temperature, 2000)

    # Then
    assert chosen.temperature == pytest.approx(4, rel=0.05)
    assert figures["ece_before"] > 0.15 and figures["ece_after"] < 0.05
    assert figures["risk_coverage"][-1]["images"] == 2000 and len(figures["risk_coverage"]) <= 102


def test_the_threshold_loses_no_more_right_answers_than_allowed() -> None:
    # Given 100 right answers: 10 barely sure, 90 sure
    logits = np.zeros((100, 2), np.float32)
    logits[:10, 0], logits[10:, 0] = 0.2, 9.0
    truth = np.zeros(100, np.int64)

    # When
    strict = calibrate.choose(logits, truth, LABELS, DecisionChoice(max_unsure=0.0, place_threshold=0.9)).decision
    loose = calibrate.choose(logits, truth, LABELS, DecisionChoice(max_unsure=0.1)).decision
    assert (strict.place_threshold, loose.place_threshold) == (0.9, None)

    # Then
    scores = metrics.softmax(logits, strict.temperature).max(axis=1)
    assert strict.thresholds["ok"] <= scores.min()
    assert loose.thresholds["ok"] == 0.7  # the most that the recipe allows
    assert set(strict.thresholds) == {"ok", "scratches"}


def test_for_a_wanted_error_rate_each_label_gets_its_own_threshold() -> None:
    # Given 100 pictures called ok, at scores that fall; the 95th and the 99th are not ok. Scratches are all right.
    logits = np.zeros((150, 2), np.float32)
    logits[:100, 0] = np.linspace(6, 1, 100)
    logits[100:, 1] = 3
    truth = np.array([0] * 100 + [1] * 50)
    truth[[94, 98]] = 1

    def chosen(max_error: float) -> Decision:
        return calibrate.choose(logits, truth, LABELS, DecisionChoice(max_error=max_error, max_escapes=1)).decision

    # When
    none, some, any_ = chosen(0.0), chosen(0.011), chosen(0.5)

    # Then: none wrong above the 95th, one in 98 above the 99th, all at half
    scores = metrics.softmax(logits, none.temperature)[:, 0]
    assert scores[94] < none.thresholds["ok"] <= scores[93]
    assert scores[98] < some.thresholds["ok"] <= scores[97]
    assert any_.thresholds["ok"] <= scores[99]
    assert none.thresholds["scratches"] <= metrics.softmax(logits, none.temperature)[100, 1]


def test_a_label_whose_surest_answer_is_wrong_can_promise_nothing() -> None:
    logits = np.array([[5, 0], [4, 0], [0, 3]], np.float32)
    decision = calibrate.choose(logits, np.array([1, 0, 1]), LABELS, DecisionChoice(max_error=0.1)).decision
    assert decision.thresholds["ok"] == 1.0
    assert decision.thresholds["scratches"] < 1.0


def test_an_overconfident_model_gets_a_temperature_above_one() -> None:
    logits = np.array([[8, 0]] * 10, np.float32)
    truth = np.array([0] * 7 + [1] * 3)
    assert calibrate.choose(logits, truth, LABELS, DecisionChoice()).decision.temperature > 2


def test_without_validation_images_nothing_is_claimed() -> None:
    decision = calibrate.choose(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), LABELS, DecisionChoice()).decision
    assert decision.temperature == 1 and set(decision.thresholds.values()) == {0.5}
