"""Holds what the record keeps of the settings: each change, once, and which of them decided a piece."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from inspector.protocol.control import InForce
from inspector.quality.piece_summary import gather
from inspector.record import pieces, settings_history
from inspector.record.store import Store
from inspector.settings import loading, terms
from inspector.vision.bundle import Bundle
from tests.fakes import LABELS, Line, make_bundle
from tests.inspector import coils
from tests.inspector.record.test_store import verdict
from tests.inspector.reports.test_report import page, rows


@pytest.fixture
def model(tmp_path: Path) -> Bundle:
    """The model in force."""
    return make_bundle(tmp_path / "b")


@pytest.fixture
def line(tmp_path: Path, model: Bundle) -> Line:
    """A line whose frames tell their piece; it does not run."""
    return coils.line(tmp_path, bundle=str(tmp_path / "b"))


def told(line: Line, model: Bundle, since: float, scratches: float) -> InForce:
    """What the line decides by since then, with this threshold."""
    settings = loading.load(line.config, [f"decision.thresholds={{scratches: {scratches}}}"])
    return replace(terms.now(settings, model), since=since)


def keep(line: Line, *terms: InForce) -> None:
    """Put them on record."""
    store = Store(line.data)
    for one in terms:
        settings_history.keep(store, one)
    store.close()


def decided(line: Line, piece: str, *at: float) -> None:
    """Put frames of a piece on record that were decided then."""
    store = Store(line.data)
    settings = loading.load(line.config)
    for number, moment in enumerate(at):
        one = verdict(number, name=f"{piece}_{number}", captured_at=1.0, frame=f"{piece}{number}")
        store.write([("m", one)], now=moment, locators={"drop": coils.Locator(settings.sources[0].place)})
    store.close()


def during(line: Line, piece: str) -> list[float]:
    """Since when each of those was in force that decided the piece."""
    store = Store(line.data)
    found = [one.since for one in settings_history.during(store, pieces.find(store, piece))]
    store.close()
    return found


def test_what_stays_the_same_is_on_record_once(line: Line, model: Bundle) -> None:
    keep(line, told(line, model, 10, 0.6), told(line, model, 20, 0.6), told(line, model, 30, 0.7))
    keep(line, told(line, model, 40, 0.7), told(line, model, 50, 0.6))
    store = Store(line.data)
    assert list(store.read("SELECT since FROM in_force ORDER BY id")) == [(10,), (30,), (50,)]
    store.close()


def test_a_piece_is_told_by_when_its_frames_were_decided_and_not_captured(line: Line, model: Bundle) -> None:
    keep(line, *(told(line, model, 100 * n, n / 10) for n in (1, 2, 3)))
    decided(line, "one", 110, 190)
    decided(line, "two", 190, 210, 290)
    decided(line, "all", 150, 350)
    decided(line, "former", 50, 250)
    assert during(line, "one") == [100]
    assert during(line, "two") == [100, 200]
    assert during(line, "all") == [100, 200, 300]
    assert during(line, "former") == []  # of its beginning nothing is known


def test_what_no_record_can_be_of_any_more_goes(line: Line, model: Bundle) -> None:
    keep(line, *(told(line, model, 100 * n, n / 10) for n in (1, 2, 3)))
    decided(line, "two", 250)
    store = Store(line.data)
    for before, left in ((150, [100, 200, 300]), (250, [200, 300]), (1e9, [300])):
        with store.transaction() as cursor:
            settings_history.forget(cursor, before)
        assert [row[0] for row in store.read("SELECT since FROM in_force ORDER BY id")] == left
    store.close()


def test_the_report_tells_what_decided_the_piece_and_not_what_the_config_says_now(line: Line, model: Bundle) -> None:
    keep(line, told(line, model, 100, 0.6), told(line, model, 200, 0.7))
    decided(line, "c", 110)
    decided(line, "d", 110, 210)
    text = page(line, decision__thresholds="{scratches: 0.9}")
    assert ["scratches", "defect", "major", "0.60", "0.60", "the line's config"] in rows(text, *coils.DECIDED_BY)
    assert ["bundle", model.id] in rows(text, "setting", "value")
    assert "As they were when it was decided." in text.text and "From its beginning" not in text.text
    assert "all defects together" not in text.text  # this model says nothing of them
    both = page(line, "d")
    assert [row[3] for table in both.tables for row in table if row[:1] == ["scratches"]] == ["0.60", "0.70"]
    assert "From its beginning until" in both.text and "to its end" in both.text


def test_the_report_tells_what_holds_for_places_of_wide_frames(line: Line, tmp_path: Path) -> None:
    decision = {"thresholds": dict.fromkeys(LABELS, 0.7), "place_threshold": 0.85}
    model = make_bundle(tmp_path / "in_parts", decision=decision)
    keep(line, told(line, model, 100, 0.6))
    decided(line, "c", 110)
    text = page(line)
    found = rows(text, *coils.DECIDED_BY)
    assert "all defects together must be as likely" in text.text
    assert ["ok", "ok", "none", "0.70", "0.70", "the bundle"] in found
    assert ["patches", "defect", "major", "0.70", "0.85", "the bundle"] in found
    assert ["scratches", "defect", "major", "0.60", "0.60", "the line's config"] in found


@pytest.mark.parametrize("damage", [lambda text: text[:-5], lambda text: text.replace("0.6", "6.0")])
def test_what_cannot_be_read_is_not_told(line: Line, model: Bundle, damage: Any) -> None:
    keep(line, told(line, model, 100, 0.6))
    decided(line, "c", 110)
    store = Store(line.data)
    ((terms,),) = store.read("SELECT terms FROM in_force")
    with store.transaction() as cursor:
        cursor.execute("UPDATE in_force SET terms = ?", (damage(terms),))
    assert gather(store, loading.load(line.config), "c").in_force == []
    store.close()
    text = page(line, decision__thresholds="{scratches: 0.9}")
    assert "The record does not say what was in force when it was decided." in text.text
    assert ["scratches", "defect", "major", "0.90", "0.90", "the line's config"] in rows(text, *coils.DECIDED_BY)
    (line.folder / "b" / "bundle.json").write_text("{}")
    assert "This is what the config says now." not in page(line).text
