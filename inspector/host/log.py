"""Owns the log: one line an event on stderr, with time, level and process."""

import logging
import sys
import time
from typing import Any

from inspector.host.printable import printable


def setup(process: str, level: str = "INFO") -> None:
    """Send this process's log to stderr as `time level process: text`, times in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = _OneLine(f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {process}: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)


class _OneLine(logging.Formatter):
    """Writes a record as one line, whatever is in its names and reasons; the lines of a traceback are indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return "\n".join(f"    {printable(line)}" for line in super().formatException(ei).splitlines())
