"""Owns the log: one line an event on stderr, with the process that speaks. journald adds nothing it lacks."""

import logging
import sys
import time


def setup(process: str, level: str = "INFO") -> None:
    """Send this process's log to stderr as `time level process: text`, times in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(
        f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {process}: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
