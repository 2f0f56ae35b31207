"""Owns the start of the record: a damaged one is set aside, a missing one is reported, one in use is waited for."""

import logging
import time
from collections.abc import Callable

from inspector.errors import HinderedError, StoreError
from inspector.host.disk_reserve import Reserve
from inspector.record.storage import remains
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.sink import recovery
from inspector.sink.health import Health

log = logging.getLogger(__name__)

#: Seconds before the next try.
AGAIN_S = 0.5


def open_at_last(
    settings: Settings,
    reserve: Reserve,
    health: Health,
    stop: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Store, bool] | None:
    """Return the record, and whether all of it was read and found good; None if `stop` comes before it can be opened.

    Wait for what may pass, a lock of another or a full disk, and report it. Raise StoreError if the record can never
    be opened.
    """
    reported = ""
    while not stop():
        try:
            opened = _open(settings, reserve)
        except HinderedError as error:
            if str(error) != reported:
                log.error("%s: it is waited for", error)
            reported = str(error)
            health.wrote(reported)
            sleep(AGAIN_S)
        else:
            if reported:
                log.info("the record is open")
            health.wrote(None)
            return opened
    return None


def _open(settings: Settings, reserve: Reserve) -> tuple[Store, bool]:
    has_recipes = bool(settings.recipes)
    signs = remains.signs(settings)
    try:
        store, complete = recovery.open_record(settings.data, has_recipes)
    except StoreError:
        if not reserve.release():
            raise
        store, complete = recovery.open_record(settings.data, has_recipes)
    try:
        remains.note(store, signs, has_recipes)
    except StoreError:
        store.close()
        raise
    return store, complete
