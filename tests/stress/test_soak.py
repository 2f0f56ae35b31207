"""Holds the soak to its word, in short: a line passes, the same line with a planted leak does not. See soak.py."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import Line, running, wait_until
from tests.planted import PlantedLine
from tests.stress.soak import Limits, Sample, Usage, draw, judge, soak

FRAMES = 2000
#: So few frames are all warm-up: what is allowed to a hundred thousand is far less than what 2,000 may cost once.
SHORT = Limits(mb_per_100k=800, more_fds=5, least_speed=0)


def bad(samples: list[Sample], limits: Limits) -> list[str]:
    """What is not flat."""
    return [finding.what for finding in judge(samples, limits) if not finding.good]


def run(line: Line) -> list[Sample]:
    """A short soak."""
    with running(line):
        wait_until(lambda: line.log.count("is ready") >= 3, line.explain)
        samples = soak(line, FRAMES, 64, samples=40)
        assert line.stop() == 0
    return samples


def test_a_line_soaks_flat_and_its_curves_are_drawn(tmp_path: Path) -> None:
    samples = run(Line(tmp_path, evidence={"budget_mb": 1}))

    assert bad(samples, SHORT) == []
    assert set(samples[-1].processes) == {"supervisor", "sink", "worker-0", "drop"}
    assert samples[-1].frames == FRAMES and len(samples) >= 10
    draw({"fake": samples}, tmp_path / "soak.png")
    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")


def test_a_planted_leak_of_a_worker_fails_the_soak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", "leak")

    found = bad(run(PlantedLine(tmp_path, evidence={"budget_mb": 1})), SHORT)

    assert found == ["worker-0: MB per 100,000 frames", "worker-0: descriptors more at the end"]


def made() -> list[Sample]:
    """A million frames of a process that grows for a tenth of them and is flat then."""
    return [
        Sample(
            frames=10_000 * number,
            wall_s=10.0 * number,
            same_work_s=0.01,
            processes={"sink": Usage(7, 60 + min(number, 10), 20, 5, 8.0 * number)},
        )
        for number in range(101)
    ]


def change(samples: list[Sample], first: int, **changes: float) -> list[Sample]:
    """What is added to the process from sample `first` on, to each one more."""

    def grown(usage: Usage, times: int) -> Usage:
        return replace(usage, **{key: getattr(usage, key) + times * more for key, more in changes.items()})

    return [
        replace(sample, processes={"sink": grown(sample.processes["sink"], max(0, number - first))})
        for number, sample in enumerate(samples)
    ]


def test_what_grows_or_slows_down_a_little_over_a_million_frames_is_found() -> None:
    flat, limits = made(), Limits()

    assert bad(flat, limits) == []
    assert bad(change(flat, 0, rss_mb=0.09), limits) == []
    assert bad(change(flat, 0, rss_mb=0.11), limits) == ["sink: MB per 100,000 frames"]
    assert bad(change(flat, 0, fds=0.03), limits) == ["sink: descriptors more at the end"]
    assert bad(change(flat, 0, threads=0.02), limits) == ["sink: threads more at the end"]
    assert bad(change(flat, 90, cpu_s=0.6), limits) == ["last tenth's speed to the first's"]
    assert bad([*flat[:50], *change(flat, 49, pid=1)[50:]], limits) == ["sink: times replaced"]


def test_a_spike_or_a_busy_neighbour_is_no_growth() -> None:
    flat = made()
    spike = [
        *flat[:60],
        replace(flat[60], processes={"sink": replace(flat[60].processes["sink"], fds=400)}),
        *flat[61:],
    ]
    slow = [replace(sample, same_work_s=0.02) if number >= 90 else sample for number, sample in enumerate(flat)]

    assert bad(spike, Limits()) == []
    assert bad(change(slow, 90, cpu_s=8.0), Limits()) == []
