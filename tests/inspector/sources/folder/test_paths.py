"""Holds the paths of a config: what is no path here is refused by name, and no folders are made for a typo."""

from pathlib import Path

import pytest

from tests.fakes import Line, inspector, running, wait_until
from tests.inspector.folders import GOOD


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("~/strip-drop", "~ is a shell's word for a home folder"),
        ("$HOME/strip", "variables of the environment"),
        ("/srv/${LINE}/drop", "variables of the environment"),
        ("%USERPROFILE%/drop", "variables of the environment"),
        ("C:\\strip\\drop", "a path of Windows"),
        ("strip\\drop", "a path of Windows"),
        ("d:/strip", "a path of Windows"),
        ("\\\\nas\\strip", "a path of Windows"),
        ("smb://nas/strip", "a URL is no path: mount the share"),
        ("file:///srv/strip", "a URL is no path: mount the share"),
    ],
)
def test_what_is_no_path_of_this_system_is_refused_by_name(tmp_path: Path, path: str, why: str) -> None:
    line = Line(tmp_path, [{"name": "drop", "type": "folder", "path": path}])

    done = inspector("check", "-c", str(line.config))

    assert done.returncode == 2
    assert "sources.0.path: " in done.stderr and why in done.stderr


def test_a_data_folder_is_held_to_the_same(tmp_path: Path) -> None:
    done = inspector("check", "-c", str(Line(tmp_path, data="~/strip").config))

    assert done.returncode == 2 and "data: ~ is a shell's word" in done.stderr


def test_for_a_typo_no_folders_are_made_and_the_line_is_not_ready_until_it_is_there(tmp_path: Path) -> None:
    drop = tmp_path / "srv" / "strpi" / "drop"
    line = Line(tmp_path, [{"name": "drop", "type": "folder", "path": str(drop), "settle_ms": 0}])
    checked = inspector("check", "-c", str(line.config))
    assert f"{drop}: not there, nor is {drop.parent}: the line is not ready until" in checked.stdout
    with running(line):
        wait_until(lambda: f"is not there, nor is {drop.parent}" in line.log, line.explain)
        assert "source drop: not started" in line.page("readyz")
        assert not (tmp_path / "srv").exists()
        drop.mkdir(parents=True)
        (drop / "a.bmp").write_bytes(GOOD)
        line.wait_for_records(1)
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        assert line.stop() == 0


def test_check_tells_where_a_drop_folder_is_and_what_waits_there(tmp_path: Path) -> None:
    line = Line(tmp_path)
    assert f"{line.drop}: not there yet; the line makes it" in inspector("check", "-c", str(line.config)).stdout
    line.drop.mkdir()
    for name in ("a.bmp", "b.JPG", "c.txt"):
        (line.drop / name).write_bytes(GOOD)

    assert f"{line.drop}: 2 files wait in it" in inspector("check", "-c", str(line.config)).stdout
