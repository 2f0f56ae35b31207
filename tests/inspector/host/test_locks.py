"""Holds that one process alone has a lock, and that nothing of another kind in a file's place holds anybody up."""

import os
import threading
from pathlib import Path

import pytest

from inspector.errors import ConfigError
from inspector.host import instance, locks, regular_file
from inspector.host.disk_reserve import Reserve


def test_a_lock_is_had_once_until_it_is_closed(tmp_path: Path) -> None:
    lock = locks.taken(tmp_path / "lock")
    assert lock is not None and locks.is_taken(tmp_path / "lock")
    assert locks.taken(tmp_path / "lock") is None
    os.close(lock)
    assert not locks.is_taken(tmp_path / "lock")


def test_who_looks_at_a_lock_for_an_instant_does_not_keep_it_from_who_is_patient(tmp_path: Path) -> None:
    look = locks.taken(tmp_path / "lock")
    assert look is not None
    threading.Timer(0.2, os.close, (look,)).start()
    lock = locks.taken(tmp_path / "lock", patience_s=30)
    assert lock is not None
    os.close(lock)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
def test_a_pipe_is_opened_by_nobody_and_named(tmp_path: Path, flags: int) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"no regular file: a pipe, a device or a folder; remove it: '.*/pipe'"):
        regular_file.opened(tmp_path / "pipe", flags)


def test_a_pipe_in_the_place_of_the_lock_is_named_to_who_starts_a_line_and_to_who_asks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    with pytest.raises(ConfigError, match=r"^data: .*/lock: no regular file"), instance.locked(tmp_path):
        pass
    with pytest.raises(OSError, match="no regular file"):
        instance.runs(tmp_path)


def test_a_pipe_in_the_place_of_the_reserve_makes_room_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "records.reserve")
    reserve = Reserve(tmp_path, 1 << 20)
    assert not reserve.hold(0)
    assert reserve.hold(0)
