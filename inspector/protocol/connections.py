"""Owns who is connected to a socket that other programs may reach: how many at once, and who is turned away.

ZeroMQ takes everybody in, and reads messages of each into memory before anybody asks for them: two that are whole and
one that comes; what came stays when its connection ends. So what is unread takes three of the largest for each
connection, and those are bounded here, the ended ones included until all that came is read.
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

#: Whole messages of one program that wait to be read. With 1 an encrypted one of two parts never comes through.
_QUEUED = 2
#: Whoever has not said by then what it speaks is gone.
_HANDSHAKE_MS = 5000
#: A machine that lost its power says no goodbye: its connection is asked after 30 s, and gone after 60.
_ALIVE = {zmq.TCP_KEEPALIVE: 1, zmq.TCP_KEEPALIVE_IDLE: 30, zmq.TCP_KEEPALIVE_INTVL: 10, zmq.TCP_KEEPALIVE_CNT: 3}
#: ZeroMQ stands still when so many are unread.
_UNREAD_EVENTS = 100_000
_REFUSED = {
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "a connection that did not end its handshake",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "a connection without keys, or with another server's",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "a connection with a key that is not allowed",
}
_CHANGES = (zmq.EVENT_ACCEPTED, zmq.EVENT_ACCEPT_FAILED, zmq.EVENT_DISCONNECTED, zmq.EVENT_MONITOR_STOPPED)
_GREETING_BYTES = 64
#: For so long after a connection could not be taken in, that is a trouble.
_SHORT_S = 10.0


class PublicRouter(Router):
    """A Router that programs which are none of ours may reach, `most` at once."""

    def __init__(self, max_bytes: int, most: int, context: "zmq.Context[zmq.Socket[bytes]] | None" = None) -> None:
        """`max_bytes`: of a part; who sends more is cut off. What is unread takes 3 x `most` x `max_bytes` at most."""
        super().__init__(max_bytes, _QUEUED, context)
        self.socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
        for option, value in _ALIVE.items():
            self.socket.setsockopt(option, value)
        self._guests = _Guests(self.socket, most)

    def bind(self, address: str, mode: int = 0o600) -> None:
        """Listen on `address`, see Router."""
        self._guests.address = address
        super().bind(address, mode)

    def receive(self) -> tuple[bytes, list[bytes]] | None:
        """The next message and its sender, or None. Never blocks."""
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
        """Why connections were refused or ended since this was asked last, HIGH_WATER_MARK of them at most."""
        return self._guests.turned_away()

    def problem(self) -> str:
        """Why nobody can connect; empty where one can."""
        return self._guests.problem()

    def close(self) -> None:
        """Close; waits at most LINGER_MS for what is on its way."""
        self.socket.disable_monitor()
        self._guests.join()
        super().close()


class _Guests:
    """Follows connections in a thread of its own: they come and go whether or not the source has time."""

    def __init__(self, router: "zmq.Socket[bytes]", most: int) -> None:
        self.address = ""  # where they connect to
        self._most = most
        self._lock = threading.Lock()
        self.ended = 0  # connections of which something may be unread
        self._open: list[int] = []  # descriptors, the oldest first
        self._known: set[int] = set()  # of those who have handed in something
        self._reasons: list[str] = []
        self._refused = False  # it was said why the connection ends that ends next
        self._short_until = 0.0
        self._events = router.get_monitor_socket(sum(_REFUSED) + sum(_CHANGES))
        self._events.setsockopt(zmq.RCVHWM, _UNREAD_EVENTS)
        self._thread = threading.Thread(target=self._follow, name="guests", daemon=True)
        self._thread.start()

    def spoke(self, descriptor: int) -> None:
        """A message of that connection was whole."""
        with self._lock:
            self._known.add(descriptor)  # even where this is heard of before that it was taken in

    def all_read(self, ended: int) -> None:
        """Nothing is left of those connections that had ended before."""
        with self._lock:
            self.ended -= ended

    def turned_away(self) -> list[str]:
        with self._lock:
            reasons, self._reasons = self._reasons, []
        return reasons

    def problem(self) -> str:
        if time.monotonic() < self._short_until:
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
                self._hear(event["event"], event["value"])

    def _hear(self, event: int, value: int) -> None:
        if event == zmq.EVENT_ACCEPTED:
            self._open.append(value)
            if len(self._open) + self.ended > self._most:
                self._turn_one_away()
        elif event == zmq.EVENT_DISCONNECTED:
            self._leave(value)
        elif event == zmq.EVENT_ACCEPT_FAILED:
            if value in (errno.EMFILE, errno.ENFILE):
                self._short_until = time.monotonic() + _SHORT_S
                self._turn_one_away()
        elif reason := _REFUSED.get(zmq.Event(event)):
            self._refused = True
            self._refuse(reason)

    def _leave(self, descriptor: int) -> None:
        was_refused, self._refused = self._refused, False
        if descriptor in self._open:  # else it was turned away, and that is said
            self._open.remove(descriptor)
            if descriptor not in self._known and not was_refused:
                self._refuse("a connection that ended before it handed in a whole frame (see max_frame_mb)")
        self.ended += not was_refused
        self._known.discard(descriptor)

    def _turn_one_away(self) -> None:
        """End the oldest connection that has not even said what it speaks; where all have, the newest."""
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
    """Whether fewer bytes came than ZeroMQ's greeting has. At a file, which only user and group may open: False."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return len(told) >= 136 and int.from_bytes(told[128:136], sys.byteorder) < _GREETING_BYTES  # bytes_received
    return False


def _end(descriptor: int, address: str) -> None:
    """End a connection to that address. It is ZeroMQ's, and may be closed by now and something else: that stays."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
        name = connection.getsockname()
        here = f"ipc://{name}" if isinstance(name, str) else f":{name[1]}"
        if address.endswith(here):
            connection.shutdown(socket.SHUT_RDWR)
