"""Holds `inspector status` to a real line: what it shows, and that it calls nothing ready that is not."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inspector.cli import main
from inspector.cli.terminal import span
from inspector.host import instance
from inspector.sink.health import Health
from inspector.sink.health_server import HealthServer
from inspector.sink.metrics import Metrics
from tests.fakes import Line, running, wait_until
from tests.inspector.supervisor.test_supervisor import drop_one, ready


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with running(Line(tmp_path, evidence={"ok_share": 1.0})) as line:
        drop_one(line)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        yield line


def ask(line: Line, capsys: pytest.CaptureFixture[str], port: str, *options: str) -> tuple[int, str]:
    """Exit code and what it printed."""
    code = main.main(["status", "-c", str(line.config), "-o", f"metrics.port={port}", *options])
    return code, capsys.readouterr().out


def ask_json(line: Line, capsys: pytest.CaptureFixture[str], port: str) -> tuple[int, dict[str, Any]]:
    code, out = ask(line, capsys, port, "--json")
    return code, json.loads(out)


def settled(told: dict[str, Any]) -> tuple[int, int]:
    """Frames captured, and of these in flight."""
    (source,) = told["sources"]
    return source["captured"], source["in_flight"]


def port_of(line: Line) -> str:
    return line.address.rsplit(":", 1)[1]


def test_the_whole_line_is_on_one_screen_from_ready_through_a_lost_worker_to_stopped(
    line: Line, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    port = port_of(line)
    # While all is well
    wait_until(lambda: settled(ask_json(line, capsys, port)[1]) == (1, 0), line.explain)
    code, screen = ask(line, capsys, port)
    assert (code, screen.splitlines()[0]) == (0, "ready")
    for name in ("sink", "worker-0", "drop"):
        assert f" {line.child(name)} " in screen
    assert len(screen.splitlines()) < 24 and "…" not in screen.replace(str(line.data), "")
    assert re.search(r"drop +\d\.\d s ago +\d+\.\d s ago +\d+\.\d s ago", screen), screen
    # When a worker is killed and another one is at work
    os.kill(line.child("worker-0"), signal.SIGKILL)
    drop_one(line)
    wait_until(lambda: ask_json(line, capsys, port)[1]["processes"][1]["ends"] == {"signal": 1}, line.explain)
    wait_until(lambda: settled(ask_json(line, capsys, port)[1]) == (2, 0), line.explain)
    # Then both are told, to people and to machines
    code, told = ask_json(line, capsys, port)
    assert (code, told["running"], told["ready"], told["problems"]) == (0, True, True, [])
    assert [(one["name"], one["pid"]) for one in told["processes"]] == [
        (name, line.child(name)) for name in ("sink", "worker-0", "drop")
    ]
    (source,) = told["sources"]
    assert source["heard_s_ago"] < 5 and source["canary_s_ago"] < 70 and source["balanced"]
    assert sum(source["recorded"].values()) == 2
    assert told["models"] == [line.records()[0].model]
    assert told["disk"]["free_bytes"] > 0
    kept = sum(Path(record.evidence or "").stat().st_size for record in line.records())
    assert sum(told["evidence"]["bytes"].values()) == kept > 0
    wait_until(lambda: ask_json(line, capsys, port)[1]["reserve"]["held_bytes"] == 64_000_000, line.explain)
    screen = ask(line, capsys, port)[1]
    assert f"evidence: {kept / 1e6:.1f} of 10000 MB (" in screen and "64 of 64 MB held" in screen
    assert "1 signal" in ask(line, capsys, port)[1]
    # And once it has stopped, its sums are still there
    assert line.stop() == 0
    code, told = ask_json(line, capsys, port)
    assert (code, told["running"], told["ready"], told["processes"]) == (3, False, False, [])
    assert told["sources"][0]["captured"] == 2
    code, screen = ask(line, capsys, port)
    assert (code, screen.splitlines()[0]) == (3, "not running")


def test_a_line_that_runs_without_being_ready_says_why_and_later_for_how_long_it_did_not_inspect(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    port = port_of(line)
    os.kill(line.child("drop"), signal.SIGSTOP)
    wait_until(lambda: ask(line, capsys, port)[0] == 1, line.explain)
    code, screen = ask(line, capsys, port)
    assert (code, screen.splitlines()[0]) == (1, "running, not ready")
    assert "  source drop: silent for " in screen
    wait_until(lambda: "silent for 6 s" in ask(line, capsys, port)[1], line.explain)
    os.kill(line.child("drop"), signal.SIGCONT)

    def stalled_s() -> float:
        (source,) = ask_json(line, capsys, port)[1]["sources"]
        return float(source["not_inspected_24h"].get("stalled", {"seconds": 0})["seconds"])

    wait_until(lambda: stalled_s() > 5, line.explain)
    assert re.search(r"drop .* stalled \d+\.\d s ", ask(line, capsys, port)[1])
    assert re.search(r'seconds_total{reason="stalled",source="drop"} [5-9]', line.page("metrics"))


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Line]:
    """A line that holds its data folder and serves nothing."""
    line = Line(tmp_path)
    with instance.locked(line.data):
        yield line


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("lock", 2, "data: {path}: no regular file: a pipe, a device or a folder; remove it"),
        ("records.sqlite", 3, "record: {path}: no regular file: a pipe, a device or a folder; remove it"),
        ("records.sqlite-wal", 3, "record: {path}: no regular file: a pipe, a device or a folder; remove it"),
        ("settings-running.json", 3, "not running"),
        ("records.reserve", 3, "not running"),
    ],
)
def test_a_pipe_in_the_place_of_a_file_of_the_line_holds_nobody_up(
    tmp_path: Path, name: str, code: int, said: str
) -> None:
    line = Line(tmp_path)
    line.data.mkdir(exist_ok=True)
    os.mkfifo(line.data / name)
    command = [sys.executable, "-m", "inspector", "status", "-c", str(line.config)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == code, told.stderr
    assert said.format(path=line.data / name) in " ".join((told.stdout + told.stderr).split())


def test_a_port_where_nobody_answers_is_named(held: Line, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as bound:  # and does not listen
        bound.bind(("127.0.0.1", 0))
        port = str(bound.getsockname()[1])
        code, told = ask_json(held, capsys, port)
    assert (code, told["running"], told["ready"]) == (1, True, False)
    assert told["problems"][0].startswith(f"http://127.0.0.1:{port}/status does not answer: ")
    assert "Connection refused" in told["problems"][0]
    assert "metrics.port is 0" in ask_json(held, capsys, "0")[1]["problems"][0]


def test_a_port_where_something_else_answers_is_never_taken_for_a_ready_line(
    held: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer_once(listening: socket.socket) -> None:
        peer, _ = listening.accept()
        with peer:
            peer.recv(10_000)
            peer.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"ready": true}')

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer_once, args=(listening,))
        thread.start()
        code, told = ask_json(held, capsys, str(listening.getsockname()[1]))
        thread.join()
    assert (code, told["ready"]) == (1, False)
    assert "not the answer of a line" in told["problems"][0]


def test_another_line_on_the_port_is_never_taken_for_this_one(held: Line, capsys: pytest.CaptureFixture[str]) -> None:
    health = Health({"elsewhere"}, batch_timeout_s=60)
    health.source("elsewhere")
    health.worker("worker-0.1", "model-1")
    server = HealthServer("127.0.0.1", 0, Metrics(), health)
    server.start()
    try:
        code, told = ask_json(held, capsys, server.address.rsplit(":", 1)[1])
    finally:
        server.close()
    assert (code, told["running"], told["ready"]) == (1, True, False)
    assert "speaks of the sources elsewhere: another line" in told["problems"][0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_data_folder_that_this_user_may_not_read_is_not_called_not_running(
    held: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    (held.data / "lock").chmod(0)
    assert main.main(["status", "-c", str(held.config)]) == 2
    assert "ask as the user that the line runs as" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0.0 s"), (0.31, "0.3 s"), (119, "119.0 s"), (121, "2 min"), (7300, "2 h"), (2e5, "2 d")]
)
def test_a_length_of_time_is_told_in_its_largest_fitting_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_typo_in_the_file_hides_no_running_line_and_is_told(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    port = port_of(line)
    good = line.config.read_text()
    for typo, told in ((f"{good}\nwrokers: {{}}\n", "did you mean workers?"), (f"{good}\n  a: [\n", "not YAML")):
        line.config.write_text(typo)
        # What runs has any free port, and so must be told which one it got
        assert main.main(["status", "-c", str(line.config), "-o", f"metrics.port={port}"]) in (0, 1)
        screen = capsys.readouterr().out
        assert "note: the config cannot be used" in screen
        assert told in screen
        assert "drop" in screen


def test_a_config_that_differs_from_what_runs_is_told_by_its_keys(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ask_json(line, capsys, port_of(line))[1]
    assert told["notes"] == ["the config differs from what runs: metrics.port; a reload or restart takes it over"]

    values = yaml.safe_load(line.config.read_text()) | {"evidence": {"keep_days": 5}}
    line.config.write_text(yaml.safe_dump(values))

    (note,) = ask_json(line, capsys, port_of(line))[1]["notes"]
    assert note.startswith("the config differs from what runs: evidence.keep_days, ")


def test_no_secret_is_in_the_settings_that_a_running_line_leaves(tmp_path: Path) -> None:
    from inspector.settings import loading, running_settings

    camera = {"name": "cam", "type": "camera", "address": "rtsp://user:geheim@127.0.0.1:1/strip"}
    line = Line(tmp_path, [camera])
    line.data.mkdir()
    settings = loading.load(line.config)

    running_settings.save(settings)

    (kept,) = line.data.glob("settings-running.json")
    assert "geheim" not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    again = running_settings.read(line.data)
    assert again is not None
    assert running_settings.changed(again, settings) == []
