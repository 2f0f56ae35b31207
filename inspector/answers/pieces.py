"""Owns the answers about which piece is on the line, and the two requests that change it: start and stop."""

import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from inspector.answers.line_record import LineRecord
from inspector.record import pieces
from inspector.record.pieces import Piece
from inspector.record.store import Store
from inspector.settings.decisions import recipe_of
from inspector.settings.settings import Settings

__all__ = ["Piece", "PieceStart", "PieceStarted", "latest", "start", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceStart:
    """A piece to put on the line: its name, its steel grade, and a recipe that decides whatever the grade."""

    name: str
    grade: str = ""
    recipe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceStarted:
    """The piece on the line, and what a person should know of it, a sentence each."""

    piece: Piece
    warnings: list[str]


def latest(line: LineRecord, limit: int = 20) -> list[Piece]:
    """Return the last pieces on record, the newest first."""
    return list(pieces.latest(line.store, limit))


def start(settings: Settings, request: PieceStart) -> PieceStarted:
    """Put a piece on the line; return once frames are of it.

    Raise ConfigError for a name that is on record, or a recipe that the config does not have.
    """
    recipe = recipe_of(settings.recipes, request.grade, request.recipe)
    change = partial(pieces.start, name=request.name, grade=request.grade, recipe=recipe)
    with closing(Store(settings.data)) as store:
        pieces.switch(store, change)
        ahead = pieces.ahead(store, pieces.known_now(store, time.time()))
        piece = pieces.find(store, request.name)
    warnings = [f"warning: {ahead}"] if ahead else []
    if request.grade and settings.recipes and not recipe:
        warnings.append(f"no recipe lists grade {request.grade}: `decision` decides")
    return PieceStarted(piece=piece, warnings=warnings)


def stop(settings: Settings) -> Piece | None:
    """Take the piece off the line; return it, or None where none was on it."""
    with closing(Store(settings.data)) as store:
        return pieces.switch(store, pieces.stop)
