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
    """Note the bundle in the config in the history, the first time that it runs.

    A line that cannot write the history runs without it: the config's bundle decides as before.
    """
    if model.path.parent != data / model_copies.FOLDER:
        return  # the bundle is used in its own place: there is no copy that could serve again
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
    """Remove unfinished copies, and copies that are not in the history; none if the history cannot be read."""
    try:
        with closing(ModelHistory(data, read_only=True)) as history:
            known = {row.address for row in history.every() if row.event != "retired"}
    except StoreError as error:
        log.warning("copies of models are not swept: %s", error)
        return
    model_copies.sweep(data, known | {model.path.name})
