"""A broken build for tests/stress/chaos.py to catch: the sink acknowledges a verdict before it is on record."""

from inspector.protocol.messages import Verdicts
from inspector.sink.sink import Sink

_take = Sink._take


def _acknowledge_at_once(self: Sink, batch: Verdicts) -> None:
    _take(self, batch)
    self._sources.acknowledge(batch.verdicts, batch.verdicts)


Sink._take = _acknowledge_at_once
