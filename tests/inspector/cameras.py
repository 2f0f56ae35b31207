"""Cameras of the tests: a video file, a real HTTP camera (motion JPEG) and a real GigE Vision one, as the test says."""

import contextlib
import ctypes
import fcntl
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.vision.renderer.strip import render_image
from tests.fakes import ROOT
from tests.gige_camera import LIBRARY

Pixels = NDArray[np.uint8]
_BOUNDARY = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"


def strip(number: int, size: int = 96) -> Pixels:
    """Clean strip, another for each number."""
    return render_image("ok", number, size).pixels


def film(path: Path, pictures: list[Pixels], codec: str = "MJPG", fps: float = 25) -> Path:
    """A video file of these pictures, gray or colour, all of one size."""
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (width, height))
    assert writer.isOpened()
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if picture.ndim == 2 else picture)
    writer.release()
    return path


class HttpCamera:
    """Serves `show(number)` at `fps` to whoever connects; `None` there ends the connection."""

    def __init__(self, show: Callable[[int], Pixels | None], fps: float = 50, port: int = 0) -> None:
        shown = _numbers()
        self.logins: list[str] | None = None  # those that came; None: it asks for none
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if camera.logins is not None and not camera._knows(self):
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                with contextlib.suppress(OSError):
                    while (pixels := show(next(shown))) is not None:
                        data = cv2.imencode(".jpg", pixels)[1].tobytes()
                        self.wfile.write(_BOUNDARY % len(data) + data + b"\r\n")
                        time.sleep(1 / fps)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _knows(self, request: http.server.BaseHTTPRequestHandler) -> bool:
        """Whether a request brings a login; it is asked for one where it does not."""
        if login := request.headers.get("Authorization"):
            assert self.logins is not None
            self.logins.append(login)
            return True
        request.send_response(401)
        request.send_header("WWW-Authenticate", 'Basic realm="strip"')
        request.end_headers()
        return False

    def address(self, login: str = "") -> str:
        """Where it is, with a login in front of the host."""
        return f"http://{login}127.0.0.1:{self.port}/strip"

    def close(self) -> None:
        """Take nobody in any more."""
        self._server.shutdown()
        self._server.server_close()


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


@contextlib.contextmanager
def http_camera(show: Callable[[int], Pixels | None], fps: float = 50) -> Iterator[HttpCamera]:
    """A camera for the length of a test."""
    camera = HttpCamera(show, fps)
    try:
        yield camera
    finally:
        camera.close()


class GigeCamera:
    """Aravis's own GigE Vision camera on loopback, in a process of its own; see gige_camera.py."""

    def __init__(self) -> None:
        self._process = self._start()

    def tell(self, command: str) -> None:
        """Have it do something else from now on."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")

    def told(self) -> dict[str, int]:
        """What it was told to be, from its registers."""
        self.tell("told")
        assert self._process.stdout is not None
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer

    def kill(self) -> None:
        """As if its plug were pulled."""
        self._process.kill()
        self._process.communicate()

    def start_again(self) -> None:
        """The plug is back, and it knows nothing of what it was told."""
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[str]":
        command = [sys.executable, str(ROOT / "tests" / "gige_camera.py"), "STRIP1"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process


@contextlib.contextmanager
def gige_port() -> Iterator[None]:
    """GigE Vision has one port: one test of this host at a time has it."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        pytest.skip("no Aravis (Debian: libaravis-0.8-0)")
    with open(f"{tempfile.gettempdir()}/strip-inspector-gige.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def gige_camera() -> Iterator[GigeCamera]:
    """A camera for the length of a test."""
    with gige_port():
        camera = GigeCamera()
        try:
            yield camera
        finally:
            camera.kill()
