"""Holds a running line to its recipes: no frame under the wrong one, however they change, and nothing stops."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.cli import main
from inspector.protocol.messages import Ack
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.settings.sources.push import PushSourceSettings
from inspector.worker import recipes
from tests.fakes import LABELS, Line, make_bundle, running, wait_until
from tests.inspector.cameras import strip
from tests.inspector.coils import DECIDED_BY, Page
from tests.inspector.mouths import Mouth
from tests.inspector.record.test_store import verdict
from tests.inspector.roles import Bench, bench, fill, in_flight
from tests.inspector.sink.test_sink import address, get
from tests.inspector.sources.test_push import Program
from tests.inspector.supervisor.test_supervision import reconfigure
from tests.inspector.worker.test_recipes import start

#: No score of the fake engine is as high as 1: by `strict` every picture is unsure, by the others none is.
RECIPES: list[dict[str, Any]] = [
    {"name": "strict", "grades": ["DX56D"], "thresholds": dict.fromkeys(LABELS, 1.0)},
    {"name": "harsh", "grades": ["DC06"], "severities": dict.fromkeys(LABELS[1:], "critical")},
    {"name": "mild", "grades": ["S235JR"], "severities": dict.fromkeys(LABELS[1:], "minor")},
]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Bench]:
    """A push source, a sink and a worker to be started."""
    model = make_bundle(tmp_path / "bundle").path
    settings = {"workers": {"engine": "fake", "max_wait_ms": 300}, "recipes": RECIPES, "delivery": {"drain_s": 0.2}}
    with bench({"type": "push", "path": "/"}, bundle=model, **settings) as made:
        source = {"name": "drop", "type": "push", "path": made.sockets / "frames.sock"}
        made.settings = made.settings.model_copy(update={"sources": [PushSourceSettings.model_validate(source)]})
        yield made


def hand_in(program: Program, number: int, name: str, **told: str) -> None:
    """A picture, as soon as it is taken."""
    wait_until(lambda: program.hand_in(strip(number), name=name, **told))


def by_name(line: Bench, count: int) -> dict[str, Record]:
    """The records, once there are so many."""
    wait_until(lambda: len(line.records()) >= count, lambda: str(line.records()))
    return {record.name: record for record in line.records()}


def test_the_same_picture_ends_as_its_grade_wants_it_to_also_within_one_batch(
    line: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    # Given pictures of which each is handed in four times, before a worker is there
    line.start_sink()
    line.start_source()
    program = Program(line)
    grades = {"DX56D": "strict", "DC06": "harsh", "S235JR": "mild", "": ""}
    for number in range(4):
        for grade in grades:
            told = {"piece": f"coil-{grade}", "grade": grade} if grade else {}
            hand_in(program, number, f"{number}{grade}", **told)
    line.wait_for(lambda account: in_flight(account) == 16)
    # When one takes them: the first tells how many tiles such frames have, then come all the others at once
    line.start_worker()
    records = by_name(line, 16)
    program.close()
    # Then each was decided by its own recipe
    batches = re.search(r"^inspector_batch_tiles_count (.*)$", get(f"{address(caplog)}/metrics")[1], re.MULTILINE)
    assert batches and float(batches[1]) < 8  # two that follow each other never have the same recipe
    assert {name: record.recipe for name, record in records.items()} == {
        f"{number}{grade}": recipe for number in range(4) for grade, recipe in grades.items()
    }
    defects = [number for number in range(4) if records[str(number)].outcome == "defect"]
    assert defects
    for number in range(4):
        shown = [records[f"{number}{grade}"] for grade in grades]
        assert (shown[0].outcome, shown[0].reason) == ("unsure", "score under 1.00")
        assert len({record.label for record in shown}) == 1
        severities = ["critical", "minor", "major"] if number in defects else ["none"] * 3
        assert [record.severity for record in shown[1:]] == severities
        assert [region["severity"] for record in shown[1:] for region in record.regions] == severities * (
            number in defects
        )
    with_grade = [piece for piece in pieces_of(line) if piece[1]]
    assert sorted(with_grade) == [("coil-DC06", "DC06", "harsh"), ("coil-DX56D", "DX56D", "strict"),
                                  ("coil-S235JR", "S235JR", "mild")]  # fmt: skip


def pieces_of(line: Bench) -> list[tuple[Any, ...]]:
    """Name, grade and recipe of each piece on record."""
    store = Store(line.settings.data, read_only=True)
    rows = list(store.read("SELECT name, grade, recipe FROM pieces"))
    store.close()
    return rows


def test_the_grade_in_a_files_name_chooses_too(tmp_path: Path) -> None:
    model = make_bundle(tmp_path / "bundle").path
    place = {"pattern": "^(?P<piece>[^_]+)_(?P<grade>[^_]+)_(?P<at_mm>[0-9]+)"}
    source = {"type": "folder", "path": tmp_path / "drop", "settle_ms": 0, "place": place}
    with bench(source, bundle=model, workers={"engine": "fake"}, recipes=RECIPES) as line:
        line.drop = tmp_path / "drop"
        fill(line, 1)
        picture = (line.drop / "000.bmp").read_bytes()
        for name in ("coil-1_DX56D_100", "coil-2_DC06_0", "coil-2_DC06_100"):
            (line.drop / f"{name}.bmp").write_bytes(picture)
        line.start_sink()
        line.start_source()
        line.start_worker()
        assert {name: record.recipe for name, record in by_name(line, 4).items()} == {
            "coil-1_DX56D_100.bmp": "strict", "coil-2_DC06_0.bmp": "harsh", "coil-2_DC06_100.bmp": "harsh",
            "000.bmp": "",
        }  # fmt: skip


def test_a_worker_that_cannot_read_the_record_goes_on_and_guesses_nothing(
    line: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(recipes, "WAIT_S", 0.4)
    line.start_sink()
    line.start_source()
    program = Program(line)
    book = Store(line.settings.data)
    start(book, "coil-1", time.time(), "mild")
    book.close()
    # Given a worker that sees the record by a way of its own, which can be away while the sink's is there
    way, data = tmp_path / "way", line.settings.data
    way.symlink_to(data)
    line.settings = line.settings.model_copy(update={"data": way})
    line.start_worker()
    line.settings = line.settings.model_copy(update={"data": data})
    hand_in(program, 0, "before")
    by_name(line, 1)
    # When it is away
    way.unlink()
    hand_in(program, 1, "waits")
    hand_in(program, 2, "tells", piece="coil-2", grade="DC06")
    answers = [program.answer() for _ in range(3)]
    assert [answer["outcome"] == "unsure" for answer in answers] == [False, False, True]
    # When it is back
    way.symlink_to(data)
    hand_in(program, 3, "after")
    records = by_name(line, 4)
    program.close()

    assert {name: record.recipe for name, record in records.items()} == {
        "before": "mild", "waits": None, "tells": "harsh", "after": "mild",
    }  # fmt: skip
    assert records["waits"].reason.startswith("recipe not known: ")
    assert "the record can be read again" in caplog.text


def test_the_sink_lets_no_verdict_by_a_wrong_recipe_pass_whoever_sends_it(
    line: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    line.start_sink()
    source, worker = Mouth(line, "drop.1f"), Mouth(line, "worker-0.1")
    source.hello()
    book = Store(line.settings.data)
    start(book, "coil-1", 0.0, "strict")
    book.close()
    worker.verdicts(verdict(1, "ok", recipe="mild"), verdict(2, "unsure", recipe="strict"), verdict(3, "ok"))

    answers = source.hears(Ack).settled
    assert [(one.frame, one.outcome) for one in answers] == [(f"frame-{number}", "unsure") for number in (1, 2, 3)]
    told = [one.judgement.reason for one in answers if one.judgement]
    assert [reason.startswith("decided by ") for reason in told] == [True, False, True]
    assert [record.recipe for record in line.records()] == [None, "strict", None]
    assert "\ninspector_recipe_unknown_total 2.0\n" in get(f"{address(caplog)}/metrics")[1]
    assert "unsure for want of a recipe, 2 frames so far: decided by no recipe, and piece coil-1" in caplog.text
    worker.verdicts(verdict(1, "ok", recipe="mild"))  # once more, and what counts is what is on record
    assert [(one.frame, one.outcome) for one in source.hears(Ack).settled] == [("frame-1", "unsure")]
    for mouth in (source, worker):
        mouth.dealer.close()


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line whose camera shows a picture every few milliseconds."""
    folder = tmp_path_factory.mktemp("line")
    camera = {"name": "camera", "type": "simulated", "rate_fps": 120, "width_px": 64, "height_px": 64}
    never_blank = {"thresholds": dict.fromkeys(LABELS, 0.5), "min_contrast": 0.0}
    model = str(make_bundle(folder / "bundle", decision=never_blank).path)
    line = Line(folder, [camera], bundle=model, workers={"count": 2}, recipes=RECIPES, evidence={"budget_mb": 0})
    with running(line):
        wait_until(lambda: line.recorded > 0, line.explain)
        yield line


def captured_after(line: Line, at: float) -> bool:
    """Whether a frame that was captured then, or later, is on record."""
    return any(record.captured_at > at for record in line.records(limit=1))


def test_recipes_switch_between_coils_without_a_frame_under_the_wrong_one(
    fast: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    """Takes some seconds: the coils are of half a second each, and real time is what this is about."""
    # Given a line at speed
    switches: list[tuple[float, str]] = []
    words = ["--grade=DX56D", "--recipe=mild", "--grade=DX56D", "--grade=DC06", "--grade=none", "--recipe=strict"]
    for number, (word, recipe) in enumerate(
        zip(words, ["strict", "mild", "strict", "harsh", "", "strict"], strict=True)
    ):
        # When coil follows coil, and workers die meanwhile
        said_at = time.time()
        if number % 2:
            os.kill(fast.child(f"worker-{number // 2 % 2}"), signal.SIGKILL)
        assert main.main(["piece", "-c", str(fast.config), "start", f"coil-{number}", word, "--json"]) == 0
        began_at = json.loads(capsys.readouterr().out)["began_at"]
        assert said_at < began_at <= time.time()
        switches.append((began_at, recipe))
        wait_until(lambda: captured_after(fast, switches[-1][0] + 0.2), fast.explain)
    ends_at = switches[-1][0] + 0.2
    # Then each frame was decided by the recipe of the coil that was there, as its outcome shows, and none was lost
    records = [record for record in fast.records(oldest_first=True) if record.captured_at < ends_at]
    seen: dict[str, int] = {}
    for record in records:
        number = sum(began_at <= record.captured_at for began_at, _ in switches)
        recipe = ["", *(recipe for _, recipe in switches)][number]
        seen[record.piece] = seen.get(record.piece, 0) + 1
        assert (record.recipe, record.piece) == (recipe, f"coil-{number - 1}" if number else "")
        assert record.reason == ("score under 1.00" if recipe == "strict" else ""), record
        assert (record.outcome == "unsure") == (recipe == "strict")
        if record.outcome == "defect":
            assert record.severity == {"harsh": "critical", "mild": "minor", "": "major"}[recipe]
    assert len(seen) == 7 and len(records) > 100, seen  # a busy machine may show few of one coil
    assert fast.account()[0]["balanced"]


def test_a_reload_changes_a_recipe_for_the_coil_on_the_line_too(fast: Line) -> None:
    workers = [fast.child(f"worker-{number}") for number in range(2)]
    assert fast.run("piece", "start", "coil-9", "--recipe", "strict").returncode == 0
    began_at = time.time()
    wait_until(lambda: captured_after(fast, began_at), fast.explain)
    assert {record.outcome for record in fast.records(since=began_at)} == {"unsure"}
    # When its numbers are others
    reconfigure(fast, recipes=[{"name": "strict", "severities": {"patches": "minor"}}, *RECIPES[1:]])
    wait_until(lambda: "reload: recipes taken over" in fast.log, fast.explain)
    wait_until(lambda: fast.log.count("recipes of the new config from now on") == 2, fast.explain)
    changed_at = time.time()
    wait_until(lambda: captured_after(fast, changed_at + 0.3), fast.explain)
    # Then the workers that are there decide by those
    records = fast.records(since=changed_at)
    assert {record.recipe for record in records} == {"strict"}
    assert {record.outcome for record in records} <= {"ok", "defect"}
    assert [fast.child(f"worker-{number}") for number in range(2)] == workers
    # And when it is gone, nobody guesses
    reconfigure(fast, recipes=RECIPES[1:])
    wait_until(lambda: fast.log.count("recipes of the new config from now on") == 4, fast.explain)
    gone_at = time.time()
    wait_until(lambda: captured_after(fast, gone_at), fast.explain)
    assert {(record.outcome, record.recipe) for record in fast.records(since=gone_at)} == {("unsure", None)}
    assert fast.stop() == 0
    # Then its report tells by what it was decided, one after the other, whatever the config says later
    page = fast.folder / "r.html"
    asked = fast.run("report", "coil-9", "-o", "decision.thresholds={patches: 0.9}", "--to", str(page))
    assert asked.returncode == 0, asked.stderr
    told = Page(page.read_text())
    numbers = [
        [(row[2], row[3], row[5]) for row in table if row[0] == "patches"]
        for table in told.tables
        if table[0] == list(DECIDED_BY)
    ]
    assert numbers == [
        [("major", "1.00", "recipe strict")], [("minor", "0.50", "recipe strict")], [("major", "0.50", "the bundle")]
    ]  # fmt: skip
    assert told.text.count("which is not among these settings") == 1
