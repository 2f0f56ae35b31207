"""What tests of the drop folder share: opening it, reading it out, and looking at what is where."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspector.settings.sources.folder import FolderSourceSettings
from inspector.sources.connector import Capture
from inspector.sources.folder.folder import Folder
from inspector.vocabulary import Outcome
from tests.fakes import wait_until
from tests.inspector.pictures import neu_bmp, strip

GOOD = neu_bmp(strip())
Open = Callable[..., Folder]


def connect(drop: Path, **changes: Any) -> Folder:
    """A connector on the drop folder, not open yet, with tiny waits unless told otherwise."""
    values: dict[str, Any] = {"settle_ms": 0, "incomplete_wait_s": 60, "rescan_s": 0.02, **changes}
    return Folder(FolderSourceSettings(name="drop", type="folder", path=drop, **values))


def read(connector: Folder, count: int = 1) -> list[Capture]:
    """The next `count` captures, in order of their names."""
    captures: list[Capture] = []

    def enough() -> bool:
        capture = connector.read()
        captures.extend([capture] if capture else [])
        return len(captures) >= count

    wait_until(enough, lambda: f"only {[capture.name for capture in captures]}")
    return sorted(captures, key=lambda capture: capture.name)


def nothing_comes(connector: Folder, scans: int = 5) -> bool:
    """Whether so many scans find nothing."""
    for _ in range(scans):
        time.sleep(connector.due_ms() / 1000 + 0.001)
        if connector.read() is not None:
            return False
    return True


def finish(connector: Folder, outcome: Outcome = "ok", count: int = 1) -> list[Capture]:
    """Read and record."""
    captures = read(connector, count)
    for capture in captures:
        connector.recorded(capture, outcome)
    return captures


def below(path: Path) -> list[str]:
    """The files below a folder, by relative path; none where there is no folder."""
    return sorted(str(one.relative_to(path)) for one in path.rglob("*") if not one.is_dir() or one.is_symlink())


def claimed(drop: Path) -> list[str]:
    """What is under way, by the names it was dropped with."""
    return sorted(name.split("/", 1)[1] for name in below(drop / ".work") if name not in (".lock", ".clock"))
