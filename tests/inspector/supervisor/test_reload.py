"""Holds a reload of sources and outputs: the line goes on, nothing is lost, readiness stays, and what fails changes
nothing.
"""

import os
import resource
import urllib.error
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from inspector.settings.settings import Settings
from inspector.supervisor.reload import plan
from tests.fakes import NO_SAMPLES, Line, running, wait_until
from tests.inspector.folders import GOOD
from tests.inspector.supervisor.test_supervision import reconfigure
from tests.inspector.supervisor.test_supervisor import drop_one, ready


def settings(*sources: dict[str, Any], **values: Any) -> Settings:
    return Settings.model_validate({"data": "d", "sources": list(sources), **values})


def folder(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "type": "folder", "path": f"/{name}", **values}


def test_thresholds_alone_replace_no_process() -> None:
    change = plan(settings(folder("a")), settings(folder("a"), decision={"thresholds": {"ok": 0.5}}))
    assert not change.replaces and not change.waiting
    assert change.settings.decision.thresholds == {"ok": 0.5}


def test_recipes_alone_replace_no_process() -> None:
    change = plan(settings(folder("a")), settings(folder("a"), recipes=[{"name": "exposed", "grades": ["DX56D"]}]))
    assert not change.replaces and not change.waiting
    assert [recipe.name for recipe in change.settings.recipes] == ["exposed"]


def test_a_changed_source_alone_is_replaced() -> None:
    change = plan(settings(folder("a"), folder("b")), settings(folder("a"), folder("b", settle_ms=1)))
    assert (change.ending, change.beginning, change.sink, change.workers) == ({"b"}, ("b",), False, False)


def test_who_knows_the_sources_is_replaced_when_one_comes_or_goes() -> None:
    change = plan(settings(folder("a"), folder("b")), settings(folder("b"), folder("c")))
    assert (change.ending, change.beginning, change.sink, change.workers) == ({"a"}, ("c",), True, True)


@pytest.mark.parametrize(
    ("values", "replaced"),
    [
        ({"metrics": {"port": 9200}}, (True, False)),
        ({"record": {"keep_days": 3}}, (True, False)),
        ({"disk": {"min_free_mb": 9}}, (True, False)),
        ({"models": {"shadow_ok_share": 0.5}}, (False, True)),
        ({"models": {"gate": {"min_frames": 5}}}, (False, False)),
        ({"alarms": [{"name": "a", "limit": 3, "within_s": 9}]}, (True, False)),
        ({"grading": {"max_unsure_percent": 9}}, (True, False)),
        ({"evidence": {"budget_mb": 9}}, (True, True)),
    ],
)
def test_outputs_replace_who_reads_them(values: dict[str, Any], replaced: tuple[bool, bool]) -> None:
    change = plan(settings(folder("a")), settings(folder("a"), **values))
    assert (change.sink, change.workers) == replaced
    assert not (change.ending or change.beginning or change.waiting)


def test_place_and_strip_of_a_source_leave_the_source_alone() -> None:
    placed = plan(settings(folder("a")), settings(folder("a", place={"mm_per_px": 0.3})))
    trimmed = plan(settings(folder("a")), settings(folder("a", strip={"top_px": 10})))
    spelled = plan(settings(folder("a")), settings(folder("a", place={"pattern": "(?P<grade>.)"})))
    assert (placed.ending, placed.sink, placed.workers) == (frozenset(), True, False)
    assert (spelled.ending, spelled.sink, spelled.workers) == (frozenset(), True, True)
    assert (trimmed.ending, trimmed.sink, trimmed.workers) == (frozenset(), True, True)


def test_what_needs_a_restart_is_named_and_not_in_force() -> None:
    change = plan(settings(folder("a")), settings(folder("a"), data="elsewhere", workers={"count": 5}))
    assert change.waiting == ("data", "workers.count") and not change.replaces
    assert change.settings == settings(folder("a"))


def test_another_share_of_samples_replaces_the_sources_which_draw_them() -> None:
    change = plan(settings(folder("a"), folder("b")), settings(folder("a"), folder("b"), evidence={"ok_every_s": 60}))
    assert change.ending == {"a", "b"} and change.beginning == ("a", "b") and change.waiting == ()
    assert plan(settings(folder("a")), settings(folder("a"), evidence={"ok_share": 1})).ending == frozenset()


def other(path: Path) -> dict[str, Any]:
    return {"name": "other", "type": "folder", "path": str(path), "settle_ms": 0}


def test_sources_and_outputs_change_in_a_line_that_goes_on(tmp_path: Path) -> None:
    # Given a line under load
    line = Line(tmp_path, evidence={"ok_share": 0.0})
    drop = {"name": "drop", "type": "folder", "path": str(line.drop), "settle_ms": 50}
    second, wrong = tmp_path / "other", list[str]()
    second.mkdir()
    with running(line):
        drop_one(line)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        kept, sink, worker = (line.child(name) for name in ("drop", "sink", "worker-0"))

        def goes_on(done: str, count: int) -> bool:
            """Another file, and a look at readiness; the port is away for a moment while the sink is replaced."""
            (line.drop / f"{os.urandom(4).hex()}.bmp").write_bytes(GOOD)
            with suppress(urllib.error.URLError, ConnectionError):
                wrong.extend(ready(line)[1])
            return line.log.count(done) >= count

        # When a source and another share of evidence are asked for
        (second / "early.bmp").write_bytes(GOOD)
        reconfigure(line, sources=[drop, other(second)], evidence={"ok_share": 1.0, **NO_SAMPLES})
        wait_until(lambda: goes_on("reload: done", 1), line.explain)
        wait_until(lambda: (second / "done" / "early.bmp").exists(), line.explain)
        # Then only who must know of it is another process, and the new source is inspected
        assert line.child("drop") == kept
        assert line.child("sink") != sink and line.child("worker-0") != worker
        # And when it is taken away again, what it had is on record
        for number in range(50):
            (second / f"{number}.bmp").write_bytes(GOOD)
        reconfigure(line, sources=[drop], evidence={"ok_share": 1.0, **NO_SAMPLES})
        wait_until(lambda: goes_on("reload: done", 2), line.explain)
        (second / "late.bmp").write_bytes(GOOD)
        drop_one(line)
        assert line.stop() == 0
    files = {name: {path.name for path in (tmp_path / name / "done").iterdir()} for name in ("drop", "other")}
    records = [(record.source, record.name) for record in line.records()]
    assert sorted(records) == sorted((source, name) for source, names in files.items() for name in names)
    assert (second / "late.bmp").exists() and not list((second / ".work").rglob("*.bmp"))
    assert not wrong
    assert all(account["balanced"] for account in line.account())
    assert {record.attempt for record in line.records()} == {1}


def test_outputs_that_cannot_be_used_change_nothing(tmp_path: Path) -> None:
    line = Line(tmp_path)
    with running(line):
        drop_one(line)
        # Given a defect log in a folder that cannot be made
        (tmp_path / "file").write_text("")
        reconfigure(line, record={"defect_log": str(tmp_path / "file" / "log.jsonl")})
        wait_until(lambda: "the line goes on as before" in line.log, line.explain)
        drop_one(line)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        assert line.stop() == 0
    assert "reload: record.defect_log: " in line.log


def descriptors(line: Line) -> int:
    """How many the supervisor holds."""
    assert line.process is not None
    return psutil.Process(line.process.pid).num_fds()


def test_a_line_that_is_reloaded_again_and_again_holds_no_more_descriptors_than_before(tmp_path: Path) -> None:
    line = Line(tmp_path)
    drop, second = ({"name": name, "type": "folder", "path": str(tmp_path / name)} for name in ("drop", "second"))
    with running(line):
        drop_one(line)
        before = descriptors(line)
        for count in range(1, 5):  # sink and worker are replaced each time, a source comes or goes
            reconfigure(line, sources=[drop, second][: 1 + count % 2], evidence={"ok_share": count / 10, **NO_SAMPLES})
            wait_until(lambda: line.log.count("reload: done") == count, line.explain)  # noqa: B023 (called at once)
        assert descriptors(line) == before
        assert line.stop() == 0


def test_a_reload_for_which_there_are_no_descriptors_changes_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    line = Line(tmp_path)
    with running(line):
        drop_one(line)
        assert line.process is not None
        supervisor, worker = line.process.pid, line.child("worker-0")
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        # Given a limit with room for a config to be read, and for no process beside those that run
        before = resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (descriptors(line) + 2, hard))
        drop = {"name": "drop", "type": "folder", "path": str(line.drop), "settle_ms": 50}
        reconfigure(line, sources=[drop, other(tmp_path / "other")])
        wait_until(lambda: "the line goes on as before" in line.log, line.explain)
        drop_one(line)
        assert line.child("worker-0") == worker
        # When there is room again
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, before)
        reconfigure(line)
        wait_until(lambda: "reload: done" in line.log, line.explain)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        assert line.stop() == 0


def test_a_changed_source_that_does_not_start_gives_way_to_the_one_before(tmp_path: Path) -> None:
    # Given a folder on which another line works
    (tmp_path / "taken").mkdir()
    taken, line = Line(tmp_path / "taken"), Line(tmp_path)
    with running(taken), running(line):
        drop_one(taken)
        drop_one(line)
        # When the source is to work there
        drop = {"name": "drop", "type": "folder", "path": str(taken.drop)}
        reconfigure(line, sources=[drop, other(tmp_path / "other")], evidence={"ok_share": 1.0, **NO_SAMPLES})
        wait_until(lambda: "the line goes on as before" in line.log, line.explain)
        # Then it is where it was, the new one beside it is gone again, and the line is ready
        drop_one(line)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        assert line.stop() == 0
        assert taken.stop() == 0
    assert "reload: source drop does not start: " in line.log
    assert "another inspector works on this drop folder" in line.log
    assert all(account["balanced"] for account in line.account())
