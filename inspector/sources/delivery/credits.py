"""Owns what the workers have asked one source for, and so how many frames each may be sent."""

from collections import deque
from dataclasses import dataclass

from inspector.protocol.messages import Credit

#: Names of ended workers that are remembered: a credit sent before a death may be read after it.
_REMEMBERED = 64


@dataclass(slots=True, kw_only=True)
class CreditWindow:
    """The room of one worker: see messages.Credit. `peer` is its address at the source's socket."""

    worker: str
    peer: bytes
    sent: int = 0
    seen: int = 0
    free: int = 0
    canary_at: float = 0.0  # when it was offered a canary last

    @property
    def available(self) -> int:
        """Frames it can be sent now."""
        return max(0, self.free - (self.sent - self.seen))


class Credits:
    """The windows of the workers that are alive."""

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._windows: dict[str, CreditWindow] = {}
        self._gone: deque[str] = deque(maxlen=_REMEMBERED)

    def take_in(self, peer: bytes, credit: Credit) -> None:
        """Take in what a worker has room for. One that has ended is not revived."""
        if credit.worker in self._gone:
            return
        window = self._windows.setdefault(credit.worker, CreditWindow(worker=credit.worker, peer=peer))
        window.peer = peer
        window.seen = credit.seen if credit.epoch == self._epoch else 0
        window.free = credit.free

    def forget(self, worker: str) -> None:
        """Forget a worker that ended; no other will have its name."""
        self._windows.pop(worker, None)
        self._gone.append(worker)

    def asking(self) -> list[CreditWindow]:
        """Return the windows with room, the emptiest first."""
        able = [window for window in self._windows.values() if window.available]
        return sorted(able, key=lambda window: -window.available)
