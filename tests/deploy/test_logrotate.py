"""Holds the defect log's rotation: a real logrotate moves it away under a running line, and no line is lost."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from inspector.settings import loading
from tests.fakes import ROOT, Line, running, wait_until

CONFIG = ROOT / "deploy" / "logrotate" / "strip-inspector"

pytestmark = pytest.mark.skipif(
    shutil.which("logrotate") is None, reason="logrotate is not installed (Debian package logrotate)"
)


def rotate(rules: Path) -> None:
    rotated = subprocess.run(
        ["logrotate", "--force", "--state", str(rules.parent / "state"), str(rules)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert rotated.returncode == 0, rotated.stderr


def test_of_a_defect_log_that_is_rotated_under_a_running_line_no_line_is_lost(tmp_path: Path) -> None:
    # Given the shipped rules, but for the file and whose it is
    log = tmp_path / "defects.jsonl"
    installed = loading.load(ROOT / "configs" / "installed.yaml")
    text = CONFIG.read_text().replace(f"{installed.record.defect_log} {{", f"{log} {{")
    rules = tmp_path / "rules"
    rules.write_text(text.replace("    su strip-inspector strip-inspector\n", ""))
    rules.chmod(0o644)
    camera = {"name": "camera", "type": "simulated", "rate_fps": 300}
    line = Line(tmp_path, [camera], record={"defect_log": str(log)})

    def lines(path: Path) -> list[str]:
        return path.read_text().splitlines() if path.exists() else []

    with running(line):
        wait_until(lambda: len(lines(log)) > 5, line.explain)
        # When it is rotated, twice
        rotate(rules)
        wait_until(lambda: len(lines(log)) > 5, line.explain)
        rotate(rules)
        assert line.stop() == 0
    # Then every line is whole, and each defect has one
    compressed = sorted(tmp_path.glob("defects.jsonl*.gz"))
    assert len(compressed) == 1
    unpacked = subprocess.run(["gzip", "-dc", str(compressed[0])], capture_output=True, text=True, timeout=60).stdout
    kept = [json.loads(one) for one in [*unpacked.splitlines(), *lines(tmp_path / "defects.jsonl.1"), *lines(log)]]
    assert [one["id"] for one in kept] == sorted(record.id for record in line.records(outcomes=["defect"]))
