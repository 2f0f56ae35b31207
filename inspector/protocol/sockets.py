"""Owns the sockets: the one door to ZeroMQ. Knows nothing of what the bytes mean."""

from collections.abc import Iterable
from pathlib import Path

import zmq

from inspector import MAX_PIXELS
from inspector.errors import BusyError

#: How many messages may queue toward one peer. Credits bound frames long before; this bounds a bug.
HIGH_WATER_MARK = 4096
#: What a Router takes in one message: all that is said to one is smaller. Who sends more is cut off by ZeroMQ.
MAX_REQUEST_BYTES = 2 << 20
#: Unread messages of one peer of a Router: with their size, the bound on what a peer can make it hold.
REQUESTS_QUEUED = 256
#: What a closing socket may still spend on delivering what was sent.
LINGER_MS = 2000

#: Flags of a part that others follow, and of the last one. As numbers: zmq's own cost more than the sending.
_MORE, _LAST = int(zmq.NOBLOCK | zmq.SNDMORE), int(zmq.NOBLOCK)


class _Socket:
    """What a Router and a Dealer share: options, polling, closing."""

    def __init__(self, kind: int, context: "zmq.Context[zmq.Socket[bytes]] | None" = None) -> None:
        self.socket: zmq.Socket[bytes] = (context or zmq.Context.instance()).socket(kind)
        self.socket.setsockopt(zmq.LINGER, LINGER_MS)
        self.socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
        self.socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_PIXELS)

    def close(self) -> None:
        """Close; waits at most LINGER_MS for what is on its way."""
        self.socket.close()


class Router(_Socket):
    """Bound by the one that answers; addresses each peer by its identity."""

    def __init__(
        self,
        max_bytes: int = MAX_REQUEST_BYTES,
        queued: int = REQUESTS_QUEUED,
        context: "zmq.Context[zmq.Socket[bytes]] | None" = None,
    ) -> None:
        """`max_bytes` of a part and `queued` unread messages bound what one peer can make it hold."""
        super().__init__(zmq.ROUTER, context)
        self.socket.setsockopt(zmq.MAXMSGSIZE, max_bytes)
        self.socket.setsockopt(zmq.RCVHWM, queued)
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # an unknown peer is an error here, not silence

    def bind(self, address: str, mode: int = 0o600) -> None:
        """Listen on `address`; a file is one that those of `mode` may connect to. BusyError: it cannot be bound."""
        try:
            self.socket.bind(address)
            if address.startswith("ipc://"):
                Path(address.removeprefix("ipc://")).chmod(mode)
        except zmq.ZMQError as error:
            raise BusyError(f"{address}: cannot listen: {error}") from None

    def send(self, peer: bytes, *parts: bytes | memoryview) -> bool:
        """Hand a message to a peer; False where it is gone or its queue is full. Never blocks."""
        try:
            self.socket.send(peer, _MORE)
            for part in parts[:-1]:
                self.socket.send(part, _MORE)
            self.socket.send(parts[-1], _LAST, copy=False)
        except (zmq.Again, zmq.ZMQError):
            return False
        return True

    def receive(self) -> tuple[bytes, list[bytes]] | None:
        """The next message and its sender, or None. Never blocks."""
        try:
            peer, *parts = self.socket.recv_multipart(flags=zmq.NOBLOCK)
        except zmq.Again:
            return None
        return peer, parts

    def descriptor(self) -> int:
        """Becomes readable when something may have come. Only then: wait for it after `receive` said None."""
        return int(self.socket.getsockopt(zmq.FD))


class Dealer(_Socket):
    """Connects to a Router; reconnects by itself, and what was queued to the lost one is lost."""

    def __init__(self, identity: str) -> None:
        super().__init__(zmq.DEALER)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)

    def connect(self, address: str) -> None:
        """Connect to `address`, now or whenever someone listens there."""
        self.socket.connect(address)

    def send(self, *parts: bytes | memoryview) -> bool:
        """Hand over a message; False where the queue is full. Never blocks."""
        try:
            self.socket.send_multipart(parts, flags=zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def receive(self) -> list[bytes] | None:
        """The next message, or None. Never blocks."""
        try:
            return self.socket.recv_multipart(flags=zmq.NOBLOCK)
        except zmq.Again:
            return None


class Poller:
    """Waits for sockets and plain file descriptors together."""

    def __init__(self, sockets: Iterable[Router | Dealer], descriptors: Iterable[int] = ()) -> None:
        self._poller = zmq.Poller()
        for socket in sockets:
            self._poller.register(socket.socket, zmq.POLLIN)
        for descriptor in descriptors:
            self._poller.register(descriptor, zmq.POLLIN)

    def wait(self, timeout_ms: float, descriptor: int | None = None) -> bool:
        """True as soon as something can be read, this time of `descriptor`, too; False after `timeout_ms`."""
        if descriptor is None:
            return bool(self._poller.poll(max(0, int(timeout_ms))))
        self._poller.register(descriptor, zmq.POLLIN)
        try:
            return bool(self._poller.poll(max(0, int(timeout_ms))))
        finally:
            self._poller.unregister(descriptor)


def flush() -> None:
    """Before a process ends: wait for what its closed sockets still have to deliver, LINGER_MS at most."""
    zmq.Context.instance().destroy(linger=LINGER_MS)


def sink_address(folder: Path) -> str:
    """Where the sink listens."""
    return f"ipc://{folder}/sink"


def source_address(folder: Path, source: str) -> str:
    """Where the source named `source` listens for workers."""
    return f"ipc://{folder}/src-{source}"
