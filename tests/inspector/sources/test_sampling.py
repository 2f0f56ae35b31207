"""Holds the random share of frames: one a stretch of time or strip, chosen by the source, the same after a restart."""

import json
import math
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path

import cv2
import pytest

from inspector.protocol.frames import FrameHeader
from inspector.record.position import Locator
from inspector.record.queries import Query
from inspector.record.samples import SampledFrame, last_samples
from inspector.record.store import Store
from inspector.settings.settings import EvidenceSettings
from inspector.settings.sources.place import PlaceSettings
from inspector.sources.sampling import KEY_FILE, MAX_STRETCHES, Sampler, read_key
from tests.fakes import Line, running, wait_until
from tests.inspector.pictures import strip
from tests.inspector.record.test_store import verdict
from tests.inspector.verdicts import header

KEY = b"k" * 32
#: A time at which a stretch of a minute begins.
BEGIN = 1_764_547_200.0


def sampler(
    every_s: float = 60.0,
    every_m: float = 0.0,
    key: bytes = KEY,
    source: str = "drop",
    place: PlaceSettings | None = None,
    taken: Callable[[], Iterable[SampledFrame]] = tuple,
) -> Sampler:
    """What samples the frames of a source."""
    return Sampler(source, key, EvidenceSettings(ok_every_s=every_s, ok_every_m=every_m), Locator(place), taken)


def of_time(*times: float) -> list[FrameHeader]:
    """A frame captured at each of these times."""
    return [header(f"f{at}", captured_at=at) for at in times]


def minutes(frames: Iterable[FrameHeader]) -> Counter[int]:
    """How many of the frames are of each minute."""
    return Counter(int(one.captured_at // 60) for one in frames)


def chosen(one: Sampler, frames: Iterable[FrameHeader]) -> list[FrameHeader]:
    """Those of the frames that are sampled."""
    return [frame for frame in frames if one.samples(frame)]


def test_one_frame_of_each_stretch_is_sampled_at_a_random_place_in_it() -> None:
    found = chosen(sampler(), of_time(*(BEGIN + n / 10 for n in range(600 * 200))))
    assert set(minutes(found).values()) == {1} and len(found) == 200
    offsets = sorted(one.captured_at % 60 for one in found)
    assert abs(sum(offsets) / 200 - 30) < 4 and offsets[0] < 3 and offsets[-1] > 57


def test_another_key_and_another_source_choose_others() -> None:
    frames = of_time(*(BEGIN + n for n in range(6000)))
    choices = [chosen(one, frames) for one in (sampler(), sampler(key=b"x" * 32), sampler(source="other"))]
    for one, other in combinations(choices, 2):
        assert len({frame.frame for frame in one} & {frame.frame for frame in other}) < 15
    assert chosen(sampler(), frames) == choices[0]


def test_files_of_former_times_that_come_in_a_burst_are_of_the_stretches_in_which_they_were_made() -> None:
    made = of_time(*(BEGIN + n for n in range(3600)))
    random.Random(1).shuffle(made)
    one = sampler()
    assert len(chosen(one, of_time(*(BEGIN + 86_400 + n for n in range(600))))) == 10
    assert set(minutes(chosen(one, made)).values()) == {1}
    copied_at_once = [header(f"c{n}", captured_at=BEGIN + 90_059.999) for n in range(1000)]
    assert len(chosen(one, copied_at_once)) == 1


def test_where_frames_tell_their_place_stretches_are_of_the_piece_however_long_it_takes() -> None:
    place = PlaceSettings(pattern=r"^(?P<piece>[^_]+)_(?P<at_mm>[\d.]+)")
    one = sampler(every_m=10.0, place=place)
    named = [
        header(f"{piece}{n}", f"{piece}_{n * 500}.bmp", captured_at=BEGIN + 100 * n)
        for piece in "ab"
        for n in range(200)
    ]
    found = chosen(one, named)
    of_stretch = Counter((frame.name[0], int(frame.name[2:-4]) // 10_000) for frame in found)
    assert set(of_stretch.values()) == {1} and 15 <= len(found) <= 20  # an instant may lie behind the last frame
    assert len(chosen(one, [header(f"s{n}", captured_at=BEGIN + n) for n in range(600)])) == 10
    assert len(chosen(sampler(every_m=10.0), [header(f"p{n}", at_mm=n * 5.0, piece="c") for n in range(20_000)])) == 10


def test_nothing_is_sampled_where_both_are_0() -> None:
    assert chosen(sampler(0.0), of_time(*(BEGIN + n for n in range(6000)))) == []


def test_after_a_restart_no_stretch_is_sampled_again_and_none_whose_sample_was_lost_is_left_out() -> None:
    frames = of_time(*(BEGIN + n for n in range(600)))
    first = chosen(sampler(), frames)
    for kept in (0, 4, 9):
        on_record = [SampledFrame(one.captured_at, "", None) for one in first[:kept]]
        again = sampler(taken=lambda on_record=on_record: on_record)  # type: ignore[misc]
        assert chosen(again, frames) == first[kept:]
        assert chosen(again, frames) == []


def test_memory_is_bounded_whatever_times_come() -> None:
    one = sampler()
    chosen(one, of_time(*(60.0 * n for n in range(3 * MAX_STRETCHES))))
    assert len(one._instants) == MAX_STRETCHES


def test_the_key_is_made_once_private_and_replaced_by_one_of_this_life_where_it_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = read_key(tmp_path)
    assert len(key) == 32 and read_key(tmp_path) == key
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600 and os.listdir(tmp_path) == [KEY_FILE]
    (tmp_path / KEY_FILE).write_bytes(b"short")
    assert len(read_key(tmp_path)) == 32 and "5 bytes, a key has 32; remove it" in caplog.text
    assert len(read_key(tmp_path / "gone")) == 32 and "sampled by another key" in caplog.text


def test_samples_on_record_are_the_last_ones_whatever_became_of_them(tmp_path: Path) -> None:
    assert last_samples(tmp_path, "drop", 9) == []
    store = Store(tmp_path)
    outcomes = ("ok", "defect", "error", "unsure", "ok")
    store.write([("m", verdict(n, outcome, sampled=n != 2)) for n, outcome in enumerate(outcomes)])
    store.write([("m", verdict(9, source="other", sampled=True))])
    store.close()
    assert [one.captured_at for one in last_samples(tmp_path, "drop", 9)] == [1000.0, 1001.0, 1003.0, 1004.0]
    assert [one.captured_at for one in last_samples(tmp_path, "drop", 2)] == [1003.0, 1004.0]


def test_a_sample_goes_with_its_record(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write([("m", verdict(n, sampled=True)) for n in (1, 2)])
    assert [one.sampled for one in store.records(Query())] == [True, True]
    with store.transaction() as cursor:
        cursor.execute("DELETE FROM records WHERE id = 1")
    assert list(store.read("SELECT record FROM samples")) == [(2,)]
    store.close()


def test_choosing_costs_a_frame_next_to_nothing() -> None:
    one, frames = sampler(), of_time(*(BEGIN + n / 10 for n in range(10_000)))
    best_s = math.inf
    for _ in range(3):
        began = time.perf_counter()
        chosen(one, frames)
        best_s = min(best_s, time.perf_counter() - began)
    assert best_s / len(frames) < 50e-6


def drop(line: Line, minute: int, number: int, of: int) -> None:
    """Drop a picture that was made in this minute, the `number`th `of` so many."""
    hidden = line.drop / f".{minute:02}-{number:02}.bmp"
    cv2.imwrite(str(hidden), strip(200, 200, number))
    at = BEGIN - 864_000 + 60 * (minute + number / of)
    os.utime(hidden, (at, at))
    hidden.rename(line.drop / f"{minute:02}-{number:02}.bmp")


def test_a_line_keeps_the_pictures_of_sampled_frames_one_a_stretch_also_through_kills(tmp_path: Path) -> None:
    line = Line(tmp_path, evidence={"ok_share": 0, "ok_every_s": 60})
    line.drop.mkdir()
    for minute in range(20):
        for number in range(40):
            drop(line, minute, number, of=40)
    with running(line):
        for killed, recorded in (("drop", 1), ("worker-0", 200), ("drop", 400)):
            wait_until(lambda recorded=recorded: line.recorded >= recorded, line.explain)  # type: ignore[misc]
            os.kill(line.child(killed), signal.SIGKILL)
        line.wait_for_records(800)
        assert line.stop() == 0
    records = line.records()
    sampled = [one for one in records if one.sampled]
    assert len({one.frame for one in records}) == 800
    assert all(bool(one.evidence) == one.sampled for one in records if one.outcome == "ok")
    assert len({one.outcome for one in sampled}) > 1  # whatever became of them
    of_minute = Counter(int(one.captured_at // 60) for one in sampled)
    assert set(of_minute.values()) == {1} and len(sampled) >= 17  # as above
    listed = [json.loads(row) for row in line.run("defects", "--verdict", "all", "--json").stdout.splitlines()]
    assert {one["frame"] for one in listed if one["sampled"]} == {one.frame for one in sampled}
