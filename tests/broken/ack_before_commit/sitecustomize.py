"""A broken build for tests/stress/chaos.py to catch: the sink acknowledges a verdict before it is on record."""

from inspector.protocol.messages import Ack, Settled, Verdicts, encode
from inspector.sink.sink import Sink

_take = Sink._take


def _acknowledge_at_once(self: Sink, batch: Verdicts) -> None:
    _take(self, batch)
    for verdict in batch.verdicts:
        header = verdict.header
        if header.source in self._sources:
            peer = self._sources[header.source][0]
            self._router.send(peer, encode(Ack([Settled(header.frame, verdict.outcome)])))


Sink._take = _acknowledge_at_once
