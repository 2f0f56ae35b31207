"""Holds the camera against a real RTSP server (GStreamer): killed and restarted, its frames come back."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.inspector.roles import bench, ok
from tests.inspector.sources.test_camera_capture import camera, gaps, problem

#: The system's Python, which has Debian's GStreamer bindings.
PYTHON = shutil.which("python3", path="/usr/bin")
BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


def serve(port: int) -> "subprocess.Popen[bytes]":
    """A server that listens."""
    command = [str(PYTHON), str(Path(__file__).with_name("rtsp_server.py")), str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path("/"), env={})
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    return server


def end(server: "subprocess.Popen[bytes]") -> None:
    """As if its plug were pulled."""
    server.kill()
    server.wait()
    assert server.stdout is not None
    server.stdout.close()


def free_port() -> int:
    """One that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_an_rtsp_camera_killed_and_restarted_three_times_is_back_within_five_seconds_each_time() -> None:
    if PYTHON is None or subprocess.run([PYTHON, "-c", BINDINGS], capture_output=True, check=False, env={}).returncode:
        pytest.skip("no GStreamer RTSP server (Debian: gir1.2-gst-rtsp-server-1.0, python3-gi)")
    port = free_port()
    server = serve(port)
    try:
        with bench(camera(f"rtsp://127.0.0.1:{port}/strip"), delivery={"drain_s": 0.2}) as line:
            line.start_sink()
            source = line.start_source()
            worker = line.worker()
            worker.work_until(lambda: ok(line.account()) > 10)
            for _ in range(3):
                end(server)
                worker.work_until(lambda: problem(line).startswith("lost: "))
                before = ok(line.account())
                server = serve(port)
                back_at = time.monotonic()
                worker.work_until(lambda before=before: ok(line.account()) > before)  # type: ignore[misc]
                assert time.monotonic() - back_at < 5
            source.stop()
            account = line.account()
            down = [gap for gap in gaps(line) if gap.reason == "source_down"]
            assert account.balanced
            assert len(down) >= 3
            assert sum(gap.ended_at - gap.began_at for gap in down) > 0
    finally:
        end(server)
