"""Owns the history of models: data/models/history.sqlite, append-only: what happened to each model, by whom and why.

The last `serving` row of a source says which model is in force, and its epoch numbers the switches. Without such a row
the config's own `bundle` is in force. The file is apart from the record, so that a damaged record takes no model out of
service.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from inspector.record.storage.append_only import AppendOnly, kept_for_ever

FOLDER = "models"
FILE = "history.sqlite"

#: `imported`: copied into the line's own folder; `checked` and `refused`: what the check found; `shadow`: tried on live
#: frames without deciding, until `shadow_ended`; `approved`: may serve; `serving`: decides, from its epoch on;
#: `rolled_back`: taken out of service for cause; `rejected`: may not serve until it is `readmitted`; `retired`: its
#: folder is gone.
Event = Literal[
    "imported",
    "checked",
    "refused",
    "shadow",
    "shadow_ended",
    "approved",
    "serving",
    "rolled_back",
    "rejected",
    "readmitted",
    "retired",
]
#: What ends the trial of a model in shadow.
_SHADOW_ENDS = ("shadow_ended", "refused", "serving", "rolled_back", "rejected", "retired")
EVERY_SOURCE = ""
#: The `person` of an event that the line caused by itself.
LINE = "line"

_COLUMNS = ("at", "event", "model", "address", "person", "why", "figures", "source", "epoch")
#: A script for each version of the layout, in order; released scripts never change.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE models (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        event TEXT NOT NULL,
        model TEXT NOT NULL,
        address TEXT NOT NULL CHECK (length(address) = 64),
        person TEXT NOT NULL CHECK (person != ''),
        why TEXT NOT NULL,
        figures TEXT NOT NULL,
        source TEXT NOT NULL,
        epoch INTEGER UNIQUE CHECK ((epoch IS NOT NULL) = (event = 'serving')),
        chain TEXT NOT NULL
    );
    CREATE INDEX models_by_address ON models (address);
    CREATE INDEX models_serving ON models (source, id) WHERE event = 'serving';
    """
    + kept_for_ever("models"),
)


class ModelEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One row: what happened to a model. `at` is in seconds since 1970 UTC.

    `model`: the bundle's id. `address`: the sha256 of its bundle.json, which is also the name of its folder. `person`:
    who did it, or `line` if the line did so by itself. `source`: the source that it is for, "" for all. `epoch`: the
    number of the switch, if the event is `serving`.
    """

    id: int
    at: float
    event: Event
    model: str
    address: str
    person: str
    why: str
    figures: dict[str, Any]
    source: str
    epoch: int | None


class ModelHistory:
    """The open history of a line's models. Several processes may write at once, each in its own transaction."""

    def __init__(self, data: Path, read_only: bool = False) -> None:
        """Open the history in the data folder; make it if there is none. Raise StoreError if that is impossible."""
        self._file = AppendOnly(data / FOLDER / FILE, "models", _COLUMNS, MIGRATIONS, read_only)
        self.path = self._file.path

    def note(
        self,
        event: Event,
        *,
        model: str,
        address: str,
        person: str,
        at: float,
        why: str = "",
        figures: Mapping[str, Any] | None = None,
        source: str = EVERY_SOURCE,
    ) -> ModelEvent:
        """Append an event, durably, and return it; `serving` begins the next epoch.

        Raise StoreError if it cannot be written: then nothing has changed.
        """
        with self._file.transaction():
            last = self._file.rows("epoch = (SELECT MAX(epoch) FROM models)")
            epoch = (last[0]["epoch"] if last else 0) + 1 if event == "serving" else None
            values = {
                "at": at, "event": event, "model": model, "address": address, "person": person, "why": why,
                "figures": json.dumps(figures or {}), "source": source, "epoch": epoch,
            }  # fmt: skip
            return self._events("id = ?", self._file.append(values))[0]

    def every(self) -> list[ModelEvent]:
        """Return the whole history, the oldest first."""
        return self._events("1")

    def of(self, address: str) -> list[ModelEvent]:
        """Return the events of one model, the oldest first."""
        return self._events("address = ?", address)

    def serving(self, source: str = EVERY_SOURCE) -> ModelEvent | None:
        """Return the row that says which model is in force for a source; None: the config's own bundle is.

        A switch of one source holds until the next switch of all sources.
        """
        which = "id = (SELECT MAX(id) FROM models WHERE event = 'serving' AND source IN (?, ''))"
        return next(iter(self._events(which, source)), None)

    def changed_by_hand(self) -> int | None:
        """Return the id of the first row that was changed after it was written; None if there is none."""
        return self._file.changed_by_hand()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _events(self, which: str, *values: object) -> list[ModelEvent]:
        return [ModelEvent(**{**row, "figures": json.loads(row["figures"])}) for row in self._file.rows(which, values)]


def in_shadow(history: list[ModelEvent]) -> ModelEvent | None:
    """Return the row that put a model in shadow that still is there, the last one only; None: none is."""
    found: ModelEvent | None = None
    for row in history:
        if row.event == "shadow":
            found = row
        elif found is not None and row.address == found.address and row.event in _SHADOW_ENDS:
            found = None
    return found


def states(history: list[ModelEvent]) -> dict[str, Event]:
    """Return the state of each model, by address: its last event, and `serving` only for models in force.

    A model that another one replaced is `approved` again: it may serve at once. No check lifts a rejection, and a good
    one takes back no approval.
    """
    latest: dict[str, Event] = {}
    in_force: dict[str, str] = {}
    for row in history:
        if row.event in ("shadow", "shadow_ended"):
            continue  # it takes nothing from what the model is beside it
        latest[row.address] = _after(latest.get(row.address), row.event)
        if row.event == "serving":
            in_force = {} if row.source == EVERY_SOURCE else in_force
            in_force[row.source] = row.address
    serving = set(in_force.values())
    tried = in_shadow(history)
    if tried is not None and latest.get(tried.address) in ("imported", "checked"):
        latest[tried.address] = "shadow"
    return {
        address: "serving" if address in serving else "approved" if event == "serving" else event
        for address, event in latest.items()
    }


def _after(state: Event | None, event: Event) -> Event:
    if event == "readmitted":
        return "approved"
    if event in ("checked", "refused", "shadow") and state in ("rejected", "rolled_back"):
        return state
    if event in ("checked", "shadow") and state in ("approved", "serving"):
        return state
    return event
