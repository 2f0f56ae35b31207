"""Owns the answers about pins: which there are, and what each holds; and the requests to add and remove one."""

from contextlib import closing
from dataclasses import dataclass

import msgspec

from inspector.answers import names
from inspector.answers.line_record import LineRecord
from inspector.record.evidence import pins
from inspector.record.evidence.pins import Pin
from inspector.record.store import Store
from inspector.settings.settings import Settings

__all__ = ["HeldPin", "PinRequest", "add", "every", "remove"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRequest:
    """Which frames to keep: of a source, captured from `since` to before `until`, of a name. None means any.

    Times are seconds since 1970 UTC; `name` is a shell pattern in which `*` also spans slashes.
    """

    source: str | None = None
    since: float | None = None
    until: float | None = None
    name: str | None = None


class HeldPin(Pin, frozen=True):
    """A pin, and the number and size of the pictures that it holds now."""

    pictures: int
    bytes: int


def every(line: LineRecord) -> list[HeldPin]:
    """Return all pins, the oldest first."""
    return [_held(line.store, pin) for pin in pins.every(line.store)]


def add(settings: Settings, request: PinRequest) -> HeldPin:
    """Pin frames.

    Raise QuestionError for a source that is not on record, ConfigError for a pin that would hold everything.
    """
    with closing(Store(settings.data)) as store:
        names.check_sources(store, settings, [request.source] if request.source else [])
        return _held(store, pins.add(store, request.source, request.since, request.until, request.name))


def remove(settings: Settings, number: int) -> None:
    """Remove a pin. Raise ConfigError where there is no such pin."""
    with closing(Store(settings.data)) as store:
        pins.remove(store, number)


def _held(store: Store, pin: Pin) -> HeldPin:
    count, size = pins.pictures(store, pin)
    return HeldPin(**msgspec.structs.asdict(pin), pictures=count, bytes=size)
