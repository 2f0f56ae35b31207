"""Holds the model in shadow: it judges live frames without deciding, and whatever it does, the line does not mind."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.protocol.sockets import Puller, Pusher, shadow_address
from inspector.record.models.shadow_record import Judged, ShadowRecord, judged
from tests.fakes import Line, inspector, make_bundle, running, wait_until
from tests.inspector.supervisor.test_supervisor import drop_one, ready


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line that runs, and shows every frame."""
    with running(Line(tmp_path, models={"shadow_ok_share": 1.0}, supervision={"give_up_after": 3})) as one:
        drop_one(one)
        yield one


def model(line: Line, action: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command on the models of the line."""
    return inspector("model", action, "-c", str(line.config), *words)


def tried(line: Line) -> str:
    """The address of another model of the line, put in shadow."""
    made = make_bundle(line.folder / "better", name="better")
    address: str = json.loads(model(line, "import", str(made.path), "--json").stdout)["address"]
    assert model(line, "shadow", address, "--by", "Ann", "--why", "a try").returncode == 0
    return address


def started(line: Line, times: int = 1) -> None:
    """Wait until a shadow is ready for the nth time."""
    wait_until(
        lambda: sum("shadow." in row and "is ready" in row for row in line.log.splitlines()) >= times, line.explain
    )


def seen(line: Line, address: str) -> list[Judged]:
    """What the model of this address said."""
    return judged(line.data, address)


def judge_one(line: Line, address: str) -> None:
    """Drop frames until the shadow has judged another one."""
    before = len(seen(line, address))
    for _ in range(20):
        drop_one(line)
        try:
            wait_until(lambda: len(seen(line, address)) > before, line.explain, timeout_s=3)
        except AssertionError:
            continue
        return
    raise AssertionError(line.explain())


def history(line: Line) -> list[dict[str, Any]]:
    """What became of the models of the line."""
    return [json.loads(row) for row in model(line, "history", "--json").stdout.splitlines()]


def test_a_model_in_shadow_judges_live_frames_at_idle_priority_and_decides_none(line: Line) -> None:
    serving = line.records()[0].model
    address = tried(line)
    started(line)
    judge_one(line, address)
    pid = line.child("shadow")
    assert os.sched_getscheduler(pid) == os.SCHED_IDLE
    (first, *_) = seen(line, address)
    record = next(one for one in line.records() if one.frame == first.frame)
    assert (first.live_model, first.live_outcome, first.live_label) == (serving, record.outcome, record.label)
    assert {one.model for one in line.records()} == {serving}
    assert line.recorded == sum(1 for _ in (line.drop / "done").iterdir())
    found = json.loads(model(line, "agreement", address, "--json").stdout)
    assert found["frames"] == found["in_all"]["frames"] == len(seen(line, address))
    assert found["in_all"]["high"] > 0
    assert "95% interval" in model(line, "agreement", address).stdout
    assert model(line, "shadow", address, "--stop", "--by", "Ann", "--why", "enough").returncode == 0
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), line.explain)
    assert model(line, "shadow", address, "--stop").returncode != 0
    drop_one(line)
    assert ready(line) == (True, [])
    assert line.stop() == 0


def test_a_shadow_that_hangs_or_dies_costs_the_line_nothing_and_is_given_up(line: Line) -> None:
    address = tried(line)
    started(line)
    os.kill(line.child("shadow"), signal.SIGSTOP)
    for _ in range(8):
        drop_one(line)
    assert ready(line) == (True, [])
    killed = 0

    def given_up() -> bool:
        nonlocal killed
        if (pid := line.child("shadow")) != killed:
            os.kill(pid, signal.SIGKILL)
            killed = pid
        return history(line)[-1]["event"] == "shadow_ended"

    wait_until(given_up, line.explain)
    assert (history(line)[-1]["person"], history(line)[-1]["address"]) == ("line", address)
    assert "given up" in history(line)[-1]["why"]
    drop_one(line)
    assert ready(line) == (True, [])
    assert {one.attempt for one in line.records()} == {1}
    assert line.stop() == 0


def test_a_damaged_model_ends_its_trial_and_not_the_line(line: Line) -> None:
    made = make_bundle(line.folder / "better", name="better")
    address = json.loads(model(line, "import", str(made.path), "--json").stdout)["address"]
    copy = line.data / "models" / address
    assert model(line, "shadow", address, "--by", "Ann").returncode == 0
    started(line)
    model(line, "shadow", address, "--stop", "--by", "Ann")
    parameters = max(copy.glob("*"), key=lambda one: one.name != "bundle.json")
    parameters.chmod(0o600)
    parameters.write_bytes(b"1")
    answer = model(line, "shadow", address, "--by", "Ann")
    assert answer.returncode != 0
    assert "damaged" in answer.stderr
    assert ready(line) == (True, [])


def test_a_trial_goes_on_after_a_restart(line: Line) -> None:
    address = tried(line)
    started(line)
    judge_one(line, address)
    assert line.stop() == 0
    line.start()
    started(line, 2)
    judge_one(line, address)
    assert line.stop() == 0


def test_what_a_shadow_does_not_take_at_once_is_not_sent(tmp_path: Path) -> None:
    push = Pusher(shadow_address(tmp_path), 2)
    assert not push.send(b"nobody listens", b"")
    pull = Puller(shadow_address(tmp_path), 2)
    wait_until(lambda: push.send(b"header", bytes(1 << 20)))
    taken = sum(push.send(b"header", bytes(1 << 20)) for _ in range(1000))
    assert taken < 20
    assert pull.receive(1000) == [b"header", bytes(1 << 20)]
    pull.close()
    push.close()


def test_what_is_kept_of_a_shadow_is_bounded_by_age_and_rows_and_a_frame_counts_once(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    record = ShadowRecord(tmp_path, "a", keep_days=1, max_rows=10)

    def frame(number: int) -> Judged:
        return Judged(
            source="drop", frame=f"f{number}", captured_at=0, live_model="m", live_outcome="ok", live_label="ok",
            live_severity="none", outcome="defect", label="scratches", severity="major", score=0.9, live_s=0.01,
            cpu_s=0.01, missed=0,
        )  # fmt: skip

    record.write([frame(number) for number in range(8)], now=0.0)
    record.write([frame(7)], now=1.0)
    assert len(judged(tmp_path, "a")) == 8
    record.write([frame(number) for number in range(8, 30)], now=2.0)
    assert [one.frame for one in judged(tmp_path, "a")] == [f"f{number}" for number in range(20, 30)]
    record.write([frame(99)], now=90_000.0)
    assert [one.frame for one in judged(tmp_path, "a")] == ["f99"]
    assert judged(tmp_path, "b") == []
    record.close()
