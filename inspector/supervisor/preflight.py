"""Owns the checks of `inspector check`: everything that would keep a line from starting, and what it would run with."""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from inspector.errors import ConfigError, InspectorError, StoreError
from inspector.host import disk, instance
from inspector.host.redaction import origin
from inspector.protocol.keys import allowed, server_keys
from inspector.record.position import Locator
from inspector.record.store import Store
from inspector.settings import bundle_check
from inspector.settings.rules import repeats_seen, watched
from inspector.settings.settings import Settings
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.settings.sources.push import PushSourceSettings
from inspector.settings.sources.replay import ReplaySourceSettings
from inspector.supervisor import trial
from inspector.vision import bundle, image
from inspector.vision.bundle import Bundle

#: Largest number of names in a drop folder that are counted.
_MAX_ENTRIES = 100_000
Answer = TypeVar("Answer")


def usable(settings: Settings) -> tuple[Bundle, str]:
    """Return the bundle of a config with which a line can start, and the result of the model's trial.

    Raise ConfigError with everything that keeps the line from starting. Permissions are checked for the user who runs
    the check.
    """
    problems: list[str] = []
    tried = None
    model = _unless(problems, lambda: bundle.load(settings.bundle_path))
    if model is not None:
        _unless(problems, lambda: bundle_check.check_labels(settings, model.labels))
        _unless(problems, lambda: bundle_check.check_bit_depth(settings, model))
        tried = _unless(problems, lambda: trial.run(model, settings))
    _unless(problems, lambda: check_keys(settings))
    problems += _unwritable(settings)
    problems += _unreplayable(settings)
    problems += _taken(settings)
    if model is None or tried is None or problems:
        raise ConfigError("\n".join(problems))
    return model, tried


def describe(settings: Settings, model: Bundle, tried: str) -> Iterator[str]:
    """Yield what the line would run with, in lines of text; `tried`: the result of the model's trial."""
    share = disk.network_file_system(settings.data)
    warning = f"  (on {share}: a record on a network share may be damaged; use a disk of this machine)" if share else ""
    yield f"data     {settings.data.absolute()}{warning}"
    yield f"bundle   {model.id}: {', '.join(label.name for label in model.labels)}"
    yield f"         {tried}"
    if rolling := model.manifest.input.rolling:
        yield f"         made of strip that runs {rolling}ly in the picture: mount the camera so"
    for note in bundle_check.bit_depth_notes(settings, model):
        yield f"         {note}"
    for source in settings.sources:
        yield f"source   {source.name}: {source.type}"
        if isinstance(source, FolderSourceSettings):
            yield f"         {drop_folder(source.path.absolute())}"
    for recipe in settings.recipes:
        yield f"recipe   {recipe.name}: {', '.join(recipe.grades) or 'no grades, only by `piece start --recipe`'}"
    for alarm in settings.alarms:
        yield f"alarm    {alarm.name}: {alarm.text}; on {', '.join(watched(alarm, settings.sources))}"
    if settings.rolls:
        rolls = ", ".join(roll.name for roll in settings.rolls)
        yield f"rolls    {rolls}; on {', '.join(repeats_seen(settings.sources))}"
    workers = settings.workers
    yield f"workers  {workers.count} of {workers.threads} threads, batches up to {workers.max_batch}"
    exposed = f"  ({settings.metrics.exposed})" if settings.metrics.exposed else ""
    yield f"metrics  {origin(settings.metrics.host, settings.metrics.port)}/metrics{exposed}"


def drop_folder(path: Path) -> str:
    """Return a description of what is at the absolute path of a drop folder."""
    if path.is_dir():
        with os.scandir(path) as entries:
            names = list(islice((entry.name for entry in entries), _MAX_ENTRIES))
        waiting = sum(os.path.splitext(name)[1].lower() in image.SUFFIXES for name in names)
        more = "or more " if len(names) == _MAX_ENTRIES else ""
        return f"{path}: {waiting} {more}files wait in it"
    if path.parent.is_dir():
        return f"{path}: not there yet; the line makes it"
    return f"{path}: not there, nor is {path.parent}: the line is not ready until somebody makes it (a typo?)"


def samples(settings: Settings, names: Sequence[str]) -> Iterator[str]:
    """Yield what the pattern of each source reads in each of these frame names, in lines of text."""
    patterned = [source for source in settings.sources if source.place.pattern is not None]
    if names and not patterned:
        yield "sample   no source has a place.pattern: nothing is read in a name"
    for name in names:
        for source in patterned:
            stated = Locator(source.place).from_name(name)
            along = f"at_mm {stated.unread!r}, which is no number" if stated.unread else f"at_mm {stated.at_mm}"
            groups = (("piece", f"piece {stated.piece!r}"), ("grade", f"grade {stated.grade!r}"), ("at_mm", along))
            read = [text for group, text in groups if f"(?P<{group}>" in (source.place.pattern or "")]
            fits = stated != Locator().from_name(name)
            yield f"sample   {name!r} to {source.name}: {', '.join(read) if fits else 'the pattern does not fit'}"


def _unless(problems: list[str], ask: Callable[[], Answer]) -> Answer | None:
    """Return the result of `ask`; if it raises InspectorError, add the lines of that to `problems` and return None."""
    try:
        return ask()
    except InspectorError as error:
        problems += str(error).splitlines()
        return None


def _unwritable(settings: Settings) -> Iterator[str]:
    folders = [("data", settings.data)]
    folders += [
        (f"sources.{one.name}.path", one.path) for one in settings.sources if isinstance(one, FolderSourceSettings)
    ]
    for key, path in folders:
        there = next(one for one in (path.absolute(), *path.absolute().parents) if os.path.lexists(one))
        if not there.is_dir():
            yield f"{key}: {path.absolute()}: {there} is no folder"
        elif not os.access(there, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            yield f"{key}: {path.absolute()}: user {os.geteuid()} may not write to {_described(there)}"


def _unreplayable(settings: Settings) -> Iterator[str]:
    for source in settings.sources:
        if isinstance(source, ReplaySourceSettings):
            try:
                Store(source.path, read_only=True).close()
            except StoreError as error:
                yield f"sources.{source.name}.path: {error}; the data folder of a run is needed"


def _described(folder: Path) -> str:
    status = folder.stat()
    return f"{folder} (mode {status.st_mode & 0o7777:o}, of user {status.st_uid}, group {status.st_gid})"


def _taken(settings: Settings) -> Iterator[str]:
    """Yield why the metrics port cannot be listened on; nothing if the line of this config runs, and uses it."""
    host, port = settings.metrics.host, settings.metrics.port
    try:
        if not port or instance.runs(settings.data):
            return
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        yield f"metrics: {host}:{port} cannot be listened on: {error.strerror}; another metrics.port is needed"


def check_keys(settings: Settings) -> None:
    """Raise ConfigError if the keys of a source cannot be used."""
    for source in settings.sources:
        if isinstance(source, PushSourceSettings) and source.secret_key and source.clients:
            server_keys(source.secret_key)
            allowed(source.clients)
