"""A source or worker that says to a real sink only what the test says."""

from typing import Any

from inspector import messages
from inspector.messages import Hello, Message, Verdict, Verdicts, Welcome
from inspector.transport import Dealer, Poller, sink_address
from tests.inspector.roles import Bench


class Mouth:
    """A source or worker that says only what the test says."""

    def __init__(self, line: Bench, identity: str) -> None:
        self.dealer = Dealer(identity)
        self.dealer.connect(sink_address(line.sockets))

    def say(self, message: Message) -> None:
        """To the sink."""
        assert self.dealer.send(messages.encode(message))

    def verdicts(self, *verdicts: Verdict) -> None:
        """As a worker."""
        self.say(Verdicts("worker-0.1", "model-1", list(verdicts), len(verdicts), 0.01))

    def hello(self, *claimed: str, durable: bool = True, epoch: str = "1f") -> Welcome:
        """Present itself as the source."""
        self.say(Hello("drop", epoch, durable, list(claimed)))
        answer: Welcome = self.hears(Welcome)
        return answer

    def hears(self, kind: type[Any], timeout_ms: float = 10_000) -> Any:
        """The next message of a kind."""
        poller = Poller([self.dealer])
        while True:
            assert poller.wait(timeout_ms), f"no {kind.__name__} came"
            message = messages.decode((self.dealer.receive() or [b""])[0])
            if isinstance(message, kind):
                return message

    def hears_nothing(self, for_ms: float = 500) -> bool:
        """Whether nothing comes for a while."""
        return not Poller([self.dealer]).wait(for_ms)
