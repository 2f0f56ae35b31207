"""Every follower of the record as the contract suite sees it: rows for it, the follower, and what it delivered."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from inspector.record import findings
from inspector.record.findings import Alarm, RollMark
from inspector.record.followers import Consumer, Delivered, Feed, Follower
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.sink import defect_log, rule_runner
from inspector.sink.metrics import Metrics
from inspector.sink.rule_engine import RuleEngine
from tests.inspector.record.test_store import verdict

Clock = Callable[[], float]


class Case(Protocol):
    """A follower under the contract."""

    #: Whether a row is delivered once even where the sink is killed.
    exact: bool
    #: Whether a follower without a cursor begins with the next row, and not with the first.
    from_now: bool
    #: Rows of a batch.
    batch: int

    def put(self, store: Store, count: int) -> list[int]:
        """Put rows for it on record; their ids."""
        ...

    def follower(self, store: Store, clock: Clock) -> Follower[Any]:
        """The follower, as a start makes it."""
        ...

    def got(self) -> list[int]:
        """The ids of the rows that were delivered, in the order of their delivery."""
        ...

    def fails(self) -> Any:
        """A context in which every delivery fails."""
        ...


def put_frames(store: Store, count: int, outcome: str = "ok") -> list[int]:
    """Rows of frames."""
    (newest,) = next(store.read("SELECT COALESCE(MAX(id), 0) FROM records"))
    store.write([("m", verdict(number, outcome)) for number in range(newest + 1, newest + 1 + count)])
    return list(range(newest + 1, newest + 1 + count))


class LogCase:
    """One of the followers that write the defect log."""

    exact, from_now = False, False

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.batch = 64 if name == "defect_log" else 256
        self.path = folder / "logs" / "defects.jsonl"

    def put(self, store: Store, count: int) -> list[int]:
        if self.name == "defect_log":
            ids = []
            for _ in range(count):
                put_frames(store, 1)  # one that it passes over
                ids += put_frames(store, 1, "defect")
            return ids
        found: list[Alarm | RollMark] = [
            Alarm(
                id=0,
                source="drop",
                piece="",
                rule="many",
                raised_at=1.0,
                cleared_at=None,
                from_mm=None,
                to_mm=None,
                count=1,
                detail="scratches",
                at=1.0,
            )
            if self.name == "defect_log_alarms"
            else RollMark(id=0, source="drop", piece="", label="scratches", found_at=1.0, ended_at=None)
            for _ in range(count)
        ]
        with store.transaction() as cursor:
            for one in found:
                findings.save(cursor, one, None)
        return [one.id for one in found]

    def follower(self, store: Store, clock: Clock) -> Follower[Any]:
        return next(one for one in defect_log.followers(self.path, store, clock) if one.name == self.name)

    def got(self) -> list[int]:
        lines = [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []
        kinds = {"defect_log": None, "defect_log_alarms": "alarm", "defect_log_roll_marks": "roll_mark"}
        return [line["id"] for line in lines if line.get("kind") == kinds[self.name]]

    @contextmanager
    def fails(self) -> Iterator[None]:
        """The folder of the log is gone, and cannot be made again."""
        away = self.path.parent.rename(self.path.parent.with_name("away"))
        self.path.parent.write_text("no folder")
        yield
        self.path.parent.unlink()
        away.rename(self.path.parent)


class RulesCase:
    """The rules. What they delivered is what they judged and what is on record of it."""

    exact, from_now, batch = True, True, 256

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        source = {"name": "drop", "type": "folder", "path": folder / "drop"}
        alarms = [{"name": "many", "limit": 2, "within_frames": 10}]
        self.settings = Settings.model_validate({"data": folder, "sources": [source], "alarms": alarms})
        self._judged: list[int] = []
        self._got: list[int] = []
        judge, saved, open_ = RuleEngine.judge, RuleEngine.saved, rule_runner.RuleRunner.open

        def spied_judge(engine: RuleEngine, rows: Sequence[Any], ends_at: float) -> Delivered:
            delivered = judge(engine, rows, ends_at)
            self._judged += [row[0] for row in rows[: delivered.rows]]
            return delivered

        def spied_saved(engine: RuleEngine) -> None:
            saved(engine)
            self._got += self._judged
            self._judged.clear()

        def spied_open(runner: rule_runner.RuleRunner, position: int) -> None:
            self._judged.clear()  # what a former engine judged and did not put on record
            open_(runner, position)

        patch.setattr(RuleEngine, "judge", spied_judge)
        patch.setattr(RuleEngine, "saved", spied_saved)
        patch.setattr(rule_runner.RuleRunner, "open", spied_open)
        self._patch = patch

    def put(self, store: Store, count: int) -> list[int]:
        return put_frames(store, count)

    def follower(self, store: Store, clock: Clock) -> Follower[Any]:
        made = rule_runner.follower(self.settings, store, Metrics(), clock)
        assert made is not None
        return made

    def got(self) -> list[int]:
        return list(self._got)

    @contextmanager
    def fails(self) -> Iterator[None]:
        with self._patch.context() as patch:
            patch.setattr(RuleEngine, "_judge", lambda *_: 1 / 0)
            yield


class Ledger(Consumer[int]):
    """Keeps the rows that it gets; for tests of what followers have in common."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.error: Exception | None = None

    def deliver(self, rows: Sequence[int], ends_at: float) -> Delivered:
        """Take all rows, or the first where the time is over already."""
        if self.error:
            raise self.error
        taken = rows if ends_at == float("inf") else rows[:1]
        self.rows += taken
        return Delivered(len(taken))

    def close(self) -> None:
        """Keep what came."""


class LedgerCase:
    """A follower that does nothing but keep its rows."""

    exact, from_now, batch = False, False, 10

    def __init__(self) -> None:
        self.ledger = Ledger()

    def put(self, store: Store, count: int) -> list[int]:
        return put_frames(store, count)

    def follower(self, store: Store, clock: Clock) -> Follower[Any]:
        def read(record: Any, after: int, through: int) -> list[tuple[int, int]]:
            statement = "SELECT id, id FROM records WHERE id > ? AND id <= ? ORDER BY id"
            return list(record.read(statement, (after, through)))

        return Follower("ledger", store, Feed("records", read, self.batch), self.ledger, clock=clock)

    def got(self) -> list[int]:
        return list(self.ledger.rows)

    @contextmanager
    def fails(self) -> Iterator[None]:
        self.ledger.error = OSError("nobody listens")
        yield
        self.ledger.error = None


NAMES = ("defect_log", "defect_log_alarms", "defect_log_roll_marks", "rules", "ledger")


def case(name: str, folder: Path, patch: pytest.MonkeyPatch) -> Case:
    """The follower of that name."""
    if name == "rules":
        return RulesCase(folder, patch)
    return LedgerCase() if name == "ledger" else LogCase(folder, name)
