"""Owns the record that questions are put to: a line's store, open, and the settings that say what the line is."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from inspector.errors import ConfigError
from inspector.record.store import Store
from inspector.settings import running_settings
from inspector.settings.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRecord:
    """A line's record, open for reading, and its settings. `clock` returns seconds since 1970 UTC."""

    store: Store
    settings: Settings
    clock: Callable[[], float] = time.time


@contextmanager
def opened(settings: Settings) -> Iterator[LineRecord]:
    """Open the record of a line with these settings, also while it runs. Raise StoreError where it cannot be opened."""
    with closing(Store(settings.data, read_only=True)) as store:
        yield LineRecord(store=store, settings=settings)


@contextmanager
def open_record(data: Path | str) -> Iterator[LineRecord]:
    """Open the record in a data folder, also while its line runs, by the settings that its line ran with last.

    Raise ConfigError where no line has run there, and StoreError where the record cannot be opened.
    """
    folder = Path(data)
    settings = running_settings.read(folder)
    if settings is None:
        raise ConfigError(f"data: {folder}: no line of this version has run here, or this user may not read its files")
    with opened(settings.model_copy(update={"data": folder})) as line:
        yield line
