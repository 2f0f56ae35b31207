"""Owns blocking signals until a process has its handlers: none ends it while it starts, and none is lost.

The signal mask survives fork and exec: a process has its parent's mask from its first line on.
"""

import signal

#: Signals that the supervisor or its children handle. SIGKILL cannot be blocked.
_HELD = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1}


def hold() -> None:
    """Block the signals from now on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)


def release() -> None:
    """Unblock the signals, which delivers pending ones. Call it when the handlers are set."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
