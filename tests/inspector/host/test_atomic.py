"""Holds that a file is replaced as a whole, and that it is on the disk before its name is."""

import errno
import os
import stat
from pathlib import Path

import pytest

from inspector.host import atomic


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The syncs and renames, in their order: `sync NAME`, `rename`."""
    made: list[str] = []
    sync, rename, replace = os.fsync, Path.rename, Path.replace

    def synced(descriptor: int) -> None:
        made.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        sync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        made.append("rename")
        return rename(path, target)

    def replaced(path: Path, target: Path) -> Path:
        made.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr(Path, "replace", replaced)
    return made


def test_the_content_is_on_the_disk_before_its_name_and_then_the_name_is(tmp_path: Path, calls: list[str]) -> None:
    atomic.write(tmp_path / "a", b"new")
    assert calls == [f"sync .a.{os.getpid()}.tmp", "rename", f"sync {tmp_path.name}"]
    assert (tmp_path / "a").read_bytes() == b"new" and len(list(tmp_path.iterdir())) == 1


def test_what_need_not_outlive_a_power_cut_is_not_synced(tmp_path: Path, calls: list[str]) -> None:
    atomic.write(tmp_path / "a", b"new", durable=False)
    assert calls == ["rename"]


def test_a_finished_file_or_folder_is_on_the_disk_before_it_has_its_name(tmp_path: Path, calls: list[str]) -> None:
    (tmp_path / "file.part").write_bytes(b"whole")
    (tmp_path / "folder.part").mkdir()
    for name in ("file", "folder"):
        atomic.place(tmp_path / f"{name}.part", tmp_path / name)
        assert (tmp_path / name).exists()
        assert calls == [f"sync {name}.part", "rename", f"sync {tmp_path.name}"]
        calls.clear()


def test_an_error_on_the_way_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic.replaced(tmp_path / "a") as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert (tmp_path / "a").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_content_that_cannot_be_synced_takes_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(OSError, match="Input/output error"):
        atomic.write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_file_has_its_mode_from_the_start_and_a_name_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 127)
    with atomic.replaced(path, mode=0o600) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_system_that_syncs_no_folders_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    atomic.write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and not atomic.sync_folder(tmp_path)
