"""Owns metric names and labels, and the one registry: the sink's. Labels are bounded: never a file, coil or pid."""

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from inspector.protocol.control import CAUSES, Process
from inspector.protocol.messages import Tally
from inspector.protocol.optics import KINDS
from inspector.protocol.verdicts import Verdict
from inspector.record.gaps import TIME_ALONE, time_lost

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_DAY_S = 86_400
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


_OPTICS = {
    "brightness": "Mean gray level of a source's last pictures.",
    "contrast": "How much gray levels differ within 8 pixels, relative to brightness.",
    "sharpness": "Share of that which is there within 2 pixels.",
    "saturation": "Share of pixels that are clipped, black or white.",
}


class _Sums(Collector):
    """Each source's last tally, whole: at any scrape captured = verdicts + dropped + in flight."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self.refused_by_sink = 0

    def collect(self) -> Iterable[Metric]:
        tallies = list(self.tallies.values())  # one tally is replaced as a whole, so each is consistent in itself
        captured = CounterMetricFamily("inspector_frames_captured", "Frames a source got hold of.", labels=["source"])
        verdicts = CounterMetricFamily(
            "inspector_verdicts", "Frames on record: ok, defect, unsure or error.", labels=["source", "verdict"]
        )
        dropped = CounterMetricFamily(
            "inspector_frames_dropped", "Frames given up uninspected, by reason.", labels=["source", "reason"]
        )
        in_flight = GaugeMetricFamily("inspector_frames_in_flight", "Frames not on record yet.", labels=["source"])
        last = GaugeMetricFamily(
            "inspector_source_last_frame_timestamp_seconds", "When a source got its last frame.", labels=["source"]
        )
        rejected = CounterMetricFamily(
            "inspector_messages_rejected", "Messages that were none of ours, by the socket they came to.",
            labels=["socket"],
        )  # fmt: skip
        rejected.add_metric(["sink"], self.refused_by_sink)
        left = GaugeMetricFamily(
            "inspector_files_left", "Files and folders in a drop folder that are left there, by reason; refused: they"
            " cannot be taken; kept: they should be deleted by now.", labels=["source", "reason"],
        )  # fmt: skip
        optics = {
            name: GaugeMetricFamily(f"inspector_optics_{name}", text, labels=["source"])
            for name, text in _OPTICS.items()
        }
        troubled = GaugeMetricFamily(
            "inspector_optics_trouble", "1 while a source's pictures have this trouble.", labels=["source", "kind"]
        )
        for tally in tallies:
            rejected.add_metric([f"src-{tally.source}"], tally.refused)
            captured.add_metric([tally.source], tally.captured)
            in_flight.add_metric([tally.source], tally.in_flight)
            last.add_metric([tally.source], tally.last_frame_at)
            for verdict, count in tally.outcomes.items():
                verdicts.add_metric([tally.source, verdict], count)
            for reason, count in tally.dropped.items():
                dropped.add_metric([tally.source, reason], count)
            for one in tally.left:
                left.add_metric([tally.source, one.reason], one.count)
            if tally.optics and tally.optics.figures:
                kinds = {trouble.kind for trouble in tally.optics.troubles}
                for name, gauge in optics.items():
                    gauge.add_metric([tally.source], getattr(tally.optics.figures, name))
                for kind in KINDS:
                    troubled.add_metric([tally.source, kind], kind in kinds)
        return captured, verdicts, dropped, in_flight, last, rejected, left, *optics.values(), troubled


class _Line(Collector):
    """The processes as the supervisor counts them: its sums outlive the sink that shows them."""

    def __init__(self) -> None:
        self.processes: list[Process] = []

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("inspector_processes_up", "Processes that run.", labels=["role"])
        troubled = GaugeMetricFamily(
            "inspector_processes_troubled", "Given up, or ended several times in a minute.", labels=["role"]
        )
        ends = CounterMetricFamily(
            "inspector_process_ends", "Processes that ended without being told: exit, signal, stuck, unusable.",
            labels=["role", "cause"],
        )  # fmt: skip
        processes = self.processes
        for role in dict.fromkeys(one.role for one in processes):
            ours = [one for one in processes if one.role == role]
            up.add_metric([role], sum(1 for one in ours if one.pid))
            troubled.add_metric([role], sum(1 for one in ours if one.trouble))
            for cause in CAUSES:
                ends.add_metric([role, cause], sum(one.ends.get(cause, 0) for one in ours))
        return up, troubled, ends


class Metrics:
    """What the sink counts and times. Written by the sink's thread, rendered by the HTTP threads."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._sums, self._line = _Sums(), _Line()
        self.registry.register(self._sums)
        self.registry.register(self._line)
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        seconds = partial(Histogram, registry=self.registry, buckets=_SECONDS)
        self._defects = counter("inspector_defects", "Frames recorded as defect, by label.", ["label"])
        lost = "Time in which a source could not inspect: source_down, stalled, not_running."
        self._time_lost = counter("inspector_not_inspected_seconds", lost, ["source", "reason"])
        self._latency = seconds("inspector_end_to_end_seconds", "From capture to record.", ["source"])
        decoding = "Reading and decoding a frame, where the source does that."
        self._decode = seconds("inspector_decode_seconds", decoding, ["source"])
        self._queue = seconds("inspector_queue_seconds", "From decoded to in a worker's hands.", ["source"])
        self._batch_wait = seconds("inspector_batch_wait_seconds", "In a worker, until the frame's batch began.")
        inference = "One batch in a worker: resize, predict, decide."
        self._inference = seconds("inspector_inference_seconds", inference)
        sizes = (1, 2, 4, 8, 16, 32, 64, 128, 256)
        self._batch = Histogram("inspector_batch_tiles", "Tiles in a batch.", buckets=sizes, registry=self.registry)
        self._commit = seconds("inspector_record_seconds", "One transaction of the record.")
        self._ready = gauge("inspector_workers_ready", "Workers that sent a message within the time of a batch.")
        self._line_ready = gauge("inspector_ready", "1 where /readyz says yes, else 0.")
        offered = "When the last canary was offered that came through with the right answer."
        self._canary_at = gauge("inspector_canary_timestamp_seconds", offered, ["source"])
        self._canary_wrong = counter("inspector_canary_wrong", "Canaries that came through with a wrong answer.")
        self._model = gauge("inspector_model_info", "The models that decide now.", ["model"])
        self._evidence = gauge("inspector_evidence_bytes", "Pictures kept, by verdict or pinned.", ["tier"])
        left = "Until evidence fills its budget, at the rate of the last day."
        self._evidence_left = gauge("inspector_evidence_left_seconds", left)
        self._evidence_missing = counter("inspector_evidence_missing", "Frames whose picture could not be kept.")
        unknown = "Frames that are unsure because nobody knows by which recipe to decide them."
        self._recipe_unknown = counter("inspector_recipe_unknown", unknown)
        self._disk_free = gauge("inspector_disk_free_bytes", "Room on the disk of the data folder.")
        self._reserve = gauge("inspector_record_reserve_bytes", "Room held back for the record.")
        wal = "Size of the record's log, which grows while someone reads without an end."
        self._log = gauge("inspector_record_wal_bytes", wal)
        self._alarms = counter("inspector_alarms", "Alarms raised, by rule.", ["rule"])
        self._alarm_active = gauge("inspector_alarm_active", "Alarms that go on.", ["source", "rule"])
        self._marks = counter("inspector_roll_marks", "Marks of rolls found, by roll of the config.", ["roll"])
        self._mark_active = gauge("inspector_roll_mark_active", "Marks of rolls that come again.", ["source", "roll"])
        self._set_aside = gauge("inspector_records_set_aside", "Damaged records in the data folder.")
        lag = "Rows on record that a follower of the record has not passed yet."
        self._follower_lag = gauge("inspector_follower_lag_rows", lag, ["follower"])
        failures = "Deliveries of a follower of the record that failed; each is tried again."
        self._follower_failures = counter("inspector_follower_failures", failures, ["follower"])

    def tally(self, tally: Tally) -> None:
        """Take over a source's sums, and the time it lost since the tally before."""
        before = self._sums.tallies.get(tally.source)
        lost = time_lost(before, tally)
        for reason in TIME_ALONE:  # each is there from the first tally on: increase() does not see a first step
            self._time_lost.labels(tally.source, reason).inc(lost.get(reason, 0.0) if before else 0.0)
        self._sums.tallies[tally.source] = tally

    def processes(self, processes: list[Process]) -> None:
        """Take over which processes run and how they ended, by the supervisor."""
        self._line.processes = processes

    def batch(self, tiles: int, inference_s: float) -> None:
        """Observe a batch that a worker finished."""
        self._batch.observe(tiles)
        self._inference.observe(inference_s)

    def recorded(self, verdicts: list[Verdict], monotonic: float, commit_s: float) -> None:
        """Observe verdicts that a transaction of `commit_s` seconds put on record, at monotonic time `monotonic`."""
        self._commit.observe(commit_s)
        for verdict in verdicts:
            source = verdict.header.source
            self._latency.labels(source).observe(max(0.0, monotonic - verdict.header.captured_mono))
            if verdict.stages:
                self._decode.labels(source).observe(verdict.stages.decode_s)
                self._queue.labels(source).observe(verdict.stages.queue_s)
                self._batch_wait.observe(verdict.stages.batch_wait_s)
            if verdict.outcome == "defect":
                self._defects.labels(verdict.label).inc()

    def canary(self, source: str, offered_at: float, right: bool) -> None:
        """Note a canary that came through; it was offered at `offered_at`, seconds since 1970."""
        if right:
            self._canary_at.labels(source).set(offered_at)
        else:
            self._canary_wrong.inc()

    def ready_when(self, ready: Callable[[], bool]) -> None:
        """Let `inspector_ready` ask `ready` at each scrape, from an HTTP thread."""
        self._line_ready.set_function(ready)

    def workers(self, ready: int, models: set[str]) -> None:
        """Set how many workers are ready, and with which models."""
        self._ready.set(ready)
        self._model.clear()
        for model in models:
            self._model.labels(model).set(1)

    def stock(self, bytes_by_tier: dict[str, int], days_left: float) -> None:
        """Set how much evidence is kept, and how many days its budget lasts."""
        for tier, size in bytes_by_tier.items():
            self._evidence.labels(tier).set(size)
        self._evidence_left.set(days_left * _DAY_S)

    def evidence_missing(self) -> None:
        """Count a picture that was wanted and is not kept."""
        self._evidence_missing.inc()

    def recipe_unknown(self, frames: int) -> None:
        """Count frames that are unsure for want of a recipe."""
        self._recipe_unknown.inc(frames)

    def disk_free(self, size: int) -> None:
        """Set how many bytes are free on the disk."""
        self._disk_free.set(size)

    def reserve(self, size: int) -> None:
        """Set how many bytes are held back for the record."""
        self._reserve.set(size)

    def record_log(self, size: int) -> None:
        """Set how many bytes the record's log has."""
        self._log.set(size)

    def set_aside(self, records: int) -> None:
        """Set how many damaged records lie in the data folder."""
        self._set_aside.set(records)

    def rules(self, alarms: Mapping[tuple[str, str], int], marks: Mapping[tuple[str, str], int]) -> None:
        """Set how many alarms go on, by source and rule, and how many marks, by source and roll."""
        for gauge, counts in ((self._alarm_active, alarms), (self._mark_active, marks)):
            gauge.clear()
            for labels, count in counts.items():
                gauge.labels(*labels).set(count)

    def alarm_raised(self, rule: str, times: int = 1) -> None:
        """Count an alarm that was raised; with 0 times only make the series."""
        self._alarms.labels(rule).inc(times)

    def mark_found(self, roll: str, times: int = 1) -> None:
        """Count a mark of a roll, "none" where it fits none, that was found; with 0 times only make the series."""
        self._marks.labels(roll).inc(times)

    def follower(self, name: str, lag_rows: int, failures: int) -> None:
        """Set how many rows a follower is behind, and count the failures since the call before."""
        self._follower_lag.labels(name).set(lag_rows)
        self._follower_failures.labels(name).inc(failures)

    def rejected(self, count: int) -> None:
        """Set how many messages to the sink were refused so far."""
        self._sums.refused_by_sink = count

    def render(self) -> bytes:
        """Return the exposition text."""
        return generate_latest(self.registry)
