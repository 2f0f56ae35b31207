"""Owns the account of a source: its own sums against the rows on record. Pure, no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from msgspec import structs

from inspector.protocol.messages import Tally
from inspector.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class Account:
    """The sums of a source. `tally` is its last tally on record; `recorded` counts its rows on record, by outcome.

    `newer` of these rows are of frames captured after the tally: a running line is always a little ahead of it.
    `listed` counts the frames of all its gaps on record.
    """

    source: str
    recorded: dict[Outcome, int]
    newer: int
    tally: Tally | None
    listed: int = 0

    @property
    def unsettled(self) -> int:
        """Number of frames in flight at the tally that are on record by now."""
        return sum(self.recorded.values()) - self.newer - (sum(self.tally.outcomes.values()) if self.tally else 0)

    @property
    def balanced(self) -> bool:
        """Whether captured = ok + defect + unsure + error + dropped + in flight, and rows and gaps agree with that."""
        if self.tally is None:
            return self.unsettled == 0 and not self.listed
        dropped = sum(self.tally.dropped.values())
        adds_up = self.tally.captured == sum(self.tally.outcomes.values()) + dropped + self.tally.in_flight
        return adds_up and 0 <= self.unsettled <= self.tally.in_flight and self.listed == dropped


Key = TypeVar("Key", bound=str)


def since(accounts: Iterable[Account], before: Iterable[Account]) -> list[Account]:
    """Return what was added to the sums of each source after `before` was read; `in_flight` stays as it is now."""
    earlier = {account.source: account for account in before}
    return [_less(account, earlier[account.source]) if account.source in earlier else account for account in accounts]


def _less(account: Account, before: Account) -> Account:
    tally, then = account.tally, before.tally
    if tally is not None and then is not None:
        tally = structs.replace(
            tally,
            captured=tally.captured - then.captured,
            outcomes=_difference(tally.outcomes, then.outcomes),
            dropped={reason: count for reason, count in _difference(tally.dropped, then.dropped).items() if count},
        )
    return replace(account, recorded=_difference(account.recorded, before.recorded), tally=tally)


def _difference(counts: Mapping[Key, int], before: Mapping[Key, int]) -> dict[Key, int]:
    return {name: count - before.get(name, 0) for name, count in counts.items()}
