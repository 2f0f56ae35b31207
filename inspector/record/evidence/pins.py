"""Owns pins: frames that must not be deleted while someone disputes them, by source, time and name."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from inspector.errors import ConfigError
from inspector.record.store import Store


class Pin(msgspec.Struct, frozen=True):
    """Frames that are kept: of the source, captured from `since` to before `until`, and of that name. None means any.

    Times are in seconds since 1970. `name` is a shell pattern, such as `coil-7/*`; `*` also spans slashes.
    """

    id: int
    source: str | None
    since: float | None
    until: float | None
    name: str | None

    def holds(self, source: str, name: str, captured_at: float) -> bool:
        """Return whether the pin holds a frame."""
        return (
            self.source in (None, source)
            and (self.since is None or self.since <= captured_at)
            and (self.until is None or captured_at < self.until)
            and (self.name is None or fnmatchcase(name, self.name))
        )


def add(store: Store, source: str | None, since: float | None, until: float | None, name: str | None) -> Pin:
    """Add a pin and return it. Raise ConfigError if it would hold everything for ever: that defeats the budget."""
    if since is None and name is None:
        raise ConfigError("pin: say from when (--since) or which names (--name): all of it would fill the disk")
    if since is not None and until is not None and until <= since:
        raise ConfigError("pin: --until is not after --since")
    with store.transaction() as cursor:
        values = (source, since, until, name)
        cursor.execute("INSERT INTO pins (source, since, until, name) VALUES (?, ?, ?, ?)", values)
        return Pin(cursor.lastrowid or 0, *values)


def remove(store: Store, number: int) -> None:
    """Remove a pin, and release what it alone held. Raise ConfigError if there is no such pin."""
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM pins WHERE id = ?", (number,))
        if not cursor.rowcount:
            raise ConfigError(f"unpin: there is no pin {number}; `inspector pin` lists them")
        # Pictures that another pin still holds are marked again when it is their turn to be deleted.
        cursor.execute(
            "UPDATE evidence SET tier = (SELECT outcome FROM records WHERE id = record) WHERE tier = 'pinned'"
        )


def every(store: Store) -> Sequence[Pin]:
    """Return all pins, the oldest first."""
    return [Pin(*row) for row in store.read("SELECT id, source, since, until, name FROM pins ORDER BY id")]


def pictures(store: Store, pin: Pin) -> tuple[int, int]:
    """Return how many pictures the pin holds now, and their size in bytes."""
    rows = store.read(
        "SELECT source, name, evidence.captured_at, bytes FROM evidence JOIN records ON records.id = record"
        " WHERE evidence.captured_at >= ? AND evidence.captured_at < ?",
        (pin.since or 0.0, 1e13 if pin.until is None else pin.until),
    )
    sizes = [size for source, name, captured_at, size in rows if pin.holds(source, name, captured_at)]
    return len(sizes), sum(sizes)
