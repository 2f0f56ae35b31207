"""Holds what becomes of a video whose data are damaged or lost on the way: no picture that is invented is inspected."""

import math
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from inspector.settings.sources.camera import CameraSourceSettings
from inspector.sources.cameras import RemoteCamera
from inspector.sources.cameras import camera as connected
from tests.fakes import wait_until
from tests.inspector.cameras import film, strip
from tests.inspector.roles import bench, ok
from tests.inspector.sources.test_camera_capture import camera, gaps
from tests.inspector.videos import RtspCamera, rtp, transport_stream, with_losses, without_picture


@dataclass
class Seen:
    """What one connection to a camera shows, and what it says that is not shown."""

    shown: list[bytes] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    missed: dict[str, int] = field(default_factory=dict)


def seen(address: str | Path) -> Seen:
    """All of it."""
    result = Seen()
    connector = connected(CameraSourceSettings.model_validate({"name": "a", **camera(address)}))
    connector.open()
    try:
        wait_until(lambda: _is_over(connector, result))
        result.missed = connector.missed()
    finally:
        connector.close()
    return result


def _is_over(connector: RemoteCamera, result: Seen) -> bool:
    try:
        while capture := connector.read():
            if capture.pixels is None:
                result.reasons.append(capture.reason)
            else:
                result.shown.append(capture.pixels.tobytes())
    except OSError as error:
        result.reasons.append(str(error))
        connector.close()  # its process is kept for the next connection until it is closed again
        return True
    return connector.due_ms() == math.inf


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"g": "20"}),
        ("libx264", {"g": "20", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"}),
        ("libx264", {"g": "20", "x264-params": "slices=4"}),
        ("libx264", {"x264-params": "intra-refresh=1:keyint=20"}),
        ("libx265", {"x265-params": "keyint=20:log-level=0"}),
        ("libx265", {"x265-params": "keyint=20:bframes=0:log-level=0"}),
        ("mpeg4", {"g": "20", "bf": "2"}),
        ("mpeg2video", {"g": "15", "bf": "2"}),
    ],
    ids=str,
)
def test_no_picture_of_a_lossy_stream_is_inspected_that_the_whole_one_does_not_show(
    tmp_path: Path, codec: str, options: dict[str, str]
) -> None:
    path = tmp_path / "coil.ts"
    stream = transport_stream(100, codec, **options)
    path.write_bytes(stream)
    whole = seen(path)
    assert (len(whole.shown), whole.missed, whole.reasons) == (100, {}, [])
    for seed in (3, 6):
        data, lost = with_losses(stream, 0.02, seed)
        path.write_bytes(data)
        lossy = seen(path)
        assert set(lossy.shown) <= set(whole.shown)
        assert lossy.missed["incomplete"] >= lost
        # A picture may be lost without a trace of its own
        assert 80 <= len(lossy.shown) + lossy.missed["incomplete"] <= 100


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"g": "20", "bf": "0"}),
        ("libx264", {"tune": "zerolatency", "x264-params": "intra-refresh=1:keyint=20"}),
        ("libx265", {"x265-params": "keyint=20:bframes=0:log-level=0"}),
    ],
    ids=str,
)
def test_no_picture_is_inspected_that_refers_to_one_a_camera_left_out(
    tmp_path: Path, codec: str, options: dict[str, str]
) -> None:
    path = tmp_path / "coil.ts"
    stream = transport_stream(60, codec, **options)
    path.write_bytes(stream)
    whole = seen(path)
    for left_out in (10, 27, 38):
        path.write_bytes(without_picture(stream, left_out))
        lossy = seen(path)
        assert set(lossy.shown) <= set(whole.shown)
        assert lossy.missed["incomplete"] > 0
        assert len(lossy.shown) + lossy.missed["incomplete"] == 59


def test_what_a_line_does_not_inspect_of_a_lossy_stream_is_dropped_counted_and_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "coil.ts"
    path.write_bytes(with_losses(transport_stream(100, g="20"), 0.01, 3)[0])
    alone = seen(path)
    captured = len(alone.shown) + alone.missed["incomplete"]
    with bench(camera(path), delivery={"drain_s": 0.2}) as line:
        line.start_sink()
        line.start_source()

        def all_on_record() -> bool:
            tally = line.account().tally
            return tally is not None and tally.captured == captured and not tally.in_flight

        line.worker().work_until(all_on_record)
        account = line.account()
        assert account.balanced and account.tally is not None
        incomplete = account.tally.dropped["incomplete"]
        assert incomplete == alone.missed["incomplete"] > 0
        assert ok(account) == len(alone.shown) > 0
        assert sum(gap.frames for gap in gaps(line) if gap.reason == "incomplete") == incomplete


def test_a_jpeg_of_a_film_that_is_damaged_is_dropped_and_the_next_is_inspected(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.avi", [strip(number, 208) for number in range(6)])
    data = bytearray(whole.read_bytes())
    third = [at for at in range(len(data)) if data.startswith(b"00dc", at) and data[at + 8 : at + 10] == b"\xff\xd8"][2]
    length = int.from_bytes(data[third + 4 : third + 8], "little")
    data[third + 8 + length // 2 : third + 8 + length] = bytes(length - length // 2)
    (tmp_path / "damaged.avi").write_bytes(data)

    shown = seen(whole).shown
    damaged = seen(tmp_path / "damaged.avi")
    assert damaged.shown == shown[:2] + shown[3:]
    assert damaged.missed == {"incomplete": 1}


def test_pictures_of_an_rtsp_camera_that_lost_packets_are_not_inspected(tmp_path: Path) -> None:
    packets, file = rtp(200)  # eight seconds: what is lost ahead of the first picture is of all that was read by then
    (tmp_path / "whole.h264").write_bytes(file)
    whole = seen(tmp_path / "whole.h264")
    chance = random.Random(1)
    kept = [packet for at, packet in enumerate(packets) if at < 160 or chance.random() > 0.05]
    with RtspCamera(packets, pace_s=0.005) as camera_:
        shown = seen(camera_.address)
    with RtspCamera(kept, pace_s=0.005) as camera_:
        lossy = seen(camera_.address)

    assert len(set(whole.shown)) == 200
    assert set(shown.shown) | set(lossy.shown) <= set(whole.shown)
    assert shown.reasons == lossy.reasons == ["it ended the connection"]
    assert "incomplete" not in shown.missed
    assert lossy.missed["incomplete"] > 0
    assert lossy.shown


def test_a_camera_that_shows_nothing_whole_any_more_is_connected_again_and_says_why() -> None:
    packets, _ = rtp(400)
    kept = [packet for at, packet in enumerate(packets) if at < 100 or at % 20 != 5]
    with (
        RtspCamera(kept, pace_s=0.01) as camera_,
        bench(camera(camera_.address, read_s=0.5), delivery={"drain_s": 0.2}) as line,
    ):
        line.start_sink()
        line.start_source()
        line.wait_for(lambda account: account.tally is not None)
        line.worker().work_until(lambda: any("only incomplete ones" in gap.detail for gap in gaps(line)))
