"""Holds the decision: what is not sure is never ok, and never takes the name of the nearest class."""

from dataclasses import replace

import numpy as np
import pytest

from inspector.protocol.control import DecideBy
from inspector.vision.bundle import Decision, Label
from inspector.vision.decision import DecisionRules, TileDecision, decide_frame, decide_tile, rules
from inspector.vocabulary import OUTCOMES

RULES = DecisionRules(
    labels=(Label(name="ok", kind="ok", severity="none"), Label(name="scratches", kind="defect", severity="major")),
    temperature=1.0,
    thresholds=(0.9, 0.6),
    min_contrast=2.0,
)


def decide(ok: float, scratches: float, contrast: float = 20, rules: DecisionRules = RULES) -> TileDecision:
    """One tile's decision."""
    return decide_tile(np.array([ok, scratches], np.float32), contrast, rules)


def test_a_sure_tile_is_ok_or_a_defect() -> None:
    assert decide(8, 0).outcome == "ok"
    defect = decide(0, 8)
    assert (defect.outcome, defect.label, defect.severity) == ("defect", "scratches", "major")
    assert defect.score == pytest.approx(1 / (1 + np.exp(-8)), rel=1e-5)


def test_each_label_has_its_own_threshold() -> None:
    lead = float(np.log(0.8 / 0.2))  # a score of 0.8

    assert decide(lead, 0).outcome == "unsure"
    assert decide(0, lead).outcome == "defect"
    assert "0.90" in str(decide(lead, 0).reason)


def test_a_tile_unlike_all_that_is_known_is_unsure_by_the_limit_of_its_label() -> None:
    limits = replace(RULES, max_novelty=(-1.0, 3.0))

    def scored(ok: float, scratches: float, novelty: float) -> TileDecision:
        return decide_tile(np.array([ok, scratches, novelty], np.float32), 20, limits)

    assert scored(8, 0, -1.5).outcome == "ok"
    assert scored(0, 8, 2.5).outcome == "defect"
    unknown = scored(8, 0, -0.5)
    assert (unknown.outcome, unknown.severity) == ("unsure", "none")
    assert "novelty -0.5 over -1.0" in str(unknown.reason)
    assert scored(0, 8, 3.5).outcome == "unsure"
    assert scored(8, 0, float("nan")).outcome == "unsure"


def test_a_line_widens_the_limits_and_replaces_thresholds_by_label() -> None:
    decision = Decision(thresholds={"ok": 0.9, "scratches": 0.6}, max_novelty={"scratches": 3.0, "ok": -1.0})
    assert rules(RULES.labels, decision, DecideBy({"ok": 0.4}, 2.0, {}, [])) == replace(
        RULES, thresholds=(0.4, 0.6), max_novelty=(1.0, 5.0)
    )


#: Three labels, and a decision that asks something else of a wide frame's place than of a tile.
TWO_DEFECTS = (*RULES.labels, Label(name="patches", kind="defect", severity="minor"))
IN_PARTS = Decision(thresholds={"ok": 0.9, "scratches": 0.6, "patches": 0.7}, place_threshold=0.85)


def decide_place(ok: float, scratches: float, patches: float, rules: DecisionRules) -> TileDecision:
    """The decision of a wide frame's place, by the probability of each label."""
    return decide_tile(np.log(np.array([ok, scratches, patches], np.float32)), 20, rules.of_places())


def test_a_place_is_a_defect_where_all_defects_together_are_likely_and_one_of_them_is_likelier_than_the_rest() -> None:
    places = rules(TWO_DEFECTS, IN_PARTS)
    split = decide_place(0.1, 0.55, 0.35, places)
    assert (split.outcome, split.label, split.severity) == ("defect", "scratches", "major")
    assert split.score == pytest.approx(0.55)

    doubtful = decide_place(0.2, 0.78, 0.02, places)  # over a tile's threshold, but clean strip may look like that
    assert (doubtful.outcome, doubtful.severity) == ("unsure", "none")
    assert str(doubtful.reason) == "score of all defect labels under 0.85"

    either = decide_place(0.03, 0.49, 0.48, places)
    assert (either.outcome, either.label) == ("unsure", "scratches")
    assert str(either.reason) == "which defect it is: score under 0.50"


def test_a_place_is_ok_by_the_threshold_of_a_tile() -> None:
    places = rules(TWO_DEFECTS, IN_PARTS)
    assert decide_place(0.91, 0.05, 0.04, places).outcome == "ok"
    assert decide_place(0.89, 0.06, 0.05, places).outcome == "unsure"


def test_a_line_replaces_the_threshold_of_a_label_in_tiles_and_places() -> None:
    own = rules(TWO_DEFECTS, IN_PARTS, DecideBy({"patches": 0.95}, 0.0, {}, []))
    assert (own.thresholds, own.of_places().thresholds) == ((0.9, 0.6, 0.95), (0.9, 0.85, 0.95))
    assert decide_place(0.08, 0.02, 0.9, own).outcome == "unsure"
    bold = rules(
        TWO_DEFECTS, IN_PARTS, DecideBy({"patches": 0.3}, 0.0, {}, [])
    )  # a place is no harder to call than a tile
    assert decide_place(0.35, 0.25, 0.4, bold).outcome == "defect"


def test_without_a_number_for_places_they_are_decided_as_tiles() -> None:
    plain = rules(TWO_DEFECTS, IN_PARTS.model_copy(update={"place_threshold": None}))
    assert plain.of_places() == plain
    assert decide_place(0.2, 0.78, 0.02, plain).outcome == "defect"
    assert decide_place(0.1, 0.55, 0.35, plain).outcome == "unsure"


def test_temperature_softens_the_score() -> None:
    soft = DecisionRules(RULES.labels, 4.0, RULES.thresholds, RULES.min_contrast)

    assert decide(4, 0).outcome == "ok"
    assert decide(4, 0, rules=soft).score == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-5)
    assert decide(4, 0, rules=soft).outcome == "unsure"


@pytest.mark.parametrize("logits", [(np.nan, 1), (np.inf, 0), (0, -np.inf), (np.nan, np.nan)])
def test_scores_that_are_no_numbers_are_unsure_without_a_label(logits: tuple[float, float]) -> None:
    decision = decide(*logits)

    assert (decision.outcome, decision.label, decision.score) == ("unsure", "", 0)
    assert "not finite" in str(decision.reason)


def test_huge_scores_do_not_overflow() -> None:
    assert decide(1e38, -1e38).score == 1


def test_a_blank_tile_is_unsure_however_sure_the_model_is() -> None:
    decision = decide(20, 0, contrast=1.9)

    assert decision.outcome == "unsure"
    assert str(decision.reason) == "blank: contrast 1.9 gray levels"


def test_scores_lie_between_nought_and_one() -> None:
    random = np.random.default_rng(0)
    for logits in random.normal(0, 30, (500, 2)):
        decision = decide(*logits)
        assert 0.5 <= decision.score <= 1
        assert decision.outcome in OUTCOMES


def tile(outcome: str, score: float, severity: str = "none") -> TileDecision:
    """A decided tile."""
    return TileDecision(outcome, f"{outcome}-{severity}", severity, score)  # type: ignore[arg-type]


def test_a_frame_is_its_most_severe_defect_and_then_its_strongest() -> None:
    tiles = [tile("ok", 0.99), tile("defect", 0.99, "minor"), tile("defect", 0.7, "critical"), tile("unsure", 0.1)]

    assert decide_frame(tiles) == tiles[2]
    assert decide_frame([tile("defect", 0.7, "major"), tile("defect", 0.8, "major")]).score == 0.8


def test_one_unsure_tile_makes_a_frame_unsure() -> None:
    tiles = [tile("ok", 0.91), tile("unsure", 0.6), tile("unsure", 0.5), tile("ok", 0.99)]

    assert decide_frame(tiles) == tiles[2]


def test_an_ok_frame_has_the_score_of_its_weakest_tile() -> None:
    assert decide_frame([tile("ok", 0.99), tile("ok", 0.91)]).score == 0.91


def test_a_frame_nobody_looked_at_has_no_verdict() -> None:
    with pytest.raises(ValueError, match="without tiles"):
        decide_frame([])
