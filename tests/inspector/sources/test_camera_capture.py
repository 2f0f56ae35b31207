"""Holds the camera: every frame of a film; what becomes of one that is lost, hangs, freezes or shows rubbish."""

import base64
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from inspector.cli import main
from inspector.errors import ImageError
from inspector.record.gaps import Gap
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.settings.sources.camera import CameraSourceSettings
from inspector.sources import capture
from inspector.sources.cameras import camera as connected
from inspector.sources.capture.gray import gray
from tests.fakes import ROOT, Line, wait_until
from tests.inspector.cameras import film, http_camera, strip
from tests.inspector.roles import Bench, bench, in_flight, ok
from tests.inspector.sources.test_simulated import Clock


def problem(line: Bench) -> str:
    """What the source last said is wrong."""
    tally = line.account().tally
    return tally.problem if tally else "not heard of"


def gaps(line: Bench) -> list[Gap]:
    """What is on record as not inspected."""
    store = Store(line.settings.data, read_only=True)
    try:
        return store.gaps(Query())
    finally:
        store.close()


def grabbers() -> set[int]:
    """The capture processes of this test that are alive."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if capture.__name__ in child.cmdline():
                found.add(child.pid)
    return found


def camera(address: str | Path, **settings: Any) -> dict[str, Any]:
    """The settings of a camera source."""
    return {"type": "camera", "address": str(address), **settings}


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def silent_address(listening: socket.socket, login: str = "") -> str:
    """An RTSP address at that port."""
    return f"rtsp://{login}127.0.0.1:{listening.getsockname()[1]}/strip"


def test_every_frame_of_a_video_file_is_on_record_however_slow_the_workers_are(tmp_path: Path) -> None:
    path = film(tmp_path / "coil.avi", [strip(number) for number in range(150)], fps=200)
    with bench(camera(path), delivery={"in_flight_frames": 7}) as line:
        line.start_sink()
        line.start_source()
        line.wait_for(lambda account: in_flight(account) == 7)
        line.worker().work_until(lambda: ok(line.account()) == 150)
        tally = line.account().tally
        assert tally is not None
        assert (tally.captured, tally.dropped, tally.problem) == (150, {}, "")
        assert [record.name for record in line.records()] == [f"coil.avi-{number:06d}" for number in range(150)]


def test_a_file_at_its_own_pace_does_not_wait_and_its_sums_balance(tmp_path: Path) -> None:
    path = film(tmp_path / "coil.avi", [strip(number) for number in range(30)], fps=30)
    with bench(camera(path, pace="realtime"), delivery={"in_flight_frames": 5, "drain_s": 0.2}) as line:
        line.start_sink()
        began_at = time.time()
        line.start_source()
        account = line.wait_for(lambda account: bool(account.tally and account.tally.captured == 30))
        assert account.tally is not None
        assert account.tally.dropped == {"overload": 25}
        worker = line.worker()
        worker.ask(5)
        assert worker.take(5)[-1].header.captured_at - began_at >= 29 / 30


def test_a_video_that_was_cut_short_is_an_error_on_record(tmp_path: Path) -> None:
    path = film(tmp_path / "coil.avi", [strip(number) for number in range(40)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with bench(camera(path)) as line:
        line.start_sink()
        line.start_source()
        line.worker().work_until(lambda: line.account().recorded["error"] == 1)
        (error,) = [record for record in line.records() if record.outcome == "error"]
        assert "promises 40: cut short or damaged" in error.reason


def test_a_file_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "coil.avi"
    with bench(camera(path)) as line:
        line.start_sink()
        line.start_source()
        film(tmp_path / "made.avi", [strip(number) for number in range(5)]).rename(path)
        line.worker().work_until(lambda: ok(line.account()) == 5)


def test_green_where_the_decoder_had_nothing_is_an_error_and_black_is_inspected(tmp_path: Path) -> None:
    # Given a lossless film: strip, strip whose lower half is green, black
    torn = np.repeat(strip(1)[:, :, np.newaxis], 3, axis=2)
    torn[48:] = (0, 135, 0)
    path = film(tmp_path / "coil.avi", [strip(0), torn, np.zeros((96, 96), np.uint8)], codec="FFV1")
    with bench(camera(path)) as line:
        line.start_sink()
        line.start_source()
        line.worker().work_until(lambda: sum(line.account().recorded.values()) == 3)
        first, second, third = sorted(line.records(), key=lambda record: record.name)
        assert (first.outcome, second.outcome, third.outcome) == ("ok", "error", "ok")  # the worker here says ok to all
        assert second.reason == "48 of 96 rows are the green of a picture that was not decoded whole"


def test_a_camera_that_turns_green_then_black_is_on_record_with_each_of_its_pictures() -> None:
    green, black = np.full((96, 96, 3), (0, 135, 0), np.uint8), np.zeros((96, 96), np.uint8)
    shows: list[NDArray[np.uint8] | None] = [None]
    with (
        http_camera(lambda number: strip(number) if shows[-1] is None else shows[-1], fps=100) as camera_,
        bench(camera(camera_.address()), delivery={"drain_s": 0.2}) as line,
    ):
        line.start_sink()
        line.start_source()
        worker = line.worker()
        worker.work_until(lambda: ok(line.account()) > 3)
        # When it shows the green of no signal, then each picture is an error
        shows.append(green)
        worker.work_until(lambda: line.account().recorded["error"] > 5)
        # When it shows black, then the first is inspected, and those like it are dropped and counted
        shows.append(black)
        worker.work_until(lambda: bool((tally := line.account().tally) and tally.dropped.get("stale", 0) > 5))
        before = ok(line.account())
        # When it shows strip again, then all of it is accounted for
        shows.append(None)
        worker.work_until(lambda: ok(line.account()) > before + 3)
        line.wait_for(lambda account: account.balanced)
        errors = [record for record in line.records() if record.outcome == "error"]
        assert {record.reason for record in errors} == {
            "96 of 96 rows are the green of a picture that was not decoded whole"
        }


def test_a_camera_whose_pictures_change_their_size_loses_none_of_them() -> None:
    with (
        http_camera(lambda number: strip(number, (96, 160, 64, 97)[number // 10 % 4]), fps=100) as camera_,
        bench(camera(camera_.address()), delivery={"drain_s": 0.2}) as line,
    ):
        line.start_sink()
        line.start_source()
        line.worker().work_until(lambda: ok(line.account()) > 50)
        account = line.wait_for(lambda account: account.balanced)
        assert account.recorded["error"] == 0
        assert {(record.width, record.height) for record in line.records()} >= {(96, 96), (160, 160), (64, 64)}


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (None, "without pixels"),
        (np.zeros((0, 64), np.uint8), "without pixels"),
        (np.zeros((64, 64), np.float32), "type float32"),
        (np.zeros((64, 64, 2), np.uint8), r"\(64, 64, 2\)"),
        (np.zeros((2, 64, 64, 3), np.uint8), r"\(2, 64, 64, 3\)"),
        (np.zeros((8, 64, 3), np.uint8), "smaller than"),
        (np.zeros((1, 70_000), np.uint8), "smaller than"),
        (np.zeros((32, 70_000), np.uint8), "at most"),
        (np.full((64, 64, 3), (0, 135, 0), np.uint8), "64 of 64 rows are the green"),
    ],
)
def test_what_is_no_picture_of_strip_is_refused_with_its_reason(picture: Any, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        gray(picture)


@pytest.mark.parametrize("shape", [(64, 80), (64, 80, 1), (64, 80, 3), (64, 80, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_and_colour_of_eight_and_sixteen_bits_become_gray(shape: tuple[int, ...], dtype: type) -> None:
    level = np.iinfo(dtype).max // 255 * 100
    pixels = gray(np.full(shape, level, dtype))

    assert (pixels.shape, pixels.dtype) == ((64, 80), np.uint8)
    assert np.unique(pixels).tolist() == [100]


def test_the_very_same_picture_again_and_again_is_not_inspected_and_readiness_says_so() -> None:
    frozen = [True]
    with (
        http_camera(lambda number: strip(0 if frozen else number)) as camera_,
        bench(camera(camera_.address(), stale_s=0.2)) as line,
    ):
        # Given a camera that stands still
        line.start_sink()
        line.start_source()
        worker = line.worker()
        worker.work_until(lambda: "very same picture" in problem(line))
        account = line.account()
        assert account.tally is not None
        assert (account.recorded["ok"], set(account.tally.dropped)) == (1, {"stale"})
        # When it moves again, then it is inspected again
        frozen.clear()
        worker.work_until(lambda: ok(line.account()) > 5 and problem(line) == "")
        assert {gap.reason for gap in gaps(line)} == {"stale", "source_down"}
        stale = sum(gap.frames for gap in gaps(line) if gap.reason == "stale")
        assert stale == (line.account().tally or account.tally).dropped["stale"]


def test_repeats_are_inspected_where_the_config_says_so() -> None:
    with http_camera(lambda _: strip(0)) as camera_, bench(camera(camera_.address(), stale_s=None)) as line:
        line.start_sink()
        line.start_source()
        line.worker().work_until(lambda: ok(line.account()) > 5)


def test_a_camera_that_ends_the_connection_is_connected_again_and_again() -> None:
    with (
        http_camera(lambda number: None if number % 60 == 59 else strip(number), fps=200) as camera_,
        bench(camera(camera_.address()), delivery={"drain_s": 0.2}) as line,
    ):
        line.start_sink()
        source = line.start_source()
        # When three connections have ended, then frames still come, and what lies between is on record
        line.worker().work_until(lambda: ok(line.account()) > 180)
        source.stop()
        assert any("ended the connection" in gap.detail for gap in gaps(line) if gap.reason == "source_down")
        assert line.account().balanced
    assert not grabbers()


def test_a_camera_whose_capture_process_is_killed_is_back_at_once() -> None:
    with http_camera(strip) as camera_, bench(camera(camera_.address())) as line:
        line.start_sink()
        line.start_source()
        worker = line.worker()
        worker.work_until(lambda: ok(line.account()) > 3)
        (pid,) = grabbers()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in grabbers())
        before = ok(line.account())
        worker.work_until(lambda: ok(line.account()) > before + 3)
        assert any("ended with signal 9" in gap.detail for gap in gaps(line))


def test_a_port_that_never_answers_is_given_up_after_its_deadline(listening: socket.socket) -> None:
    with bench(camera(silent_address(listening), connect_s=0.3)) as line:
        line.start_sink()
        line.start_source()
        line.wait_for(lambda _: problem(line) == "lost: no answer within 0.3 s")


def test_a_camera_that_hangs_in_connect_does_not_hold_up_a_stop(listening: socket.socket) -> None:
    with bench(camera(silent_address(listening), connect_s=300)) as line:
        line.start_sink()
        source = line.start_source()
        line.wait_for(lambda _: "connecting to rtsp://127.0.0.1:" in problem(line))
        listening.accept()[0].close()  # it is there
        source.stop(5)
    assert not grabbers()


def test_a_capture_process_that_hangs_past_all_deadlines_is_killed() -> None:
    clock = Clock()
    with http_camera(strip) as camera_:
        connector = connected(CameraSourceSettings(name="a", type="camera", address=camera_.address(), read_s=1), clock)
        connector.open()
        try:
            wait_until(lambda: connector.read() is not None)
            (pid,) = grabbers()
            os.kill(pid, signal.SIGSTOP)
            while connector.read():  # what it had said before
                continue
            clock.now += 3.5
            assert connector.read() is None
            clock.now += 1
            with pytest.raises(OSError, match="shows no picture and hangs"):
                connector.read()
        finally:
            connector.close()
    assert not grabbers()


def test_a_capture_process_that_is_held_dies_with_its_source() -> None:
    start = "from inspector.sources.capture.client import CaptureClient; client = CaptureClient()"
    code = f"import time; {start}; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as source:
        wait_until(lambda: bool(grabbers()))
        (pid,) = grabbers()
        held = psutil.Process(pid)
        held.suspend()
        source.kill()
    wait_until(lambda: not held.is_running() or held.status() == psutil.STATUS_ZOMBIE)


def test_credentials_never_show(listening: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    address = silent_address(listening, "operator:geheim7%21@") + "/pwd=geheim7_channel=1?token=geheim7"
    with bench(camera(address, connect_s=0.3)) as line:
        line.start_sink()
        line.start_source()
        wait_until(lambda: bool(grabbers()))
        told += [" ".join(psutil.Process(pid).cmdline()) for pid in grabbers()]

        def shows(words: str) -> bool:
            told.append(problem(line))
            return words in told[-1]

        line.wait_for(lambda _: shows("no answer"))
        listening.close()
        line.wait_for(lambda _: shows("refused"))
        told += [caplog.text, str(gaps(line)), repr(line.settings), str(line.settings.model_dump())]
    assert "rtsp://***@127.0.0.1" in caplog.text + str(told)
    assert not [text for text in told if "geheim" in text or "operator" in text]


@pytest.mark.parametrize(
    "settings",
    [
        {"address": ""},
        {"address": "gopher://user:secret@host/x"},
        {"address": "rtsp://user:secret@host/x", "pace": "realtime"},
        {"address": "rtsp://user:secret@host/x", "connect_s": 0},
        {"address": "rtsp://user:sec ret@host/x"},
        {"address": "rtsp://host/user=a_password=secret x"},
        {"address": "rtsp://user:#secret@host/x"},
        {"address": "rtsp://user:/secret@host/x"},
        {"address": ["rtsp://user:secret@host/x"]},
    ],
)
def test_what_cannot_be_opened_is_refused_without_showing_credentials(tmp_path: Path, settings: dict[str, Any]) -> None:
    from tests.inspector.settings.configs import refused

    message = refused(tmp_path, sources=[{"name": "cam", "type": "camera", **settings}])

    assert "sources.0" in message
    assert "secret" not in message


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_password_with_a_blank_is_shown_by_no_command_wherever_it_was_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    line = Line(tmp_path, [{"name": "cam", "type": "camera", "address": "http://admin:tops ecret1@127.0.0.1:8093/x"}])
    for more in ([], ["-o", "sources.cam.address=http://admin:tops ecret1@127.0.0.1:8093/x"]):
        assert main.main([command, "-c", str(line.config), *more]) == 2
        told = capsys.readouterr()
        assert "%20" in told.err
        assert not [part for part in ("tops", "ecret1", "admin") if part in told.err + told.out]


def test_characters_that_an_address_cannot_hold_reach_the_camera_as_they_are_meant() -> None:
    with http_camera(strip) as camera_:
        camera_.logins = []
        with bench(camera(camera_.address("operator:a%2Fb%23c%40d@"))) as line:
            line.start_sink()
            line.start_source()
            line.worker().work_until(lambda: ok(line.account()) > 0)
        assert base64.b64encode(b"operator:a/b#c@d").decode() in camera_.logins[-1]


def test_a_number_is_a_device() -> None:
    source = CameraSourceSettings.model_validate({"name": "a", "type": "camera", "address": 0})

    assert (source.kind, source.address.get_secret_value()) == ("device", "0")
