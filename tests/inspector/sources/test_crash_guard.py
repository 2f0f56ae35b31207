"""Holds a source against pictures that end it: each has two tries and is an error on record, and the line goes on."""

import json
from pathlib import Path
from typing import Any

import pytest
import zmq

from inspector.errors import ImageError
from inspector.protocol.heartbeat import LifeSign
from inspector.sources.crash_guard import CrashGuard
from tests.fakes import running, wait_until
from tests.inspector.folders import GOOD, below, connect, read
from tests.inspector.supervisor.test_supervisor import ready
from tests.planted import POISON, PlantedLine

REASON = "ended its source 2 times while it was read: it is not read again"


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ("decoder-hangs", "is stuck in one picture for more than 1.5 s: killed"),
        ("decoder-crashes", "drop ended with signal 11"),
        ("decoder-exhausts", "drop ended with exit code 1"),
        ("look-crashes", "drop ended with signal 11"),
    ],
)
def test_files_that_end_the_source_are_the_only_errors_and_the_good_ones_beside_them_go_on(
    fault: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given three files that end who reads them, among good ones, and a line that gives up after three fruitless ends
    monkeypatch.setenv("PLANTED", fault)
    drop: dict[str, Any] = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 50}
    drop["incomplete_wait_s"] = 600  # they are looked at before they are claimed, however slowly the line starts
    line = PlantedLine(tmp_path, [drop], supervision={"stuck_s": 1.5, "give_up_after": 3})
    line.drop.mkdir()
    poison = [f"{number}-poison.bmp" for number in (0, 5, 6)]
    good = [f"{number}.bmp" for number in range(10)]
    for name in good + poison:
        (line.drop / name).write_bytes(GOOD + (POISON if name in poison else b""))
    # When all of them come, then all are on record
    with running(line):
        line.wait_for_records(13)
        wait_until(lambda: len(below(line.drop / "failed")) == 3, line.explain)
        # What is left to say for a minute is how often it ended
        wait_until(lambda: all("ended 6 times within a minute" in one for one in ready(line)[1]), line.explain)
        assert line.stop() == 0
    # And the three are errors that say why, in failed/, after two ends each
    errors = sorted((record.name, record.reason) for record in line.records(outcomes=["error"]))
    assert errors == [(name, REASON) for name in poison]
    assert (below(line.drop / "failed"), below(line.drop / "done")) == (poison, good)
    assert line.log.count(end) == 6
    assert line.account()[0]["balanced"]


def test_what_was_in_hand_is_known_after_the_whole_line_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", "decoder-hangs")
    line = PlantedLine(tmp_path)
    line.drop.mkdir()
    (line.drop / "a.bmp").write_bytes(GOOD + POISON)
    (line.drop / "b.bmp").write_bytes(GOOD)
    in_hand = line.data / "in_hand" / "drop.json"

    def held(ends: list[int]) -> bool:
        """Whether it holds the file again, after so many ends with it."""
        text = in_hand.read_bytes().partition(b"\n")[0] if in_hand.exists() else b""
        kept = json.loads(text or b'{"name": ""}')
        return "a.bmp" in kept["name"] and list(kept["ends"].values()) == ends

    for ends in ([], [1]):
        with running(line):  # and all of it is killed at the end
            wait_until(lambda ends=ends: held(ends), line.explain)  # type: ignore[misc]
    with running(line):
        line.wait_for_records(2)
        assert line.stop() == 0
    assert [record.reason for record in line.records(outcomes=["error"])] == [REASON]


def test_a_file_handed_in_again_and_again_that_ends_the_source_is_answered_as_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", "decoder-crashes")
    line = PlantedLine(tmp_path, [{"name": "push", "type": "push", "path": str(tmp_path / "frames")}])
    with running(line), zmq.Context.instance().socket(zmq.DEALER) as program:
        program.setsockopt(zmq.LINGER, 0)
        program.connect(f"ipc://{tmp_path}/frames")
        for ends in (1, 2):
            program.send_multipart([b'{"encoding": "file", "name": "gate-3"}', GOOD + POISON])
            wait_until(lambda ends=ends: line.log.count("push ended with signal 11") == ends, line.explain)  # type: ignore[misc]
        program.send_multipart([b'{"encoding": "file", "name": "gate-3"}', GOOD + POISON])
        assert program.poll(60_000), line.explain()
        answer = {"id": "", "answer": "on record", "outcome": "error", "why": REASON}
        assert json.loads(program.recv()) == answer
        assert line.stop() == 0
    assert [(record.name, record.reason) for record in line.records()] == [("gate-3", REASON)]
    assert "the source ended 2 times while gate-3 was read" in line.log


def test_a_picture_that_can_be_read_at_last_is_forgotten(tmp_path: Path) -> None:
    def ends() -> None:
        with pytest.raises(MemoryError):
            hold("a", MemoryError())

    def hold(key: str, error: BaseException | None = None) -> None:
        guard = CrashGuard("drop")
        guard.resume(tmp_path)
        assert guard.refusal(key) == ""
        with guard.reading(key, "a.bmp"):
            if error:
                raise error

    for _ in range(3):
        ends()
        hold("a")
    with pytest.raises(ImageError):
        hold("b", ImageError("damaged"))
    with pytest.raises(OSError):
        hold("b", OSError("gone"))
    hold("b")


def test_a_file_of_ours_that_is_damaged_or_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "in_hand").mkdir()
    (tmp_path / "in_hand" / "drop.json").write_bytes(b'{"key": 7, \xff')
    (tmp_path / "in_hand" / "other.json").mkdir()

    for source in ("drop", "other"):
        guard = CrashGuard(source)
        guard.resume(tmp_path)
        with guard.reading("a", "a\nb.bmp"):
            assert guard.refusal("a") == ""


def test_each_picture_read_is_a_turn_and_one_set_aside_is_work(tmp_path: Path) -> None:
    sign = LifeSign()
    for _ in range(2):
        guard = CrashGuard("drop", sign)
        guard.resume(tmp_path)
        with pytest.raises(MemoryError), guard.reading("a", "a.bmp"):
            assert (sign.in_hand()[0].frame, sign.began > 0) == ("a", True)
            raise MemoryError
    guard = CrashGuard("drop", sign)
    guard.resume(tmp_path)
    sign.clear()

    with guard.reading("b", "b.bmp"):
        pass
    assert (sign.turned > 0, sign.began, sign.work) == (True, 0, 0)
    assert guard.refusal("a") == REASON
    assert sign.work == 1


def test_a_file_is_in_hand_once_on_its_way_from_the_drop_folder_to_its_pixels(
    drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[str] = []
    reading = CrashGuard.reading

    def counted(self: CrashGuard, key: str, name: str) -> object:
        held.append(Path(name).name)
        return reading(self, key, name)

    monkeypatch.setattr(CrashGuard, "reading", counted)
    connector = connect(drop)
    connector.open()
    (drop / "a.bmp").write_bytes(GOOD)
    (capture,) = read(connector)

    assert capture.pixels is not None
    assert held == ["a.bmp"]
    connector.close()
