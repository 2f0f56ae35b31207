"""Holds the sink on real sockets: nothing is acked that is not durable, repeats are acked, nonsense is harmless."""

import json
import sqlite3
import urllib.request
from pathlib import Path

import pytest

from inspector.protocol import messages
from inspector.protocol.messages import Ack, Beat, Pulse, Tally
from inspector.protocol.verdicts import Settled
from inspector.record import findings
from inspector.record.findings import Alarm
from inspector.record.schema import FILE
from inspector.record.store import Store
from tests.fakes import wait_until
from tests.inspector.mouths import Mouth
from tests.inspector.record.test_store import tally, verdict
from tests.inspector.roles import Bench, bench
from tests.inspector.sink.watched_record import SCRATCHES, bad_stretch
from tests.inspector.spots import PLACE, frames


def address(caplog: pytest.LogCaptureFixture) -> str:
    """Where the metrics are."""
    text = "metrics on "
    wait_until(lambda: text in caplog.text)
    return caplog.text.split(text)[-1].split("/metrics")[0]


def get(url: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_verdict_is_acked_once_it_is_on_record_and_not_before(line: Bench, source: Mouth, worker: Mouth) -> None:
    # Given a record that someone else holds for a moment
    line.start_sink()
    source.hello()
    other = sqlite3.connect(line.settings.data / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    # When a verdict comes, then nothing is acked as long as it cannot be written
    worker.verdicts(verdict(1, "defect"))
    assert source.hears_nothing()
    assert line.records() == []
    other.execute("ROLLBACK")
    other.close()
    assert source.hears(Ack).settled == [Settled("frame-1", "defect")]
    assert [(record.name, record.model) for record in line.records()] == [("1.bmp", "model-1")]


def test_a_repeat_is_acked_with_what_was_recorded_first(line: Bench, source: Mouth, worker: Mouth) -> None:
    line.start_sink()
    source.hello()
    worker.verdicts(verdict(1, "ok"))
    source.hears(Ack)
    worker.verdicts(verdict(1, "error"), verdict(2, "unsure"))

    assert set(source.hears(Ack).settled) == {Settled("frame-1", "ok"), Settled("frame-2", "unsure")}
    assert line.account().recorded == {"ok": 1, "defect": 0, "unsure": 1, "error": 0}


def test_a_source_learns_what_of_its_frames_is_on_record_and_its_sums(
    line: Bench, source: Mouth, worker: Mouth
) -> None:
    sink = line.start_sink()
    source.hello()
    worker.verdicts(verdict(1), verdict(2, "error"))
    source.hears(Ack)
    source.say(tally(9, in_flight=4, ok=1, error=1, dropped=3))
    source.hears(Pulse)
    sink.stop()
    line.start_sink()

    again = source.hello("frame-2", "frame-3")
    assert again.recorded == [Settled("frame-2", "error")]
    assert (again.captured, again.dropped) == (9, {"overload": 3})
    assert again.outcomes == {"ok": 1, "defect": 0, "unsure": 0, "error": 1}


def test_rows_newer_than_a_killed_sources_last_word_count_as_captured(
    line: Bench, source: Mouth, worker: Mouth
) -> None:
    line.start_sink()
    source.hello(durable=False)
    worker.verdicts(verdict(1), verdict(7))
    source.hears(Ack)

    assert source.hello(durable=False, epoch="2a").captured == 7


def test_a_late_verdict_counts_for_a_file_and_not_for_a_restarted_camera(
    line: Bench, source: Mouth, worker: Mouth
) -> None:
    line.start_sink()
    source.hello(durable=False, epoch="2a")
    worker.verdicts(verdict(1))  # of the camera's former life, which is counted as lost
    worker.verdicts(verdict(2, epoch="2a"))
    assert source.hears(Ack).settled == [Settled("frame-2", "ok")]

    source.hello(durable=True, epoch="3b")
    worker.verdicts(verdict(3))
    assert source.hears(Ack).settled == [Settled("frame-3", "ok")]
    assert [record.name for record in line.records()] == ["2.bmp", "3.bmp"]


def test_a_tally_of_another_life_is_answered_and_not_believed(line: Bench, source: Mouth) -> None:
    sink = line.start_sink()
    hello = source.hello(epoch="2a")
    source.say(tally(99, ok=99))

    assert source.hears(Pulse).sink == hello.sink
    sink.stop()
    assert line.account().tally is None


def test_nonsense_is_counted_and_changes_nothing(
    line: Bench, source: Mouth, worker: Mouth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    line.start_sink()
    for data in (b"", b"\xff" * 50, b"\x92\xa5Pulse\xa1\xff", messages.encode(Pulse("x")), bytes(2 << 20)):
        worker.dealer.send(data)
    worker.dealer.send(messages.encode(Beat("w", "m")), b"a part too many")
    source.hello()
    worker.verdicts(verdict(1))
    source.hears(Ack)

    _, text = get(address(caplog) + "/metrics")
    assert 'inspector_messages_rejected_total{socket="sink"} 6.0' in text


def test_what_arrived_before_the_stop_is_recorded(line: Bench, source: Mouth, worker: Mouth) -> None:
    sink = line.start_sink()
    source.hello()
    for number in range(500):
        worker.verdicts(verdict(number))
    source.say(
        Tally(source="drop", epoch="1f", captured=500, outcomes={"ok": 0}, dropped={}, in_flight=500, last_frame_at=0.0)
    )
    source.hears(Ack)  # some are in; the last may still be on their way
    sink.stop()

    count = len(line.records())
    assert count >= 1
    assert line.account().recorded["ok"] == count


def test_a_real_sink_raises_one_alarm_for_a_storm_acks_all_of_it_and_logs_a_line(tmp_path: Path) -> None:
    log = tmp_path / "defects.jsonl"
    source = {"type": "folder", "path": tmp_path / "drop", "place": PLACE}
    with bench(source, alarms=[SCRATCHES], record={"commit_ms": 5, "defect_log": log}) as line:
        sink, drop, worker = line.start_sink(), Mouth(line, "drop.1f"), Mouth(line, "worker-0.1")
        drop.hello()
        storm = list(frames(bad_stretch(5, 95, 1500), 100_000))
        for first in range(0, len(storm), 32):
            worker.verdicts(*storm[first : first + 32])
        acked = 0
        while acked < len(storm):
            acked += len(drop.hears(Ack).settled)
        wait_until(lambda: '"kind":"alarm"' in log.read_text())
        sink.stop()
        rows = [json.loads(row) for row in log.read_text().splitlines()]
        assert sum(row.get("kind") == "alarm" for row in rows) == 1
        assert sum(row.get("outcome") == "defect" for row in rows) == sum(one.outcome == "defect" for one in storm)
        store = Store(line.settings.data, read_only=True)
        (alarm,) = findings.read(store, Alarm)
        store.close()
        assert alarm.cleared_at is None and alarm.count > 1000
        for mouth in (drop, worker):
            mouth.dealer.close()
