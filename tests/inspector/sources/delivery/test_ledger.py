"""Holds the ledger: captured = outcomes + dropped + in flight after every step, and only the guilty are blamed."""

import numpy as np

from inspector.sources.connector import Capture
from inspector.sources.delivery.ledger import Flight, Ledger

PIXELS = np.zeros((10, 10), np.uint8)


def capture(number: int, reason: str = "") -> Capture:
    """A frame, or one that could not be decoded for `reason`."""
    return Capture(
        frame=f"frame-{number}",
        name=f"{number}.bmp",
        captured_at=0.0,
        captured_mono=0.0,
        pixels=None if reason else PIXELS,
        reason=reason,
    )


def ledger(max_frames: int = 1000, max_bytes: int = 1 << 30, max_attempts: int = 3) -> Ledger:
    """An empty one with a timeout of 10 s."""
    return Ledger("drop", "1f", max_frames, max_bytes, max_attempts, timeout_s=10)


def filled(count: int, **bounds: int) -> Ledger:
    """One with frames 0 to count-1 waiting."""
    book = ledger(**bounds)
    for number in range(count):
        book.capture(capture(number))
    return book


def assert_balanced(book: Ledger) -> None:
    """The promise."""
    assert book.captured == sum(book.outcomes.values()) + sum(book.dropped.values()) + book.in_flight


def ids(flights: list[Flight]) -> list[str]:
    """Which frames."""
    return [flight.capture.frame for flight in flights]


def test_frames_are_given_in_the_order_they_came_and_never_more_than_asked_for() -> None:
    book = filled(5)

    assert ids(book.take("w1", 3, 0.0)) == ["frame-0", "frame-1", "frame-2"]
    assert ids(book.take("w2", 9, 0.0)) == ["frame-3", "frame-4"]
    assert book.take("w1", 9, 0.0) == []
    assert (book.in_flight, book.waiting) == (5, 0)


def test_a_settled_frame_is_counted_once_however_often_it_is_acked() -> None:
    book = filled(1)
    book.take("w", 1, 0.0)

    assert book.settle("frame-0", "ok") is not None
    assert book.settle("frame-0", "ok") is None
    assert book.settle("never-seen", "defect") is None
    assert (book.outcomes["ok"], book.outcomes["defect"], book.in_flight) == (1, 0, 0)


def test_room_ends_at_the_frame_limit_and_at_the_byte_limit() -> None:
    assert filled(2, max_frames=3).room
    assert not filled(3, max_frames=3).room
    assert not filled(3, max_bytes=300).room
    book = filled(1, max_bytes=1)
    assert not book.room
    book.settle("frame-0", "ok")
    assert book.room  # one frame may always come, however large


def test_a_frame_without_pixels_is_reported_as_error_and_given_to_no_worker() -> None:
    book = ledger()
    book.capture(capture(0, reason="empty file"))

    assert book.take("w", 5, 0.0) == []
    (verdict,) = book.reports(10)
    assert (verdict.outcome, str(verdict.reason), verdict.header.width) == ("error", "empty file", 0)
    assert book.reports(10) == []
    assert book.in_flight == 1  # until the sink has recorded it


def test_a_report_that_could_not_be_sent_comes_again_in_order() -> None:
    book = ledger()
    for number in range(3):
        book.capture(capture(number, reason="bad"))
    first = book.reports(2)
    book.unreport(first)

    assert [verdict.header.frame for verdict in book.reports(9)] == ["frame-0", "frame-1", "frame-2"]


def test_the_frames_of_a_lost_worker_are_tried_again_one_by_one() -> None:
    book = filled(3)
    book.take("w1", 2, 0.0)

    assert book.worker_gone("w1", {"frame-0", "frame-1"}) == 2
    assert book.worker_gone("w1", {"frame-0", "frame-1"}) == 0
    (suspect,) = book.take("w2", 9, 0.0)
    assert (suspect.capture.frame, suspect.attempt) == ("frame-0", 2)
    assert book.take("w2", 8, 0.0) == []  # it holds a suspect: nothing beside it
    assert ids(book.take("w3", 9, 0.0)) == ["frame-2"]  # the others go on
    book.settle("frame-0", "ok")
    assert ids(book.take("w2", 9, 0.0)) == ["frame-1"]


def test_a_suspect_waits_until_its_worker_holds_nothing_else() -> None:
    book = filled(4)
    book.take("w1", 2, 0.0)
    book.take("w2", 1, 0.0)
    book.worker_gone("w2", {"frame-2"})

    assert book.take("w1", 9, 0.0) == []
    book.settle("frame-0", "ok")
    book.settle("frame-1", "ok")
    assert ids(book.take("w1", 9, 0.0)) == ["frame-2"]


def test_a_frame_that_takes_down_every_worker_ends_as_an_error_and_no_other_does() -> None:
    # Given 20 frames, one of which kills whoever works on it
    book, poison = filled(20), "frame-7"
    # When workers take up to 8 and answer all of them or die
    for life in range(60):
        worker = f"w{life}"
        flights = book.take(worker, 8, 0.0)
        if poison in ids(flights):
            book.worker_gone(worker, {poison, *ids(flights)[:4]})
        else:
            for frame in ids(flights):
                book.settle(frame, "ok")
            book.worker_gone(worker)
        assert_balanced(book)
    # Then the poison is an error after three, and all the others were inspected
    (verdict,) = book.reports(99)
    assert (verdict.header.frame, verdict.outcome, verdict.header.attempt) == (poison, "error", 3)
    assert str(verdict.reason) == "took down 3 workers"
    assert (verdict.header.height, verdict.header.width) == (10, 10)
    assert (book.outcomes["ok"], book.in_flight) == (19, 1)
    book.settle(poison, "error")
    assert (book.outcomes["error"], book.in_flight) == (1, 0)


def test_what_a_lost_worker_only_held_comes_first_again_and_is_not_blamed() -> None:
    book = filled(4)
    book.take("w1", 3, 0.0)
    book.worker_gone("w1", {"frame-1"})

    assert ids(book.take("w2", 9, 0.0)) == ["frame-1"]
    again = book.take("w3", 9, 0.0)
    assert [(one.capture.frame, one.attempt) for one in again] == [("frame-0", 1), ("frame-2", 1), ("frame-3", 1)]
    assert book.drop_oldest("overload") is None


def test_what_harms_every_worker_before_it_is_in_hand_ends_as_an_error_too() -> None:
    book = filled(1)
    for life in range(20):
        book.take(f"w{life}", 1, 0.0)
        book.worker_gone(f"w{life}")
        assert_balanced(book)

    assert [str(verdict.reason) for verdict in book.reports(9)] == ["took down 3 workers"]


def test_a_frame_without_a_verdict_in_time_goes_to_another_worker() -> None:
    book = filled(2)
    book.take("w1", 1, now=0.0)
    book.take("w1", 1, now=8.0)

    assert book.expire(9.9) == 0
    assert book.expire(10.1) == 1
    assert ids(book.take("w2", 1, 10.1)) == ["frame-0"]
    assert book.settle("frame-0", "ok") is not None  # the late verdict of the first counts


def test_no_deadline_runs_while_no_verdict_can_be_recorded() -> None:
    book = filled(1)
    book.take("w1", 1, now=0.0)
    book.postpone(60.0)

    assert book.expire(69.9) == 0
    assert book.expire(70.1) == 1


def test_a_frame_that_could_not_be_handed_over_is_not_blamed() -> None:
    book = filled(2)
    (flight,) = book.take("w1", 1, 0.0)
    book.untake(flight)

    assert book.worker_gone("w1") == 0
    assert [(one.capture.frame, one.attempt) for one in book.take("w2", 9, 0.0)] == [("frame-0", 1), ("frame-1", 1)]


def test_a_suspect_that_could_not_be_handed_over_stays_alone_and_finds_another_worker() -> None:
    book = filled(3)
    book.take("w1", 1, 0.0)
    book.worker_gone("w1", {"frame-0"})
    (suspect,) = book.take("ghost", 9, 0.0)
    book.untake(suspect)

    assert ids(book.take("w2", 9, 0.0)) == ["frame-0"]
    assert book.take("w2", 9, 0.0) == []


def test_a_restarted_sink_is_offered_everything_again_and_nobody_is_blamed() -> None:
    book = filled(3)
    book.capture(capture(3, reason="bad"))
    book.take("w1", 2, 0.0)
    book.reports(9)
    book.send_again()

    assert [verdict.header.frame for verdict in book.reports(9)] == ["frame-3"]
    assert [(one.capture.frame, one.attempt) for one in book.take("w1", 9, 0.0)] == [
        ("frame-0", 1), ("frame-1", 1), ("frame-2", 1),
    ]  # fmt: skip


def test_overload_gives_up_the_oldest_frame_that_no_worker_ever_had() -> None:
    # Given four frames, two of them with a worker whose verdicts a restarted sink may or may not have
    book = filled(4)
    book.take("w1", 2, 0.0)
    book.send_again()
    # When there is no room, then only the two untouched ones can go: the others may be on record already
    assert book.drop_oldest("overload")
    assert book.drop_oldest("overload")
    assert not book.drop_oldest("overload")
    assert set(book.frames) == {"frame-0", "frame-1"}
    assert book.dropped == {"overload": 2}
    assert_balanced(book)


def test_at_the_end_a_camera_gives_up_only_what_cannot_be_recorded_any_more() -> None:
    book = filled(5)
    book.take("w1", 2, 0.0)
    while book.drop_oldest("shutdown"):
        assert_balanced(book)

    assert (book.dropped, book.in_flight) == ({"shutdown": 3}, 2)
    assert_balanced(book)


def test_a_new_life_goes_on_from_the_sums_of_the_last_and_counts_what_was_lost() -> None:
    book = ledger()
    book.resume(100, {"ok": 80, "defect": 5}, {"overload": 3}, kept=7)

    assert (book.captured, book.dropped) == (93, {"overload": 3, "source_lost": 5})
    for number in range(7):
        book.capture(capture(number))
    assert (book.captured, book.in_flight) == (100, 7)
    assert_balanced(book)


def test_a_last_word_older_than_the_record_loses_nothing() -> None:
    book = ledger()
    book.resume(80, {"ok": 90}, {}, kept=0)

    assert (book.captured, book.dropped) == (90, {})
