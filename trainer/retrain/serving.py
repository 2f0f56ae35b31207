"""Owns finding the model that serves on a line: the one that a candidate must be better than."""

from contextlib import closing
from pathlib import Path

from inspector.errors import BundleError, ConfigError, StoreError
from inspector.record.labels.label_file import LabelFile
from inspector.record.models.model_history import ModelHistory
from inspector.vision import bundle, model_copies
from inspector.vision.bundle import Bundle


def of(line: Path) -> Bundle:
    """Return the model in force on the line: the one switched to last, else the copy of its config's bundle.

    Raises:
        ConfigError: none can be found; --against names it.
        BundleError, StoreError: it is damaged, or the history of models was changed by hand.
    """
    with closing(ModelHistory(line, read_only=True)) as history:
        if (edited := history.changed_by_hand()) is not None:
            raise StoreError(f"{history.path}: row {edited} was changed by hand; restore the file from a backup")
        last = history.serving()
    return model_copies.of_address(line, last.address) if last else _of_config(line)


def _of_config(line: Path) -> Bundle:
    """Return the only copy that the line has, or of several the one that decided the frame labelled last."""
    found = [one for folder in sorted((line / model_copies.FOLDER).glob("*")) if (one := _opened(folder))]
    if len(found) > 1:
        with closing(LabelFile(line, read_only=True)) as labels:
            decided = [row.record.get("model") for row in labels.every()][-1:]
        found = [one for one in found if one.id in decided]
    if len(found) != 1:
        raise ConfigError(
            f"{line}: it does not say which model serves, as no line has run there; --against BUNDLE names the model "
            "to compare with, `--against default` the one that ships"
        )
    return found[0]


def _opened(folder: Path) -> Bundle | None:
    try:
        return bundle.load(folder) if len(folder.name) == 64 else None
    except BundleError:
        return None
