"""Holds a line through trouble of its processes: the held are replaced, the hopeless given up, reload drops nothing."""

import os
import signal
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from inspector.host import instance
from tests.fakes import Line, make_bundle, running, wait_until
from tests.inspector.folders import GOOD
from tests.inspector.pictures import encode, strip
from tests.inspector.supervisor.test_supervisor import drop_one, ready


def metric(line: Line, text: str) -> bool:
    """Whether /metrics has this line."""
    return f"\n{text}\n" in line.page("metrics")


@pytest.mark.parametrize("victim", ["worker-0", "sink", "drop"])
def test_a_process_that_is_held_is_replaced_and_the_line_goes_on(tmp_path: Path, victim: str) -> None:
    line = Line(tmp_path, supervision={"stuck_s": 1.5})
    with running(line):
        drop_one(line)
        held = line.child(victim)
        os.kill(held, signal.SIGSTOP)
        drop_one(line)
        assert line.child(victim) != held
        role = {"worker-0": "worker", "drop": "source"}.get(victim, victim)
        ended = f'inspector_process_ends_total{{cause="stuck",role="{role}"}} 1.0'
        wait_until(lambda: metric(line, ended), line.explain)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        assert line.stop() == 0
    assert "made no turn for more than 1.5 s: killed" in line.log
    assert [record.attempt for record in line.records()] == [1, 1]  # nothing was in hand: nobody is blamed


def test_a_process_that_is_held_while_it_loads_is_replaced(tmp_path: Path) -> None:
    line = Line(tmp_path, supervision={"start_s": 5.0})
    with running(line):
        wait_until(lambda: "sink started, pid" in line.log)
        os.kill(line.child("sink"), signal.SIGSTOP)
        drop_one(line)
        assert line.stop() == 0
    assert "sink is not at work more than 5 s after its start: killed" in line.log


def test_a_worker_whose_bundle_was_damaged_is_given_up_while_the_other_serves(tmp_path: Path) -> None:
    line = Line(tmp_path, workers={"count": 2}, supervision={"give_up_after": 2})
    with running(line):
        drop_one(line)
        wait_until(lambda: line.log.count("is ready") >= 4, line.explain)
        (parameters,) = (line.data / "models").glob("*/inference.pdiparams")
        parameters.chmod(0o644)
        whole = parameters.read_bytes()
        parameters.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])  # one bit
        (tmp_path / "bundle" / parameters.name).unlink()  # so that it cannot be copied again
        os.kill(line.child("worker-1"), signal.SIGKILL)
        wait_until(lambda: "worker-1 is given up" in line.log, line.explain)
        drop_one(line)
        wait_until(lambda: len(ready(line)[1]) == 1, line.explain)  # the killed one may have had the first canary
        (problem,) = ready(line)[1]
        assert problem.startswith("worker-1: given up, it ended again and again: ")
        assert "inference.pdiparams: damaged or replaced" in problem
        # When it is whole again and someone has said so, then both serve
        parameters.write_bytes(whole)
        assert line.process is not None
        line.process.send_signal(signal.SIGHUP)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        assert line.stop() == 0


def test_a_frame_that_hangs_every_worker_costs_no_frame_of_another_source(tmp_path: Path) -> None:
    # Given a model with tiles so small that one frame keeps a worker busy for seconds, and a second source
    folders = {name: tmp_path / name for name in ("drop", "calm")}
    sources = [{"name": name, "type": "folder", "path": str(path), "settle_ms": 0} for name, path in folders.items()]
    bundle = make_bundle(tmp_path / "tiny", input={"size": 112, "channels": 1, "view_px": 16})
    line = Line(
        tmp_path, sources, bundle=str(bundle.path), workers={"batch_timeout_s": 0.5}, delivery={"max_attempts": 2}
    )
    small = encode(strip(32, 32))
    for path in folders.values():
        path.mkdir()
        for number in range(20):
            (path / f"{number:02}.bmp").write_bytes(small)
    (folders["drop"] / "10-endless.bmp").write_bytes(encode(np.tile(strip(100, 100), (70, 70))))
    # When all of it went through the only worker
    with running(line):
        line.wait_for_records(41)
        wait_until(lambda: (line.drop / "failed" / "10-endless.bmp").exists(), line.explain)
        assert line.stop() == 0
    # Then it alone is an error, after two workers, and nobody else was tried more often than once alone
    errors = [(error.source, error.name, error.reason) for error in line.records(outcomes=["error"])]
    assert errors == [("drop", "10-endless.bmp", "took down 2 workers")]
    assert all(record.attempt <= 2 for record in line.records())
    assert line.log.count("is stuck in a batch for more than 0.5 s: killed") == 2
    assert all(account["balanced"] for account in line.account())


def reconfigure(line: Line, **changes: Any) -> None:
    """Write the config anew and say so."""
    line.config.write_text(yaml.safe_dump({**yaml.safe_load(line.config.read_text()), **changes}))
    assert line.process is not None
    line.process.send_signal(signal.SIGHUP)


def test_a_reload_takes_over_thresholds_names_the_rest_and_drops_no_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "n"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        monkeypatch.setenv("WATCHDOG_USEC", "200000")

        def told(word: str) -> bool:
            try:
                while True:
                    heard.append(systemd.recv(1000).decode().split("\n")[0])
            except BlockingIOError:
                return word in heard

        line = Line(tmp_path)
        line.drop.mkdir()
        labels = ("ok", "crazing", "patches", "pitted_surface", "rolled-in_scale", "scratches", "inclusion")
        with running(line):
            wait_until(lambda: told("READY=1") and told("WATCHDOG=1"), line.explain)
            pids = [line.child(name) for name in ("worker-0", "sink", "drop")]
            for number in range(300):
                (line.drop / f"{number}.bmp").write_bytes(GOOD)
                if number == 100:
                    line.wait_for_records(1)  # by the old ones; of the new no score of this engine is as high as that
                    reconfigure(line, decision={"thresholds": dict.fromkeys(labels, 1.0)}, log_level="DEBUG")
                    wait_until(lambda: "reload: decision.thresholds taken over" in line.log, line.explain)
                if number == 200:
                    reconfigure(line, workers={"count": 0})
                    wait_until(lambda: "the line goes on as before" in line.log, line.explain)
            wait_until(lambda: told("STOPPING=1") or line.recorded == 300, line.explain)  # a full socket loses words
            assert ready(line) == (True, [])
            assert [line.child(name) for name in ("worker-0", "sink", "drop")] == pids
            assert line.stop() == 0
            told("")
    outcomes = {record.outcome for record in line.records()}
    assert "unsure" in outcomes and len(outcomes) == 2  # by the old thresholds and by the new
    assert "these need a restart: log_level" in line.log
    assert "workers.count" in line.log
    order = [word for word in heard if word.split("=")[0] in ("READY", "RELOADING", "STOPPING")]
    assert order == ["READY=1", *["RELOADING=1", "READY=1"] * 2, "STOPPING=1"]
    assert not (line.data / "run").exists()


def test_nothing_is_left_in_tmp_by_a_line_far_down_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    lost, other = tmp_path / ("d" * 80), tmp_path / ("e" * 80)
    with instance.locked(other), instance.sockets(other) as alive:
        lost.mkdir()
        left = instance.socket_folder(lost)  # a killed line leaves it
        (left / "data").write_bytes(os.fsencode(lost))
        (left / "sink").touch()
        with instance.locked(tmp_path / "new"), instance.sockets(tmp_path / "new"):
            assert not left.exists()
            assert alive.exists()
    assert not alive.exists()


def test_the_sockets_of_a_line_whose_data_folder_is_away_are_not_taken_for_left_by_the_next_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = tmp_path / ("d" * 80)
    with instance.locked(data), instance.sockets(data) as sockets:
        data.rename(tmp_path / "away")
        with instance.locked(tmp_path / "new"), instance.sockets(tmp_path / "new"):
            assert sockets.exists()
