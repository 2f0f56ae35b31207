"""The sink kills itself between delivering rows to a follower and moving its cursor, once a file asks for it.

STRUCK in the environment is the file's path; its content is the follower's name. Each process of a line that has
tests/broken/struck on its path imports this before anything else; see tests/stress/chaos.py.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

from inspector.record import followers
from inspector.record.database import Cursor

_set_position = followers.set_position


def here(name: str) -> None:
    """Die of SIGKILL if the file names this follower; the file is gone then."""
    with suppress(OSError):
        file = Path(os.environ["STRUCK"])
        if file.read_text() == name:
            file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def _struck(cursor: Cursor, name: str, position: int) -> None:
    here(name)
    _set_position(cursor, name, position)


if "STRUCK" in os.environ:
    followers.set_position = _struck
