"""Holds the GigE Vision camera against Aravis's own on loopback: whole pictures only, lost ones counted, back again."""

import socket
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from inspector.settings.sources.gige import GigeSourceSettings
from inspector.sources.cameras import RemoteCamera
from inspector.sources.cameras import gige as connected
from inspector.sources.capture import aravis
from inspector.sources.capture.device_clock import LONGEST_WAY_S, WINDOW_S, DeviceClock, WorldClock
from inspector.sources.capture.genicam import open_camera
from inspector.sources.capture.gige import skipped
from inspector.sources.connector import Capture
from tests.fakes import wait_until
from tests.inspector.cameras import GigeCamera, gige_camera, gige_port
from tests.inspector.roles import bench, ok
from tests.inspector.settings.configs import refused
from tests.inspector.sources.test_camera_capture import gaps, grabbers, problem

SMALL = {"left_px": 0, "top_px": 0, "width_px": 128, "height_px": 96}


def gige(**settings: Any) -> dict[str, Any]:
    """The settings of a source of the camera on loopback: small pictures, many of them."""
    values = {"type": "gige", "address": "127.0.0.1", "region": SMALL, "rate_fps": 200.0}
    return {name: value for name, value in (values | settings).items() if value is not None}


@pytest.fixture
def camera() -> Iterator[GigeCamera]:
    """A camera that listens."""
    with gige_camera() as made:
        yield made


@pytest.fixture
def port() -> Iterator[None]:
    """Its port, and no camera."""
    with gige_port():
        yield


@pytest.fixture
def opened(camera: GigeCamera) -> Iterator[Callable[..., RemoteCamera]]:
    """Opens connectors on the camera; they are closed at the end."""
    made: list[RemoteCamera] = []

    def open_(**settings: Any) -> RemoteCamera:
        made.append(connected(GigeSourceSettings.model_validate({"name": "a", **gige(**settings)})))
        made[-1].open()
        return made[-1]

    yield open_
    for connector in [*made, *made]:  # one that has just failed keeps its process for another try
        connector.close()


def take(connector: RemoteCamera, count: int) -> list[Capture]:
    """The next so many pictures."""
    captures: list[Capture] = []

    def enough() -> bool:
        if capture := connector.read():
            captures.append(capture)
        return len(captures) >= count

    wait_until(enough, connector.problem)
    return captures


def test_a_thousand_frames_of_a_gige_camera_are_on_record_and_the_sums_balance(camera: GigeCamera) -> None:
    with bench(gige(rate_fps=400), delivery={"drain_s": 0.2}) as line:
        line.start_sink()
        source = line.start_source()
        # The camera numbers its pictures from 65,400 on: their 16 bits run over, and none must seem lost by that
        line.worker().work_until(lambda: ok(line.account()) >= 1000)
        source.stop()
        account = line.account()
        assert account.balanced
        assert account.tally is not None
        assert account.tally.dropped.get("incomplete", 0) <= 10
        times = [record.captured_at for record in line.records()]
        assert len(times) >= 1000
        assert times == sorted(times)
    assert not grabbers()


def test_a_gige_camera_killed_and_restarted_is_back_within_five_seconds(camera: GigeCamera) -> None:
    with bench(gige(read_s=1), delivery={"drain_s": 0.2}) as line:
        line.start_sink()
        source = line.start_source()
        worker = line.worker()
        worker.work_until(lambda: ok(line.account()) > 10)
        for _ in range(2):
            camera.kill()
            worker.work_until(lambda: problem(line).startswith("lost: no"))
            before = ok(line.account())
            camera.start_again()
            back_at = time.monotonic()
            worker.work_until(lambda before=before: ok(line.account()) > before)  # type: ignore[misc]
            assert time.monotonic() - back_at < 5
        source.stop()
        down = [gap for gap in gaps(line) if gap.reason == "source_down"]
        assert len(down) >= 2
        assert any("no picture within 1 s" in gap.detail for gap in down)
        assert line.account().balanced


def test_a_gige_camera_that_is_not_there_is_named(port: None) -> None:
    with bench(gige()) as line:
        line.start_sink()
        line.start_source()
        line.wait_for(lambda _: problem(line).startswith("lost: no camera answers at 127.0.0.1"))


def test_a_gige_camera_that_hangs_in_connect_does_not_hold_up_a_stop(port: None) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, bench(gige(connect_s=300)) as line:
        silent.bind(("127.0.0.1", 3956))
        line.start_sink()
        source = line.start_source()
        line.wait_for(lambda _: problem(line) == "connecting to 127.0.0.1")
        silent.recv(2000)  # it is asked
        source.stop(5)
    assert not grabbers()


def test_incomplete_pictures_are_counted_and_on_record_as_a_gap(camera: GigeCamera) -> None:
    camera.tell("lose 0.02")
    with bench(gige(), delivery={"drain_s": 0.2}) as line:
        line.start_sink()
        source = line.start_source()
        line.worker().work_until(lambda: ok(line.account()) > 100)
        source.stop()
        account = line.account()
        assert account.tally is not None
        assert account.tally.dropped["incomplete"] > 5
        assert account.balanced
        incomplete = [gap for gap in gaps(line) if gap.reason == "incomplete"]
        assert sum(gap.frames for gap in incomplete) == account.tally.dropped["incomplete"]


def test_no_incomplete_picture_is_ever_shown(camera: GigeCamera, opened: Callable[..., RemoteCamera]) -> None:
    # Given pictures of one gray level each: what is missing in one shows the level of another
    camera.tell("lose 0.02")
    connector = opened(packet_size_bytes=600)

    captures = take(connector, 100)

    assert connector.missed()["incomplete"] > 5
    assert {capture.reason for capture in captures} == {""}
    assert {len(np.unique(capture.pixels)) for capture in captures if capture.pixels is not None} == {1}


def test_a_camera_whose_pictures_are_all_incomplete_is_not_taken_for_one_that_works(camera: GigeCamera) -> None:
    camera.tell("lose 0.5")
    with bench(gige(packet_size_bytes=600, read_s=0.5)) as line:
        line.start_sink()
        line.start_source()
        line.wait_for(lambda _: "only incomplete ones: packets are lost" in problem(line))
        # When the network is better, then it heals
        camera.tell("lose 0")
        line.worker().work_until(lambda: ok(line.account()) > 5 and problem(line) == "")


def test_the_camera_is_set_as_the_config_says(camera: GigeCamera, opened: Callable[..., RemoteCamera]) -> None:
    connector = opened(
        region={"left_px": 64, "top_px": 32, "width_px": 256, "height_px": 160},
        exposure_us=5000, gain_db=3, rate_fps=50, packet_size_bytes=1000, packet_delay_ns=500,
    )  # fmt: skip

    (capture,) = take(connector, 1)

    assert capture.pixels is not None
    assert capture.pixels.shape == (160, 256)
    assert camera.told() == {
        "left": 64, "top": 32, "width": 256, "height": 160, "exposure_us": 5000, "gain": 3, "period_us": 20_000,
        "trigger": 0, "software": 0, "packet_bytes": 1000, "packet_delay": 500,
    }  # fmt: skip


def test_what_the_config_does_not_say_stays_as_the_camera_is_set(
    camera: GigeCamera, opened: Callable[..., RemoteCamera]
) -> None:
    before = camera.told()

    take(opened(region=None, rate_fps=None), 1)

    assert camera.told() == before


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"region": {"width_px": 5000}}, "region: [Width] Value '5000' greater than allowed maximum '2048'"),
        ({"exposure_us": 1e9}, "exposure_us: [ExposureTimeAbs] Value '1e+09' greater than allowed maximum '1e+07'"),
        ({"gain_db": 1000}, "gain_db: [GainRaw] Value '1000' greater than allowed maximum '10'"),
        ({"rate_fps": 100_000}, "rate_fps: 100000 is not from 0.1 to 1000"),
        ({"pixel_format": "Mono12"}, "pixel_format: [PixelFormat] 'Mono12' not an entry; it has BayerBG8,"),
        ({"trigger": "Line9", "rate_fps": None}, "trigger: [TriggerSource] 'Line9' not an entry; it has Line0,"),
    ],
)
def test_what_the_camera_refuses_is_named_and_the_right_value_heals_it(
    camera: GigeCamera, opened: Callable[..., RemoteCamera], settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(OSError) as caught:
        take(opened(**settings), 1)
    assert str(caught.value).startswith(reason)
    assert len(take(opened(), 3)) == 3


def test_a_camera_that_was_let_go_is_free_at_once(camera: GigeCamera, opened: Callable[..., RemoteCamera]) -> None:
    first = opened()
    take(first, 1)
    first.close()

    # A camera that was not let go obeys nobody else for three seconds, and is tried for two and a half
    second = opened()
    take(second, 1)
    assert second.problem() == ""


def test_a_camera_that_obeys_another_program_is_named(camera: GigeCamera, opened: Callable[..., RemoteCamera]) -> None:
    take(opened(), 1)

    with pytest.raises(OSError, match="another program controls it"):
        take(opened(), 1)


def test_a_camera_that_waits_for_its_trigger_is_well(camera: GigeCamera, opened: Callable[..., RemoteCamera]) -> None:
    # Given a trigger of the config, then one that the camera was left with
    for trigger in ("Line0", None):
        connector = opened(trigger=trigger, rate_fps=None, read_s=0.2)
        wait_until(lambda: connector.read() is None and connector.problem() == "")  # noqa: B023
        # When nothing triggers it for much longer than a camera that runs free may be silent, then it is not lost
        ends_at = time.monotonic() + 1
        wait_until(lambda: connector.read() is None and time.monotonic() > ends_at)  # noqa: B023
        assert connector.problem() == ""
        connector.close()


def test_a_camera_that_is_triggered_by_software_shows_as_many_as_it_is_told(
    camera: GigeCamera, opened: Callable[..., RemoteCamera]
) -> None:
    captures = take(opened(trigger="Software", rate_fps=20), 11)

    assert camera.told()["trigger"] == 1
    assert captures[-1].captured_mono - captures[0].captured_mono >= 9 / 20


def test_a_picture_for_which_there_was_no_buffer_is_told_from_one_that_was_lost(camera: GigeCamera) -> None:
    held = open_camera("127.0.0.1")
    held.set_region(0, 0, 128, 96)
    held.set_rate(10)  # at 200 its 16 buffers are full within 80 ms, and a busy machine is not as quick to look
    stream = held.start()
    try:
        # Given that nobody takes the pictures until there is no room for more
        assert not stream.ran_out()
        wait_until(stream.ran_out)
        numbers = []
        while len(numbers) < 40:
            if buffer := stream.pop(1):
                numbers.append(buffer.number)
                stream.push(buffer)
        assert sum(skipped(*pair) for pair in pairwise(numbers)) > 0
    finally:
        held.stop()
        stream.close()
        held.close()


def test_pixels_of_sixteen_bits_become_gray(camera: GigeCamera, opened: Callable[..., RemoteCamera]) -> None:
    (capture,) = take(opened(pixel_format="Mono16"), 1)

    assert capture.pixels is not None
    assert (capture.pixels.shape, capture.pixels.dtype) == ((96, 128), np.uint8)
    assert 64 <= capture.pixels[0, 0] < 192


def test_the_very_same_picture_again_is_stale(camera: GigeCamera) -> None:
    camera.tell("freeze")
    with bench(gige(stale_s=0.2)) as line:
        line.start_sink()
        line.start_source()
        worker = line.worker()
        worker.work_until(lambda: "very same picture" in problem(line))
        camera.tell("move")
        worker.work_until(lambda: ok(line.account()) > 5 and problem(line) == "")


def test_a_camera_without_a_clock_shows_pictures_of_when_they_came(
    camera: GigeCamera, opened: Callable[..., RemoteCamera]
) -> None:
    camera.tell("timeless")
    before = time.time()

    captures = take(opened(), 20)

    times = [capture.captured_at for capture in captures]
    assert before < times[0] <= times[-1] < time.time()
    assert times == sorted(times)


def test_where_there_is_no_aravis_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aravis, "LIBRARY", "libaravis-none.so.0")
    aravis._library.cache_clear()
    with pytest.raises(OSError, match=r"libaravis-none.so.0 cannot be loaded .*: apt-get install libaravis-0.8-0"):
        open_camera("127.0.0.1")


@pytest.mark.parametrize(
    ("before", "number", "lost"),
    [
        (None, 70, 0),
        (69, 70, 0),
        (67, 70, 2),
        (65_535, 1, 0),
        (65_534, 2, 2),
        (70_000, 70_004, 3),
        (70_000, 5, 0),
        (5, 5, 0),
        (0, 0, 0),
        (5, 10**12, 0),
    ],
)
def test_pictures_whose_numbers_are_skipped_are_lost(before: int | None, number: int, lost: int) -> None:
    assert skipped(before, number) == lost


def test_the_time_of_capture_is_the_devices_and_the_shortest_way_tells_its_clock_in_ours() -> None:
    clock = DeviceClock()
    ways_s = [0.010, 0.004, 0.030, 0.004, 0.500]

    captured = [clock.captured(7000 + number, 100 + number + way_s) for number, way_s in enumerate(ways_s)]

    assert captured == pytest.approx([100.010, 101.004, 102.004, 103.004, 104.004])


def test_a_device_clock_that_drifts_is_followed() -> None:
    clock = DeviceClock()
    # Given one that is slow by 100 ppm, for an hour
    errors = [clock.captured(7000 + second * 0.9999, second) - second for second in range(1, 3600)]
    assert max(map(abs, errors)) <= WINDOW_S * 1e-4 + 1e-9


@pytest.mark.parametrize("jump_s", [-5000.0, -2.0, 2.0, 5000.0])
def test_after_a_jump_of_the_devices_clock_the_arrival_counts(jump_s: float) -> None:
    clock = DeviceClock()
    for second in range(1, 20):
        clock.captured(7000 + second, second + 0.004)

    assert clock.captured(7020 + jump_s, 20.004) == pytest.approx(20.004)
    assert clock.captured(7021 + jump_s, 21.104) == pytest.approx(21.004)


@pytest.mark.parametrize("stamp_s", [0.0, 7000.0])
def test_a_device_clock_that_stands_still_tells_nothing(stamp_s: float) -> None:
    clock = DeviceClock()
    clock.captured(stamp_s, 99.0)

    assert [clock.captured(stamp_s, second) for second in (100.0, 101.5, 103.0)] == [100.0, 101.5, 103.0]


def test_no_picture_is_older_than_a_device_may_make_it() -> None:
    clock = DeviceClock()
    # Given a clock at half speed: what it says is not true, but never by more than that
    for second in range(1, 100):
        assert 0 <= second - clock.captured(second / 2, second) <= LONGEST_WAY_S


def test_no_picture_is_older_than_the_one_before() -> None:
    clock = DeviceClock()
    # Given a way that is long at first: the second picture shows that the first one was older than it seemed
    ways_s = [0.200, 0.004, 0.003]

    captured = [clock.captured(7000 + number / 400, 100 + number / 400 + way_s) for number, way_s in enumerate(ways_s)]

    assert captured == sorted(captured)


@pytest.mark.parametrize("before_s, after_s", [(0.004, 0.0), (0.0, 0.004), (0.1, 0.1)])
def test_a_pause_at_the_reading_of_the_two_clocks_moves_no_picture(before_s: float, after_s: float) -> None:
    now = pause_s = 0.0

    def world() -> float:
        nonlocal now
        now += pause_s * before_s
        read, now = 1_700_000_000 + now, now + pause_s * after_s
        return read

    clock = WorldClock(world, lambda: now)
    pause_s = 1.0

    assert [clock.at(moment) for moment in (1.0, 2.0, 3.0)] == [1_700_000_001, 1_700_000_002, 1_700_000_003]


@pytest.mark.parametrize("set_s", [-3600.0, 0.5])
def test_a_clock_that_is_set_is_followed(set_s: float) -> None:
    ahead_s = 1_700_000_000.0
    clock = WorldClock(lambda: 100.0 + ahead_s, lambda: 100.0)

    ahead_s += set_s

    assert clock.at(7.0) == 7.0 + ahead_s


def test_a_trigger_by_software_needs_its_rate_and_one_by_a_line_has_none(tmp_path: Any) -> None:
    def message(**settings: Any) -> str:
        return refused(tmp_path, sources=[{"name": "cam", "type": "gige", **settings}])

    assert "rate_fps: with trigger Software it says how often" in message(trigger="Software")
    assert "rate_fps: Line1 says when a frame is captured" in message(trigger="Line1", rate_fps=10)
