"""Owns when a source did not inspect: for each reason the spell that goes on now, until it is over and on record."""

from dataclasses import dataclass

from inspector.protocol.messages import Span

#: Nothing more for so long, and a spell is over: what comes later is another gap.
SPELL_S = 5.0


@dataclass(slots=True)
class _Spell:
    began_at: float
    ended_at: float
    last: float  # monotonic: when it last grew
    number: int  # of the first tally that tells all of it


class Spells:
    """Spells by reason. A spell's frames were captured within it, in seconds since 1970."""

    def __init__(self) -> None:
        self._spells: dict[str, _Spell] = {}

    def add(self, reason: str, began_at: float, ended_at: float, now: float, number: int) -> None:
        """More of `reason`, at monotonic time `now`; the next tally is the `number`th."""
        spell = self._spells.setdefault(reason, _Spell(began_at, ended_at, now, number))
        spell.began_at, spell.ended_at = min(spell.began_at, began_at), max(spell.ended_at, ended_at)
        spell.last, spell.number = now, number

    def told(self) -> dict[str, Span]:
        """For a tally."""
        return {reason: Span(spell.began_at, spell.ended_at) for reason, spell in self._spells.items()}

    def on_record(self, number: int, now: float) -> None:
        """The `number`th tally is on durable record: spells that are over and told by then end."""
        over = [
            reason for reason, spell in self._spells.items() if spell.number <= number and now - spell.last > SPELL_S
        ]
        for reason in over:
            del self._spells[reason]
