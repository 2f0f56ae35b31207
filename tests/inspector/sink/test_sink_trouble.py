"""Holds the sink where something beside the record is wrong: its defect log, its port, its file."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import BusyError, ConfigError
from inspector.protocol.messages import Ack
from inspector.record.schema import FILE
from inspector.sink.health_server import HealthServer
from inspector.sink.metrics import Metrics
from tests.fakes import wait_until
from tests.inspector.mouths import Mouth
from tests.inspector.record.test_store import verdict
from tests.inspector.roles import Bench, Running, bench
from tests.inspector.sink.follower_cases import LedgerCase
from tests.inspector.sink.test_sink import address, get


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


def test_each_defect_is_one_line_of_the_defect_log_also_across_restarts(source: Mouth, line: Bench) -> None:
    path = line.sockets / "logs" / "defects.jsonl"
    line.settings = line.settings.model_copy(
        update={"record": line.settings.record.model_copy(update={"defect_log": path})}
    )
    for life in range(3):
        worker = Mouth(line, f"worker-0.{life + 1}")
        sink = line.start_sink()
        source.hello()
        worker.verdicts(verdict(10 * life, "defect", name="a\nb.bmp"), verdict(10 * life + 1, "ok"))
        source.hears(Ack)
        sink.stop()
        worker.dealer.close()

    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert [(one["frame"], one["label"]) for one in lines] == [(f"frame-{10 * n}", "scratches") for n in range(3)]
    assert lines[0]["name"] == "a\nb.bmp"


def test_a_defect_log_that_is_moved_away_or_deleted_is_begun_anew(source: Mouth, line: Bench) -> None:
    path = line.sockets / "logs" / "defects.jsonl"
    record = line.settings.record.model_copy(update={"defect_log": path})
    line.settings = line.settings.model_copy(update={"record": record})
    worker = Mouth(line, "worker-0.1")
    sink = line.start_sink()
    source.hello()
    kept: list[str] = []
    for number, away in enumerate((lambda: path.rename(path.with_suffix(".1")), lambda: shutil.rmtree(path.parent))):
        worker.verdicts(verdict(number, "defect"))
        source.hears(Ack)
        wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
        kept += path.read_text().splitlines()
        away()
    worker.verdicts(verdict(2, "defect"))
    source.hears(Ack)
    sink.stop()
    worker.dealer.close()

    assert [json.loads(one)["frame"] for one in [*kept, *path.read_text().splitlines()]] == [
        "frame-0", "frame-1", "frame-2"
    ]  # fmt: skip


def test_a_defect_log_that_cannot_be_written_does_not_stop_the_record(line: Bench, source: Mouth) -> None:
    record = line.settings.record.model_copy(update={"defect_log": Path("/dev/full")})
    line.settings = line.settings.model_copy(update={"record": record})
    worker = Mouth(line, "worker-0.1")
    sink = line.start_sink()
    source.hello()
    for number in range(3):
        worker.verdicts(verdict(number, "defect"))
        source.hears(Ack)
    sink.stop()
    worker.dealer.close()

    assert len(line.records()) == 3


def test_a_pipe_in_the_place_of_the_defect_log_is_refused_at_the_start_and_holds_up_no_frame_later(
    line: Bench, source: Mouth
) -> None:
    # Given a pipe, without a reader and with one that does not read
    path = line.sockets / "defects.jsonl"
    os.mkfifo(path)
    record = line.settings.record.model_copy(update={"defect_log": path})
    line.settings = line.settings.model_copy(update={"record": record})
    for with_reader in (False, True):
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if with_reader else None
        error = ended_with(line.start_sink())
        assert isinstance(error, ConfigError)
        assert str(error) == (
            f"record.defect_log: {path}: a pipe or a socket can hold up the line: name a file, or stdout"
        )
        if reader is not None:
            os.close(reader)
    # When it takes the place of the log under a running sink, frames are recorded; and the log is whole once it is gone
    path.unlink()
    sink = line.start_sink()
    source.hello()
    path.unlink()
    os.mkfifo(path)
    worker = Mouth(line, "worker-0.1")
    for number in range(3):
        worker.verdicts(verdict(number, "defect"))
        source.hears(Ack)
    path.unlink()
    wait_until(lambda: path.exists() and len(path.read_text().splitlines()) == 3)
    sink.stop()
    worker.dealer.close()


def test_a_follower_that_is_handed_in_and_fails_holds_up_no_ack_and_is_named_by_readyz(
    line: Bench, source: Mouth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    one = LedgerCase()
    one.ledger.error = ConnectionError("nobody listens")
    sink = line.start_sink(make_followers=lambda settings, store, metrics: [one.follower(store, time.monotonic)])
    worker = Mouth(line, "worker-0.1")
    source.hello()
    for number in range(3):
        worker.verdicts(verdict(number, "defect"))
        source.hears(Ack)
    _, text = get(address(caplog) + "/readyz")
    assert "ledger: nobody listens; its rows wait" in json.loads(text)["problems"]
    # Once it can deliver, it has all of them at the end of the sink
    one.ledger.error = None
    wait_until(lambda: one.got() != [])
    sink.stop()
    worker.dealer.close()
    assert one.got() == [1, 2, 3]


def ended_with(running: Running) -> BaseException | None:
    """What the role raised."""
    running.thread.join(20)
    return running.error


def test_a_sink_that_can_never_serve_says_which_setting_or_file_is_why(line: Bench, tmp_path: Path) -> None:
    record = line.settings.record.model_copy(update={"defect_log": tmp_path})
    good = line.settings
    line.settings = good.model_copy(update={"record": record})
    error = ended_with(line.start_sink())
    assert isinstance(error, ConfigError)
    assert str(error) == f"record.defect_log: {tmp_path}: Is a directory"

    taken = HealthServer("127.0.0.1", 0, Metrics(), None)  # type: ignore[arg-type]
    port = int(taken.address.rsplit(":", 1)[1])
    line.settings = good.model_copy(update={"metrics": good.metrics.model_copy(update={"port": port})})
    error = ended_with(line.start_sink())
    taken.close()
    assert isinstance(error, BusyError)
    assert str(error).startswith(f"metrics.port: cannot listen on 127.0.0.1:{port}: Address already in use")


def test_a_record_that_is_no_database_is_set_aside_and_the_line_goes_on(line: Bench, source: Mouth) -> None:
    (line.settings.data / FILE).write_bytes(b"no database at all" * 1000)
    worker = Mouth(line, "worker-0.1")
    line.start_sink()
    source.hello()
    worker.verdicts(verdict(1))
    source.hears(Ack)
    worker.dealer.close()

    assert len(line.records()) == 1
    (aside,) = line.settings.data.glob("records-damaged-*.sqlite")
    assert aside.read_bytes() == b"no database at all" * 1000
