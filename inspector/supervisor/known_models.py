"""Owns what a line notes of its own model in the history, and which copies of models may be swept."""

import logging
import time
from contextlib import closing
from pathlib import Path

from inspector.errors import StoreError
from inspector.record.models.model_history import LINE, ModelHistory
from inspector.vision import model_copies
from inspector.vision.bundle import Bundle

log = logging.getLogger(__name__)


def note(data: Path, model: Bundle) -> None:
    """Put the bundle that the config names into the history, the first time that it runs.

    A line that cannot write the history goes on without: the config's bundle decides as it did.
    """
    if model.path.parent != data / model_copies.FOLDER:
        return  # it is run from where it is: there is no copy that could be put in service again
    try:
        with closing(ModelHistory(data)) as history:
            if not history.of(model.path.name):
                history.note(
                    "imported", model=model.id, address=model.path.name, person=LINE, at=time.time(),
                    why="the config's own bundle",
                )  # fmt: skip
    except StoreError as error:
        log.warning("the history of models cannot be kept: %s", error)


def sweep(data: Path, model: Bundle) -> None:
    """Remove halves of copies, and copies that the history does not know; none while it cannot be read."""
    try:
        with closing(ModelHistory(data, read_only=True)) as history:
            known = {row.address for row in history.every() if row.event != "retired"}
    except StoreError as error:
        log.warning("copies of models are not swept: %s", error)
        return
    model_copies.sweep(data, known | {model.path.name})
