"""Owns the report on the line's processes: to the sink for metrics and readiness, and as one line to systemd."""

from collections.abc import Sequence

from inspector.host.systemd import Notifier
from inspector.protocol.control import Process, Processes
from inspector.supervisor.child import Child

#: Interval of the report while nothing changes, in seconds.
REPEAT_S = 5.0
_STATUS_CHARS = 500


class ProcessReport:
    """The report on processes: it is sent when it changes, and repeated every REPEAT_S."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._sent: list[Process] = []
        self._sent_at = 0.0

    def begin_anew(self) -> None:
        """Send the next report in any case: the sink is a new process."""
        self._sent = []

    def send(self, sink: Child, children: Sequence[Child], now: float) -> None:
        """Report on `children` to `sink` and to systemd, at monotonic time `now`."""
        seen = [
            Process(child.slot, child.role, child.pid, dict(child.restarts.causes), child.trouble(now))
            for child in children
        ]
        if seen == self._sent and now - self._sent_at < REPEAT_S:
            return
        self._sent, self._sent_at = seen, now
        sink.tell(Processes(seen))
        running = sum(child.alive for child in children)
        troubled = [f"{one.name}: {one.trouble}" for one in seen if one.trouble]
        self._notifier.status("; ".join([f"{running} of {len(seen)} processes run", *troubled])[:_STATUS_CHARS])
