"""Owns which signals wait until a process can act on them: none of its first second ends it, and none is lost.

A mask outlives fork and exec: what a parent holds before it starts a process, that process holds from its first line.
"""

import signal

#: All that the supervisor or its children act on. SIGKILL cannot be held.
_HELD = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1}


def hold() -> None:
    """Let them wait from now on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)


def release() -> None:
    """The handlers are there: what waited comes now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
