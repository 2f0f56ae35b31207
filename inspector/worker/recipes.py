"""Owns which recipe decides a frame: that of the grade it tells, else that of its piece as it is on record.

A piece is on record before it begins (see pieces.switch), and its frames are captured after that: who looks once a
frame is there finds its piece. What cannot be known is unsure, never decided by a guess. The sink holds each verdict
against the piece once more, in the transaction that records it.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from inspector.errors import StoreError
from inspector.protocol.control import DecideBy
from inspector.protocol.frames import CANARY, FrameHeader
from inspector.record import pieces
from inspector.record.database import Cursor, OpenRecord
from inspector.record.pieces import Piece
from inspector.record.position import Locator, StatedPlace
from inspector.vision.decision import DecisionRules, rules
from inspector.vocabulary import NO_REASON, Reason

if TYPE_CHECKING:
    from inspector.vision.bundle import Bundle

log = logging.getLogger(__name__)

#: How long frames wait for a record that cannot be read, in seconds; then they are unsure until it can be.
WAIT_S = 5.0
#: Interval of the tries meanwhile, in ms.
RETRY_MS = 50.0


class Choice(NamedTuple):
    """What a frame is decided by: the recipe's name ("": `decision`) and rules. None: it is not known, and why."""

    recipe: str | None
    rules: DecisionRules
    reason: Reason = NO_REASON


class Recipes:
    """The rules that a line decides by: without a recipe, and with each of them."""

    def __init__(self, bundle: "Bundle", by: DecideBy) -> None:
        labels, decision = bundle.labels, bundle.manifest.decision
        #: Whether there are any: if not, nobody needs to know a frame's piece.
        self.any = bool(by.recipes)
        self.default = Choice("", rules(labels, decision, by))
        self._named = {one.name: Choice(one.name, rules(labels, decision, by, one)) for one in by.recipes}
        self._by_grade = {grade: one.name for one in by.recipes for grade in one.grades}

    def named(self, name: str) -> Choice | None:
        """Return the choice of that name, "": the default; None where there is none."""
        return self._named.get(name) if name else self.default

    def of_grade(self, grade: str) -> Choice:
        """Return the recipe that lists the grade; the default if none does."""
        return self._named.get(self._by_grade.get(grade, ""), self.default)

    def of_piece(self, piece: Piece | None) -> Choice:
        """Return the recipe of the piece that a frame is of; the default for a frame of no piece."""
        if piece is None or not piece.recipe:
            return self.default
        unknown = f"piece {piece.name} is under {piece.recipe!r}, and this line has none of that name"
        return self._named.get(piece.recipe) or self.unknown(unknown)

    def unknown(self, detail: str) -> Choice:
        """Return the choice for a frame of which it is not known what decides it."""
        return Choice(None, self.default.rules, Reason("recipe_unknown", detail[:1024]))


class Chooser:
    """Says by what frames are decided. It reads the record only for those that do not tell their grade."""

    def __init__(
        self,
        locators: Mapping[str, Locator],
        open_record: Callable[[], OpenRecord],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`locators`: by source. `open_record` opens the record to be read; it raises StoreError if it cannot now."""
        self._locators = locators
        self._open_record = open_record
        self._clock = clock
        self._store: OpenRecord | None = None
        self._unread_since: float | None = None

    def choose(self, frames: Sequence[FrameHeader], recipes: Recipes) -> list[Choice | None]:
        """Return a choice for each frame; None: the record cannot be read now, and the frame has to wait."""
        if not recipes.any:
            return [recipes.default] * len(frames)
        stated = [self._locators[frame.source].stated(frame) for frame in frames]
        choices: list[Choice | None] = [
            recipes.of_grade(one.grade) if one.grade or frame.frame == CANARY else None
            for frame, one in zip(frames, stated, strict=True)
        ]
        asked = [number for number, choice in enumerate(choices) if choice is None]
        if asked:
            found = self._on_record([(frames[number], stated[number]) for number in asked], recipes)
            for number, choice in zip(asked, found, strict=True):
                choices[number] = choice
        return choices

    def close(self) -> None:
        """Close the record."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _on_record(self, asked: Sequence[tuple[FrameHeader, StatedPlace]], recipes: Recipes) -> list[Choice | None]:
        try:
            with self._record().snapshot() as cursor:
                found: list[Choice | None] = [self._found(cursor, frame, stated, recipes) for frame, stated in asked]
        except StoreError as error:
            self.close()
            return [self._not_yet(recipes, error)] * len(asked)
        if self._unread_since is not None:
            self._unread_since = None
            log.info("the record can be read again: recipes are known")
        return found

    def _found(self, cursor: Cursor, header: FrameHeader, stated: StatedPlace, recipes: Recipes) -> Choice:
        locator = self._locators[header.source]
        piece = pieces.of(cursor, locator, stated, header)
        if piece is None and pieces.is_piece_unknown(cursor, locator, stated, header):
            when = datetime.fromtimestamp(header.captured_at).astimezone().isoformat(" ", "seconds")
            own = f"it was made at {when}" if header.timed else "its file tells no time that can be right"
            return recipes.unknown(f"it came before its coil is known, {own}")
        return recipes.of_piece(piece)

    def _record(self) -> OpenRecord:
        """Return the record, opened again if another one is in its place by now."""
        if self._store is not None and self._store.replaced:
            self.close()
        self._store = self._store or self._open_record()
        return self._store

    def _not_yet(self, recipes: Recipes, error: StoreError) -> Choice | None:
        now = self._clock()
        if self._unread_since is None:
            self._unread_since = now
            log.warning("%s; frames wait %g s for it, then they are unsure: their recipe is not known", error, WAIT_S)
        return None if now - self._unread_since < WAIT_S else recipes.unknown(str(error))
