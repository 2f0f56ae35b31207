"""Owns the set of files that a record consists of, and whether those at its path are still the open ones."""

from pathlib import Path

#: Suffixes of a record's files: of the database itself, its write-ahead log, and the index of the log.
FILE, LOG, INDEX = "", "-wal", "-shm"
#: Suffixes in the order in which files are set aside: a database never lies beside the log of another one.
TAILS = (LOG, INDEX, FILE)

Identity = tuple[int, int]


class FileSet:
    """The files at one path: noted when they are opened, and compared with those that are there later.

    The database is noted at construction, before it is opened: if another one takes its place meanwhile, that shows. No
    descriptor is kept open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted: dict[str, Identity | None] = {FILE: self._identity(FILE)}

    def note(self) -> None:
        """Note the files. Call it when the record is open: by then SQLite has made those that were missing."""
        file = self._noted[FILE] or self._identity(FILE)
        self._noted = {FILE: file, LOG: self._identity(LOG), INDEX: self._identity(INDEX)}

    def changed(self) -> str:
        """Return which file is gone or was replaced since `note`; empty if every file is in its place."""
        for tail, noted in self._noted.items():
            there = self._identity(tail)
            if there != noted:
                return f"{self._path.name}{tail} {'is gone' if there is None else 'was replaced'}"
        return ""

    def set_aside(self, name: str) -> None:
        """Remove our log and index if our database is gone: they belong to no other record.

        A log that is not empty is renamed to `name` instead.
        """
        if self._identity(FILE) == self._noted[FILE]:
            return
        for tail in (LOG, INDEX):
            path = self._tail(tail)
            if self._noted.get(tail) == self._identity(tail) is not None:
                if tail == LOG and path.stat().st_size:
                    path.rename(path.with_name(name))  # no sync: nothing reads a log without a record
                else:
                    path.unlink()

    def _tail(self, tail: str) -> Path:
        return self._path.with_name(f"{self._path.name}{tail}")

    def _identity(self, tail: str) -> Identity | None:
        """Return the identity of the file that is there; None if there is none."""
        try:
            status = self._tail(tail).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino
