"""Owns what is known of a piece for those who judge it: read from the record at one moment, as plain facts."""

from collections import Counter
from dataclasses import dataclass

from inspector.protocol.control import InForce
from inspector.quality import coverage, defects, gap_causes, uncertain_areas
from inspector.quality.coverage import Coverage
from inspector.quality.defects import Defect
from inspector.quality.gap_causes import MissedStretch
from inspector.quality.uncertain_areas import UncertainArea
from inspector.record import findings, optics_history, pieces, settings_history
from inspector.record.findings import Alarm, RollMark
from inspector.record.gaps import Gap
from inspector.record.optics_history import PastTrouble
from inspector.record.pieces import Piece
from inspector.record.queries import Query
from inspector.record.records import Record
from inspector.record.shapes.reason import reason_from_text
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.settings.sources.types import SourceSettings

#: Unsure frames among which those with a picture are looked for.
_LOOKED_AT = 500
#: Of these, the number that a summary holds.
MOST_DOUBTFUL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceSummary:
    """What is on record of a piece, read at one moment.

    `shares`: one per source; `missed`: stretches that were not inspected; `gaps`: those of its time; `defects`: all,
    the worst first; `doubts`: areas of it that are unsure, where their place is known.
    `silent`: sources of the line without a frame of it; `absent`: those of them that should have one; `unbalanced`:
    sources whose sums do not balance.
    `models`: frames by the bundle that decided them; `unsure`: frames by the reason; `doubtful`: some unsure frames,
    those with a picture first.
    `alarms` and `marks` of rolls were found on it; `judged`: whether the rules that find them have seen all of it.
    `troubles`: what was wrong with pictures of its time. `in_force`: by what it was decided, in order; empty where the
    record does not have all of that.
    """

    piece: Piece
    shares: list[Coverage]
    missed: list[MissedStretch]
    gaps: list[Gap]
    defects: list[Defect]
    doubts: list[UncertainArea]
    silent: list[str]
    absent: list[str]
    unbalanced: list[str]
    models: Counter[str]
    unsure: Counter[str]
    doubtful: list[Record]
    alarms: list[Alarm]
    marks: list[RollMark]
    judged: bool
    troubles: list[PastTrouble]
    in_force: list[InForce]

    @property
    def frames(self) -> int:
        """The number of frames on record, of any outcome."""
        return sum(sum(share.outcomes.values()) for share in self.shares)

    @property
    def seen_mm(self) -> float:
        """The length from the first frame to the last of each source, added up, in mm."""
        return sum(share.seen.to_mm - share.seen.from_mm for share in self.shares if share.seen)

    @property
    def missed_mm(self) -> float:
        """The length of that which no frame covers, in mm."""
        return sum(one.stretch.to_mm - one.stretch.from_mm for one in self.missed)

    @property
    def whole(self) -> bool:
        """Whether all of it was inspected, by every source of the line."""
        return bool(self.shares) and not self.absent and all(share.whole for share in self.shares)


def gather(store: Store, settings: Settings, name: str) -> PieceSummary:
    """Return what is on record of the piece of that name. Raise ConfigError where there is none."""
    unbalanced = [account.source for account in store.accounts() if not account.balanced]
    with store.snapshot():
        piece = pieces.find(store, name)
        shares = coverage.of(store, piece)
        its_time = Query(since=piece.began_at, until=piece.ended_at)
        gaps = store.gaps(its_time)
        there = {share.source for share in shares}
        silent = [source for source in settings.sources if source.name not in there]
        return PieceSummary(
            piece=piece,
            shares=shares,
            missed=gap_causes.of(store, piece, shares, gaps),
            gaps=gaps,
            defects=defects.worst_first(defects.of(store, piece)),
            doubts=uncertain_areas.of(store, piece),
            silent=[source.name for source in silent],
            absent=[source.name for source in silent if not piece.by_frames and not _names_pieces(source)],
            unbalanced=unbalanced,
            models=_models(store, piece),
            unsure=_unsure(store, piece),
            doubtful=_doubtful(store, piece),
            alarms=findings.read(store, Alarm, piece.id),
            marks=findings.read(store, RollMark, piece.id),
            judged=findings.judged(store, piece.id),
            troubles=optics_history.troubles(store, its_time),
            in_force=settings_history.during(store, piece),
        )


def _names_pieces(source: SourceSettings) -> bool:
    """Whether the names of its frames hold their piece: then it may have shown another piece at that time."""
    return "(?P<piece>" in (source.place.pattern or "")


def _models(store: Store, piece: Piece) -> Counter[str]:
    statement = "SELECT model, COUNT(*) FROM records INDEXED BY records_by_piece WHERE piece = ? GROUP BY model"
    return Counter({model: count for model, count in store.read(statement, (piece.id,)) if model})


def _unsure(store: Store, piece: Piece) -> Counter[str]:
    """Count unsure frames by reason, without the numbers in it, which differ from frame to frame."""
    statement = (
        "SELECT reason, COUNT(*) FROM records INDEXED BY records_by_piece"
        " WHERE piece = ? AND outcome = 'unsure' GROUP BY reason"
    )
    counts: Counter[str] = Counter()
    for text, count in store.read(statement, (piece.id,)):
        counts[reason_from_text(text).kind] += count
    return counts


def _doubtful(store: Store, piece: Piece) -> list[Record]:
    looked_at = store.records(Query(piece=piece.id, outcomes=("unsure",), limit=_LOOKED_AT))
    return sorted(looked_at, key=lambda record: (not record.evidence, record.score))[:MOST_DOUBTFUL]
