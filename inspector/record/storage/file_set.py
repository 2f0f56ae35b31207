"""Owns which files a record consists of, and whether those at its path are still the ones that are open."""

from pathlib import Path

#: What SQLite adds to the path of a record: nothing for its file, the write-ahead log, and the index of that.
FILE, LOG, INDEX = "", "-wal", "-shm"
#: In the order in which they are set aside: a file is never there with the log of another.
TAILS = (LOG, INDEX, FILE)

Identity = tuple[int, int]


class FileSet:
    """The files at one path: noted when they are opened, and held against what is there later. No descriptor is held.

    The file itself is noted at construction, before it is opened: if another one takes its place meanwhile, that shows.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._noted: dict[str, Identity | None] = {FILE: self._identity(FILE)}

    def note(self) -> None:
        """Call it once the record is open: SQLite has made what was missing by then."""
        file = self._noted[FILE] or self._identity(FILE)
        self._noted = {FILE: file, LOG: self._identity(LOG), INDEX: self._identity(INDEX)}

    def changed(self) -> str:
        """What is gone or was replaced since then; empty where every file is in its place."""
        for tail, noted in self._noted.items():
            there = self._identity(tail)
            if there != noted:
                return f"{self._path.name}{tail} {'is gone' if there is None else 'was replaced'}"
        return ""

    def set_aside(self, name: str) -> None:
        """Take away the log and the index that were ours where the file itself is not: they are of no other record.

        A log that holds something is renamed to `name` and kept.
        """
        if self._identity(FILE) == self._noted[FILE]:
            return
        for tail in (LOG, INDEX):
            path = self._tail(tail)
            if self._noted.get(tail) == self._identity(tail) is not None:
                if tail == LOG and path.stat().st_size:
                    path.rename(path.with_name(name))  # a log of no record: nothing reads it, so no sync
                else:
                    path.unlink()

    def _tail(self, tail: str) -> Path:
        return self._path.with_name(f"{self._path.name}{tail}")

    def _identity(self, tail: str) -> Identity | None:
        """Which file is there."""
        try:
            status = self._tail(tail).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino
