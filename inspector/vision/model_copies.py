"""Owns the line's own copies of model bundles: `data/models/<sha256 of bundle.json>/`, never changed once there.

A run decides by the bundle it started with. A bundle that is written to the folder in the config later is another
model, and decides from the next start on. bundle.json holds a sha256 of every file, so its own sha256 names the bundle.
"""

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from inspector.errors import BundleError
from inspector.host import atomic
from inspector.vision import bundle, in_use
from inspector.vision.bundle import MANIFEST, Bundle

log = logging.getLogger(__name__)

FOLDER = "models"
_INCOMING = ".incoming-"
_OURS = re.compile(rf"[0-9a-f]{{64}}|{re.escape(_INCOMING)}\d+")


@contextmanager
def adopted(data: Path, chosen: Bundle) -> Iterator[Bundle]:
    """Yield the copy of the chosen bundle in the data folder, which the caller has locked; make it if needed.

    Until the end of the context, no export overwrites the copy or the chosen folder. If no copy can be written, as on a
    full disk, yield the chosen bundle itself: `reopen` still accepts no other. Raise BundleError if the chosen folder
    has changed since it was opened.
    """
    with ExitStack() as stack:
        stack.enter_context(in_use.held(chosen.path / MANIFEST))
        own = data / FOLDER / address(chosen.path)
        try:
            copy = _intact(own) or _copied(chosen, own)
        except OSError as error:
            log.warning("%s: no copy of the model can be kept: %s; it is run from where it is", own, error.strerror)
            copy = chosen
        stack.enter_context(in_use.held(copy.path / MANIFEST))
        yield copy


def imported(data: Path, chosen: Bundle) -> Bundle:
    """Copy a bundle into the data folder, whole or not at all, and return the copy; one that is there stays.

    Raise BundleError if it cannot be written, or was replaced while it was read.
    """
    own = data / FOLDER / address(chosen.path)
    try:
        return _intact(own) or _copied(chosen, own)
    except OSError as error:
        raise BundleError(f"{own}: the model cannot be copied: {error.strerror}; nothing was imported") from None


def of_address(data: Path, sha256: str) -> Bundle:
    """Open the copy of that address. Raise BundleError if it is gone, damaged or was changed by someone."""
    own = data / FOLDER / sha256
    found = bundle.load(own)
    if address(own) != sha256:
        raise BundleError(f"{own}: someone changed it: its {MANIFEST} is not the one that its name stands for")
    return found


def reopen(model: Bundle) -> Bundle:
    """Return the bundle, checked once more. Raise BundleError if its folder holds another one: a run has one model."""
    found = bundle.load(model.path)
    if found.id != model.id:
        raise BundleError(f"{model.path}: holds {found.id}; this line runs {model.id} until it is started again")
    return found


def mend(copy: Bundle, chosen: Path) -> None:
    """Copy the model again if its copy is damaged, and `chosen` still holds it; log what was done, or why it was not.

    Only processes that start read the copy: those that run have their model in memory.
    """
    if copy.path == chosen or _intact(copy.path) is not None:
        return
    try:
        if address(chosen) != copy.path.name:
            raise BundleError(f"{chosen} holds another model now")
        _copied(bundle.load(chosen), copy.path)
    except (BundleError, OSError) as error:
        why = error if isinstance(error, BundleError) else f"{error.filename}: {error.strerror}"
        log.error("%s: damaged, and cannot be copied again: %s; put %s there", copy.path, why, copy.id)


def replaced(chosen: Path, model: Bundle) -> str:
    """Return a note if the folder in the config holds another model than the running one; "" if it does not."""
    try:
        return "" if bundle.load(chosen).id == model.id else f"bundle ({chosen} holds another model now)"
    except BundleError:
        return ""


def sweep(data: Path, known: Collection[str]) -> None:
    """Remove unfinished copies, and copies whose address is not `known`; other folders stay."""
    with suppress(OSError):
        for folder in (data / FOLDER).iterdir():
            if folder.name not in known and _OURS.fullmatch(folder.name):
                log.info("%s is not in force any more: removed", folder)
                _remove(folder)


def address(folder: Path) -> str:
    """Return the sha256 of the folder's bundle.json, which names the whole bundle. Raise BundleError if it is gone."""
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(f"{folder / MANIFEST}: {error.strerror}") from None


def _intact(own: Path) -> Bundle | None:
    try:
        return bundle.load(own) if address(own) == own.name else None
    except BundleError:
        return None


def _copied(chosen: Bundle, own: Path) -> Bundle:
    incoming = own.with_name(f"{_INCOMING}{os.getpid()}")
    own.parent.mkdir(exist_ok=True)
    _remove(incoming)
    incoming.mkdir()
    try:
        for name in (*chosen.manifest.files, MANIFEST):
            shutil.copyfile(chosen.path / name, incoming / name)
            (incoming / name).chmod(0o444)
            atomic.sync(incoming / name)
        if address(incoming) != own.name or bundle.load(incoming).id != chosen.id:
            raise BundleError(f"{chosen.path}: was replaced while it was read; start again")
        incoming.chmod(0o555)
        if own.exists():
            log.warning("%s: was damaged: copied again from %s", own, chosen.path)
            _remove(own)
        atomic.place(incoming, own)
    finally:
        _remove(incoming)
    return bundle.load(own)


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        folder.chmod(0o755)
        shutil.rmtree(folder)
