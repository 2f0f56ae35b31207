"""Holds the life of a source on real sockets: credits, patience, nonsense, and the end."""

import shutil
from collections.abc import Iterator

import pytest

from inspector.protocol import messages
from inspector.protocol.messages import Beat, Credit
from inspector.protocol.rejections import Refusals
from inspector.settings.sources.camera import CameraSourceSettings
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.settings.sources.push import PushSourceSettings
from inspector.settings.sources.simulated import SimulatedSourceSettings
from inspector.sources.cameras import camera
from inspector.sources.connector import Connector
from inspector.sources.folder.folder import Folder
from inspector.sources.push import Push
from inspector.sources.simulated import Simulated
from tests.fakes import wait_until
from tests.inspector.folders import below, claimed
from tests.inspector.roles import Bench, bench, fill, in_flight, ok
from tests.inspector.verdicts import frame_of


@pytest.fixture
def line() -> Iterator[Bench]:
    """A drop folder of which five frames may be under way, its sink running."""
    with bench(delivery={"in_flight_frames": 5, "drain_s": 0.2}) as made:
        made.start_sink()
        yield made


def test_a_worker_gets_as_many_frames_as_it_asked_for_and_no_more(line: Bench) -> None:
    fill(line, 5)
    line.start_source()
    worker = line.worker()

    worker.ask(3)
    frames = worker.take(3)
    assert worker.gets_nothing()
    worker.ask(0)
    assert worker.gets_nothing(200)
    worker.ask(2)
    frames += worker.take(2)

    worker.answer(frames)
    assert line.wait_for(lambda account: ok(account) == 5).balanced
    assert len(below(line.drop / "done")) == 5


def test_asking_twice_for_the_same_gives_it_once(line: Bench) -> None:
    fill(line, 5)
    line.start_source()
    worker = line.worker()
    for _ in range(20):
        worker.ask(2)

    worker.take(2)
    assert worker.gets_nothing()


def test_workers_that_both_ask_share_what_comes(line: Bench) -> None:
    line.start_source()
    one, two = line.worker("worker-0.1"), line.worker("worker-1.1")
    for worker in (one, two):
        worker.ask(4)
    line.wait_for(lambda account: account.tally is not None)
    fill(line, 4)

    assert one.take(1) + two.take(1)


def test_a_folder_waits_for_room_and_loses_nothing(line: Bench) -> None:
    # Given more files than may be under way, and nobody who asks
    fill(line, 23)
    line.start_source()
    line.wait_for(lambda account: in_flight(account) == 5)
    assert (len(claimed(line.drop)), len(list(line.drop.glob("*.bmp")))) == (5, 18)
    # When a worker takes a few at a time
    worker = line.worker()
    for _ in range(23):
        worker.ask(2)
        worker.answer(worker.take(1))
    # Then all of them are inspected, none is dropped
    account = line.wait_for(lambda account: ok(account) == 23)
    assert account.tally is not None
    assert account.tally.dropped == {}
    assert len(below(line.drop / "done")) == 23


def test_bytes_that_are_no_credit_change_nothing(line: Bench) -> None:
    fill(line, 2)
    line.start_source()
    worker = line.worker()
    frame = frame_of(height=1, width=1)
    for data in (b"", b"\xff" * 100, messages.encode(Beat("w", "m")), messages.encode(frame), b"\x93\xa6Credit"):
        worker.source.send(data)
    worker.source.send(messages.encode(Credit("worker-0.1", "another-epoch", 1_000_000, 2)), b"a part too many")
    worker.ask(2)

    worker.answer(worker.take(2))
    line.wait_for(lambda account: ok(account) == 2)


def test_error_reports_with_the_longest_names_all_reach_the_record() -> None:
    with bench(delivery={"in_flight_frames": 400}) as line:
        deep = line.drop / "/".join("\N{GOTHIC LETTER AHSA}" * 60 for _ in range(14))
        deep.mkdir(parents=True)
        for number in range(300):
            (deep / f"{number}.bmp").write_bytes(b"text")
        line.start_sink()
        line.start_source()
        line.wait_for(lambda account: account.recorded["error"] == 300)


def test_a_drop_folder_that_vanishes_is_opened_again(line: Bench) -> None:
    source = line.start_source()
    wait_until(lambda: (line.drop / ".work" / ".clock").exists())
    shutil.rmtree(line.drop)
    wait_until(lambda: (line.drop / ".work" / ".clock").exists())
    fill(line, 1)
    worker = line.worker()
    worker.ask(1)

    worker.answer(worker.take(1))
    line.wait_for(lambda account: ok(account) == 1)
    source.stop()


def test_a_stop_waits_for_what_is_in_flight_and_takes_nothing_new() -> None:
    with bench(delivery={"in_flight_frames": 5, "drain_s": 60}) as line:
        # Given five frames with a worker and three files that wait
        line.start_sink()
        fill(line, 8)
        source = line.start_source()
        worker = line.worker()
        worker.ask(5)
        frames = worker.take(5)
        # When the source is told to stop, then it goes on until the worker has answered
        source.ask_to_stop()
        source.thread.join(0.5)
        assert source.thread.is_alive()
        worker.answer(frames)
        source.join()
        account = line.wait_for(lambda account: in_flight(account) == 0)
        assert (ok(account), len(list(line.drop.glob("*.bmp")))) == (5, 3)


def test_every_connector_keeps_the_contract_of_a_connector(line: Bench) -> None:
    connectors: list[Connector] = [
        Folder(FolderSourceSettings(name="a", type="folder", path=line.drop)),
        Simulated(SimulatedSourceSettings(name="b", type="simulated")),
        Push(PushSourceSettings(name="c", type="push", path=line.sockets / "frames.sock"), Refusals()),
        camera(CameraSourceSettings.model_validate({"name": "d", "type": "camera", "address": __file__})),
    ]
    for connector in connectors:
        for _ in range(2):  # a source opens its connector again after it was lost
            assert connector.open() == []
            connector.read()
            assert connector.due_ms() >= 0
            connector.wake()
            connector.close()
            connector.close()
