"""Owns how Paddle is started in the trainer: the CPU's fast paths, the seeds, and the signal handlers given back."""

import contextlib
import io
import os
import random
import sys
import warnings
from pathlib import Path

import numpy as np


def start(seed: int, threads: int = 0) -> None:
    """Set the environment Paddle reads at import, import it, and seed Python, NumPy and Paddle.

    Paddle's MKL runs one thread by default and takes a slow path on AMD processors: with these settings a
    convolution's forward and backward pass went from 38 to 98 GFLOP/s on 2 EPYC cores. `threads` counts only before
    the first import, 0 is one a core. What the user has set wins.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(threads or len(os.sched_getaffinity(0))))
    cpu = _cpu()
    if "AuthenticAMD" in cpu:
        os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")
        if "avx512f" in cpu:
            os.environ.setdefault("MKL_ENABLE_INSTRUCTIONS", "AVX512")
    os.environ.setdefault("GLOG_minloglevel", "2")  # its notes on graph details are not for our users
    warnings.filterwarnings("ignore", message="No ccache found")  # it compiles nothing here
    warnings.filterwarnings("ignore", message="When training, we now always track")  # batch norm, on each call
    with contextlib.redirect_stderr(io.StringIO()):  # it prints against more than one thread, which is what is fast
        import paddle

    paddle.disable_signal_handler()  # its import took SIGTERM
    reseed(seed)


def threads() -> int:
    """Return the number of Paddle's threads, inference included: another number gives training other last bits."""
    return int(os.environ["OMP_NUM_THREADS"])


def reseed(seed: int) -> None:
    """Seed Python, NumPy and Paddle, whose random numbers depend on nothing before from here on."""
    import paddle

    random.seed(seed)
    np.random.seed(seed % 2**32)
    paddle.seed(seed)


def versions() -> dict[str, str]:
    """Return the versions of what computed a model, for its record."""
    import cv2
    import paddle

    return {
        "python": sys.version.split()[0],
        "paddle": str(paddle.version.full_version),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }


def _cpu() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
