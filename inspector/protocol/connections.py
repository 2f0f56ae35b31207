"""Owns the connections to a socket that other programs may reach: their number is bounded, and some are refused.

ZeroMQ accepts every connection, and reads messages of each into memory before anybody asks for them: two whole ones and
one that is arriving. They stay when the connection ends. So unread messages take up to three times the largest message
for each connection. Connections are bounded here; one that ended counts until all of its messages are read.
"""

import contextlib
import errno
import os
import socket
import sys
import threading
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

from inspector.protocol.sockets import HIGH_WATER_MARK, Router

#: Number of whole unread messages of one program. With 1, an encrypted message of two parts never arrives.
_QUEUED = 2
#: Time for the handshake, in milliseconds; then ZeroMQ ends the connection.
_HANDSHAKE_MS = 5000
#: Keepalive of TCP: a machine that lost its power closes no connection. It is probed after 30 s, and dropped after 60.
_ALIVE = {zmq.TCP_KEEPALIVE: 1, zmq.TCP_KEEPALIVE_IDLE: 30, zmq.TCP_KEEPALIVE_INTVL: 10, zmq.TCP_KEEPALIVE_CNT: 3}
#: Number of unread events of the monitor at which ZeroMQ would block.
_UNREAD_EVENTS = 100_000
_REFUSED = {
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "a connection that did not end its handshake",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "a connection without keys, or with another server's",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "a connection with a key that is not allowed",
}
_CHANGES = (zmq.EVENT_ACCEPTED, zmq.EVENT_ACCEPT_FAILED, zmq.EVENT_DISCONNECTED, zmq.EVENT_MONITOR_STOPPED)
_GREETING_BYTES = 64
#: Time for which a connection that could not be accepted is reported as a problem, in seconds.
_PROBLEM_S = 10.0


class PublicRouter(Router):
    """A Router for programs outside the line, at most `most` of them at once."""

    def __init__(self, max_bytes: int, most: int, context: "zmq.Context[zmq.Socket[bytes]] | None" = None) -> None:
        """`max_bytes` bounds a part; a program that sends a larger one is disconnected.

        Unread messages take at most 3 x `most` x `max_bytes`.
        """
        super().__init__(max_bytes, _QUEUED, context)
        self.socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
        for option, value in _ALIVE.items():
            self.socket.setsockopt(option, value)
        self._guests = _Guests(self.socket, most)

    def bind(self, address: str, mode: int = 0o600) -> None:
        """Listen on `address`; see Router."""
        self._guests.address = address
        super().bind(address, mode)

    def receive(self) -> tuple[bytes, list[bytes]] | None:
        """Return the sender and the parts of the next message; None if none waits. Never block."""
        ended = self._guests.ended
        try:
            peer, *parts = self.socket.recv_multipart(flags=zmq.NOBLOCK, copy=False)
        except zmq.Again:
            self._guests.all_read(ended)
            return None
        if parts:
            self._guests.spoke(int(parts[-1].get(zmq.SRCFD)))
        return peer.bytes, [part.bytes for part in parts]

    def turned_away(self) -> list[str]:
        """Return why connections were refused or ended since the last call, for at most HIGH_WATER_MARK of them."""
        return self._guests.turned_away()

    def problem(self) -> str:
        """Return why nobody can connect; empty if connections are accepted."""
        return self._guests.problem()

    def close(self) -> None:
        """Close the socket; wait at most LINGER_MS for messages that are being sent."""
        self.socket.disable_monitor()
        self._guests.join()
        super().close()


class _Guests:
    """Follows the connections in a thread of its own: they begin and end even while the source is busy."""

    def __init__(self, router: "zmq.Socket[bytes]", most: int) -> None:
        self.address = ""  # that they connect to
        self._most = most
        self._lock = threading.Lock()
        self.ended = 0  # number of ended connections with possibly unread messages
        self._open: list[int] = []  # descriptors, the oldest first
        self._known: set[int] = set()  # descriptors of connections that sent a whole message
        self._reasons: list[str] = []
        self._refused = False  # the reason is noted for the connection that ends next
        self._no_descriptor_until = 0.0
        self._events = router.get_monitor_socket(sum(_REFUSED) + sum(_CHANGES))
        self._events.setsockopt(zmq.RCVHWM, _UNREAD_EVENTS)
        self._thread = threading.Thread(target=self._follow, name="guests", daemon=True)
        self._thread.start()

    def spoke(self, descriptor: int) -> None:
        """Note that a whole message came through the connection of that descriptor."""
        with self._lock:
            self._known.add(descriptor)  # possibly before the event that the connection was accepted

    def all_read(self, ended: int) -> None:
        """Note that all messages are read of the `ended` connections that had ended before."""
        with self._lock:
            self.ended -= ended

    def turned_away(self) -> list[str]:
        with self._lock:
            reasons, self._reasons = self._reasons, []
        return reasons

    def problem(self) -> str:
        if time.monotonic() < self._no_descriptor_until:
            return "no descriptor is left for another program that wants to connect (ulimit -n, LimitNOFILE)"
        return ""

    def join(self) -> None:
        self._thread.join()

    def _follow(self) -> None:
        while True:
            event = recv_monitor_message(self._events)
            if event["event"] == zmq.EVENT_MONITOR_STOPPED:
                self._events.close(linger=0)
                return
            with self._lock:
                self._note(event["event"], event["value"])

    def _note(self, event: int, value: int) -> None:
        if event == zmq.EVENT_ACCEPTED:
            self._open.append(value)
            if len(self._open) + self.ended > self._most:
                self._turn_one_away()
        elif event == zmq.EVENT_DISCONNECTED:
            self._leave(value)
        elif event == zmq.EVENT_ACCEPT_FAILED:
            if value in (errno.EMFILE, errno.ENFILE):
                self._no_descriptor_until = time.monotonic() + _PROBLEM_S
                self._turn_one_away()
        elif reason := _REFUSED.get(zmq.Event(event)):
            self._refused = True
            self._refuse(reason)

    def _leave(self, descriptor: int) -> None:
        was_refused, self._refused = self._refused, False
        if descriptor in self._open:  # otherwise it was turned away, and the reason is noted
            self._open.remove(descriptor)
            if descriptor not in self._known and not was_refused:
                self._refuse("a connection that ended before it handed in a whole frame (see max_frame_mb)")
        self.ended += not was_refused
        self._known.discard(descriptor)

    def _turn_one_away(self) -> None:
        """End the oldest connection that has not even sent its greeting; if all have, the newest connection."""
        strangers = (one for one in self._open if one not in self._known and _is_mute(one))
        if self._open:
            descriptor = next(strangers, self._open[-1])
            self._open.remove(descriptor)
            self._known.discard(descriptor)
            _end(descriptor, self.address)
            self._refuse(f"a connection more than max_clients ({self._most})")

    def _refuse(self, reason: str) -> None:
        if len(self._reasons) < HIGH_WATER_MARK:
            self._reasons.append(reason)


def _is_mute(descriptor: int) -> bool:
    """Return whether fewer bytes arrived than ZeroMQ's greeting has.

    False for a Unix socket, which only user and group may open.
    """
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
        tcp_info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        received = int.from_bytes(tcp_info[128:136], sys.byteorder)  # tcpi_bytes_received, linux/tcp.h
        return len(tcp_info) >= 136 and received < _GREETING_BYTES
    return False


def _end(descriptor: int, address: str) -> None:
    """End a connection to that address. ZeroMQ may have closed its descriptor, and another file may have it: check."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
        name = connection.getsockname()
        here = f"ipc://{name}" if isinstance(name, str) else f":{name[1]}"
        if address.endswith(here):
            connection.shutdown(socket.SHUT_RDWR)
