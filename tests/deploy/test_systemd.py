"""Holds the systemd unit: systemd itself reads it, it starts a command that exists, and little is open to it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.arguments import parser
from inspector.config import Delivery
from inspector.supervisor import STOP_S
from tests.fakes import ROOT

UNIT = ROOT / "deploy" / "systemd" / "strip-inspector.service"
#: What systemd-analyze calls OK ends at 5.0 of 10; this is what the unit has today, rounded up.
MAX_EXPOSURE = 1.5

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["systemd-analyze", "--no-pager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def setting(name: str) -> str:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)[-1]


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as it is, but for the place of the program, which is not installed here."""
    program, _, rest = setting("ExecStart").partition(" ")
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace(f"{program} {rest}", f"{sys.executable} -m inspector {rest}"))
    return path


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    verified = analyze("verify", "--man=no", str(unit))
    ours = [line for line in verified.stderr.splitlines() if UNIT.name in line]

    assert (verified.returncode, ours) == (0, [])


@needs_systemd
def test_systemd_finds_what_is_wrong_with_a_broken_unit(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("WatchdogSec=30", "WatchdogSec=often"))

    assert f"{UNIT.name}:" in analyze("verify", "--man=no", str(unit)).stderr


@needs_systemd
def test_little_of_the_host_is_open_to_the_unit(unit: Path) -> None:
    found = analyze("security", "--offline=true", str(unit))
    score = re.search(r"exposure level for \S+: ([\d.]+)", found.stdout)
    if score is None and "offline" in found.stderr:
        pytest.skip("this systemd-analyze is older than 250: it cannot judge a file")

    assert score, found.stderr
    print(f"{UNIT.name}: exposure {score[1]} of 10")
    assert float(score[1]) <= MAX_EXPOSURE


def test_the_unit_starts_a_command_that_parses_and_gives_a_stop_its_time() -> None:
    options = parser().parse_args(setting("ExecStart").split()[1:])

    assert options.command == "run"
    assert float(setting("TimeoutStopSec")) > Delivery().drain_s + 3 * STOP_S
