"""Holds the metrics: Prometheus' own parser reads them, and the sums balance at every scrape of a busy line."""

import urllib.request
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from inspector.protocol.verdicts import Stages
from inspector.sink.metrics import Metrics
from inspector.vocabulary import OUTCOMES
from tests.fakes import Line, running, wait_until
from tests.inspector.folders import GOOD
from tests.inspector.record.test_store import tally, verdict

Samples = dict[str, dict[tuple[str, ...], float]]


def parse(text: str) -> Samples:
    """Samples by name and label values; refuses what Prometheus would."""
    samples: Samples = defaultdict(dict)
    names: list[str] = []
    for family in text_string_to_metric_families(text):
        names.append(family.name)
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            assert labels not in samples[sample.name], f"{sample.name}{labels} stands twice"
            samples[sample.name][labels] = sample.value
    assert len(set(names)) == len(names)
    return samples


def sums(samples: Samples, source: str) -> tuple[float, float]:
    """What was captured, and what became of it."""
    ended = sum(
        value
        for name in ("inspector_verdicts_total", "inspector_frames_dropped_total")
        for labels, value in samples[name].items()
        if source in labels
    )
    in_flight = samples["inspector_frames_in_flight"][(source,)]
    return samples["inspector_frames_captured_total"][(source,)], ended + in_flight


def test_a_line_before_its_first_frame_has_readable_metrics() -> None:
    samples = parse(Metrics().render().decode())

    assert samples["inspector_workers_ready"] == {(): 0}
    assert samples["inspector_messages_rejected_total"] == {("sink",): 0}


def test_a_tally_is_taken_over_as_a_whole() -> None:
    metrics = Metrics()
    metrics.tally(tally(10, in_flight=3, ok=4, defect=1, dropped=2))
    metrics.tally(tally(5, ok=5, source="camera"))

    samples = parse(metrics.render().decode())
    assert sums(samples, "drop") == (10, 10)
    assert sums(samples, "camera") == (5, 5)
    assert samples["inspector_frames_dropped_total"] == {("overload", "drop"): 2}


def test_time_that_a_source_lost_is_counted_by_reason_from_its_second_word_on() -> None:
    metrics = Metrics()
    first = tally(0, ok=0)
    for at, problem in ((100.0, "gone"), (102.5, "gone"), (104.0, "")):
        metrics.tally(replace(first, at=at, problem=problem))

    lost = parse(metrics.render().decode())["inspector_not_inspected_seconds_total"]
    assert lost == {("source_down", "drop"): 2.5, ("stalled", "drop"): 0, ("not_running", "drop"): 0}


def test_what_is_recorded_is_counted_and_timed() -> None:
    metrics = Metrics()
    metrics.recorded([verdict(1, "defect"), verdict(2), verdict(3, "defect", captured_mono=99.0)], 7.0, 0.004)
    metrics.batch(3, 0.03)
    metrics.workers(2, {"model-1", "model-2"})
    metrics.workers(1, {"model-2"})
    metrics.rejected(1)

    samples = parse(metrics.render().decode())
    assert samples["inspector_defects_total"] == {("scratches",): 2}
    assert samples["inspector_end_to_end_seconds_count"] == {("drop",): 3}
    assert samples["inspector_end_to_end_seconds_sum"] == {("drop",): 4}  # and never a negative time
    assert samples["inspector_batch_tiles_sum"] == {(): 3}
    assert samples["inspector_record_seconds_count"] == {(): 1}
    assert samples["inspector_model_info"] == {("model-2",): 1}
    assert samples["inspector_messages_rejected_total"] == {("sink",): 1}


def test_what_a_frame_waited_for_is_timed_stage_by_stage_where_it_reached_a_worker() -> None:
    metrics = Metrics()
    metrics.recorded([verdict(1, stages=Stages(0.002, 0.3, 0.01)), verdict(2)], 7.0, 0.004)

    samples = parse(metrics.render().decode())
    for stage, labels, seconds in (("decode", ("drop",), 0.002), ("queue", ("drop",), 0.3), ("batch_wait", (), 0.01)):
        assert samples[f"inspector_{stage}_seconds_count"] == {labels: 1}
        assert samples[f"inspector_{stage}_seconds_sum"] == {labels: pytest.approx(seconds)}


def test_odd_names_are_escaped() -> None:
    metrics = Metrics()
    metrics.workers(1, {'model "1"\n\\x'})

    assert parse(metrics.render().decode())["inspector_model_info"] == {('model "1"\n\\x',): 1}


def test_the_sums_balance_at_every_scrape_of_a_line_under_load(tmp_path: Path) -> None:
    # Given a line with a folder and a camera that is faster than its workers
    line = Line(
        tmp_path,
        sources=[
            {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 0},
            {"name": "camera", "type": "simulated", "rate_fps": 2000, "width_px": 64, "height_px": 64},
        ],
        delivery={"in_flight_frames": 16},
    )
    line.drop.mkdir()
    scrapes: list[Samples] = []

    def scrape() -> Samples:
        with urllib.request.urlopen(line.address + "/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            scrapes.append(parse(answer.read().decode()))
        return scrapes[-1]

    with running(line):
        wait_until(lambda: "inspector_frames_captured_total" in scrape(), line.explain)
        # When it is scraped again and again while files come, good ones and bad ones
        for number in range(60):
            (line.drop / f"{number}.bmp").write_bytes(GOOD if number % 5 else b"text")
            scrape()
        wait_until(lambda: sum(scrape()["inspector_verdicts_total"].get(("drop", v), 0) for v in OUTCOMES) == 60)
        wait_until(lambda: scrape()["inspector_frames_dropped_total"].get(("overload", "camera"), 0) > 0)
        assert line.stop() == 0
    # Then every sum balanced every time, and no counter ever went back
    for one in scrapes:
        for (source,) in one["inspector_frames_captured_total"]:
            captured, ended = sums(one, source)
            assert captured == ended
    for before, after in pairwise(scrapes):
        for name in ("inspector_frames_captured_total", "inspector_verdicts_total", "inspector_frames_dropped_total"):
            assert all(after[name][labels] >= value for labels, value in before[name].items())
    assert scrapes[-1]["inspector_verdicts_total"][("drop", "error")] == 12
    # And each stage was timed for each frame that a worker had
    assert scrapes[-1]["inspector_decode_seconds_count"][("drop",)] == 48
    stages = (scrapes[-1][f"inspector_{stage}_seconds_sum"][("drop",)] for stage in ("decode", "queue", "end_to_end"))
    decode_s, queue_s, all_s = stages
    assert decode_s > 0 and queue_s > 0 and decode_s + queue_s < all_s
    assert all(account["balanced"] for account in line.account())


def test_readiness_is_a_metric_too() -> None:
    metrics, answers = Metrics(), iter([False, True])
    metrics.ready_when(lambda: next(answers))

    values = [parse(metrics.render().decode())["inspector_ready"][()] for _ in range(2)]
    assert values == [0, 1]
