"""Holds the regions: tiles that touch and show the same defect are one, and a frame's regions are on its record."""

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector.cli import main
from inspector.errors import StoreError
from inspector.protocol import messages
from inspector.protocol.verdicts import MAX_REGIONS, Region
from inspector.record.evidence.evidence import Keeper
from inspector.record.queries import Query
from inspector.record.schema import FILE, MIGRATIONS
from inspector.record.store import Store
from inspector.settings import loading
from inspector.vision import tiling
from inspector.vision.decision import TileDecision
from inspector.worker import regions
from tests.fakes import Line
from tests.inspector.pictures import strip
from tests.inspector.record.test_store import in_pixels, verdict


def merged(picture: str, overlap: int = 0, width: int | None = None, height: int | None = None) -> list[Region]:
    """The regions of a frame of 10 px tiles: a letter a tile, `.` for ok and `?` for unsure."""
    rows = picture.split()
    step = 10 - overlap
    cut = tiling.cut(height or step * len(rows) + overlap, width or step * len(rows[0]) + overlap, 10, overlap)
    return regions.merge(cut, [decision(letter, position) for position, letter in enumerate("".join(rows))])


def decision(letter: str, position: int) -> TileDecision:
    """A defect is called what its letter is; later tiles are surer."""
    outcome = {".": "ok", "?": "unsure"}.get(letter, "defect")
    severity = {"S": "critical", "p": "minor"}.get(letter, "major") if outcome == "defect" else "none"
    return TileDecision(outcome, letter, severity, 0.5 + position / 100)  # type: ignore[arg-type]


def boxes(found: Iterable[Region]) -> list[tuple[str, int, int, int, int]]:
    """Label and rectangle of each."""
    return [(one.label, one.x, one.y, one.width, one.height) for one in found]


def test_tiles_of_one_label_that_touch_are_one_region_also_at_a_corner() -> None:
    found = merged("s...  .s..  ..ss  s...")

    assert boxes(found) == [("s", 0, 30, 10, 10), ("s", 0, 0, 40, 30)]
    assert [one.score for one in found] == [0.62, 0.61]  # of each, its surest tile


def test_another_label_an_ok_and_an_unsure_tile_part_regions() -> None:
    assert boxes(merged("ss.sp?ss")) == [
        ("s", 60, 0, 20, 10), ("s", 30, 0, 10, 10), ("s", 0, 0, 20, 10), ("p", 40, 0, 10, 10),
    ]  # fmt: skip


def test_the_worst_severity_comes_first_whatever_its_score() -> None:
    assert [one.label for one in merged("S..p..r")] == ["S", "r", "p"]
    assert [one.severity for one in merged("S..p..r")] == ["critical", "major", "minor"]


def test_tiles_that_overlap_are_one_region_also_where_the_last_was_moved_inward() -> None:
    # Steps of 5: tiles two apart touch, and the last stands at 12 instead of 15.
    assert boxes(merged("s.s.", overlap=5, width=22)) == [("s", 0, 0, 20, 10)]
    assert boxes(merged("s..s", overlap=5, width=25)) == [("s", 15, 0, 10, 10), ("s", 0, 0, 10, 10)]


def test_a_frame_without_a_defect_has_no_region_and_one_that_is_a_tile_is_its_own() -> None:
    assert merged("..?.") == []
    assert boxes(merged("s", width=7, height=4)) == [("s", 0, 0, 7, 4)]


def test_a_frame_that_is_one_defect_all_over_is_merged_in_a_moment() -> None:
    cut = tiling.cut(16_384, 16_384, 200, 24)
    everywhere = regions.merge(cut, [TileDecision("defect", "s", "major", 0.9)] * len(cut))
    assert boxes(everywhere) == [("s", 0, 0, 16_384, 16_384)]


def test_regions_are_on_record_in_their_order_and_go_with_the_frame(tmp_path: Path) -> None:
    book = Store(tmp_path)
    many = [
        Region(x=n, y=2 * n, width=10, height=20, label="scratches", score=0.5 + n / 1024, severity="major")
        for n in range(MAX_REGIONS)
    ]
    book.write([("m", verdict(1, "defect", regions=many)), ("m", verdict(2)), ("m", verdict(3, "defect"))])

    recorded = {record.sequence: record.regions for record in book.records(Query())}
    assert recorded[2] == recorded[3] == []
    assert [in_pixels(one) for one in recorded[1]] == many
    with book.transaction() as cursor:
        cursor.execute("DELETE FROM records WHERE sequence = 1")
    assert list(book.read("SELECT * FROM regions")) == []
    book.close()


def test_a_frame_that_comes_again_adds_no_regions(tmp_path: Path) -> None:
    book = Store(tmp_path)
    for x in (0, 50):
        book.write(
            [("m", verdict(1, "defect", regions=[Region(x=x, y=0, width=10, height=20, label="scratches", score=0.5)]))]
        )

    (record,) = book.records(Query())
    assert [one["x"] for one in record.regions] == [0]
    book.close()


def test_the_regions_of_an_older_record_are_taken_over(tmp_path: Path) -> None:
    scripts = MIGRATIONS[: next(n for n, script in enumerate(MIGRATIONS) if "TABLE regions" in script)]
    text = '[{"x":10,"y":0,"width":200,"height":100,"label":"scratches","score":0.97}]'
    with sqlite3.connect(tmp_path / FILE) as database:
        database.executescript(f"{''.join(scripts)} PRAGMA user_version = {len(scripts)};")
        for frame, outcome, region in (("a", "defect", text), ("b", "ok", "[]")):
            database.execute(
                "INSERT INTO records (source, frame, epoch, name, sequence, captured_at, recorded_at, outcome, label,"
                " severity, score, reason, width, height, regions, model, attempt, latency_s) VALUES"
                " ('drop', ?, '1f', 'a.bmp', 1, 5, 6, ?, 'scratches', 'major', 1, '', 9, 9, ?, 'm', 1, 0)",
                (frame, outcome, region),
            )
    database.close()

    book = Store(tmp_path)
    recorded = {record.frame: record.regions for record in book.records(Query())}
    assert recorded["b"] == []
    assert [in_pixels(one) for one in recorded["a"]] == [
        Region(x=10, y=0, width=200, height=100, label="scratches", score=0.97, severity="major")
    ]
    book.close()


def test_what_defects_draws_is_the_kept_picture_with_its_regions_boxed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(tmp_path)
    line.data.mkdir()
    settings = loading.load(line.config)
    found = [
        Region(x=30, y=40, width=100, height=60, label="scratches", score=0.9, severity="critical"),
        Region(x=150, y=0, width=50, height=50, label="patches", score=0.8, severity="minor"),
    ]
    pixels = strip(200, 200)
    book = Store(line.data)
    kept = Keeper(settings).keep(verdict(1, "defect", regions=found, captured_at=time.time()), pixels)
    book.write([("m", kept), ("m", verdict(2, "defect", regions=found))])
    book.close()

    assert main.main(["defects", "-c", str(line.config), "--draw", str(tmp_path / "drawn"), "--json"]) == 0
    assert "1 picture in" in capsys.readouterr().err
    (path,) = (tmp_path / "drawn").iterdir()
    drawn = cv2.imread(str(path))
    red, yellow = [40, 40, 220], [0, 200, 240]
    for x, y in ((30, 40), (129, 40), (30, 99), (129, 99), (80, 99)):
        assert list(drawn[y, x]) == red
    assert list(drawn[49, 199]) == yellow
    assert np.array_equal(drawn[120:, :], np.repeat(pixels[120:, :, None], 3, axis=2))


def test_a_region_that_cannot_be_written_keeps_its_frame_off_the_record_too(tmp_path: Path) -> None:
    book = Store(tmp_path)
    with pytest.raises(StoreError):
        book.write(
            [("m", verdict(1, "defect", regions=[Region(x=0, y=0, width=1, height=1, label="s", score=float("nan"))]))]
        )
    assert list(book.records(Query())) == []
    book.close()


def test_the_longest_batch_of_verdicts_is_a_message_that_can_be_sent() -> None:
    region = Region(
        x=16_000, y=16_000, width=16_000, height=16_000, label="s" * 64, score=0.123456789, severity="critical"
    )
    many = [verdict(1, "defect", regions=[region] * MAX_REGIONS, reason="r" * 1024, piece="p" * 128)]
    several = [verdict(n, "defect", regions=[region], name="n" * 255) for n in range(MAX_REGIONS)]

    for batch in (many, several):
        assert messages.decode(messages.encode(messages.Verdicts("w", "m" * 128, batch)))
