"""Holds which folders of a line may lie in one another."""

from pathlib import Path

import pytest

from inspector.cli import main
from tests.inspector.settings.configs import folder, load, refused


@pytest.mark.parametrize("other", ["one", "one/below", "./one/../one", "link", "link/below"])
def test_a_folder_watched_twice_is_refused(tmp_path: Path, other: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "one")

    assert "watched twice" in refused(tmp_path, sources=[folder(tmp_path, "a", "one"), folder(tmp_path, "b", other)])


@pytest.mark.parametrize(
    ("drop", "part"),
    [
        ("data", "is or holds the line's own"),
        (".", "is or holds the line's own"),
        ("link", "is or holds the line's own"),
        ("link/data", "is or holds the line's own"),
        ("data/evidence", "is or holds the line's own"),
        ("data/evidence/2026-11-24/new", "lies in the line's evidence"),
        ("data/evidence-damaged-1", "is or holds the line's own"),
        ("over", "is or holds the line's own"),
        ("back", "back/done leads to"),
        ("into", "is or holds the line's own"),
    ],
)
def test_a_drop_folder_that_would_take_the_lines_own_pictures_or_what_it_puts_away_is_refused(
    tmp_path: Path, drop: str, part: str
) -> None:
    (tmp_path / "data" / "evidence-damaged-1").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "over").symlink_to(tmp_path / "data")
    for name, target in (("back", tmp_path / "back"), ("into", tmp_path / "data" / "evidence")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "done").symlink_to(target)

    message = refused(tmp_path, sources=[folder(tmp_path, "a", drop)])

    assert "a: " in message
    assert part in message
    assert main.main(["check", "-c", str(tmp_path / "line.yaml")]) == main.EXIT_UNUSABLE


def test_a_drop_folder_that_another_puts_files_into_or_that_holds_what_is_replayed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "done").symlink_to(tmp_path / "b")
    assert "filled and watched" in refused(tmp_path, sources=[folder(tmp_path, "a"), folder(tmp_path, "b", "b/below")])

    replay = {"name": "again", "type": "replay", "path": str(tmp_path / "c" / "other-line")}
    assert "that again replays" in refused(tmp_path, sources=[folder(tmp_path, "c"), replay])


@pytest.mark.parametrize("drop", ["data/drop", "data-of-another"])
def test_a_drop_folder_in_the_data_folder_or_beside_it_is_fine(tmp_path: Path, drop: str) -> None:
    assert len(load(tmp_path, sources=[folder(tmp_path, "a", drop)]).sources) == 1


def test_folders_beside_each_other_are_fine(tmp_path: Path) -> None:
    assert len(load(tmp_path, sources=[folder(tmp_path, "a", "one"), folder(tmp_path, "b", "one-more")]).sources) == 2
