"""Owns the answer to which cameras can be found from here: asked in processes of their own, as a driver may hang."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

from inspector.protocol.discovery import FoundCamera

__all__ = ["CamerasAnswer", "FoundCamera", "find"]

#: Discovery waits a second for answers; upper bound on a driver that hangs.
TIMEOUT_S = 20.0
_KINDS = {"gige": "GigE Vision and USB3 Vision", "camera": "video devices"}


class CamerasAnswer(NamedTuple):
    """The cameras that were found, and why some kind of them cannot be listed, a sentence each."""

    found: list[FoundCamera]
    problems: list[str]


def find(root: Path = Path("/"), timeout_s: float = TIMEOUT_S) -> CamerasAnswer:
    """Return the cameras; `root` holds /sys and /dev."""
    listings = {
        kind: subprocess.Popen(
            [sys.executable, "-m", "inspector.sources.capture.listing", kind, str(root)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for kind in _KINDS
    }  # fmt: skip
    answer = CamerasAnswer([], [])
    for kind, process in listings.items():
        try:
            listed, error = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            answer.problems.append(f"{_KINDS[kind]}: no list within {timeout_s:g} s: a driver or camera hangs")
            continue
        if process.returncode:
            why = error.decode(errors="replace").strip().rpartition("\n")[2]
            answer.problems.append(f"{_KINDS[kind]}: {why}")
        else:
            answer.found.extend(msgspec.json.decode(listed, type=list[FoundCamera]))
    return answer
