"""Holds the choice of a recipe: by the grade a frame tells, else by its piece; what is not known is unsure."""

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import StoreError
from inspector.protocol.frames import FrameHeader
from inspector.protocol.verdicts import Region
from inspector.record import pieces
from inspector.record.pieces import Piece
from inspector.record.position import Locator
from inspector.record.queries import Query
from inspector.record.records import Record
from inspector.record.schema import FILE
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.settings.sources.place import PlaceSettings
from inspector.settings.terms import decide_by
from inspector.sink import recovery
from inspector.sink.missing_recipes import MissingRecipes
from inspector.vision.bundle import Bundle
from inspector.worker import recipes
from inspector.worker.recipes import Choice, Chooser, Recipes
from tests.fakes import LABELS, make_bundle
from tests.inspector.record.test_store import verdict
from tests.inspector.verdicts import header

RECIPES = [
    {
        "name": "exposed",
        "grades": ["DX56D", "DC06"],
        "thresholds": {"ok": 0.9},
        "severities": {"patches": "critical"},
    },
    {"name": "hidden", "grades": ["S235JR"], "novelty_margin": -1.0, "severities": {"patches": "minor"}},
]
NAMED = r"^(?P<piece>coil-\d+)?(_(?P<grade>[A-Z0-9]+))?"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """An empty record."""
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle that tells novelty."""
    decision = {"thresholds": dict.fromkeys(LABELS, 0.5), "max_novelty": dict.fromkeys(LABELS, 2.0)}
    return make_bundle(tmp_path_factory.mktemp("model") / "bundle", decision=decision)


def settings(folder: Path, **values: Any) -> Settings:
    """A line with the two recipes."""
    source = {"name": "drop", "type": "folder", "path": folder / "drop"}
    return Settings.model_validate({"data": folder, "sources": [source], "recipes": RECIPES, **values})


@pytest.fixture
def line(model: Bundle, tmp_path: Path) -> Recipes:
    """The two recipes."""
    return Recipes(model, decide_by(settings(tmp_path)))


@pytest.fixture
def chooser(tmp_path: Path) -> Iterator[Chooser]:
    """For sources whose frames name their piece and grade, or not."""
    made = choosing(tmp_path)
    yield made
    made.close()


def choosing(data: Path, **changes: Any) -> Chooser:
    locators = {"drop": Locator(PlaceSettings(pattern=NAMED)), "camera": Locator()}
    return Chooser(locators, lambda: Store(data, read_only=True, patience_s=0.01), **changes)


def frame(captured_at: float = 1000.0, name: str = "", source: str = "camera", **told: Any) -> FrameHeader:
    return header(f"frame-{captured_at}", name, source=source, captured_at=captured_at, **told)


def start(book: Store, name: str, now: float, recipe: str = "", grade: str = "") -> None:
    with book.transaction() as cursor:
        pieces.start(cursor, now, name, grade, recipe)


def stop(book: Store, now: float) -> None:
    with book.transaction() as cursor:
        pieces.stop(cursor, now)


def names(choices: list[Choice | None]) -> list[str | None]:
    """The recipes that were chosen; every frame has one."""
    return [choice.recipe for choice in choices if choice is not None]


def test_what_a_recipe_leaves_out_is_that_of_the_line_and_of_the_bundle(model: Bundle, tmp_path: Path) -> None:
    own = {"thresholds": {"ok": 0.6, "patches": 0.7}, "novelty_margin": 0.5, "severities": {"crazing": "minor"}}
    made = Recipes(model, decide_by(settings(tmp_path, decision=own)))

    def numbers(grade: str) -> tuple[Any, ...]:
        by = dict(zip(LABELS, made.of_grade(grade).rules.thresholds, strict=True))
        worst = {label.name: label.severity for label in made.of_grade(grade).rules.labels}
        novelty = made.of_grade(grade).rules.max_novelty[0]
        return by["ok"], by["patches"], by["crazing"], novelty, worst["crazing"], worst["patches"], worst["scratches"]

    assert numbers("") == (0.6, 0.7, 0.5, 2.5, "minor", "major", "major")
    assert numbers("DC06") == (0.9, 0.7, 0.5, 2.5, "minor", "critical", "major")
    assert numbers("S235JR") == (0.6, 0.7, 0.5, 1.0, "minor", "minor", "major")


def test_a_grade_chooses_the_recipe_that_lists_it_and_any_other_none(line: Recipes, chooser: Chooser) -> None:
    # There is no record yet, and none is needed.
    told = [
        frame(grade="DX56D"),
        frame(grade="S235JR", source="drop", name="coil-1_DX56D"),  # what comes with it goes before its name
        frame(name="coil-1_DC06", source="drop"),
        frame(name="_DC06", source="drop"),
        frame(grade="dx56d"),
    ]

    assert names(chooser.choose(told, line)) == ["exposed", "hidden", "exposed", "exposed", ""]


def test_a_frame_that_tells_no_grade_is_under_the_recipe_of_its_piece(
    book: Store, line: Recipes, chooser: Chooser
) -> None:
    start(book, "coil-1", 1010.0, "exposed", "DX56D")
    start(book, "coil-2", 1020.0)
    start(book, "coil-3", 1030.0, "hidden")
    stop(book, 1040.0)
    on_line = [frame(at) for at in (1009.999, 1010.0, 1019.999, 1020.0, 1029.999, 1030.0, 1039.999, 1040.0)]
    named = [frame(1035.0, source="drop", name=name) for name in ("coil-1", "coil-2", "coil-9", "other")]

    assert names(chooser.choose(on_line, line)) == ["", "exposed", "exposed", "", "", "hidden", "hidden", ""]
    assert names(chooser.choose(named, line)) == ["exposed", "", "", ""]
    assert names(chooser.choose([frame(1035.0, piece="coil-1"), frame(1035.0, piece="x")], line)) == ["exposed", ""]


def test_a_line_without_recipes_looks_into_no_record(model: Bundle, tmp_path: Path, chooser: Chooser) -> None:
    none = Recipes(model, decide_by(settings(tmp_path, recipes=[])))

    assert names(chooser.choose([frame(), frame(grade="DX56D")], none)) == ["", ""]


def test_a_recipe_that_the_line_does_not_have_is_not_known_and_that_is_said_at_once(
    book: Store, line: Recipes, chooser: Chooser
) -> None:
    start(book, "coil-1", 900.0, "newer-config")

    (choice,) = chooser.choose([frame()], line)
    assert choice is not None and choice.recipe is None
    assert (
        str(choice.reason)
        == "recipe not known: piece coil-1 is under 'newer-config', and this line has none of that name"
    )


def garbage(data: Path) -> None:
    (data / FILE).write_bytes(b"no database" * 500)


@pytest.mark.parametrize("harm", [lambda data: (data / FILE).unlink(), garbage], ids=["gone", "damaged"])
def test_a_record_that_cannot_be_read_is_waited_for_and_then_the_frames_are_unsure_until_it_can(
    tmp_path: Path, line: Recipes, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    now = 50.0
    Store(tmp_path).close()
    harm(tmp_path)
    chooser = choosing(tmp_path, clock=lambda: now)

    # Given frames of which one tells its grade
    asked = [frame(1001.0), frame(1002.0, grade="DC06")]
    first, told = chooser.choose(asked, line)
    assert first is None and told is not None and told.recipe == "exposed"
    now += recipes.WAIT_S - 0.01
    assert chooser.choose(asked, line)[0] is None
    # When the record stays away, then what waited and what comes is not decided by a guess
    now += 0.02
    late, told = chooser.choose(asked, line)
    assert (
        late is not None
        and late.recipe is None
        and str(late.reason).startswith(f"recipe not known: {tmp_path / FILE}: ")
    )
    assert told is not None and told.recipe == "exposed"
    now += 100.0
    assert [choice and choice.recipe for choice in chooser.choose([frame(1100.0)], line)] == [None]
    # When another record is in its place
    (tmp_path / FILE).unlink(missing_ok=True)
    book = Store(tmp_path)
    start(book, "coil-1", 1000.0, "hidden")
    # Then it is as ever, and the next time it is waited for again
    assert names(chooser.choose(asked, line)) == ["hidden", "exposed"]
    book.close()
    (tmp_path / FILE).unlink()
    assert chooser.choose(asked, line)[0] is None
    assert caplog.text.count("frames wait 5 s for it") == 2
    chooser.close()


def test_a_record_that_is_locked_holds_nobody_up(book: Store, tmp_path: Path, line: Recipes, chooser: Chooser) -> None:
    start(book, "coil-1", 900.0, "hidden")
    book.close()
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")

    assert chooser.choose([frame()], line) == [None]
    other.close()
    assert names(chooser.choose([frame()], line)) == ["hidden"]


def test_the_record_that_follows_one_set_aside_is_read_and_not_the_old(
    tmp_path: Path, line: Recipes, chooser: Chooser
) -> None:
    book = Store(tmp_path)
    start(book, "coil-1", 900.0, "hidden")
    assert names(chooser.choose([frame()], line)) == ["hidden"]
    (tmp_path / FILE).rename(tmp_path / "aside")
    assert book.replaced and chooser.choose([frame()], line) == [None]
    other = Store(tmp_path)
    start(other, "coil-2", 950.0, "exposed")

    assert names(chooser.choose([frame()], line)) == ["exposed"]
    assert not other.replaced
    book.close()
    other.close()


def test_a_piece_begins_after_it_is_on_record_however_long_that_takes(book: Store) -> None:
    # Given a disk on which the first write takes 0.7 s, the second 1.5 s, the third nothing
    start(book, "coil-1", 900.0, "exposed")
    clock = iter([1000.0, 1000.7, 1000.7, 1002.2, 1002.2, 1002.2, 1002.2, 1004.2])
    slept: list[float] = []
    # When a piece is put on the line
    piece = pieces.switch(
        book, partial(pieces.start, name="coil-2", recipe="hidden"), lambda: next(clock), slept.append
    )
    # Then it begins 2 s after the last write, which the command waits for, and the one before ends there
    assert piece == Piece(
        id=2, name="coil-2", began_at=1004.2, ended_at=None, by_frames=False, grade="", recipe="hidden"
    )
    assert pieces.find(book, "coil-1").ended_at == 1004.2
    assert slept == pytest.approx([2.0])


def test_a_piece_that_is_started_in_a_record_that_is_set_aside_meanwhile_is_told_as_lost(book: Store) -> None:
    def sleep(_: float) -> None:
        book.path.unlink(missing_ok=True)
        clock[0] += 1

    clock = [1000.0]
    with pytest.raises(StoreError, match="set aside meanwhile, and another one begun: say it again"):
        pieces.switch(book, partial(pieces.start, name="coil-1"), lambda: clock[0], sleep)


def test_a_clock_that_is_set_back_holds_no_command_and_leaves_the_piece_on_the_line(
    book: Store, line: Recipes, chooser: Chooser
) -> None:
    start(book, "coil-1", 5000.0, "hidden")
    clock = iter([4000.0, 4000.1, 4000.2, 400.0])  # and back again, while it waits

    assert pieces.switch(book, partial(pieces.start, name="coil-2", recipe="exposed"), lambda: next(clock), [].append)
    assert names(chooser.choose([frame(4100.0), frame(5100.0)], line)) == ["exposed", "exposed"]


def write(book: Store, *verdicts: Any, **place: Any) -> dict[str, Record]:
    """As the sink does; the records by name."""
    locators = {"drop": Locator(PlaceSettings.model_validate(place))}
    book.write([("m", one) for one in verdicts], locators=locators)
    return {record.name: record for record in book.records(Query())}


def test_the_recipe_that_decided_is_on_record(book: Store) -> None:
    start(book, "coil-1", 0.0, "hidden")
    records = write(book, verdict(1, name="a", recipe="hidden"), verdict(2, name="b", recipe=None))

    assert (records["a"].recipe, records["a"].outcome, records["b"].recipe) == ("hidden", "ok", None)


def test_a_frame_that_was_decided_by_another_recipe_than_its_pieces_is_unsure_and_says_why(book: Store) -> None:
    start(book, "coil-1", 0.0, "hidden", "S235JR")
    found = [Region(x=0, y=0, width=9, height=9, label="scratches", score=0.9, severity="critical")]
    wrong = verdict(1, "defect", name="a", recipe="exposed", severity="critical", regions=found)
    told = verdict(2, name="b", recipe="exposed", grade="DX56D")  # against what was said of the piece on the line
    none, failed = verdict(3, name="c"), verdict(4, "error", name="d")
    records = write(book, wrong, told, none, failed)

    assert [records[name].outcome for name in "abcd"] == ["unsure", "unsure", "unsure", "error"]
    assert [records[name].recipe for name in "abcd"] == [None, None, None, ""]
    assert records["a"].reason == "decided by recipe exposed, and piece coil-1 is under recipe hidden"
    assert records["c"].reason == "decided by no recipe, and piece coil-1 is under recipe hidden"
    assert (records["a"].label, records["a"].severity, records["a"].regions) == ("scratches", "none", [])
    assert book.account("drop").recorded == {"ok": 0, "defect": 0, "unsure": 3, "error": 1}


def test_a_recipe_for_a_frame_of_no_piece_is_as_wrong_unless_the_frame_tells_its_grade(book: Store) -> None:
    records = write(book, verdict(1, name="a", recipe="exposed"), verdict(2, name="b", recipe="exposed", grade="DC06"))

    assert (records["a"].outcome, records["b"].outcome) == ("unsure", "ok")
    assert records["a"].reason == "decided by recipe exposed, and what is no piece is under no recipe"


def test_a_piece_named_by_frames_is_under_the_recipe_of_its_first_and_they_must_agree(book: Store) -> None:
    first = verdict(1, "error", name="coil-7_DC06-1")  # it was not decided: it says nothing of the recipe
    good = verdict(2, name="coil-7_DC06-2", recipe="exposed")
    reloaded = verdict(3, name="coil-7_DC06-3", recipe="other")  # its grade is in another recipe since a reload
    silent = verdict(4, name="coil-7")  # it names the piece, and no grade
    other = verdict(5, name="coil-7_S235JR", recipe="hidden")
    records = write(book, first, good, reloaded, silent, other, pattern=NAMED)

    assert {name: record.outcome for name, record in records.items()} == {
        "coil-7_DC06-1": "error", "coil-7_DC06-2": "ok", "coil-7_DC06-3": "ok", "coil-7": "unsure",
        "coil-7_S235JR": "unsure",
    }  # fmt: skip
    piece = pieces.find(book, "coil-7")
    assert (piece.grade, piece.recipe, piece.by_frames, piece.began_at) == ("DC06", "exposed", True, 1001.0)


def test_frames_of_a_piece_that_was_started_follow_what_was_said_there(book: Store, line: Recipes) -> None:
    start(book, "coil-7", 2000.0, "hidden", "S235JR")
    choice, *_ = choosing(book.path.parent).choose([frame(1001.0, name="coil-7", source="drop")], line)
    assert choice is not None
    records = write(book, verdict(1, name="coil-7", recipe=choice.recipe), pattern=NAMED)

    assert (records["coil-7"].outcome, records["coil-7"].recipe) == ("ok", "hidden")


def test_when_the_pieces_are_lost_with_a_damaged_record_no_recipe_is_guessed(
    tmp_path: Path, line: Recipes, chooser: Chooser, caplog: pytest.LogCaptureFixture
) -> None:
    book = Store(tmp_path)
    start(book, "coil-1", 900.0, "hidden")
    book.close()
    (tmp_path / FILE).write_bytes(b"text" * 5000)
    for tail in ("-wal", "-shm"):
        (tmp_path / f"{FILE}{tail}").unlink(missing_ok=True)

    book, _ = recovery.open_record(tmp_path, has_recipes=True)
    (lost,) = chooser.choose([frame()], line)
    assert lost is not None and lost.recipe is None and "is under 'lost with a damaged record'" in str(lost.reason)
    assert "its frames are unsure until `inspector piece start`" in caplog.text
    start(book, "coil-1", 990.0, "hidden")
    assert names(chooser.choose([frame(1000.0)], line)) == ["hidden"]
    book.close()


def test_where_they_are_whole_the_piece_on_the_line_stays_there(
    tmp_path: Path, line: Recipes, chooser: Chooser
) -> None:
    book = Store(tmp_path)
    start(book, "coil-1", 900.0, "hidden")
    book.close()
    recovery.mark(tmp_path, "rows")

    book, _ = recovery.open_record(tmp_path, has_recipes=True)
    assert names(chooser.choose([frame()], line)) == ["hidden"]
    book.close()


def test_what_is_unsure_for_want_of_a_recipe_is_counted_and_told_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    withheld = MissingRecipes(lambda: now)
    lost = verdict(1, "unsure", recipe=None, reason="recipe not known: why")

    assert [withheld.note([lost, verdict(2)]), withheld.note([lost] * 3), withheld.note([])] == [1, 3, 0]
    now = 10.0
    withheld.note([lost])
    assert [record.message for record in caplog.records] == [
        "unsure for want of a recipe, 1 frames so far: recipe not known: why",
        "unsure for want of a recipe, 5 frames so far: recipe not known: why",
    ]
