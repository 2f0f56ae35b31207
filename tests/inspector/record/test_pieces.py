"""Holds place and piece: each frame on record is of the piece it was captured on, and each region has its mm."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.cli import main
from inspector.errors import ConfigError
from inspector.protocol.verdicts import Region, Verdict
from inspector.quality import coverage, defects
from inspector.quality.coverage import Stretch
from inspector.record import pieces
from inspector.record.pieces import Piece
from inspector.record.position import Locator
from inspector.record.queries import Query
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.settings.sources.place import PlaceSettings
from inspector.vocabulary import Outcome
from tests.fakes import Line
from tests.inspector.record.test_store import verdict

NAMED = r"(?P<piece>[^_/]+)_(?P<at_mm>-?[0-9.e+]+)\.bmp$"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """An empty record."""
    opened = Store(tmp_path)
    yield opened
    opened.close()


def start(book: Store, name: str, now: float) -> Piece:
    """As `inspector piece start` does."""
    with book.transaction() as cursor:
        return pieces.start(cursor, now, name)


def stop(book: Store, now: float) -> Piece | None:
    """As `inspector piece stop` does."""
    with book.transaction() as cursor:
        return pieces.stop(cursor, now)


def write(book: Store, *verdicts: Verdict, **place: Any) -> None:
    """As the sink does, for a source with this place."""
    book.write([("m", one) for one in verdicts], locators={"drop": Locator(PlaceSettings.model_validate(place))})


def recorded(book: Store, **query: Any) -> dict[str, Record]:
    """The records, by name."""
    return {record.name: record for record in book.records(Query(**query))}


def test_a_frame_belongs_to_the_piece_that_was_on_the_line_when_it_was_captured(book: Store) -> None:
    # Frames are captured at 1000 + number, and recorded long after: the pieces have changed meanwhile.
    start(book, "coil-1", 1010.0)
    start(book, "coil-2", 1020.0)
    assert stop(book, 1030.0) == Piece(id=2, name="coil-2", began_at=1020.0, ended_at=1030.0, by_frames=False)
    assert stop(book, 1031.0) is None
    start(book, "coil-3", 1040.0)
    write(book, *(verdict(number) for number in (9, 10, 19, 20, 29, 30, 39, 40, 99)))

    assert {name.removesuffix(".bmp"): record.piece for name, record in recorded(book).items()} == {
        "9": "", "10": "coil-1", "19": "coil-1", "20": "coil-2", "29": "coil-2", "30": "", "39": "", "40": "coil-3",
        "99": "coil-3",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 129, "coil-1"])
def test_a_piece_that_was_there_or_cannot_be_called_so_is_refused_and_the_other_stays(book: Store, name: str) -> None:
    start(book, "coil-1", 1000.0)

    with pytest.raises(ConfigError, match="piece"):
        start(book, name, 1010.0)
    assert pieces.latest(book, 9) == [Piece(id=1, name="coil-1", began_at=1000.0, ended_at=None, by_frames=False)]


def test_frames_that_name_their_piece_and_place_lie_there_with_their_regions(book: Store) -> None:
    found = [Region(x=100, y=50, width=40, height=20, label="scratches", score=0.9, severity="major")]
    one = verdict(1, "defect", name="coil-7_1500.5.bmp", width=4096, height=1000, regions=found)
    start(book, "coil-1", 0.0)  # it is on the line, and the frame says otherwise
    write(book, one, verdict(2, name="coil-7_2000.bmp"), pattern=NAMED, mm_per_px=0.3, mm_per_line=0.5, left_mm=-20)

    record = recorded(book)["coil-7_1500.5.bmp"]
    assert (record.piece, record.at_mm, record.length_mm) == ("coil-7", 1500.5, 500.0)
    (region,) = record.regions
    assert {name: region[name] for name in ("x_mm", "y_mm", "width_mm", "length_mm")} == pytest.approx(
        {"x_mm": 10.0, "y_mm": 1525.5, "width_mm": 12.0, "length_mm": 10.0}
    )
    assert pieces.find(book, "coil-7") == Piece(id=2, name="coil-7", began_at=1001.0, ended_at=1002.0, by_frames=True)


def test_what_comes_with_a_frame_goes_before_its_name_and_that_before_the_piece_on_the_line(book: Store) -> None:
    start(book, "on-line", 0.0)
    told = [verdict(1, name="named_5.bmp", piece="told", at_mm=7.0), verdict(2, name="named_6.bmp", at_mm=8.0),
            verdict(3, name="x.bmp", piece="told")]  # fmt: skip
    write(book, *told, pattern=NAMED)
    write(book, verdict(4, name="y.bmp", at_mm=9.0))

    assert [(record.piece, record.at_mm) for record in book.records(Query(oldest_first=True))] == [
        ("told", 7.0), ("named", 8.0), ("told", None), ("on-line", 9.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "piece", "at_mm"),
    [
        ("coil-7_12.bmp", "coil-7", 12.0),
        ("coil-7_-12.bmp", "coil-7", -12.0),  # an encoder going backwards is on record as it is
        ("coil-7_1.2.3.bmp", "coil-7", None),
        ("coil-7_9e99.bmp", "coil-7", None),
        ("coil-7_12.png", "", None),
        ("coil-7.bmp", "", None),
        (f"{'x' * 300}_1.bmp", "x" * 128, 1.0),
    ],
)
def test_a_name_that_tells_no_piece_or_place_has_none(book: Store, name: str, piece: str, at_mm: float | None) -> None:
    start(book, "coil-1", 0.0)
    write(book, verdict(1, "error", name=name), pattern=NAMED, mm_per_px=0.3)

    record = recorded(book)[name]
    assert (record.piece, record.at_mm) == (piece, at_mm)


def test_the_folder_of_a_file_names_its_piece_and_its_place_is_not_known(book: Store) -> None:
    region = Region(x=10, y=0, width=5, height=5, label="s", score=1.0)
    write(book, verdict(1, "defect", name="coil-7/a.bmp", regions=[region]),
          pattern="^(?P<piece>[^/]+)/", mm_per_px=2)  # fmt: skip

    record = recorded(book)["coil-7/a.bmp"]
    assert (record.piece, record.at_mm, record.length_mm) == ("coil-7", None, 400.0)
    assert (record.regions[0]["x_mm"], record.regions[0]["y_mm"]) == (20.0, None)


def test_speed_times_time_since_the_piece_began_is_the_place_along(book: Store) -> None:
    start(book, "coil-1", 1000.0)
    write(book, verdict(0), verdict(30), verdict(2000, captured_at=990.0), speed_m_min=120, mm_per_px=0.5)

    assert [record.at_mm for record in recorded(book).values()] == [60_000.0, 0.0, None]


def test_place_settings_that_cannot_be_are_refused_by_name(tmp_path: Path) -> None:
    def settings(kind: str = "simulated", **place: Any) -> Settings:
        source = {"name": "s", "type": kind, "place": place} | ({"path": tmp_path} if kind == "folder" else {})
        return Settings.model_validate({"data": tmp_path, "sources": [source]})

    settings(pattern=NAMED)
    settings(speed_m_min=10, pattern="(?P<piece>.)")
    settings(pattern="(?P<grade>.)")
    for wrong, said in (
        ({"pattern": "("}, "no regular expression"),
        ({"pattern": "a"}, "name its groups"),
        ({"pattern": "(?P<coil>.)"}, "name its groups"),
        ({"pattern": NAMED, "speed_m_min": 10}, "only one of them"),
        ({"mm_per_px": 0}, "greater than 0"),
        ({"kind": "folder", "speed_m_min": 10}, "tells no time of capture"),
    ):
        with pytest.raises(ValueError, match=said):
            settings(**wrong)  # type: ignore[arg-type]


def test_what_of_a_piece_no_frame_covers_is_missing_whatever_their_order(book: Store) -> None:
    # Frames of 100 mm; at 200 an error, at 500 none, at 300 one too late by the rounding of its name.
    places = [(400, "unsure"), (100, "defect"), (0, "ok"), (200, "error"), (303, "ok"), (600, "ok"), (700, "error")]
    frames = [verdict(n, how, name=f"c_{at}.bmp", height=100) for n, (at, how) in enumerate(places)]
    write(book, *frames, verdict(9, name="other_500.bmp"), pattern=NAMED, mm_per_px=1)
    book.write([("m", verdict(1, source="camera"))])

    (share,) = coverage.of(book, pieces.find(book, "c"))
    assert share.outcomes == {"ok": 3, "defect": 1, "unsure": 1, "error": 2}
    assert share.seen == Stretch(0, 800)
    assert share.missing == [Stretch(200, 303), Stretch(500, 600), Stretch(700, 800)]
    assert not share.whole and share.unplaced == 0
    assert share.unsure == [Stretch(400, 500)]


@pytest.mark.parametrize(
    ("places", "missing", "twice"),
    [
        ([0, 100, 200, 100, 200, 300], [], [Stretch(100, 300)]),
        ([0, 100, 200, 9000, 9100], [Stretch(300, 9000)], []),
        ([0, 100, 100, 100], [], [Stretch(100, 200)]),
        ([0, 100, 203, 298, 400], [], []),
    ],
    ids=["runs backwards", "jumps", "stands", "shivers"],
)
def test_an_encoder_that_goes_wrong_is_told_by_what_it_leaves_out_or_tells_twice(
    book: Store, places: list[int], missing: list[Stretch], twice: list[Stretch]
) -> None:
    write(book, *(verdict(n, piece="c", at_mm=at, height=100) for n, at in enumerate(places)), mm_per_px=1)

    (share,) = coverage.of(book, pieces.find(book, "c"))
    assert (share.missing, share.twice) == (missing, twice)
    assert sum(share.outcomes.values()) == len(places) and share.unplaced == 0


JITTERED = [0.0, 0.22, -0.18, 0.24, -0.24, 0.2, 0.25, -0.2, 0.0, 0.24]


def timed(book: Store, places: list[float], speed_m_min: float = 6.0) -> None:
    """Frames of a tenth of a second, 10 mm each, that come at these places of a piece by the clock of arrival."""
    start(book, "c", 1000.0)
    frames = [verdict(n, "ok", captured_at=1000.0 + place / 10, height=10, reason="") for n, place in enumerate(places)]
    write(book, *frames, speed_m_min=speed_m_min, mm_per_px=1)


def test_frames_that_come_unevenly_leave_nothing_of_the_strip_out(book: Store) -> None:
    timed(book, [3 + number + JITTERED[number % 10] for number in range(200)])

    (share,) = coverage.of(book, pieces.find(book, "c"))
    assert (share.missing, share.twice, share.whole) == ([], [], True)


def test_a_frame_that_is_really_lost_is_missing_however_unevenly_they_come(book: Store) -> None:
    for lost in range(60, 70):
        with book.transaction() as cursor:
            cursor.execute("DELETE FROM records")
            cursor.execute("DELETE FROM pieces")
        timed(book, [3 + number + JITTERED[number % 10] for number in range(200) if number != lost])

        (share,) = coverage.of(book, pieces.find(book, "c"))
        (gap,) = share.missing
        assert abs((gap.from_mm + gap.to_mm) / 2 - (lost + 3.5) * 10) < 5
        assert 4 < gap.to_mm - gap.from_mm < 16


def test_a_strip_that_runs_faster_than_frames_are_taken_is_missing_in_part(book: Store) -> None:
    """Each frame leaves a fifth of its length open: no jitter, as nothing takes it back."""
    timed(book, [3 + number * 1.2 for number in range(100)])

    (share,) = coverage.of(book, pieces.find(book, "c"))
    open_mm = sum(gap.to_mm - gap.from_mm for gap in share.missing)
    assert 100 < open_mm < 200


def test_a_piece_goes_with_its_last_frame_unless_it_is_young_and_was_put_on_the_line(book: Store) -> None:
    start(book, "old", 10.0)
    start(book, "young", 5000.0)
    write(book, verdict(1, name="named_1.bmp"), verdict(2, name="stays_1.bmp"), pattern=NAMED)
    with book.transaction() as cursor:
        cursor.execute("DELETE FROM records WHERE sequence = 1")
        pieces.forget(cursor, before=5000.1)

    assert [piece.name for piece in pieces.latest(book, 9)] == ["stays", "young"]
    with pytest.raises(ConfigError, match="piece old: it is not on record; the last ones there: stays, young"):
        pieces.find(book, "old")


def test_the_commands_put_a_piece_on_the_line_and_show_what_is_on_record_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    line = Line(tmp_path)
    line.data.mkdir()

    def run(*command: str) -> tuple[int, str]:
        code = main.main([command[0], "-c", str(line.config), *command[1:]])
        told = capsys.readouterr()
        return code, told.out + told.err

    Store(line.data).close()
    assert run("piece") == (0, "no piece is on record\n")
    assert run("piece", "start", "coil-7")[0] == 0
    code, out = run("piece", "--json")
    began_at = json.loads(out)["began_at"]
    book = Store(line.data)
    found = [Region(x=100, y=50, width=40, height=20, label="scratches", score=0.9, severity="major")]
    frames = [
        verdict(n, "ok" if n else "defect", captured_at=began_at + n, regions=[] if n else found) for n in (0, 1, 3)
    ]
    write(book, *frames, verdict(8, captured_at=began_at - 1), speed_m_min=6, mm_per_px=0.5)
    book.close()

    code, out = run("account", "--piece", "coil-7")
    assert code == 1 and "0.000 to 0.400 m" in out and "not inspected: drop, 0.200 to 0.300 m" in out
    code, out = run("account", "--piece", "coil-7", "--json")
    assert json.loads(out)["sources"][0]["missing"] == [{"from_mm": 200.0, "to_mm": 300.0}]
    assert "covered twice" not in out
    code, out = run("defects", "--piece", "coil-7", "--verdict", "all", "--json")
    assert [json.loads(row)["sequence"] for row in out.splitlines()] == [3, 1, 0]
    assert "50 mm, 0.025 m: 20x10 mm" in run("defects", "--piece", "coil-7", "--verdict", "defect")[1]
    assert "to now" not in run("piece", "stop")[1]
    assert run("piece", "stop") == (0, "no piece is on the line\n")
    for wrong in (["piece", "start"], ["piece", "stop", "x"], ["account", "--piece", "x"], ["defects", "--piece", "x"],
                  ["account", "--piece", "coil-7", "--from", "1h"]):  # fmt: skip
        assert run(*wrong)[0] == 2


def test_the_grade_or_the_command_itself_says_the_recipe_of_a_piece(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "LEAD_S", 0.05)
    line = Line(tmp_path, recipes=[{"name": "exposed", "grades": ["DX56D"]}, {"name": "hidden"}])
    line.data.mkdir()

    def run(*command: str) -> tuple[int, str, str]:
        code = main.main(["piece", "-c", str(line.config), *command])
        return code, *capsys.readouterr()

    code, out, error = run("start", "coil-1", "--grade", "DX56D")
    assert (code, error) == (0, "") and out.endswith(" to now, grade DX56D, recipe exposed\n")
    assert run("start", "coil-2", "--grade=DX56D", "--recipe=hidden")[1].endswith("grade DX56D, recipe hidden\n")
    code, out, error = run("start", "coil-3", "--grade", "S235JR")
    assert out.endswith(" to now, grade S235JR\n")
    assert error == "no recipe lists grade S235JR: `decision` decides\n"
    told = [json.loads(row) for row in run("--json")[1].splitlines()]
    assert [(piece["name"], piece["grade"], piece["recipe"]) for piece in told] == [
        ("coil-3", "S235JR", ""), ("coil-2", "DX56D", "hidden"), ("coil-1", "DX56D", "exposed"),
    ]  # fmt: skip
    code, _, error = run("start", "coil-4", "--recipe", "exposd")
    assert code == 2
    assert error == "inspector: recipe exposd: the config has no such recipe; it has exposed, hidden\n"
    for wrong in (["--grade", "DX56D"], ["stop", "--recipe", "hidden"], ["start", "coil-4", "--grade", "x" * 65],
                  ["start", "coil-4", "--grade", "a\nb"], ["start", ""]):  # fmt: skip
        assert run(*wrong)[0] == 2
    assert json.loads(run("--json")[1].splitlines()[0])["name"] == "coil-3"
    assert run("-o", "recipes=[]", "start", "coil-4", "--recipe", "hidden")[2].endswith("it has none\n")


@pytest.mark.parametrize("off", range(10))
def test_a_defect_that_a_frames_border_cuts_is_one_however_unevenly_they_come(book: Store, off: int) -> None:
    """A short part at the end of each tenth frame goes on in the one that follows it."""
    parts = {
        0: Region(x=3, y=7, width=4, height=3, label="scratches", score=0.9, severity="major"),
        1: Region(x=3, y=0, width=4, height=2, label="scratches", score=0.9, severity="major"),
    }
    start(book, "c", 1000.0)
    frames = []
    for number in range(200):
        part = parts.get((number + off) % 10)
        at = 1000.0 + 3 + number + JITTERED[number % 10]
        found = [part] if part else []
        outcome: Outcome = "defect" if part else "ok"
        frames.append(verdict(number, outcome, captured_at=at, height=10, reason="", regions=found))
    write(book, *frames, speed_m_min=0.6, mm_per_px=1)

    assert {one.frames for one in defects.of(book, pieces.find(book, "c"))[1:-1]} == {2}
