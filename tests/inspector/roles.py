"""Sources, workers and sink as threads of a test, on real sockets, with a worker that does what the test says."""

import contextlib
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol, TypeVar

from inspector.errors import StoreError
from inspector.protocol import messages
from inspector.protocol.control import ControlMessage, send
from inspector.protocol.frames import Frame, view_pixels
from inspector.protocol.heartbeat import LifeSign
from inspector.protocol.messages import Credit, Verdicts
from inspector.protocol.rejections import Refusals
from inspector.protocol.sockets import Dealer, Poller, sink_address, source_address
from inspector.protocol.verdicts import Verdict
from inspector.record.queries import Query
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.record.sums.accounts import Account
from inspector.settings.settings import Settings
from inspector.sink.role import SinkRole
from inspector.sources import factory
from inspector.sources.delivery.supervisor_link import SupervisorLink
from inspector.sources.optics.monitor import OpticsMonitor
from inspector.vision import bundle
from inspector.vocabulary import OUTCOMES, Outcome
from inspector.worker.factory import worker
from tests.fakes import wait_until
from tests.inspector.folders import GOOD

T = TypeVar("T")


class Role(Protocol):
    """What a process runs."""

    def run(self) -> None:
        """Until told to stop."""
        ...


class Running:
    """A role in a thread. `stop` asks it to end; `tell` speaks as the supervisor."""

    def __init__(self, make: Callable[[Connection, Callable[[], bool]], Role]) -> None:
        self._stop = threading.Event()
        self._ours, theirs = multiprocessing.Pipe()
        self.error: BaseException | None = None
        role = make(theirs, self._stop.is_set)

        def run() -> None:
            try:
                role.run()
            except BaseException as error:  # told to whoever joins
                self.error = error

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def tell(self, word: ControlMessage) -> None:
        """A word of the supervisor."""
        send(self._ours, word)

    def die(self) -> None:
        """The supervisor is gone."""
        self._ours.close()

    def ask_to_stop(self) -> None:
        """As SIGTERM would."""
        self._stop.set()

    def stop(self, timeout_s: float = 30) -> None:
        """Ask it to end and wait for that; raises what it raised."""
        self.ask_to_stop()
        self.join(timeout_s)

    def join(self, timeout_s: float = 30) -> None:
        """Wait for its end; raises what it raised."""
        self.thread.join(timeout_s)
        assert not self.thread.is_alive(), "it does not end"
        if self.error is not None:
            raise self.error


class Hands:
    """A worker that does only what the test says."""

    def __init__(self, bench: "Bench", source: str = "drop", name: str = "worker-0.1") -> None:
        self.name = name
        self.seen = 0
        self.epoch = "-"
        self.source = Dealer(name)
        self.source.connect(source_address(bench.sockets, source))
        self.sink = Dealer(name)
        self.sink.connect(sink_address(bench.sockets))

    def ask(self, free: int) -> None:
        """Say what it has room for."""
        self.source.send(messages.encode(Credit(self.name, self.epoch, self.seen, free)))

    def take(self, count: int, timeout_ms: float = 20_000) -> list[Frame]:
        """The next `count` frames."""
        poller = Poller([self.source])
        frames: list[Frame] = []
        while len(frames) < count:
            assert poller.wait(timeout_ms), f"{len(frames)} of {count} frames came"
            header, data = self.source.receive() or []
            frame = messages.decode(header)
            assert isinstance(frame, Frame)
            assert view_pixels(frame, data).size
            epoch = frame.header.epoch
            self.seen, self.epoch = (self.seen + 1 if epoch == self.epoch else 1), epoch
            frames.append(frame)
        return frames

    def gets_nothing(self, for_ms: float = 400) -> bool:
        """Whether no frame comes for a while."""
        return not Poller([self.source]).wait(for_ms)

    def answer(self, frames: list[Frame], outcome: Outcome = "ok", label: str = "", **more: Any) -> None:
        """Send verdicts to the sink."""
        verdicts = [Verdict(header=frame.header, outcome=outcome, label=label, **more) for frame in frames]
        assert self.sink.send(messages.encode(Verdicts(self.name, "model-1", verdicts, len(frames), 0.01)))

    def work_until(self, done: Callable[[], bool], timeout_s: float = 60) -> None:
        """Call every frame that comes ok until the condition holds."""
        poller, ends_at = Poller([self.source]), time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < ends_at, f"not within {timeout_s:g} s; {self.seen} frames came"
            self.ask(8)
            if poller.wait(100):
                self.answer(self.take(1))

    def close(self) -> None:
        """Leave."""
        self.source.close()
        self.sink.close()


class Bench:
    """One line's settings and folders, and the roles started on them."""

    def __init__(self, folder: Path, source: dict[str, Any] | None = None, **settings: Any) -> None:
        self.drop = folder / "drop"
        self.sockets = folder
        drop = {"type": "folder", "path": self.drop, "settle_ms": 0, "rescan_s": 0.1}
        values: dict[str, Any] = {
            "data": folder,
            "sources": [{"name": "drop", **(drop if source is None else source)}],
            "metrics": {"port": 0},
        }
        self.settings = Settings.model_validate(values | settings)
        self.started: list[Running] = []
        self.hands: list[Hands] = []

    def start_source(self, **changes: Any) -> Running:
        """The source, from now on."""
        chosen, delivery = self.settings.sources[0], self.settings.delivery
        refusals = Refusals()
        opened = factory.connector(chosen, refusals)
        more = {"refusals": refusals, "monitor": OpticsMonitor(self.settings.optics, chosen.strip)} | changes
        return self._start(
            lambda words, stop: factory.source(
                chosen.name, opened, delivery, self.sockets, SupervisorLink(words, stop), **more
            )
        )

    def start_sink(self, **changes: Any) -> Running:
        """The sink, from now on."""
        return self._start(lambda words, stop: SinkRole(self.settings, self.sockets, words, stop, **changes))

    def start_worker(self, name: str = "worker-0.1") -> Running:
        """A real worker, from now on; its engine is the fake one."""
        model = bundle.load(self.settings.bundle_path)
        return self._start(
            lambda words, stop: worker(name, self.settings, model, self.sockets, LifeSign(), words, stop)
        )

    def worker(self, name: str = "worker-0.1") -> Hands:
        """A worker in the test's hands."""
        self.hands.append(Hands(self, name=name))
        return self.hands[-1]

    def account(self) -> Account:
        """The source's sums on record."""
        return self._look(lambda store: store.account("drop"), Account("drop", dict.fromkeys(OUTCOMES, 0), 0, None))

    def records(self) -> list[Record]:
        """What is on record."""
        return self._look(lambda store: list(store.records(Query(oldest_first=True))), [])

    def _look(self, look: Callable[[Store], T], nothing: T) -> T:
        try:
            store = Store(self.settings.data, read_only=True)
        except StoreError:
            return nothing  # the sink has not made it yet
        try:
            return look(store)
        finally:
            store.close()

    def wait_for(self, condition: Callable[[Account], bool]) -> Account:
        """The account, once the condition holds; it balances all the time."""

        def holds() -> bool:
            account = self.account()
            assert account.balanced, account
            return condition(account)

        wait_until(holds, lambda: str(self.account()))
        return self.account()

    def close(self) -> None:
        """End everything that is left."""
        for hands in self.hands:
            hands.close()
        for running in reversed(self.started):
            running.ask_to_stop()
            running.thread.join(30)
            running.die()
            assert not running.thread.is_alive(), "a role does not end"

    def _start(self, make: Callable[[Connection, Callable[[], bool]], Role]) -> Running:
        self.started.append(Running(make))
        return self.started[-1]


@contextlib.contextmanager
def bench(source: dict[str, Any] | None = None, **settings: Any) -> Iterator[Bench]:
    """A bench in a folder of its own, short enough for its sockets."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        made = Bench(Path(folder), source, **settings)
        try:
            yield made
        finally:
            made.close()


def fill(line: "Bench", count: int) -> None:
    """Drop pictures."""
    line.drop.mkdir(exist_ok=True)
    for number in range(count):
        (line.drop / f"{number:03}.bmp").write_bytes(GOOD)


def ok(account: Account) -> int:
    """How many frames the source itself knows to be on record as ok."""
    return account.tally.outcomes["ok"] if account.tally else 0


def in_flight(account: Account) -> int:
    """How many frames are under way by the source's last word."""
    return account.tally.in_flight if account.tally else -1
