"""Holds that what version 0.1 wrote opens in this one: config, record, evidence, files under way, and a bundle.

tests/data/written_by_0.1.tar.gz was written by commit 1c428fe: its trainer made the bundle, and its line recorded seven
files, one of them no picture, and was killed while two more were in `.work/`.
"""

import json
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.record.schema import FILE
from tests.fakes import ROOT, Line, inspector, running, wait_until

ARCHIVE = ROOT / "tests" / "data" / "written_by_0.1.tar.gz"


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """The line of 0.1 as it was left, config and all."""
    line = Line(tmp_path, bundle=str(tmp_path / "bundle"))
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return line


def rows(line: Line, table: str) -> Iterator[dict[str, Any]]:
    """What a table has, by column, read without any code of ours."""
    record = sqlite3.connect(f"file:{line.data / FILE}?mode=ro", uri=True)
    record.row_factory = sqlite3.Row
    yield from map(dict, record.execute(f"SELECT * FROM {table} ORDER BY rowid"))
    record.close()


def test_a_line_of_version_0_1_goes_on_with_its_record_its_bundle_and_the_files_it_had_under_way(line: Line) -> None:
    # Given
    before = {table: list(rows(line, table)) for table in ("records", "regions", "pieces", "pins", "evidence")}
    assert inspector("check", "-c", str(line.config)).returncode == 0
    # When
    with running(line):
        records = line.wait_for_records(9)
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        assert line.stop() == 0
    # Then nothing of what was on record is lost or changed
    for table, old in before.items():
        now = list(rows(line, table))
        keys = ("name", "began_at") if table == "pieces" else tuple(old[0])  # the piece under way goes on
        assert [[row[key] for key in keys] for row in now[: len(old)]] == [[row[key] for key in keys] for row in old]
    # And the files that were under way are on record once, decided by the same model
    late = {record.name: record for record in records if record.name in ("coil-2_400.png", "coil-2_500.png")}
    assert [(late[name].outcome, late[name].label, late[name].piece) for name in sorted(late)] == [
        ("ok", "ok", "coil-2"), ("defect", "scratches", "coil-2"),
    ]  # fmt: skip
    assert len({record.model for record in records if record.outcome != "error"}) == 1
    assert not list((line.drop / ".work").rglob("*.png"))
    assert {"coil-2_400.png", "coil-2_500.png"} <= {path.name for path in (line.drop / "done").iterdir()}
    assert inspector("account", "-c", str(line.config)).returncode == 0


def test_questions_to_a_record_of_version_0_1_are_answered_before_the_new_version_has_run(line: Line) -> None:
    for command in (
        ["piece"], ["pin"], ["alarms"], ["optics"], ["defects", "--verdict", "all"], ["defects", "--piece", "coil-1"],
        ["map", "coil-1", "--to", str(line.folder / "map.html")],
        ["report", "coil-1", "--to", str(line.folder / "report.html")],
    ):  # fmt: skip
        done = line.run(*command)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout, command


def test_the_bundle_of_version_0_1_says_of_each_picture_what_it_said_then(line: Line) -> None:
    then = {row["name"]: row for row in rows(line, "records") if row["outcome"] != "error"}
    command = [sys.executable, "-m", "trainer", "predict", "--json", "--bundle", str(line.folder / "bundle")]

    done = subprocess.run([*command, str(line.drop / "done")], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    now = {Path(one["path"]).name: one for one in json.loads(done.stdout)["verdicts"]}
    assert now.keys() == then.keys()
    for name, one in now.items():
        assert [one[key] for key in ("outcome", "label", "severity")] == [
            then[name][key] for key in ("outcome", "label", "severity")
        ]
        assert one["score"] == pytest.approx(then[name]["score"], abs=1e-3)
