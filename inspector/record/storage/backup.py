"""Owns copies of the record: made while the line runs, and put back while it does not."""

import os
import time
from contextlib import closing
from pathlib import Path

from inspector.errors import ConfigError, StoreError
from inspector.host import atomic, instance
from inspector.record import database
from inspector.record.schema import FILE
from inspector.record.storage import remains
from inspector.record.storage.file_set import TAILS
from inspector.record.store import Store


def make(data: Path, to: Path) -> int:
    """Copy the record in `data`, whole and as it is at one moment, to the new file `to`; return its size in bytes.

    Raise ConfigError if `to` exists or cannot be written, StoreError if the record cannot be read.
    """
    if to.exists():
        raise ConfigError(f"backup: {to} is there already, and is not overwritten: name another file")
    unfinished = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        with closing(Store(data, read_only=True)) as store:
            store.copy_to(unfinished)
        database.check_copy(unfinished)
        atomic.place(unfinished, to)
    except OSError as error:
        raise ConfigError(f"backup: {to}: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return to.stat().st_size


def restore(data: Path, source: Path) -> list[Path]:
    """Replace the record in `data` by the copy `source`; return the files that were set aside.

    Raise BusyError if a line runs on `data`, StoreError if the copy is damaged, no record, or of a newer version.
    """
    if not source.is_file():
        raise ConfigError(f"restore: {source}: no such file")
    database.check_copy(source)
    with instance.locked(data):
        try:
            unfinished = data / f".{FILE}.{os.getpid()}"
            database.copy_file(source, unfinished)
            unfinished.chmod(0o640)
            _give_to_owner(unfinished, data)
            aside = _set_aside(data)
            atomic.place(unfinished, data / FILE)
            (data / remains.NOTE).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{error.filename or data}: {error.strerror}") from None
        finally:
            unfinished.unlink(missing_ok=True)
    return aside


def _set_aside(data: Path) -> list[Path]:
    """Set the record aside with its log, and return the new names: the copy must not be read with another's log."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    there = [(tail, data / f"{FILE}{tail}") for tail in TAILS if (data / f"{FILE}{tail}").exists()]
    # Not synced here: placing the copy syncs the folder, and until then either names are valid.
    return [path.rename(data / f"records-before-restore-{stamp}.sqlite{tail}") for tail, path in there]


def _give_to_owner(path: Path, data: Path) -> None:
    """Give a file that root wrote to the owner of the data folder: the user that the line runs as."""
    if os.geteuid() == 0:
        status = data.stat()
        os.chown(path, status.st_uid, status.st_gid)
