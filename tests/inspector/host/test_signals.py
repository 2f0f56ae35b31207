"""Holds the first second of a process: a signal before its handlers are there neither ends the process nor is lost."""

from pathlib import Path

import pytest

from tests.fakes import Line, python_path, running, wait_until
from tests.inspector.supervisor.test_supervisor import drop_one, ready


class Signalled(Line):
    """A line whose processes signal themselves while they load: see tests/broken/signalled."""

    environment = python_path("signalled")


def test_a_reload_asked_for_while_the_line_loads_is_done_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNALLED", "inspector.settings.settings:SIGHUP:run")
    line = Signalled(tmp_path)
    with running(line):
        wait_until(lambda: "reload: nothing new taken over" in line.log, line.explain)
        drop_one(line)
        assert line.stop() == 0


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_stop_asked_for_while_the_line_loads_is_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setenv("SIGNALLED", f"inspector.settings.settings:{number}:run")
    line = Signalled(tmp_path)
    with running(line):
        assert line.process is not None
        assert line.process.wait(60) == 0, line.log
    assert "stopped, exit code 0" in line.log and "Traceback" not in line.log


@pytest.mark.parametrize("number", ["SIGHUP", "SIGTERM", "SIGINT"])
def test_a_signal_to_a_process_of_the_line_that_loads_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setenv("SIGNALLED", f"inspector.supervisor.role:{number}:sink")
    line = Signalled(tmp_path)
    with running(line):
        drop_one(line)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        assert line.stop() == 0
    assert line.log.count("sink started, pid") == 1
