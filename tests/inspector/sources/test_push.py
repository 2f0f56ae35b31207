"""Holds the socket on which other programs hand in frames: what they get told, and that it is true."""

import json
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
import zmq

from inspector.errors import BusyError
from inspector.protocol.rejections import Refusals
from inspector.protocol.verdicts import Region, Verdict
from inspector.record.store import Store
from inspector.settings.sources.push import PushSourceSettings
from inspector.sources.push import Push
from inspector.vocabulary import Reason
from tests.fakes import ROOT, wait_until
from tests.inspector.cameras import strip
from tests.inspector.folders import GOOD
from tests.inspector.roles import Bench, bench, in_flight, ok


class Program:
    """Another program: hands frames in without waiting for answers."""

    def __init__(self, line: Bench) -> None:
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, 1)
        self._socket.connect(f"ipc://{line.sockets}/frames.sock")

    def send(self, *parts: bytes) -> bool:
        """Whatever the test wants; False where it would have to wait."""
        return bool(self._socket.poll(200, zmq.POLLOUT)) and self._socket.send_multipart(parts) is None

    def hand_in(self, pixels: np.ndarray[Any, Any], encoding: str = "gray8", **header: Any) -> bool:
        """A frame of raw pixels."""
        header = {"encoding": encoding, "height": pixels.shape[0], "width": pixels.shape[1], **header}
        return self.send(json.dumps(header).encode(), pixels.tobytes())

    def answer(self) -> dict[str, Any]:
        """The next one."""
        assert self._socket.poll(60_000), "no answer came"
        told: dict[str, Any] = json.loads(self._socket.recv())
        return told

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def line() -> Iterator[Bench]:
    """A push source that may have three frames under way, its sink running."""
    made = bench({"type": "push", "path": "/"}, delivery={"in_flight_frames": 3, "drain_s": 0.2})
    with made as line:
        source = {"name": "drop", "type": "push", "path": line.sockets / "frames.sock"}
        line.settings = line.settings.model_copy(update={"sources": [PushSourceSettings.model_validate(source)]})
        line.start_sink()
        yield line


@pytest.fixture
def program(line: Bench) -> Iterator[Program]:
    """Another program, connected."""
    made = Program(line)
    yield made
    made.close()


def test_the_client_of_the_configs_hands_files_in_and_hears_what_became_of_them(line: Bench) -> None:
    (line.sockets / "good.bmp").write_bytes(GOOD)
    (line.sockets / "bad.bmp").write_bytes(GOOD[:100])
    command = [sys.executable, str(ROOT / "configs" / "push_client.py"), "frames.sock", "good.bmp", "bad.bmp"]
    line.start_source()
    worker = line.worker()
    with subprocess.Popen(command, cwd=line.sockets, stdout=subprocess.PIPE, text=True) as client:
        worker.work_until(lambda: client.poll() is not None)
        assert client.stdout is not None
        good, bad, *more = client.stdout.read().splitlines()
    assert (good, more) == ("good.bmp on record ok", [])
    assert bad.startswith("bad.bmp on record error truncated: ")
    assert {record.name: record.outcome for record in line.records()} == {"good.bmp": "ok", "bad.bmp": "error"}


REGIONS = [
    Region(x=8 * number, y=2, width=7, height=5, label="scratches", score=0.9 - number / 100, severity="major")
    for number in range(40)
]
#: What is told of them.
WORST = [
    {"x": one.x, "y": 2, "width": 7, "height": 5, "label": "scratches", "score": one.score, "severity": "major"}
    for one in REGIONS[:16]
]


def test_who_hands_a_frame_in_hears_its_verdict_with_the_worst_of_its_defects(line: Bench, program: Program) -> None:
    line.start_source()
    worker = line.worker()
    program.hand_in(strip(1), id="a")
    worker.ask(1)
    worker.answer(
        worker.take(1),
        "defect",
        "scratches",
        severity="major",
        score=0.9,
        regions=REGIONS,
        reason=Reason("", "40 of them"),
    )

    assert program.answer() == {
        "id": "a", "answer": "on record", "outcome": "defect", "label": "scratches", "severity": "major", "score": 0.9,
        "why": "40 of them", "regions": WORST,
    }  # fmt: skip


def test_a_verdict_that_an_earlier_sink_recorded_is_told_as_it_is_on_record(line: Bench, program: Program) -> None:
    """The sink ends after its commit and before its ack."""
    source = line.started[-1]
    line.start_source()
    worker = line.worker()
    program.hand_in(strip(1), id="a")
    worker.ask(1)
    (frame,) = worker.take(1)
    source.stop()
    verdict = Verdict(
        header=frame.header, outcome="defect", label="scratches", severity="major", score=0.9,
        reason=Reason("", "40 of them"), regions=REGIONS,
    )  # fmt: skip
    store = Store(line.settings.data)
    store.write([("model-1", verdict)], [])
    store.close()
    line.start_sink()

    told = program.answer()
    assert (told["label"], told["severity"], told["score"], told["regions"]) == ("scratches", "major", 0.9, WORST)
    assert worker.gets_nothing()


def test_the_client_of_the_configs_prints_label_severity_score_and_regions(line: Bench) -> None:
    (line.sockets / "good.bmp").write_bytes(GOOD)
    command = [sys.executable, str(ROOT / "configs" / "push_client.py"), "frames.sock", "good.bmp"]
    line.start_source()
    worker = line.worker()
    with subprocess.Popen(command, cwd=line.sockets, stdout=subprocess.PIPE, text=True) as client:
        worker.ask(1)
        worker.answer(worker.take(1), "defect", "scratches", severity="major", score=0.9, regions=REGIONS[:1])
        assert client.stdout is not None
        assert client.stdout.read() == (
            "good.bmp on record defect scratches major 0.9\n  scratches major 0.90 at 0,2, 7x5\n"
        )


def test_raw_pixels_of_every_kind_arrive_as_gray(line: Bench, program: Program) -> None:
    pixels = strip(1)
    line.start_source()
    worker = line.worker()
    began = time.time()
    for number, (encoding, sent) in enumerate(
        {
            "gray8": pixels,
            "gray16": pixels.astype("<u2") * 257,
            "bgr8": cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR),
        }.items()
    ):
        assert program.hand_in(sent, encoding, id=f"n{number}", name=f"coil-7/{encoding}", captured_at=began - 60)
        worker.ask(1)
        (frame,) = worker.take(1)
        assert (frame.header.name, frame.header.height, frame.header.width) == (f"coil-7/{encoding}", *pixels.shape)
        assert frame.header.captured_at == pytest.approx(began - 60, abs=1)
        worker.answer([frame], "defect")
        assert program.answer() == {"id": f"n{number}", "answer": "on record", "outcome": "defect"}


def test_the_piece_and_place_that_come_with_a_frame_are_on_its_record_whatever_becomes_of_it(
    line: Bench, program: Program
) -> None:
    line.start_source()
    worker = line.worker()
    assert program.hand_in(strip(1), name="a_1", piece="coil-7", at_mm=1500.5)
    worker.ask(1)
    worker.answer(worker.take(1), "defect")
    program.answer()
    assert program.send(json.dumps({"encoding": "file", "piece": "coil-7", "at_mm": -2}).encode(), b"no image")
    program.answer()

    assert [(record.outcome, record.piece, record.at_mm) for record in line.records()] == [
        ("defect", "coil-7", 1500.5), ("error", "coil-7", -2.0),
    ]  # fmt: skip


HEADER = {"encoding": "gray8", "height": 64, "width": 64}


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([b"x"], "1 parts"),
        ([b"{}", b"x", b"y"], "3 parts"),
        ([b"not JSON", b"x"], "header: "),
        ([b"[" * 10_000, b"x"], "header: "),
        ([b" " * 20_000, b"x"], "20000 bytes"),
        ([json.dumps(HEADER | {"height": -1}).encode(), b"x"], "height"),
        ([json.dumps(HEADER | {"encoding": "pickle"}).encode(), b"x"], "pickle"),
        ([json.dumps(HEADER | {"coil": 7}).encode(), b"x"], "coil"),
        ([json.dumps(HEADER | {"captured_at": 0}).encode(), b"x"], "captured_at"),
        ([json.dumps(HEADER | {"captured_at": 1e300}).encode(), b"x"], "captured_at"),
        ([json.dumps(HEADER | {"id": "x" * 65}).encode(), b"x"], "id"),
        ([json.dumps(HEADER | {"piece": "x" * 129}).encode(), b"x"], "piece"),
        ([json.dumps(HEADER | {"grade": "x" * 65}).encode(), b"x"], "grade"),
        ([json.dumps(HEADER | {"at_mm": 1e12}).encode(), b"x"], "at_mm"),
        ([json.dumps(HEADER | {"at_mm": "12"}).encode(), b"x"], "at_mm"),
    ],
)
def test_what_is_no_frame_is_refused_and_on_record_as_such(
    line: Bench, program: Program, parts: list[bytes], why: str
) -> None:
    line.start_source()
    assert program.send(*parts)

    told = program.answer()
    assert told["answer"] == "refused"
    assert why in told["why"]
    line.wait_for(lambda account: bool(account.tally and account.tally.dropped == {"refused": 1}))
    assert line.account().listed == 1


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        (HEADER, b"x", "1 bytes for 64x64 pixels of gray8"),
        (HEADER | {"height": 0}, b"", "0x0|64x0 pixels"),
        (HEADER | {"height": 4}, bytes(256), "smaller than"),
        ({"encoding": "file"}, b"text", "not an image"),
    ],
)
def test_a_frame_that_cannot_be_inspected_is_an_error_on_record(
    line: Bench, program: Program, header: dict[str, Any], data: bytes, reason: str
) -> None:
    line.start_source()
    assert program.send(json.dumps(header | {"id": "a"}).encode(), data)

    told = program.answer()
    (record,) = line.records()
    assert any(part in record.reason for part in reason.split("|"))
    assert told == {"id": "a", "answer": "on record", "outcome": "error", "why": record.reason}


def test_frames_of_changing_size_no_size_and_wrong_type_are_on_record_each_as_what_it_is(
    line: Bench, program: Program
) -> None:
    """One after the other over one connection, good ones between them."""
    line.start_source()
    worker = line.worker()
    handed: list[tuple[dict[str, Any], bytes, str]] = []
    for number, (height, width) in enumerate(
        ((64, 64), (96, 128), (33, 500), (0, 64), (64, 0), (8, 8), (1000, 40), (64, 64))
    ):
        good = min(height, width) >= 32
        pixels = np.random.default_rng(number).integers(0, 256, (height, width), np.uint8)
        header = {"encoding": "gray8", "height": height, "width": width}
        handed.append((header, pixels.tobytes(), "ok" if good else "error"))
        # Its bytes are those of another type
        handed.append((header | {"encoding": "gray16"}, pixels.tobytes(), "error"))
        handed.append((header, pixels.astype(np.float32).tobytes() or b"none", "error"))
    for number, (header, data, _) in enumerate(handed):
        assert program.send(json.dumps(header | {"id": str(number), "name": str(number)}).encode(), data)
        worker.work_until(lambda number=number: len(line.records()) > number)  # type: ignore[misc]
        program.answer()

    records = line.records()
    assert [(record.name, record.outcome) for record in records] == [
        (str(number), outcome) for number, (_, _, outcome) in enumerate(handed)
    ]
    assert all(record.reason for record in records if record.outcome == "error")
    assert line.wait_for(lambda account: bool(account.tally and account.tally.captured == len(handed))).balanced


def test_with_no_room_the_program_waits_and_nothing_is_dropped(line: Bench, program: Program) -> None:
    # Given a program that hands in as long as it can, and no worker
    line.start_source()
    handed = 0
    while program.hand_in(np.resize(strip(handed), (1000, 1000)), id=str(handed)):
        handed += 1
    assert 3 < handed < 60
    line.wait_for(lambda account: in_flight(account) == 3)
    # When a worker comes, then all of them are inspected, in order
    line.worker().work_until(lambda: ok(line.account()) == handed)
    assert [program.answer()["id"] for _ in range(handed)] == [str(number) for number in range(handed)]
    tally = line.account().tally
    assert tally is not None
    assert tally.dropped == {}


def test_a_line_that_stops_tells_who_waits_that_there_is_no_record(line: Bench, program: Program) -> None:
    source = line.start_source()
    for number in range(2):
        assert program.hand_in(strip(number), id=str(number))
    line.wait_for(lambda account: in_flight(account) == 2)
    source.stop()

    assert [program.answer()["why"] for _ in range(2)] == ["the line stopped before it was on record"] * 2
    line.wait_for(lambda account: bool(account.tally and account.tally.dropped == {"shutdown": 2}))


def test_a_socket_is_one_sources_and_of_user_and_group(line: Bench) -> None:
    path = line.sockets / "frames.sock"
    path.write_bytes(b"left by a line that was killed")
    source = line.start_source()
    wait_until(lambda: path.is_socket() and stat.S_IMODE(path.stat().st_mode) == 0o660)

    with pytest.raises(BusyError, match="another source takes frames"):
        Push(PushSourceSettings(name="other", type="push", path=path), Refusals()).open()
    source.stop()
