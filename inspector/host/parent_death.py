"""Owns the bond of a process to its parent's life: the kernel signals it when its parent ends, however that ends."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True)


def bind(parent: int, number: signal.Signals) -> None:
    """Have the kernel send this signal when `parent` ends, or at once if it has. exec keeps the bond.

    SIGKILL ends a process that is held, too.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def bound(number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """Return a `preexec_fn` that binds the new process to us before it runs anything.

    One that bound itself only after its imports, and is held (SIGSTOP) before that, would outlive us.
    """
    parent = os.getpid()
    return lambda: bind(parent, number)
