"""Owns the trial of a model: opened, warmed and checked by its golden images as in a worker, in a process of its own.

A program that Paddle cannot open may end the process that tries, and Paddle takes 300 MB: a command must risk neither.
"""

import subprocess
import sys
import time
from pathlib import Path

from inspector.errors import BundleError, InspectorError
from inspector.host import parent_death
from inspector.settings.settings import Settings
from inspector.vision import bundle
from inspector.vision.bundle import Bundle

#: Exit code of the process if the model cannot be used; stdout then has the reason.
_REFUSED = 2


def run(model: Bundle, settings: Settings) -> str:
    """Try the model as these settings would run it; return what was done, for people. Raise BundleError if it fails."""
    workers = settings.workers
    if workers.engine == "fake":
        return "not tried: engine fake runs no model"
    command = [sys.executable, "-m", "inspector.supervisor.trial", str(model.path)]
    command += [str(workers.threads), str(workers.max_batch), workers.device]
    began, limit_s = time.monotonic(), settings.supervision.start_s
    try:
        tried = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=limit_s, preexec_fn=parent_death.bound()
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"{model.path}: a worker is not ready with it within {limit_s:g} s") from None
    if tried.returncode == _REFUSED:
        raise BundleError(tried.stdout.strip())
    if tried.returncode:
        why = (tried.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise BundleError(f"{model.path}: a worker with it ends with {tried.returncode}: {why}")
    return f"{tried.stdout.strip()}, in {time.monotonic() - began:.1f} s"


def _main(path: str, threads: str, max_batch: str, device: str) -> int:
    from inspector.vision import predictor

    predictor.load_engine()
    try:
        _, difference = predictor.prepared(bundle.load(Path(path)), int(threads), int(max_batch), device)
    except InspectorError as error:
        print(error)
        return _REFUSED
    print(f"opened on the {device}, warmed in batches up to {max_batch}, golden images within {difference:.1g}")
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
