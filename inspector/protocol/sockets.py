"""Owns the ZeroMQ sockets. The bytes that they carry have no meaning here."""

from collections.abc import Iterable
from pathlib import Path

import zmq

from inspector import MAX_PIXELS
from inspector.errors import BusyError

#: Largest number of messages queued for one peer. Credits bound frames long before that; this is for the case of a bug.
HIGH_WATER_MARK = 4096
#: Largest part that a Router accepts, in bytes; every message to one is smaller. ZeroMQ disconnects who sends more.
MAX_REQUEST_BYTES = 2 << 20
#: Largest number of unread messages of one peer of a Router; with their size it bounds the memory that a peer can take.
REQUESTS_QUEUED = 256
#: Time that a closing socket may take to deliver what was sent, in milliseconds.
LINGER_MS = 2000

#: Flags of a part that others follow, and of the last part. As int: to combine zmq's enums costs more than to send.
_MORE, _LAST = int(zmq.NOBLOCK | zmq.SNDMORE), int(zmq.NOBLOCK)


class _Socket:
    """What Router and Dealer have in common: options, polling, closing."""

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
    """The socket of the process that answers; it addresses each peer by its identity."""

    def __init__(
        self,
        max_bytes: int = MAX_REQUEST_BYTES,
        queued: int = REQUESTS_QUEUED,
        context: "zmq.Context[zmq.Socket[bytes]] | None" = None,
    ) -> None:
        """`max_bytes` of a part and `queued` unread messages bound the memory that one peer can take."""
        super().__init__(zmq.ROUTER, context)
        self.socket.setsockopt(zmq.MAXMSGSIZE, max_bytes)
        self.socket.setsockopt(zmq.RCVHWM, queued)
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # an unknown peer is an error here, not silence

    def bind(self, address: str, mode: int = 0o600) -> None:
        """Listen on `address`; a Unix socket's file has `mode`. Raise BusyError if the address cannot be bound."""
        try:
            self.socket.bind(address)
            if address.startswith("ipc://"):
                Path(address.removeprefix("ipc://")).chmod(mode)
        except zmq.ZMQError as error:
            raise BusyError(f"{address}: cannot listen: {error}") from None

    def send(self, peer: bytes, *parts: bytes | memoryview) -> bool:
        """Queue a message for a peer; return False if the peer is gone or its queue is full. Never block."""
        try:
            self.socket.send(peer, _MORE)
            for part in parts[:-1]:
                self.socket.send(part, _MORE)
            self.socket.send(parts[-1], _LAST, copy=False)
        except (zmq.Again, zmq.ZMQError):
            return False
        return True

    def receive(self) -> tuple[bytes, list[bytes]] | None:
        """Return the sender and the parts of the next message; None if none waits. Never block."""
        try:
            peer, *parts = self.socket.recv_multipart(flags=zmq.NOBLOCK)
        except zmq.Again:
            return None
        return peer, parts

    def descriptor(self) -> int:
        """A descriptor that becomes readable when a message may have arrived: wait for it after `receive` gave None."""
        return int(self.socket.getsockopt(zmq.FD))


class Dealer(_Socket):
    """Connects to a Router, and reconnects by itself; messages that were queued for a lost Router are lost."""

    def __init__(self, identity: str) -> None:
        super().__init__(zmq.DEALER)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)

    def connect(self, address: str) -> None:
        """Connect to `address`, now or as soon as a Router listens there."""
        self.socket.connect(address)

    def send(self, *parts: bytes | memoryview) -> bool:
        """Queue a message; return False if the queue is full. Never block."""
        try:
            self.socket.send_multipart(parts, flags=zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def receive(self) -> list[bytes] | None:
        """Return the parts of the next message; None if none waits. Never block."""
        try:
            return self.socket.recv_multipart(flags=zmq.NOBLOCK)
        except zmq.Again:
            return None


class Pusher:
    """Offers messages to one Puller, which may be missing or busy: what it does not take at once is not sent."""

    def __init__(self, address: str, queued: int) -> None:
        """Connect to `address`, now or as soon as a Puller listens there; at most `queued` messages wait for it."""
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUSH)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, queued)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing is queued for a Puller that is not there
        self.socket.setsockopt(zmq.RECONNECT_IVL, 500)
        self.socket.connect(address)

    @property
    def is_ready(self) -> bool:
        """Whether a message would be taken now."""
        return bool(int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLOUT)

    def send(self, *parts: bytes | memoryview) -> bool:
        """Queue a message without copying its parts; return False if it is not taken. Never block."""
        try:
            self.socket.send_multipart(parts, flags=zmq.NOBLOCK, copy=False)
        except zmq.ZMQError:
            return False
        return True

    def close(self) -> None:
        """Close at once; what still waits is dropped."""
        self.socket.close()


class Puller:
    """Takes the messages that Pushers offer."""

    def __init__(self, address: str, queued: int) -> None:
        """Listen on `address`; at most `queued` messages wait. Raise BusyError if the address cannot be bound."""
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PULL)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVHWM, queued)
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_PIXELS)
        try:
            self.socket.bind(address)
        except zmq.ZMQError as error:
            raise BusyError(f"{address}: cannot listen: {error}") from None

    def receive(self, timeout_ms: float) -> list[bytes] | None:
        """Return the parts of the next message; None if none comes within `timeout_ms`."""
        if not self.socket.poll(int(timeout_ms)):
            return None
        return self.socket.recv_multipart()

    def close(self) -> None:
        """Close; what was not taken is dropped."""
        self.socket.close()


class Poller:
    """Waits for sockets and file descriptors together."""

    def __init__(self, sockets: Iterable[Router | Dealer], descriptors: Iterable[int] = ()) -> None:
        self._poller = zmq.Poller()
        for socket in sockets:
            self._poller.register(socket.socket, zmq.POLLIN)
        for descriptor in descriptors:
            self._poller.register(descriptor, zmq.POLLIN)

    def wait(self, timeout_ms: float, descriptor: int | None = None) -> bool:
        """Return True as soon as something can be read, also from `descriptor`; False after `timeout_ms`."""
        if descriptor is None:
            return bool(self._poller.poll(max(0, int(timeout_ms))))
        self._poller.register(descriptor, zmq.POLLIN)
        try:
            return bool(self._poller.poll(max(0, int(timeout_ms))))
        finally:
            self._poller.unregister(descriptor)


def flush() -> None:
    """Wait, at most LINGER_MS, until closed sockets have delivered their messages. Call it before a process ends."""
    zmq.Context.instance().destroy(linger=LINGER_MS)


def sink_address(folder: Path) -> str:
    """Return the address at which the sink listens."""
    return f"ipc://{folder}/sink"


def shadow_address(folder: Path) -> str:
    """Return the address at which a model in shadow takes the frames that live workers show."""
    return f"ipc://{folder}/shadow"


def source_address(folder: Path, source: str) -> str:
    """Return the address at which the source of that name listens for workers."""
    return f"ipc://{folder}/src-{source}"
