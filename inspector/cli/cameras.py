"""Owns what `inspector cameras` shows: the cameras that can be found from here, and what to write for each of them."""

import subprocess
import sys
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from inspector.sources.capture.protocol import Found

#: Discovery waits a second for answers; a driver that hangs gets no longer than this.
TIMEOUT_S = 20.0
_KINDS = {"gige": "GigE Vision and USB3 Vision", "camera": "video devices"}


def find(root: Path = Path("/"), timeout_s: float = TIMEOUT_S) -> tuple[list[Found], list[str]]:
    """Return the cameras, and why some kind of them cannot be listed; `root` holds /sys and /dev."""
    listings = {
        kind: subprocess.Popen(
            [sys.executable, "-m", "inspector.sources.capture.listing", kind, str(root)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for kind in _KINDS
    }  # fmt: skip
    found: list[Found] = []
    troubles: list[str] = []
    for kind, process in listings.items():
        try:
            told, error = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            troubles.append(f"{_KINDS[kind]}: no list within {timeout_s:g} s: a driver or camera hangs")
            continue
        if process.returncode:
            why = error.decode(errors="replace").strip().rpartition("\n")[2]
            troubles.append(f"{_KINDS[kind]}: {why}")
        else:
            found += msgspec.json.decode(told, type=list[Found])
    return found, troubles


def show(console: Console, found: list[Found]) -> None:
    """Print them as a table, or that there are none."""
    if not found:
        console.print("no camera was found; a GigE camera in another network, and streams, have to be known by address")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("type", "address", "vendor", "model", "serial", "id", "formats"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(one.type, one.address, one.vendor, one.model, one.serial, one.id, " ".join(one.formats))
    console.print(table)
