"""Owns notifying systemd: ready, reloading, stopping, still alive. Does nothing without it. See sd_notify(3)."""

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Writes to the socket that NOTIFY_SOCKET names. A datagram that cannot be sent is dropped."""

    def __init__(self, environment: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        ours = environment.get("WATCHDOG_PID", str(pid or os.getpid())) == str(pid or os.getpid())
        interval_us = environment.get("WATCHDOG_USEC", "") if ours else ""
        #: Twice as often as systemd asks for, as its manual advises; None where it does not ask.
        self.watchdog_s = int(interval_us) / 2e6 if interval_us.isdigit() else None
        self._watched_at = -float("inf")
        self._status = ""

    def ready(self) -> None:
        """The line inspects."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The config is read again; `ready` follows."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The line is being stopped."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """What `systemctl status` shows, in one line; sent when it changes."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def alive(self, now: float) -> None:
        """Called in every turn, at monotonic time `now`; sends as often as the watchdog wants."""
        if self.watchdog_s is not None and now - self._watched_at >= self.watchdog_s:
            self._watched_at = now
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as words:
            words.setblocking(False)
            words.sendto(text.encode(), address)
