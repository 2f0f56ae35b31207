"""Owns the priority of work that may wait: it runs only where nothing else wants the processor."""

import os
from contextlib import suppress

#: The lowest priority that nice(2) has.
_NICEST = 19
#: The process that the kernel ends first where memory runs out, see proc(5).
_FIRST_TO_END = b"1000"


def lower() -> None:
    """Give this process, and all that it starts, the lowest priority; and have it end first where memory runs out.

    What the system does not allow is left out.
    """
    with suppress(OSError):
        os.nice(_NICEST)
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        try:
            os.write(descriptor, _FIRST_TO_END)
        finally:
            os.close(descriptor)
