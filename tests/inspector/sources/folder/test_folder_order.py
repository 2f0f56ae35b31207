"""Holds the order and the time of files that waited: taken as they were made, each of the piece that was there then."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.record import pieces
from inspector.record.store import Store
from inspector.sources.folder import scanner
from tests.fakes import make_bundle, wait_until
from tests.inspector.folders import GOOD, Open, connect, finish
from tests.inspector.roles import Bench, bench
from tests.inspector.worker.test_recipes_line import RECIPES, by_name


def drop_at(drop: Path, name: str, age_s: float) -> None:
    """Drop a picture that was made so long ago."""
    (drop / name).parent.mkdir(parents=True, exist_ok=True)
    (drop / name).write_bytes(GOOD)
    made_at = time.time() - age_s
    os.utime(drop / name, (made_at, made_at))


def names_in_order(drop: Path, count: int) -> list[str]:
    """The first so many that a connector takes that is opened now, one after the other."""
    connector = connect(drop)
    names = [capture.name for capture in connector.open()]

    def enough() -> bool:
        names.extend([capture.name] if (capture := connector.read()) else [])
        return len(names) >= count

    wait_until(enough, lambda: str(names))
    connector.close()
    return names


def test_files_that_wait_are_taken_in_the_order_they_were_made_also_across_folders(drop: Path) -> None:
    # Given 60 files in an order that no name and no folder tells
    ages = {f"{'ab'[number % 2]}/{number * 37 % 60:02}.bmp": 600.0 - number for number in range(60)}
    for name in sorted(ages):
        drop_at(drop, name, ages[name])

    assert names_in_order(drop, 60) == list(ages)


def test_of_files_made_at_once_the_name_tells_the_order(drop: Path) -> None:
    for number in range(40):
        (drop / f"{number * 7 % 40:02}.bmp").write_bytes(GOOD)
    for path in drop.glob("*.bmp"):
        os.utime(path, (time.time() // 1 - 5,) * 2)

    assert names_in_order(drop, 40) == [f"{number:02}.bmp" for number in range(40)]


def test_what_a_former_life_had_claimed_comes_again_in_order(drop: Path) -> None:
    for number in range(20):
        drop_at(drop, f"{number * 7 % 20:02}.bmp", 600 - number)
    first = connect(drop)
    first.open()
    while first.read():
        continue
    first.close()

    assert names_in_order(drop, 20) == [f"{number * 7 % 20:02}.bmp" for number in range(20)]


def test_more_files_than_are_kept_come_in_order_and_one_that_cannot_be_taken_holds_up_none(
    drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanner, "MAX_FOUND", 8)
    monkeypatch.setattr(scanner, "_STEP", 5)
    # Given more files than that which are not whole, older than all others
    for number in range(12):
        drop_at(drop, f"half-{number}.bmp", 1000)
        (drop / f"half-{number}.bmp").write_bytes(GOOD[:-1])
        os.utime(drop / f"half-{number}.bmp", (time.time() - 1000,) * 2)
    for number in range(50):
        drop_at(drop, f"{number * 7 % 50:02}.bmp", 600 - number)

    assert names_in_order(drop, 50) == [f"{number * 7 % 50:02}.bmp" for number in range(50)]


def test_a_frame_was_captured_when_its_file_was_made(drop: Path, folder: Open) -> None:
    drop_at(drop, "a.bmp", 7200)
    connector = folder()

    capture = connector.read()

    assert capture is not None
    assert (capture.timed, time.time() - capture.captured_at) == (True, pytest.approx(7200, abs=60))
    assert time.monotonic() - capture.captured_mono < 60  # how long it takes counts from when it was taken


@pytest.mark.parametrize("made_at", [0.0, 4e9])
def test_a_time_that_cannot_be_right_is_none_unless_the_file_was_seen_to_come(
    drop: Path, folder: Open, made_at: float
) -> None:
    def drop_one(name: str) -> None:
        (drop / name).write_bytes(GOOD)
        os.utime(drop / name, (made_at, made_at))

    drop.mkdir(exist_ok=True)
    drop_one("waited.bmp")
    connector = folder()
    captures = finish(connector)
    drop_one("came.bmp")
    captures += finish(connector)

    assert {capture.name: capture.timed for capture in captures} == {"waited.bmp": False, "came.bmp": True}
    assert all(0 <= time.time() - capture.captured_at < 60 for capture in captures)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Bench]:
    """A drop folder, recipes, and a record on which coil A was followed by coil B half an hour ago."""
    model = make_bundle(tmp_path / "bundle").path
    with bench(None, bundle=model, workers={"engine": "fake"}, recipes=RECIPES) as made:
        store = Store(made.settings.data)
        with store.transaction() as cursor:
            now = time.time()
            pieces.start(cursor, now - 7200, "coil-A", "DX56D", "strict")
            pieces.start(cursor, now - 1800, "coil-B", "S235JR", "mild")
        store.close()
        made.drop.mkdir()
        yield made


def test_files_of_an_outage_belong_to_the_piece_that_was_on_the_line_when_they_were_made(line: Bench) -> None:
    for name, age_s in (("a.bmp", 3600), ("b.bmp", 600)):
        drop_at(line.drop, name, age_s)
    for start in (line.start_sink, line.start_source, line.start_worker):
        start()

    records = by_name(line, 2)

    assert {name: (one.piece, one.recipe) for name, one in records.items()} == {
        "a.bmp": ("coil-A", "strict"), "b.bmp": ("coil-B", "mild"),
    }  # fmt: skip


def test_a_file_that_waited_and_does_not_tell_when_it_was_made_is_unsure_and_of_no_piece(
    line: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for name, age_s in (("before.bmp", 9000), ("epoch.bmp", time.time()), ("future.bmp", -9000)):
        drop_at(line.drop, name, age_s)
    for start in (line.start_sink, line.start_source, line.start_worker):
        start()

    records = by_name(line, 3)

    assert {(one.piece, one.recipe, one.outcome) for one in records.values()} == {("", None, "unsure")}
    came = "recipe not known: it came before its coil is known"
    assert records["before.bmp"].reason.startswith(f"{came}, it was made at 20")
    assert records["epoch.bmp"].reason == f"{came}, its file tells no time that can be right"
    assert came in caplog.text
