"""Holds the demonstration: it shows a real line, ends by itself, and says whether the line did its work."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.fakes import ROOT, Line, inspector, wait_until


@pytest.fixture
def demo(tmp_path: Path) -> Line:
    """A demo's config on the fake engine: a simulated line and a drop folder."""
    sources = [
        {"name": "line", "type": "simulated", "rate_fps": 50},
        {"name": "drop", "type": "folder", "path": str(tmp_path / "drop")},
    ]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Line(tmp_path, sources, metrics={"port": port})


def test_without_a_terminal_the_demo_prints_lines_sums_up_and_exits_0(demo: Line) -> None:
    done = demo.run("demo", "--seconds", "6")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "inspecting: ok" in done.stdout
    assert "every frame accounted for" in done.stdout
    assert len(demo.records()) > 20


def test_in_a_terminal_the_demo_draws_the_line_and_ends_by_itself(demo: Line) -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "inspector", "demo", "-c", str(demo.config), "--seconds", "6"]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT)
    os.close(slave)
    drawn = b""
    try:
        while chunk := os.read(master, 65536):
            drawn += chunk
    except OSError:
        pass  # the other end of a terminal closes with an error
    os.close(master)
    assert process.wait(30) == 0
    for words in ("Strip Inspector", "last defects", "drop an image into", "/metrics", "every frame accounted for"):
        assert words.encode() in drawn


def test_a_demo_whose_line_cannot_start_shows_why_and_exits_like_the_line(demo: Line) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = inspector("demo", "-c", str(demo.config), "--seconds", "20", "-o", f"metrics.port={port}")
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stdout


def test_ctrl_c_stops_the_demo_and_its_line(demo: Line) -> None:
    command = [sys.executable, "-m", "inspector", "demo", "-c", str(demo.config), "--seconds", "60"]
    heeds = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests run in the background ignore it
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    signal.signal(signal.SIGINT, heeds)
    wait_until(lambda: len(demo.records()) > 5)
    process.send_signal(signal.SIGINT)
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 0, shown
    assert "every frame accounted for" in shown


def test_killing_the_demo_stops_its_line_too(demo: Line) -> None:
    command = [sys.executable, "-m", "inspector", "demo", "-c", str(demo.config), "--seconds", "60"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)
    wait_until(lambda: len(demo.records()) > 5)
    line = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    ends_at = time.monotonic() + 30
    assert psutil.wait_procs(line, timeout=ends_at - time.monotonic())[1] == []
