"""Owns how a retraining gives way to a line on the same machine: it computes when nobody else wants to."""

import os
from contextlib import suppress

_NICE = 19


def lower() -> None:
    """Give this process, and the threads that it starts, the lowest priority, on Linux SCHED_IDLE.

    What the system does not allow is left as it is.
    """
    with suppress(OSError):
        os.nice(_NICE)
    with suppress(OSError, AttributeError):  # no Linux
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
