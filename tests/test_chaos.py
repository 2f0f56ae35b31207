"""The short forms of `make chaos`: random processes killed at full speed, judged by what was put in."""

from pathlib import Path

from tests.chaos import chaos


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
