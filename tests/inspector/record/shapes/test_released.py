"""Holds that what each released version kept on record can be read, and that a row of a newer version can be, too.

tests/data/record_0.2.sql is a record that commit d10b9ed (0.2.0) wrote, with every kind of row that holds a message.
"""

import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from inspector.errors import NewerError, StoreError
from inspector.protocol.control import DecideBy, InForce, LabelNumbers, Recipe
from inspector.protocol.messages import Left, Span, Tally
from inspector.protocol.optics import Figures, OpticsBaseline, OpticsState, Trouble
from inspector.record import optics_history, settings_history
from inspector.record.database import opened
from inspector.record.queries import Query
from inspector.record.schema import FILE, MIGRATIONS
from inspector.record.shapes import arrays
from inspector.record.shapes.optics_baseline import baseline_from_bytes, baseline_to_bytes
from inspector.record.shapes.reason import reason_from_text, reason_to_text
from inspector.record.shapes.tally import tally_from_text, tally_to_text
from inspector.record.shapes.terms import terms_from_text, terms_to_text
from inspector.record.store import Store
from inspector.vocabulary import NO_REASON, Reason, ReasonCode
from tests.fakes import ROOT

FIGURES = Figures(120.5, 0.11, 0.4, 0.001)
DUST = Trouble("dust", 1005.0, -0.08, 0.0, "a spot at x 8 to 16 px")
BASELINE = OpticsBaseline(
    pictures=3600,
    height=16,
    width=24,
    mean=FIGURES,
    deviation=Figures(0.1, 0.2, 0.3, 0.0),
    spots=b"\1\2\3\4\5\6",
    streaks=b"\7\10\11",
)
TALLY = Tally(
    source="cam",
    epoch="1f",
    captured=12,
    outcomes={"ok": 1, "defect": 1, "unsure": 5, "error": 1},
    dropped={"overload": 2, "stale": 1},
    in_flight=1,
    last_frame_at=1010.0,
    problem="lost: no route to host",
    number=7,
    at=1010.0,
    oldest_at=1008.5,
    spans={"stale": Span(1009.5, 1009.6)},
    refused=2,
    optics=OpticsState(at=1010.0, since=990.0, learned=3600, needed=3600, figures=FIGURES, troubles=[DUST]),
    left=[Left("refused", 2, "a.bmp: Permission denied")],
)
TERMS = InForce(
    1001.0, "model-1",
    {"ok": LabelNumbers("ok", "none", 0.5), "scratches": LabelNumbers("defect", "major", 0.6, 0.85)},
    DecideBy({"scratches": 0.6}, 1.5, {"scratches": "minor"}, [
        Recipe("strict", ["DX56D"], {"scratches": 0.4}, None, {"scratches": "critical"}),
        Recipe("mild", ["S235JR"], {}, 0.5, {}),
    ]),
    {"cam": {"place.mm_per_px": "0.3"}},
)  # fmt: skip

#: The code of each sentence in the record of 0.2.
CODES = {
    "": "",
    "score under 0.70": "low_score",
    "took down 3 workers": "",
    "recipe not known: it came before its coil is known, its file tells no time that can be right": "recipe_unknown",
    "blank: contrast 0.0 gray levels": "blank",
    "unlike what the model knows: novelty 4.2 over 3.1": "novel",
    "no strip in the picture": "no_strip",
}


def of_0_1(folder: Path) -> None:
    """Put the record of 0.1 into a folder."""
    with tarfile.open(ROOT / "tests" / "data" / "written_by_0.1.tar.gz") as archive:
        source = archive.extractfile(f"./data/{FILE}")
        assert source is not None
        (folder / FILE).write_bytes(source.read())


def of_0_2(folder: Path) -> None:
    """Put the record of 0.2 into a folder."""
    database = sqlite3.connect(folder / FILE)
    database.executescript((ROOT / "tests" / "data" / "record_0.2.sql").read_text())
    database.close()


def everything(store: Store) -> tuple[Any, ...]:
    """What a record says that was kept as a message, and its frames."""
    sources = [account.source for account in store.accounts()]
    kept = [terms_from_text(text, since) for since, text in store.read("SELECT since, terms FROM in_force ORDER BY id")]
    optics = [optics_history.state(store, source) for source in sources]
    return store.accounts(), kept, optics, list(store.records(Query()))


@pytest.mark.parametrize("release", [of_0_1, of_0_2])
def test_a_record_of_a_release_says_the_same_before_and_after_it_is_brought_up_to_date(
    tmp_path: Path, release: Callable[[Path], None]
) -> None:
    release(tmp_path)
    reader = Store(tmp_path, read_only=True)
    before = everything(reader)
    reader.close()
    assert all(account.balanced and account.tally for account in before[0])
    assert None not in before[1]

    store = Store(tmp_path)
    assert everything(store) == before
    for (text,) in store.read("SELECT tally FROM sources UNION ALL SELECT terms FROM in_force"):
        assert isinstance(json.loads(text), dict)
    store.close()


@pytest.mark.parametrize("release", [of_0_1, of_0_2])
def test_the_sentences_of_a_release_are_shown_as_they_are_and_known_by_their_code(
    tmp_path: Path, release: Callable[[Path], None]
) -> None:
    release(tmp_path)
    store = Store(tmp_path)
    kept = dict(store.read("SELECT id, reason FROM records"))
    records = list(store.records(Query()))
    store.close()

    assert {record.id: record.reason for record in records} == kept
    assert {record.reason: record.reason_code for record in records if release is of_0_2} in ({}, CODES)


def test_every_reason_comes_back_as_it_went_and_one_of_a_newer_version_shows_its_code() -> None:
    assert reason_to_text(NO_REASON) == "" and not reason_from_text("")
    for code in get_args(ReasonCode):
        reason = Reason(code, 'of "3" {x}\n')
        assert reason_from_text(reason_to_text(reason)) == reason
        assert str(reason) and "{}" not in str(reason)
    newer = json.dumps({"code": "glare", "detail": "12 %", "since_0.4": 1})
    assert reason_from_text(newer) == Reason("", "glare: 12 %")
    assert reason_from_text('{"code": 7}') == Reason("", '{"code": 7}')


def test_what_0_2_kept_is_what_it_was_told(tmp_path: Path) -> None:
    of_0_2(tmp_path)
    store = Store(tmp_path)

    account = store.account("cam")
    assert (account.tally, account.balanced, account.listed) == (TALLY, True, 3)
    assert optics_history.state(store, "cam") == OpticsState(
        at=0.0, since=990.0, learned=3600, needed=0, figures=None, troubles=[DUST], baseline=BASELINE
    )
    assert settings_history.named(store) == ({"ok", "scratches"}, {"model-1"})
    ((text,),) = store.read("SELECT terms FROM in_force")
    assert terms_from_text(text, 1001.0) == TERMS

    settings_history.keep(store, msgspec.structs.replace(TERMS, since=2000.0))
    assert list(store.read("SELECT since FROM in_force")) == [(1001.0,)]  # nothing has changed
    store.write([], [msgspec.structs.replace(TALLY, number=8, at=1011.0, dropped={"overload": 3, "stale": 1})])
    assert [(gap.reason, gap.frames) for gap in store.gaps(Query()) if gap.frames] == [
        ("overload", 2), ("stale", 1), ("overload", 1),
    ]  # fmt: skip
    store.close()


def test_a_record_of_this_version_is_refused_by_one_that_knows_fewer_layouts(tmp_path: Path) -> None:
    Store(tmp_path).close()
    for read_only in (False, True):
        with pytest.raises(NewerError, match="schema 15; this version reads schema 13: it was written by a newer ver"):
            opened(tmp_path / FILE, read_only, 1.0, MIGRATIONS[:13])


@pytest.mark.parametrize(
    "value",
    [TALLY, Tally(source="drop", epoch="2a", captured=0, outcomes={}, dropped={}, in_flight=0, last_frame_at=0.0)],
    ids=["full", "empty"],
)
def test_a_tally_comes_back_as_it_went_also_with_what_only_a_newer_version_knows(value: Tally) -> None:
    kept = json.loads(tally_to_text(value))
    assert tally_from_text(json.dumps(kept)) == value

    for part in [kept, *kept["left"], *kept["spans"].values(), *([kept["sight"]] if kept["sight"] else [])]:
        part["since_0.4"] = {"more": [1]}
    assert tally_from_text(json.dumps(kept)) == value


def test_terms_and_what_is_usual_come_back_as_they_went_also_with_what_only_a_newer_version_knows() -> None:
    kept = json.loads(terms_to_text(TERMS))
    assert terms_from_text(json.dumps(kept), TERMS.since) == TERMS
    for part in (kept, kept["by"], *kept["by"]["recipes"], *kept["labels"].values()):
        part["since_0.4"] = 1
    assert terms_from_text(json.dumps(kept), TERMS.since) == TERMS

    learned = msgspec.msgpack.decode(baseline_to_bytes(BASELINE))
    learned["mean"]["glare"] = learned["since_0.4"] = 0.5
    assert baseline_from_bytes(msgspec.msgpack.encode(learned)) == BASELINE
    del learned["mean"]["contrast"]
    assert baseline_from_bytes(msgspec.msgpack.encode(learned)) is None


@pytest.mark.parametrize("text", ["{", "[1, 2", "[]", '["Tally"]', "{}", "7", '{"source": 1}'])
def test_sums_go_on_from_rows_and_gaps_where_a_tally_cannot_be_read(tmp_path: Path, text: str) -> None:
    of_0_2(tmp_path)
    store = Store(tmp_path)
    with store.transaction() as cursor:
        cursor.execute("UPDATE sources SET tally = ? WHERE source = 'cam'", (text,))
        cursor.execute("UPDATE in_force SET terms = ?", (text,))
        cursor.execute("UPDATE optics SET usual = ?", (text.encode(),))

    account = store.account("cam")
    assert account.balanced and account.tally is not None
    assert (account.tally.captured, account.tally.dropped) == (11, {"overload": 2, "stale": 1})
    assert optics_history.baseline(store, "cam") == (990.0, None)
    assert settings_history.named(store) == (set(), set())

    store.write([], [msgspec.structs.replace(TALLY, number=1, dropped={"overload": 2, "stale": 3}, captured=14)])
    account = store.account("cam")
    assert account.balanced and account.tally is not None and account.tally.captured == 14
    store.close()


@pytest.mark.parametrize("damaged", ["", "[", "[1", '{"a": 1}', "[[]]", "[1, 2, 3]", '["Tally", "s", "e", 1, 2, 3, 4]'])
def test_text_that_is_none_of_the_arrays_is_left_as_it_is(damaged: str) -> None:
    assert arrays.named_terms(damaged) == damaged
    assert arrays.named_usual(damaged.encode()) == damaged.encode()
    assert tally_from_text(damaged) is None


def test_a_layout_that_cannot_be_read_as_it_is_names_the_way_out(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE)
    database.executescript(f"{''.join(MIGRATIONS[:12])} PRAGMA user_version = 12;")
    database.close()
    with pytest.raises(StoreError, match="schema 12; `inspector run` brings it to schema 15"):
        Store(tmp_path, read_only=True)
