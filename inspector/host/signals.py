"""Owns holding signals until a process can act on them: none ends it while it starts, and none is lost.

A mask outlives fork and exec: what a parent holds before it starts a process, that process holds from its first line.
"""

import signal

#: All that the supervisor or its children act on. SIGKILL cannot be held.
_HELD = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1}


def hold() -> None:
    """Hold the signals from now on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)


def release() -> None:
    """Deliver what was held: the handlers are there."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
