"""A source or worker that says to a real sink only what the test says."""

import time
from typing import Any, TypeVar

from inspector.protocol import messages
from inspector.protocol.messages import Hello, Message, Verdicts, Welcome
from inspector.protocol.sockets import Dealer, Poller, sink_address
from inspector.protocol.verdicts import Verdict
from tests.inspector.roles import Bench

T = TypeVar("T", bound=Message)


class Mouth:
    """A source or worker that says only what the test says."""

    def __init__(self, line: Bench, identity: str) -> None:
        self._identity = identity
        self.dealer = Dealer(identity)
        self.dealer.connect(sink_address(line.sockets))

    def say(self, message: Message) -> None:
        """To the sink."""
        assert self.dealer.send(messages.encode(message))

    def verdicts(self, *verdicts: Verdict) -> None:
        """As a worker."""
        self.say(Verdicts(self._identity, "model-1", list(verdicts), len(verdicts), 0.01))

    def hello(self, *claimed: str, durable: bool = True, epoch: str = "1f") -> Welcome:
        """Present itself as the source; again, as a source does, where it was said to a sink that just ended."""
        for _ in range(3):
            self.say(Hello("drop", epoch, durable, list(claimed)))
            if answer := self._next(Welcome, 3_000):
                return answer
        raise AssertionError("no Welcome came")

    def hears(self, kind: type[Any], timeout_ms: float = 10_000) -> Any:
        """The next message of a kind."""
        message = self._next(kind, timeout_ms)
        assert message, f"no {kind.__name__} came"
        return message

    def _next(self, kind: type[T], timeout_ms: float) -> T | None:
        poller = Poller([self.dealer])
        ends_at = time.monotonic() + timeout_ms / 1000
        while poller.wait(max(0.0, ends_at - time.monotonic()) * 1000):
            message = messages.decode((self.dealer.receive() or [b""])[0])
            if isinstance(message, kind):
                return message
        return None

    def hears_nothing(self, for_ms: float = 500) -> bool:
        """Whether nothing comes for a while."""
        return not Poller([self.dealer]).wait(for_ms)
