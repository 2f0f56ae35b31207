"""The short forms of `make chaos`: random processes killed at full speed, judged by what was put in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import ROOT, python_path
from tests.stress.chaos import BROKEN, chaos

#: One verdict written twice, and how many rows that makes.
_TWICE = """
import sys
from pathlib import Path
from inspector.record.store import Store
from tests.inspector.verdicts import verdict_of

verdict = verdict_of("ok")
store = Store(Path(sys.argv[1]))
for _ in range(2):
    store.write([("model", verdict)])
print(next(store.read("SELECT COUNT(*) FROM records"))[0])
"""


def test_ten_kills_of_random_processes_lose_nothing_double_nothing_and_leave_nothing_behind(tmp_path: Path) -> None:
    outcome = chaos(tmp_path, kills=10, seed=0, pause_s=0.4, backlog=100, hold_loading=False)
    assert outcome.problems == [], outcome
    assert outcome.kills.total() == 10
    assert outcome.files > 100


def test_what_done_shows_after_everything_was_killed_at_once_is_on_record(tmp_path: Path) -> None:
    outcome = chaos(tmp_path, kills=5, seed=0, run="everything", pause_s=0.4, backlog=100)
    assert outcome.problems == [], outcome
    assert outcome.kills == {"SIGKILL everything": 5}
    assert outcome.files > 100


def test_kills_between_a_delivery_and_its_cursor_skip_no_line_and_no_alarm(tmp_path: Path) -> None:
    outcome = chaos(tmp_path, kills=6, seed=0, run="follower", pause_s=0.4, backlog=100)
    assert outcome.problems == [], outcome
    assert outcome.kills.keys() == {"SIGKILL defect_log", "SIGKILL rules"}


def test_a_build_that_moves_a_cursor_before_the_delivery_is_caught(tmp_path: Path) -> None:
    outcome = chaos(tmp_path, kills=8, seed=0, run="follower", build="cursor_before_delivery", pause_s=0.4, backlog=100)
    assert outcome.skipped > 0, outcome


@pytest.mark.parametrize("build", [*BROKEN, "sound"])
def test_a_broken_build_starts_and_only_the_one_without_a_key_records_a_frame_twice(tmp_path: Path, build: str) -> None:
    """What a broken build replaces may be renamed; then it would be caught for not starting, and show nothing."""
    ran = subprocess.run(
        [sys.executable, "-c", _TWICE, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, check=False,
        env={**os.environ, **python_path(build)},
    )  # fmt: skip
    assert ran.stderr == ""  # an error of sitecustomize is only printed
    assert ran.stdout.strip() == ("2" if build == "no_unique_key" else "1")
