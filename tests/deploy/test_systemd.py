"""Holds the systemd unit: systemd itself reads it, it starts a command that exists, and little is open to it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.cli.arguments.parser import parser
from inspector.settings import loading
from inspector.settings.settings import DeliverySettings
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.supervisor.supervisor import STOP_S
from tests.fakes import ROOT

README = ROOT / "deploy" / "README.md"
UNIT = ROOT / "deploy" / "systemd" / "strip-inspector.service"
#: For every line beside the first; its name is %i.
TEMPLATE = UNIT.with_name("strip-inspector@.service")
#: What systemd-analyze calls OK ends at 5.0 of 10; this is what the unit has today, rounded up.
MAX_EXPOSURE = 1.5

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["systemd-analyze", "--no-pager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def setting(name: str, unit: Path = UNIT) -> str:
    return str(re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)[-1])


def installed(shipped: Path, folder: Path, instance: str = "") -> Path:
    """A unit as it is, but for the place of the program, which is not installed here."""
    program, _, rest = setting("ExecStart", shipped).partition(" ")
    path = folder / shipped.name.replace("@", f"@{instance}")
    path.write_text(shipped.read_text().replace(f"{program} {rest}", f"{sys.executable} -m inspector {rest}"))
    return path


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    return installed(UNIT, tmp_path)


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
    assert float(setting("TimeoutStopSec")) > DeliverySettings().drain_s + 3 * STOP_S


@needs_systemd
def test_systemd_finds_nothing_wrong_with_a_second_line(tmp_path: Path) -> None:
    second = installed(TEMPLATE, tmp_path, "exit")
    verified = analyze("verify", "--man=no", str(second))
    ours = [line for line in verified.stderr.splitlines() if second.name in line]

    assert (verified.returncode, ours) == (0, [])


def test_a_second_line_differs_from_the_first_by_its_config_its_folder_and_its_name() -> None:
    first, second = ([line for line in path.read_text().splitlines() if line[:1] != "#"] for path in (UNIT, TEMPLATE))
    other = {(one, another) for one, another in zip(first, second, strict=True) if one != another}

    assert {line.partition("=")[0] for pair in other for line in pair} == {"Description", "ExecStart", "StateDirectory"}
    assert all("%i" in another and "%i" not in one for one, another in other)
    options = parser().parse_args(setting("ExecStart", TEMPLATE).split()[1:])
    assert (options.command, str(options.config)) == ("run", "/etc/strip-inspector/%i.yaml")


def test_the_commands_of_the_readme_set_up_a_second_line_that_meets_the_first_nowhere(tmp_path: Path) -> None:
    # Given what README has for a line called exit
    (text,) = re.findall(r"cat > /etc/strip-inspector/exit\.yaml <<END\n(.*?)END\n", README.read_text(), re.DOTALL)
    (tmp_path / "exit.yaml").write_text(text)
    first, second = loading.load(ROOT / "configs" / "installed.yaml"), loading.load(tmp_path / "exit.yaml")

    assert str(second.data) == f"/var/lib/{setting('StateDirectory', TEMPLATE).replace('%i', 'exit')}"
    assert str(first.data) == f"/var/lib/{setting('StateDirectory')}"
    assert first.metrics.port != second.metrics.port
    folders = [
        source.path for one in (first, second) for source in one.sources if isinstance(source, FolderSourceSettings)
    ]
    assert len(set(folders)) == 2 and all(str(path).startswith("/srv/strip/") for path in folders)
