"""Owns binding a process to its parent's life: the kernel signals the process when its parent ends, for any reason."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True)


def bind(parent: int, number: signal.Signals) -> None:
    """Have the kernel send this signal when `parent` ends, or at once if it has ended. The bond survives exec.

    SIGKILL also ends a process that is stopped (SIGSTOP).
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def bound(number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Return a `preexec_fn` that binds the new process to this one before it runs anything.

    A process that binds itself after its imports, and is stopped (SIGSTOP) before that, would outlive this one.
    """
    parent = os.getpid()
    return lambda: bind(parent, number)
