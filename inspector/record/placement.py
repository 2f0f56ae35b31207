"""Owns the placement of a frame when it is recorded, and the check that it was decided by the recipe of its piece."""

from msgspec.structs import replace

from inspector.protocol.verdicts import Verdict
from inspector.record import pieces
from inspector.record.database import Cursor
from inspector.record.pieces import Piece
from inspector.record.position import Locator, Spot
from inspector.vocabulary import Reason


def agreed(verdict: Verdict, grade: str, piece: Piece | None) -> Verdict:
    """Return the verdict; unsure if the recipe that decided it is not that of its piece. `grade` is the frame's own.

    Where frames name piece and steel grade, the frame's recipe counts: a reload may have given the grade another one.
    """
    if verdict.outcome == "error" or verdict.recipe is None:
        return verdict
    right = piece.recipe if piece else ""
    by_its_own_word = grade and (piece is None or (piece.by_frames and piece.grade == grade))
    if verdict.recipe == right or by_its_own_word:
        return verdict
    whose = f"piece {piece.name}" if piece else "what is no piece"
    detail = f"{_named(verdict.recipe)}, and {whose} is under {_named(right)}"
    return withheld(verdict, Reason("other_recipe", detail[:1024]))


def withheld(verdict: Verdict, reason: Reason) -> Verdict:
    """Return the verdict as unsure, because its recipe is not known. The label still says what the model saw."""
    return replace(
        verdict,
        outcome="unsure",
        severity="none",
        regions=[],
        doubts=[],
        in_doubt=None,
        reason=reason,
        recipe=None,
    )


def _named(recipe: str) -> str:
    return f"recipe {recipe}" if recipe else "no recipe"


def placed(cursor: Cursor, locator: Locator, verdict: Verdict) -> tuple[Verdict, Spot]:
    """Return the verdict, checked against its piece, and where the frame lies. Record a piece that it names first."""
    header = verdict.header
    stated = locator.stated(header)
    if stated.piece:
        pieces.note(cursor, stated, verdict)
    piece = pieces.of(cursor, locator, stated, header)
    since_began_s = None if piece is None else max(0.0, header.captured_at - piece.began_at)
    area_x = verdict.area[0] if verdict.area else 0
    spot = locator.spot(piece.id if piece else None, stated.at_mm, since_began_s, area_x)
    return agreed(verdict, stated.grade, piece), spot
