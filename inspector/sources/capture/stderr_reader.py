"""Owns what OpenCV prints about a video device: the one place where it gives reasons."""

import os
import re
import select
import threading
import time
from collections import deque

from inspector.host.redaction import without


class StderrReader:
    """Its last lines. Bounded, and nothing of it goes to the log."""

    _NOISE = re.compile(r"^\[ *(?:WARN|ERROR)[^]]*\] global \S+ \S+ |^\[[^]]* @ 0x[0-9a-f]+\] |\?timeout=\d+")
    _SAYS_NOTHING = "backend is generally available"

    def __init__(self) -> None:
        """Whatever this process prints on descriptor 2 comes here from now on."""
        self._lines: deque[str] = deque(maxlen=20)
        self._ours, theirs = os.pipe()
        os.dup2(theirs, 2)
        os.close(theirs)
        self._thread = threading.Thread(target=self._listen, name="stderr", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with open(self._ours, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if self._SAYS_NOTHING not in line and (text := self._NOISE.sub("", line).strip()):
                    self._lines.append(text)

    def forget(self) -> None:
        """Drop what was printed by earlier calls."""
        self._lines.clear()

    def reason(self, address: str, otherwise: str) -> str:
        """Return why the last call failed, the same text for the same cause, without credentials."""
        unread = select.poll()  # unlike select() it takes descriptors above 1,023
        unread.register(self._ours, select.POLLIN)
        for _ in range(20):  # the line may still be on its way
            if not unread.poll(0):
                break
            time.sleep(0.005)
        last = self._lines[-1] if self._lines else ""
        return without(last, address)[:500] or otherwise
