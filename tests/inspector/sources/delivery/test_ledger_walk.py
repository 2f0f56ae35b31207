"""Holds the ledger through thousands of random operations: the sums balance after each, and everything ends."""

from collections.abc import Iterator

import numpy as np
import pytest

from inspector.sources.delivery.ledger import Ledger
from inspector.vocabulary import OUTCOMES
from tests.inspector.sources.delivery.test_ledger import assert_balanced, capture, ledger


def walk(seed: int, steps: int) -> Iterator[Ledger]:
    """Yield the ledger after each of many random operations, checking what suspects get."""
    random = np.random.default_rng(seed)
    book = ledger(max_frames=40, max_attempts=int(random.integers(1, 5)))
    captured, now, born = 0, 0.0, 3
    workers = ["w0", "w1", "w2"]
    alone: dict[str, str] = {}  # the suspect a worker holds, by our own account
    for _ in range(steps):
        now += float(random.exponential(0.5))
        worker = workers[int(random.integers(len(workers)))]
        match int(random.choice(10, p=(0.3, 0.2, 0.25, 0.05, 0.02, 0.02, 0.04, 0.04, 0.04, 0.04))):
            case 0 if book.room:
                book.capture(capture(captured, reason="" if random.random() < 0.9 else "damaged"))
                captured += 1
            case 1:
                taken = book.take(worker, int(random.integers(0, 9)), now)
                assert len(taken) == 1 or all(flight.attempt == 1 for flight in taken)
                assert not taken or worker not in alone or alone[worker] not in book.frames
                alone.pop(worker, None)
                if taken and taken[0].attempt > 1:
                    alone[worker] = taken[0].capture.frame
                if taken and random.random() < 0.1:
                    book.untake(taken[-1])
                    alone.pop(worker, None)
            case 2 if book.frames:
                frame = book.frames[int(random.integers(len(book.frames)))]
                outcome = OUTCOMES[int(random.integers(4))]
                assert book.settle(frame, outcome) is not None
                assert book.settle(frame, outcome) is None
            case 3:
                book.worker_gone(worker, {frame for frame in book.frames if random.random() < 0.5})
                alone.pop(worker, None)
                workers[workers.index(worker)] = f"w{born}"
                born += 1
            case 4:
                if book.expire(now):
                    alone.clear()
            case 5:
                book.send_again()
                alone.clear()
            case 6 | 7:
                book.drop_oldest("overload")
            case 8:
                reports = book.reports(int(random.integers(0, 9)))
                assert all(verdict.outcome == "error" for verdict in reports)
                if random.random() < 0.5:
                    book.unreport(reports)
            case 9:
                assert 0 <= book.waiting <= book.in_flight
        yield book


@pytest.mark.parametrize("seed", range(8))
def test_the_sums_balance_after_every_step_of_a_random_walk_and_everything_ends(seed: int) -> None:
    book = ledger()
    for book in walk(seed, 4000):
        assert_balanced(book)
        assert 0 <= book.waiting <= book.in_flight <= 40
    # Then one healthy worker and a sink finish all that is left, and nothing is forgotten
    for turn in range(1000):
        book.worker_gone(f"last{turn - 1}")
        for flight in book.take(f"last{turn}", 4, 1e9):
            book.settle(flight.capture.frame, "ok")
        book.send_again()
        for verdict in book.reports(99):
            book.settle(verdict.header.frame, "error")
        for worker in range(4000):
            book.worker_gone(f"w{worker}") if turn == 0 else None
    assert book.in_flight == 0
    assert book.room
    assert_balanced(book)
