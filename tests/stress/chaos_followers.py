"""What the followers of a line delivered, judged by the record and the defect log alone."""

import json
import logging
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from inspector.record.store import Store
from inspector.settings import loading
from inspector.sink import rule_runner
from inspector.sink.metrics import Metrics
from tests.stress.chaos_line import ChaosLine

#: By the kind of a line of the defect log, the rows that each have one, and the cursor of its follower.
_ROWS = {
    "defect": ("SELECT id FROM records WHERE outcome = 'defect'", "defect_log"),
    "alarm": ("SELECT id FROM alarms", "defect_log_alarms"),
}
#: Rows that one kill may make the defect log repeat: a batch.
_BATCH = 256
#: Rows that a follower may still have before it at the end of the line.
_LEFT = 5000


@dataclass
class Logged:
    """The ids in the defect log by kind, in the order of the lines, and how many lines were cut off."""

    ids: dict[str, list[int]] = field(default_factory=lambda: {kind: [] for kind in _ROWS})
    cut_off: int = 0

    @classmethod
    def read(cls, path: Path) -> "Logged":
        """Read the whole log."""
        logged = cls()
        for text in path.read_bytes().splitlines() if path.exists() else []:
            try:
                line = json.loads(text)
            except ValueError:
                logged.cut_off += 1
            else:
                logged.ids[line.get("kind", "defect")].append(line["id"])
        return logged

    def skipped(self, line: ChaosLine) -> list[int]:
        """Return the rows that have no line, though the cursor of their follower has passed them."""
        cursors = dict(line.ask("SELECT name, value FROM marks"))
        rows = ((number, kind, name) for kind, (ask, name) in _ROWS.items() for (number,) in line.ask(ask))
        written = {kind: set(ids) for kind, ids in self.ids.items()}
        return [number for number, kind, name in rows if number <= cursors.get(name, 0) and number not in written[kind]]


def judge(line: ChaosLine, kills: int) -> tuple[int, list[str]]:
    """Return how many rows a follower skipped, and what is wrong, of a line that has come to its end."""
    logged = Logged.read(line.defect_log)
    skipped = logged.skipped(line)
    problems = [f"{len(skipped)} rows have no line in the defect log: {skipped[:3]}"] if skipped else []
    for kind, (statement, name) in _ROWS.items():
        rows, ids = {number for (number,) in line.ask(statement)}, logged.ids[kind]
        ((cursor,),) = line.ask(f"SELECT COALESCE(SUM(value), 0) FROM marks WHERE name = '{name}'")
        backwards = sum(later <= earlier for earlier, later in pairwise(ids))
        checks = {
            f"{name} is at {cursor} of {max(rows, default=0)}": cursor < max(rows, default=0) - _LEFT,
            f"{kind} lines of rows that are not on record": bool(set(ids) - rows),
            f"{kind} lines go back {backwards} times in {kills} kills": backwards > kills,
            f"{len(ids) - len(set(ids))} {kind} lines are repeats": len(ids) - len(set(ids)) > backwards * _BATCH,
        }
        problems += [text for text, is_wrong in checks.items() if is_wrong]
    if logged.cut_off > kills:
        problems.append(f"{logged.cut_off} lines of the defect log are cut off")
    found, once = _alarms(line.data / "records.sqlite"), _alarms(_judged_at_once(line))
    if found != once:
        differ = sorted((found - once) + (once - found))
        problems.append(f"alarms are not those of rules that are never killed, for example {differ[:3]}")
    return len(skipped) + (once - found).total(), problems


def _alarms(path: Path) -> Counter[tuple[Any, ...]]:
    """Each alarm: where and when it was raised, when it was cleared, and how many defects it counts."""
    with closing(sqlite3.connect(path)) as record:
        return Counter(record.execute("SELECT source, at, raised_at, COALESCE(cleared_at, 0), count FROM alarms"))


def _judged_at_once(line: ChaosLine) -> Path:
    """A copy of the record that rules without any interruption have judged from its first row on."""
    folder = line.folder / "judged"
    folder.mkdir()
    for path in line.data.glob("records.sqlite*"):
        shutil.copy(path, folder)
    path = folder / "records.sqlite"
    with closing(sqlite3.connect(path)) as record:
        record.executescript("""
            DELETE FROM records WHERE id > (SELECT value FROM marks WHERE name = 'rules');
            DELETE FROM alarms;
            UPDATE marks SET value = 0 WHERE name = 'rules';
        """)
    store = Store(folder)
    rules = rule_runner.follower(loading.load(line.config), store, Metrics())
    if rules is None:
        raise RuntimeError("the line has no rules")
    with _silent():
        while rules.turn():
            continue
        rules.close()
    store.close()
    return path


@contextmanager
def _silent() -> Iterator[None]:
    """The alarms of a second judgement are no news."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
