"""A record and its rules, without the sockets of a sink, for tests of rules and grades."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from inspector.protocol.verdicts import Verdict
from inspector.record import findings
from inspector.record.findings import Alarm, RollMark
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.sink import rule_runner
from inspector.sink.follower_group import FollowerGroup
from inspector.sink.health import Health
from inspector.sink.metrics import Metrics
from tests.inspector.sink.test_metrics import parse
from tests.inspector.spots import LOCATORS, PLACE, Spot

#: "3 scratches of 0.9 or more within 5 m"
SCRATCHES = {"name": "scratches", "labels": ["scratches"], "min_score": 0.9, "limit": 3, "within_m": 5}
ROLLS = [{"name": "work-600", "diameter_mm": 600}, {"name": "bridle-400", "diameter_mm": 400}]
COMMIT = 256


def settings(folder: Path, **changes: Any) -> Settings:
    """A line with one alarm, on frames whose names tell their place."""
    source = {"name": "drop", "type": "folder", "path": folder / "drop", "place": PLACE}
    return Settings.model_validate({"data": folder, "sources": [source], "alarms": [SCRATCHES]} | changes)


class WatchedRecord:
    """The record, its sink and its rules, without their sockets."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.settings = settings(folder, **changes)
        self.store = Store(folder)
        self.metrics = Metrics()
        self.health = Health(set(), 60)
        self.rules = self.group()
        self.judge()

    def group(self, clock: Callable[[], float] = time.monotonic) -> FollowerGroup:
        """The rules as the sink has them, if there are any."""
        follower = rule_runner.follower(self.settings, self.store, self.metrics, clock)
        return FollowerGroup([follower] if follower else [], self.metrics, self.health, clock)

    def judge(self) -> int:
        """All that is on record, in as many turns as it takes."""
        turns = 1
        while self.rules.turn():
            turns += 1
        return turns

    def take(self, verdicts: Sequence[Verdict] | Iterator[Verdict]) -> "WatchedRecord":
        """Record them as the sink does, and judge between its transactions."""
        coming = iter(verdicts)
        while batch := list(islice(coming, COMMIT)):
            self.store.write([("m", one) for one in batch], locators=LOCATORS)
            self.judge()
        return self

    def close(self) -> None:
        """A graceful end."""
        self.rules.close()
        self.store.close()

    @property
    def alarms(self) -> list[Alarm]:
        """Those on record."""
        return findings.read(self.store, Alarm)

    @property
    def marks(self) -> list[RollMark]:
        """Those on record."""
        return findings.read(self.store, RollMark)

    def page(self) -> dict[str, dict[tuple[str, ...], float]]:
        """/metrics."""
        return parse(self.metrics.render().decode())


def bad_stretch(begins_m: float, ends_m: float, count: int) -> list[Spot]:
    """Scratches anywhere on it, the first and the last at its ends."""
    draw = np.random.default_rng(count)
    places = [begins_m * 1000, ends_m * 1000, *draw.uniform(begins_m * 1000, ends_m * 1000, count - 2)]
    return [Spot("scratches", 105 + 60 * float(draw.integers(0, 18)), float(place)) for place in places]
