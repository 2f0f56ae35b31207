"""Holds renaming in a drop folder: never onto a file that is there, also where the file system cannot see to it."""

import errno
import os
from pathlib import Path

import pytest

from inspector.settings.sources.folder import FolderSourceSettings
from inspector.sources.folder import renaming
from inspector.sources.folder.renaming import renamed
from inspector.sources.folder.requeue import put_back
from tests.inspector.folders import GOOD, Open, below, finish


@pytest.fixture
def unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system such as NFS."""

    def refuse(*_: object) -> int:
        renaming.ctypes.set_errno(errno.EINVAL)
        return -1

    monkeypatch.setattr(renaming, "_renameat2", refuse)


def test_a_name_that_is_taken_keeps_its_file(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "taken").write_text("taken")
    folder = os.open(tmp_path, os.O_RDONLY)

    with pytest.raises(FileExistsError, match="taken"):
        renamed(folder, b"new", folder, b"taken")
    with pytest.raises(FileNotFoundError):
        renamed(folder, b"none", folder, b"other")
    assert renamed(folder, b"new", folder, b"free")

    os.close(folder)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"taken": "taken", "free": "new"}


def test_where_the_file_system_cannot_refuse_a_taken_name_the_folder_does(
    drop: Path, folder: Open, unsupported: None
) -> None:
    connector = folder()
    for _ in range(2):
        (drop / "coil").mkdir(exist_ok=True)
        (drop / "coil" / "a.bmp").write_bytes(GOOD)
        finish(connector)

    assert below(drop / "done") == ["coil/a.2.bmp", "coil/a.bmp"]


def test_what_cannot_be_renamed_back_is_not_put_over_another_file_there_either(
    drop: Path, folder: Open, unsupported: None
) -> None:
    (drop / "failed").mkdir()
    for place in (drop, drop / "failed"):
        (place / "a.bmp").write_bytes(GOOD)
    (drop / "failed" / "b.bmp").write_bytes(GOOD)

    retried = list(put_back(FolderSourceSettings(name="drop", type="folder", path=drop), []))

    assert [(one.name, bool(one.problem)) for one in retried] == [("a.bmp", True), ("b.bmp", False)]
    assert below(drop) == ["a.bmp", "b.bmp", "failed/a.bmp"]
