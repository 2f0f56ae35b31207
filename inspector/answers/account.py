"""Owns the answers about what was inspected: the sums and gaps of a line, and how much of a piece its sources saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import asdict

from inspector.answers import names
from inspector.answers.line_record import LineRecord
from inspector.quality import coverage
from inspector.quality.coverage import Coverage, Stretch
from inspector.record import pieces
from inspector.record.gaps import Gap, silence
from inspector.record.pieces import Piece
from inspector.record.queries import Query
from inspector.record.sums.accounts import Account
from inspector.vocabulary import OUTCOMES, Outcome

__all__ = [
    "AccountQuestion", "Coverage", "LineAccount", "PieceAccount", "PieceAccountQuestion", "Stretch", "of_line",
    "of_piece", "to_json",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountQuestion:
    """Which sources (none: all), and which time, in seconds since 1970 UTC, for gaps and `window`; None: any."""

    since: float | None = None
    until: float | None = None
    sources: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceAccountQuestion:
    """Which sources (none: all) and the name of which piece."""

    piece: str
    sources: Sequence[str] = ()


class LineAccount(msgspec.Struct, frozen=True):
    """The sums of each source since its first frame, and the gaps that overlap the time asked for.

    The last gap of a source that is silent now is open. `window`: how many frames captured within that time are on
    record, by source and outcome; None where no time was asked for.
    """

    accounts: list[Account]
    gaps: list[Gap]
    window: dict[str, dict[Outcome, int]] | None

    @property
    def unbalanced(self) -> list[str]:
        """The sources whose sums do not balance."""
        return [account.source for account in self.accounts if not account.balanced]


class PieceAccount(msgspec.Struct, frozen=True):
    """How much of a piece each source inspected, and the line's gaps while it was there."""

    piece: Piece
    sources: list[Coverage]
    gaps: list[Gap]

    @property
    def whole(self) -> bool:
        """Whether there is a source, and each inspected all from its first frame to its last."""
        return bool(self.sources) and all(share.whole for share in self.sources)


def of_line(line: LineRecord, question: AccountQuestion) -> LineAccount:
    """Return the sums and gaps of the line. Raise QuestionError for a source that the line does not have."""
    query = Query(since=question.since, until=question.until, sources=names.of_line(line.settings, question.sources))
    store, timed = line.store, question.since is not None or question.until is not None
    accounts = [account for account in store.accounts() if account.source in (query.sources or [account.source])]
    window = store.recorded_within(query) if timed else None
    now = line.clock()
    silences = [silence(account.tally, now) for account in accounts if account.tally]
    going_on = [gap for gap in silences if gap and (query.until is None or gap.began_at < query.until)]
    return LineAccount(accounts, store.gaps(query) + going_on, window)


def of_piece(line: LineRecord, question: PieceAccountQuestion) -> PieceAccount:
    """Return how much of a piece was inspected.

    Raise QuestionError for a source that the line does not have, ConfigError for a piece that is not on record.
    """
    sources = names.of_line(line.settings, question.sources)
    piece = pieces.find(line.store, question.piece)
    shares = [share for share in coverage.of(line.store, piece) if share.source in (sources or [share.source])]
    gaps = line.store.gaps(Query(since=piece.began_at, until=piece.ended_at, sources=sources))
    return PieceAccount(piece, shares, gaps)


def to_json(answer: LineAccount) -> str:
    """Return the sums as one line of JSON for machines: a list, an object a source."""
    return msgspec.json.encode([_source(answer, account) for account in answer.accounts]).decode()


def _source(answer: LineAccount, account: Account) -> dict[str, Any]:
    tally = asdict(account.tally) if account.tally else None
    for internal in ("number", "spans"):
        (tally or {}).pop(internal, None)
    row: dict[str, Any] = {
        "source": account.source,
        "balanced": account.balanced,
        "recorded": account.recorded,
        "tally": tally,
        "gaps": [gap for gap in answer.gaps if gap.source == account.source],
    }
    if answer.window is not None:
        row["window"] = answer.window.get(account.source, dict.fromkeys(OUTCOMES, 0))
    return row
