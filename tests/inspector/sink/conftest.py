"""A line of which only the sink is real, and who speaks to it."""

from collections.abc import Iterator

import pytest

from tests.inspector.mouths import Mouth
from tests.inspector.roles import Bench, bench


@pytest.fixture
def line() -> Iterator[Bench]:
    """A line of which only the sink is real, and not started yet."""
    with bench(record={"commit_ms": 5}) as made:
        yield made


@pytest.fixture
def source(line: Bench) -> Iterator[Mouth]:
    """The source."""
    mouth = Mouth(line, "drop.1f")
    yield mouth
    mouth.dealer.close()


@pytest.fixture
def worker(line: Bench) -> Iterator[Mouth]:
    """A worker."""
    mouth = Mouth(line, "worker-0.1")
    yield mouth
    mouth.dealer.close()
