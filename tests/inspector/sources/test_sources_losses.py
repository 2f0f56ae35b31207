"""Holds a source through losses on real sockets: overload, workers that end or say nothing, sinks that restart."""

from collections.abc import Iterator
from typing import Any

import pytest

from inspector.protocol.control import WorkerGone
from inspector.protocol.frames import FrameOf
from tests.fakes import wait_until
from tests.inspector.folders import below
from tests.inspector.roles import Bench, bench, fill, in_flight, ok

CAMERA: dict[str, Any] = {"type": "simulated", "rate_fps": 400, "width_px": 64, "height_px": 64}


@pytest.fixture
def line() -> Iterator[Bench]:
    """A drop folder of which five frames may be under way, its sink running."""
    with bench(delivery={"in_flight_frames": 5, "drain_s": 0.2}) as made:
        made.start_sink()
        yield made


@pytest.fixture
def camera() -> Iterator[Bench]:
    """A camera faster than anyone, of which ten frames may be under way, its sink running."""
    with bench(CAMERA, delivery={"in_flight_frames": 10, "drain_s": 0.2}) as made:
        made.start_sink()
        yield made


def test_a_camera_drops_the_oldest_counts_it_and_keeps_the_newest(camera: Bench) -> None:
    # Given a camera that nobody asks for frames
    camera.start_source()
    camera.wait_for(lambda account: bool(account.tally and account.tally.dropped.get("overload", 0) > 50))
    # When a worker asks, then it gets the newest, in order, without a gap
    worker = camera.worker()
    worker.ask(10)
    frames = worker.take(10)
    sequences = [frame.header.sequence for frame in frames]
    assert sequences == list(range(sequences[0], sequences[0] + 10))
    assert sequences[0] > 50
    # And what it was given cannot be dropped any more, however much comes after
    before = camera.account().tally
    assert before is not None
    camera.wait_for(lambda account: bool(account.tally and account.tally.captured > before.captured + 100))
    worker.answer(frames)
    camera.wait_for(lambda account: ok(account) == 10)


def test_a_camera_told_to_drop_the_newest_keeps_what_waits() -> None:
    with bench({**CAMERA, "overload": "newest"}, delivery={"in_flight_frames": 10, "drain_s": 0.2}) as camera:
        camera.start_sink()
        camera.start_source()
        camera.wait_for(lambda account: bool(account.tally and account.tally.dropped.get("overload", 0) > 50))
        worker = camera.worker()
        worker.ask(10)
        assert [frame.header.sequence for frame in worker.take(10)] == list(range(1, 11))


def test_of_every_so_many_frames_one_is_inspected_and_the_others_are_on_record_as_dropped() -> None:
    with bench({**CAMERA, "every": 4, "frames": 40}) as camera:
        camera.start_sink()
        camera.start_source()
        camera.worker().work_until(lambda: ok(camera.account()) == 10)
        account = camera.wait_for(lambda account: bool(account.tally and account.tally.captured == 40))
        assert account.tally is not None
        assert account.tally.dropped == {"every": 30}
        assert [int(record.name[:6]) for record in camera.records()] == list(range(3, 40, 4))
        assert account.listed == 30


def test_a_sink_restarted_under_overload_leads_to_no_frame_counted_twice(camera: Bench) -> None:
    # Given a worker that holds all frames of a camera when the sink ends
    camera.start_source()
    worker = camera.worker()
    worker.ask(10)
    frames = worker.take(10)
    camera.started[0].stop()
    # When another sink comes, much is dropped, and only then the worker answers
    camera.start_sink()
    dropped = sum(account.tally.dropped.values()) if (account := camera.account()).tally else 0
    camera.wait_for(lambda account: bool(account.tally and sum(account.tally.dropped.values()) > dropped + 50))
    worker.answer(frames)
    # Then every frame is either dropped or recorded
    camera.wait_for(lambda account: ok(account) == 10)
    camera.started[1].stop()
    assert camera.account().balanced


def test_a_restarted_sink_gets_what_the_old_one_never_recorded(line: Bench) -> None:
    # Given three frames on record, and two more in a worker's hands when the sink ends
    fill(line, 5)
    line.start_source()
    worker = line.worker()
    worker.ask(3)
    worker.answer(worker.take(3))
    line.wait_for(lambda account: ok(account) == 3)
    worker.ask(2)
    lost = worker.take(2)
    line.started[0].stop()
    # When a new sink comes and the worker has forgotten them, then they are offered to it again, unblamed
    line.start_sink()

    def offered() -> bool:
        worker.ask(2)
        return not worker.gets_nothing(200)

    wait_until(offered)
    again = worker.take(2)
    assert {frame.header.frame for frame in again} == {frame.header.frame for frame in lost}
    assert [frame.header.attempt for frame in again] == [1, 1]
    worker.answer(again)
    line.wait_for(lambda account: ok(account) == 5)
    assert len(line.records()) == 5


def test_a_sink_that_was_away_at_the_start_is_waited_for() -> None:
    with bench() as line:
        fill(line, 1)
        line.start_source()
        worker = line.worker()
        worker.ask(1)
        assert worker.gets_nothing()
        line.start_sink()
        worker.answer(worker.take(1))
        line.wait_for(lambda account: ok(account) == 1)


def test_the_frames_of_a_lost_worker_go_to_another_one_by_one(line: Bench) -> None:
    fill(line, 3)
    source = line.start_source()
    lost, other = line.worker("worker-0.1"), line.worker("worker-0.2")
    lost.ask(2)
    in_hand = [FrameOf("drop", frame.header.frame) for frame in lost.take(2)]
    source.tell(WorkerGone("worker-0.1", in_hand))

    attempts = []
    for _ in range(3):
        other.ask(5)
        frames = other.take(1)
        assert other.gets_nothing(100)
        attempts += [frame.header.attempt for frame in frames]
        other.answer(frames)
    assert sorted(attempts) == [1, 2, 2]
    line.wait_for(lambda account: ok(account) == 3)


def test_what_a_lost_worker_only_held_goes_to_another_at_once_and_is_not_blamed(line: Bench) -> None:
    # Given a worker that held two frames, and ended with one of them and one of another source in hand
    fill(line, 3)
    source = line.start_source()
    lost, other = line.worker("worker-0.1"), line.worker("worker-0.2")
    lost.ask(2)
    guilty, innocent = lost.take(2)
    source.tell(
        WorkerGone("worker-0.1", [FrameOf("drop", guilty.header.frame), FrameOf("other", innocent.header.frame)])
    )
    # When another worker asks, then the guilty one comes alone, and the others as if nothing had been
    other.ask(5)
    (alone,) = other.take(1)
    assert (alone.header.frame, alone.header.attempt) == (guilty.header.frame, 2)
    other.answer([alone])
    line.wait_for(lambda account: ok(account) == 1)
    other.ask(5)
    rest = other.take(2)
    assert [frame.header.attempt for frame in rest] == [1, 1]
    assert rest[0].header.frame == innocent.header.frame  # it comes before what nobody had yet
    other.answer(rest)
    line.wait_for(lambda account: ok(account) == 3)


def test_a_lost_worker_that_still_seems_to_ask_gets_nothing(line: Bench) -> None:
    # Its last words may be read after the news of its end.
    source = line.start_source()
    ghost, other = line.worker("worker-0.1"), line.worker("worker-0.2")
    ghost.ask(5)
    line.wait_for(lambda account: account.tally is not None)
    source.tell(WorkerGone("worker-0.1"))
    line.wait_for(lambda account: account.tally is not None)
    for _ in range(5):
        ghost.ask(5)
    assert ghost.gets_nothing()
    fill(line, 1)
    other.ask(1)

    assert len(other.take(1)) == 1
    assert ghost.gets_nothing(0)


def test_a_frame_without_a_verdict_in_time_is_given_to_another() -> None:
    delivery = {"frame_timeout_s": 0.5, "max_attempts": 2}
    with bench(delivery=delivery, workers={"batch_timeout_s": 0.1}) as line:
        line.start_sink()
        fill(line, 1)
        line.start_source()
        for life in (1, 2):
            worker = line.worker(f"worker-0.{life}")
            worker.ask(1)
            assert worker.take(1)[0].header.attempt == life
        line.wait_for(lambda account: account.recorded["error"] == 1)
        assert line.records()[0].reason == "got no verdict from 2 workers"
        wait_until(lambda: below(line.drop / "failed") == ["000.bmp"])


def test_a_camera_that_must_stop_counts_what_no_worker_ever_had(camera: Bench) -> None:
    source = camera.start_source()
    worker = camera.worker()
    worker.ask(4)
    frames = worker.take(4)
    source.stop()

    account = camera.wait_for(lambda account: bool(account.tally and "shutdown" in account.tally.dropped))
    assert in_flight(account) == 4
    worker.answer(frames)  # a verdict that comes after all is recorded, and the sums still balance
    camera.wait_for(lambda account: account.recorded["ok"] == 4)


def test_a_source_ends_with_its_supervisor(line: Bench) -> None:
    source = line.start_source()
    line.wait_for(lambda account: account.tally is not None)
    source.die()
    source.join()
