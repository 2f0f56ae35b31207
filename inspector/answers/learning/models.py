"""Owns the answers about models: which there are, what became of each, how two differ; importing, rejecting one."""

import getpass
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from inspector.answers.learning import model_diff
from inspector.answers.learning.model_diff import ModelDiff
from inspector.errors import BundleError, QuestionError, StoreError
from inspector.record.labels.labels import check_note, check_person
from inspector.record.models import model_history
from inspector.record.models.model_history import Event, ModelEvent, ModelHistory
from inspector.settings import bundle_check
from inspector.settings.settings import Settings
from inspector.vision import bundle, model_copies

#: Characters of an address that are enough to tell models apart, and that are shown.
SHORT = 12

__all__ = ["Model", "ModelEvent", "by_name", "every", "history", "import_", "reject"]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model that the line knows. `since`: of its state, in seconds since 1970 UTC.

    `state` is its last event, `approved` where another model has replaced it. `epoch`: of the last time it was put in
    service; None: never. `figures`: of its evaluation by the trainer. `problem`: why it cannot serve as it is on disk.
    """

    model: str
    address: str
    state: Event
    since: float
    person: str
    why: str
    epoch: int | None
    labels: list[str]
    figures: dict[str, Any]
    problem: str


def every(settings: Settings) -> list[Model]:
    """Return the models of the line, the one known longest first."""
    with closing(ModelHistory(settings.data, read_only=True)) as file:
        _check_unedited(file)
        rows = file.every()
        switched = file.serving() is not None
    states = model_history.states(rows)
    if not switched and (own := _of_config(settings)) in states:
        states[own] = "serving"
    return [_model(settings.data, address, states[address], rows) for address in states]


def by_name(settings: Settings, name: str) -> Model:
    """Return the model of that id, or of an address that begins so.

    Raise QuestionError where none has that name, or more than one.
    """
    known = every(settings)
    found = [one for one in known if one.model == name or (len(name) >= 6 and one.address.startswith(name))]
    if len(found) != 1:
        there = ", ".join(f"{one.model} ({one.address[:SHORT]})" for one in found or known) or "none"
        what = "more than one has this name" if found else "the line knows no such model"
        raise QuestionError(f"model {name}: {what}: {there}; `inspector model import FOLDER` brings one")
    return found[0]


def history(settings: Settings, name: str = "") -> list[ModelEvent]:
    """Return what became of a model, or of all of them, the oldest first."""
    address = by_name(settings, name).address if name else ""
    with closing(ModelHistory(settings.data, read_only=True)) as file:
        _check_unedited(file)
        return file.of(address) if address else file.every()


def import_(settings: Settings, folder: Path, person: str = "", why: str = "", now: float | None = None) -> Model:
    """Copy a bundle into the line's own folder, whole or not at all; one that is there already stays as it is.

    Raise BundleError for a folder that is no bundle, is damaged or of a newer version, or cannot be copied, and
    ConfigError where the line's thresholds, rules or recipes name labels that the model does not have.
    """
    name, note = check_person(person or user()), check_note(why)
    chosen = bundle.load(folder)
    bundle_check.check_labels(settings, chosen.labels)
    bundle_check.check_bit_depth(settings, chosen)
    with writing(settings) as file:
        copy = model_copies.imported(settings.data, chosen)
        if model_history.states(file.every()).get(copy.path.name, "retired") == "retired":
            at = time.time() if now is None else now
            file.note("imported", model=copy.id, address=copy.path.name, person=name, at=at, why=note)
    return by_name(settings, copy.path.name)


def reject(settings: Settings, name: str, person: str, why: str, now: float | None = None) -> Model:
    """Keep a model from serving until it is readmitted. Raise QuestionError for one that serves, or for no reason."""
    model = by_name(settings, name)
    if model.state == "serving":
        raise QuestionError(f"model {name}: it decides; name another `bundle` in the config first")
    return _noted(settings, model, "rejected", person, why, now)


def readmit(settings: Settings, name: str, person: str, why: str, now: float | None = None) -> Model:
    """Let a model that was rejected or rolled back serve again. Raise QuestionError where nothing keeps it from it."""
    model = by_name(settings, name)
    if model.state not in ("rejected", "rolled_back"):
        raise QuestionError(f"model {name}: it is {model.state}: nothing keeps it from serving")
    return _noted(settings, model, "readmitted", person, why, now)


def diff(settings: Settings, before: str, after: str) -> ModelDiff:
    """Return how the second model differs from the first. Raise BundleError where one cannot be opened."""
    old, new = (model_copies.of_address(settings.data, by_name(settings, name).address) for name in (before, after))
    return model_diff.between(old.manifest, new.manifest)


def user() -> str:
    """Return who asks: the user that this process runs as."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number that has no name
        return "unknown"


@contextmanager
def writing(settings: Settings) -> Iterator[ModelHistory]:
    """Open the history to be written. Raise StoreError if a row of it was changed by hand."""
    with closing(ModelHistory(settings.data)) as file:
        _check_unedited(file)
        yield file


def _noted(settings: Settings, model: Model, event: Event, person: str, why: str, now: float | None) -> Model:
    if not why.strip():
        raise QuestionError("why: a reason is needed: it stands in the history")
    name, note = check_person(person or user()), check_note(why)
    with writing(settings) as file:
        at = time.time() if now is None else now
        file.note(event, model=model.model, address=model.address, person=name, at=at, why=note)
    return by_name(settings, model.address)


def _of_config(settings: Settings) -> str:
    """Return the address of the bundle that the config names, "" if it cannot be read."""
    try:
        return model_copies.address(settings.bundle_path)
    except BundleError:
        return ""


def _check_unedited(file: ModelHistory) -> None:
    if (edited := file.changed_by_hand()) is not None:
        raise StoreError(f"{file.path}: row {edited} was changed by hand; restore the file from a backup")


def _model(data: Path, address: str, state: Event, rows: Sequence[ModelEvent]) -> Model:
    own = [row for row in rows if row.address == address]
    epochs = [row.epoch for row in own if row.epoch is not None]
    manifest, problem = None, ""
    try:
        manifest = model_copies.of_address(data, address).manifest
    except BundleError as error:
        problem = str(error)
    return Model(
        model=own[-1].model, address=address, state=state, since=own[-1].at, person=own[-1].person, why=own[-1].why,
        epoch=epochs[-1] if epochs else None, labels=[one.name for one in manifest.labels] if manifest else [],
        figures=model_diff.figures(manifest) if manifest else {}, problem=problem,
    )  # fmt: skip
