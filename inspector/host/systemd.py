"""Owns notifying systemd: ready, reloading, stopping, still alive. Does nothing without it. See sd_notify(3)."""

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Writes to the socket in NOTIFY_SOCKET. A datagram that cannot be sent is dropped."""

    def __init__(self, environment: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        ours = environment.get("WATCHDOG_PID", str(pid or os.getpid())) == str(pid or os.getpid())
        interval_us = environment.get("WATCHDOG_USEC", "") if ours else ""
        #: Interval of life signs, in seconds: half of systemd's, as its manual advises; None if systemd wants none.
        self.watchdog_s = int(interval_us) / 2e6 if interval_us.isdigit() else None
        self._watched_at = -float("inf")
        self._status = ""

    def ready(self) -> None:
        """Notify systemd that the line inspects."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Notify systemd that the config is read again; `ready` must follow."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Notify systemd that the line is being stopped."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows; it is sent when it changes."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def alive(self, now: float) -> None:
        """Send a life sign if the watchdog's interval has passed. Call it in every turn, at monotonic time `now`."""
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
