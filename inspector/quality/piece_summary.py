"""Owns what is known of a piece for those who judge it: read from the record at one moment, as plain facts."""

import re
from collections import Counter
from dataclasses import dataclass

from inspector.protocol.control import InForce
from inspector.quality import coverage, defects, gap_causes
from inspector.quality import uncertain_areas as doubts
from inspector.quality.coverage import Coverage
from inspector.quality.defects import Defect
from inspector.quality.gap_causes import Missed
from inspector.quality.uncertain_areas import Doubt
from inspector.record import findings, optics_history, pieces
from inspector.record import settings_history as in_force
from inspector.record.findings import Alarm, Mark
from inspector.record.gaps import Gap
from inspector.record.optics_history import PastTrouble
from inspector.record.pieces import Piece
from inspector.record.queries import Query
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.settings.sources.types import SourceSettings

#: So many unsure frames are looked at for those whose picture is kept.
_LOOKED_AT = 500
#: And so many of them are taken.
MOST_DOUBTFUL = 6


@dataclass(frozen=True, slots=True)
class Dossier:
    """A piece: its shares by source, what was missed, gaps of its time, all its defects, the worst first.

    `doubts`: what of it is unsure, where the place of that is known. `silent`: sources of the line that have no frame
    of it; `absent`: those of them that should. `unbalanced`: sources whose sums do not balance. `models`: frames by the
    bundle that decided them. `unsure`: frames by why; `doubtful`: some of them, those with a picture first. `alarms`
    and `marks` of rolls were found on it; `judged`: the rules that find them have seen all of it. `troubles`: what was
    wrong with a source's pictures meanwhile. `in_force`: by what it was decided, in order; empty where the record does
    not tell.
    """

    piece: Piece
    shares: list[Coverage]
    missed: list[Missed]
    gaps: list[Gap]
    defects: list[Defect]
    doubts: list[Doubt]
    silent: list[str]
    absent: list[str]
    unbalanced: list[str]
    models: Counter[str]
    unsure: Counter[str]
    doubtful: list[Record]
    alarms: list[Alarm]
    marks: list[Mark]
    judged: bool
    troubles: list[PastTrouble]
    in_force: list[InForce]

    @property
    def frames(self) -> int:
        """Frames on record, however they ended."""
        return sum(sum(share.outcomes.values()) for share in self.shares)

    @property
    def seen_mm(self) -> float:
        """How much the sources had before them from their first frame to their last, added up."""
        return sum(share.seen.to_mm - share.seen.from_mm for share in self.shares if share.seen)

    @property
    def missed_mm(self) -> float:
        """What of that nobody inspected."""
        return sum(one.stretch.to_mm - one.stretch.from_mm for one in self.missed)

    @property
    def whole(self) -> bool:
        """Whether all of it was inspected, by every source of the line."""
        return bool(self.shares) and not self.absent and all(share.whole for share in self.shares)


def gather(store: Store, settings: Settings, name: str) -> Dossier:
    """What is on record of the piece of that name. ConfigError where there is none."""
    unbalanced = [account.source for account in store.accounts() if not account.balanced]
    with store.snapshot():
        piece = pieces.find(store, name)
        shares = coverage.of(store, piece)
        while_there = Query(since=piece.began_at, until=piece.ended_at)
        gaps = store.gaps(while_there)
        there = {share.source for share in shares}
        silent = [source for source in settings.sources if source.name not in there]
        return Dossier(
            piece,
            shares,
            gap_causes.of(store, piece, shares, gaps),
            gaps,
            defects.worst_first(defects.of(store, piece)),
            doubts.of(store, piece),
            [source.name for source in silent],
            [source.name for source in silent if not piece.by_frames and not _names_pieces(source)],
            unbalanced,
            _models(store, piece),
            _unsure(store, piece),
            _doubtful(store, piece),
            findings.read(store, Alarm, piece.id),
            findings.read(store, Mark, piece.id),
            findings.judged(store, piece.id),
            optics_history.troubles(store, while_there),
            in_force.during(store, piece),
        )


def _names_pieces(source: SourceSettings) -> bool:
    """Whether its frames tell their piece: then it may well have shown another one meanwhile."""
    return "(?P<piece>" in (source.place.pattern or "")


def _models(store: Store, piece: Piece) -> Counter[str]:
    statement = "SELECT model, COUNT(*) FROM records INDEXED BY records_by_piece WHERE piece = ? GROUP BY model"
    return Counter({model: count for model, count in store.read(statement, (piece.id,)) if model})


def _unsure(store: Store, piece: Piece) -> Counter[str]:
    """By the reason without its numbers, which differ from frame to frame."""
    statement = (
        "SELECT reason, COUNT(*) FROM records INDEXED BY records_by_piece"
        " WHERE piece = ? AND outcome = 'unsure' GROUP BY reason"
    )
    counts: Counter[str] = Counter()
    for reason, count in store.read(statement, (piece.id,)):
        kind = re.split(r":| \d", reason)[0]
        counts[kind if reason.startswith(f"{kind}:") or kind == reason else f"{kind} …"] += count
    return counts


def _doubtful(store: Store, piece: Piece) -> list[Record]:
    looked_at = store.records(Query(piece=piece.id, outcomes=("unsure",), limit=_LOOKED_AT))
    return sorted(looked_at, key=lambda record: (not record.evidence, record.score))[:MOST_DOUBTFUL]
