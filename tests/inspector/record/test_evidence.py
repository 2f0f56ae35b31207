"""Holds the evidence: whole before its record, gone from the record before the disk, by one rule, and never a gap."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from inspector.cli import main
from inspector.errors import ConfigError, StoreError
from inspector.protocol.verdicts import Verdict
from inspector.record.evidence import evidence, pins
from inspector.record.evidence.evidence import Keeper
from inspector.record.evidence.retention import ASIDE, Gallery
from inspector.record.labels.label_file import LabelFile
from inspector.record.labels.labels import NewLabel
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.settings.settings import EvidenceSettings, Settings
from inspector.sink.health import Health
from inspector.sink.maintenance import Maintenance
from inspector.sink.metrics import Metrics
from tests.fakes import Line, running, wait_until
from tests.inspector.pictures import strip
from tests.inspector.record.test_store import tally, verdict

PIXELS = strip(200, 200)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A line's, whose data folder is there; ok frames are kept, too."""
    source = {"name": "drop", "type": "folder", "path": tmp_path / "drop"}
    return Settings.model_validate({
        "data": tmp_path, "sources": [source], "evidence": {"ok_share": 1}, "disk": {"min_free_mb": 0},
    })  # fmt: skip


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """An empty record."""
    opened = Store(tmp_path)
    yield opened
    opened.close()


def keep(settings: Settings, book: Store, *verdicts: Verdict) -> None:
    """As worker and sink do: the picture, then the record."""
    keeper = Keeper(settings)
    book.write([("m", keeper.keep(one, PIXELS)) for one in verdicts])


def kept(book: Store) -> dict[str, Path]:
    """The evidence on record, by the frame's name."""
    return {one.name.removesuffix(".bmp"): Path(one.evidence) for one in book.records(Query()) if one.evidence}


def files(settings: Settings) -> set[Path]:
    """The pictures on the disk."""
    return {path for path in (settings.data / evidence.FOLDER).rglob("*") if path.is_file()}


def gallery(book: Store, **changes: float) -> Gallery:
    """With another budget or age."""
    return Gallery(book, EvidenceSettings.model_validate(changes))


def test_defect_unsure_and_a_share_of_ok_have_their_picture_as_the_model_saw_it(
    settings: Settings, book: Store
) -> None:
    keep(settings, book, verdict(1, "defect"), verdict(2, "unsure"), verdict(3, "error"), verdict(4, "ok"))

    assert set(kept(book)) == {"1", "2", "4"}
    assert set(kept(book).values()) == files(settings)
    for path in kept(book).values():
        assert np.array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), PIXELS)
    share = EvidenceSettings(ok_share=0.1)
    chosen = [number for number in range(2000) if evidence.wanted(share, verdict(number))]
    assert 140 < len(chosen) < 260
    assert chosen == [number for number in range(2000) if evidence.wanted(share, verdict(number))]


def test_any_frame_id_and_time_has_a_place_below_the_folder(settings: Settings, book: Store) -> None:
    odd = [
        verdict(1, "defect", frame="../../x", source="drop"),
        verdict(2, "defect", frame=".."),
        verdict(3, "defect", frame="a.b ä\n", captured_at=9e11),
        verdict(4, "defect", source="..", frame="."),
    ]
    keep(settings, book, *odd)

    assert len(kept(book)) == 4
    assert {path.resolve() for path in kept(book).values()} == files(settings)
    assert gallery(book).reconcile(time.time() + 1e6) == (0, 0)


def test_a_picture_that_cannot_be_kept_is_said_once_and_holds_up_no_record(
    settings: Settings, book: Store, caplog: pytest.LogCaptureFixture
) -> None:
    (settings.data / evidence.FOLDER).write_text("in the way")
    keep(settings, book, verdict(1, "defect"))
    assert kept(book) == {} and len(list(book.records(Query()))) == 1

    full = settings.model_copy(update={"disk": settings.disk.model_copy(update={"min_free_mb": 900_000_000})})
    keeper = Keeper(full)
    caplog.clear()
    for number in range(5):
        assert keeper.keep(verdict(number, "defect"), PIXELS).evidence_bytes == 0
    assert len(caplog.records) == 1
    assert "less than disk.min_free_mb (900000000): no evidence is kept" in caplog.text


def test_a_record_never_points_to_a_picture_that_is_not_there_or_cut_short(settings: Settings, book: Store) -> None:
    keeper = Keeper(settings)
    gone, short, whole = (keeper.keep(verdict(number, "defect"), PIXELS) for number in (1, 2, 3))
    places = [
        settings.data / evidence.FOLDER / evidence.place(v.header.captured_at, v.header.source, v.header.frame)
        for v in (gone, short)
    ]
    places[0].unlink()
    os.truncate(places[1], 100)
    book.write([("m", one) for one in (gone, short, whole)])

    assert set(kept(book)) == {"3"}
    # And one that is lost later, as power loss would, is noticed at the next start.
    os.truncate(kept(book)["3"], 100)
    assert gallery(book).reconcile(time.time() + 1) == (1, 3 - 1)
    assert kept(book) == {} and files(settings) == set()


def test_a_picture_without_a_record_is_swept_once_no_verdict_can_be_on_its_way(settings: Settings, book: Store) -> None:
    keep(settings, book, verdict(1, "defect"))
    Keeper(settings).keep(verdict(2, "defect"), PIXELS)  # killed before its verdict was recorded
    orphan = next(iter(files(settings) - set(kept(book).values())))
    (orphan.parent / ".half.bmp.77").write_bytes(b"half")

    assert gallery(book).reconcile(time.time() - 60) == (0, 0)
    assert gallery(book).reconcile(time.time() + 1) == (0, 2)
    assert files(settings) == set(kept(book).values()) != set()


def test_pictures_of_a_record_in_whose_place_an_older_one_was_put_are_set_aside(
    settings: Settings, book: Store
) -> None:
    keep(settings, book, verdict(1, "defect"))
    now = time.time()
    # Given a record whose line was last heard an hour ago, and pictures of half an hour ago and of that very second
    for epoch, at in (("1f", now - 3600), ("2f", now)):
        book.write([], [msgspec.structs.replace(tally(1, defect=1), epoch=epoch, at=at)])
    for number, at in ((2, now - 1800), (3, now - 3599)):
        Keeper(settings).keep(verdict(number, "defect"), PIXELS)
        picture = (
            settings.data
            / evidence.FOLDER
            / evidence.place(verdict(number).header.captured_at, "drop", f"frame-{number}")
        )
        os.utime(picture, (at, at))
    # When they are swept, then that of another record is kept
    assert gallery(book).reconcile(time.time() + 1) == (0, 2)
    assert files(settings) == set(kept(book).values()) != set()
    (aside,) = (settings.data / ASIDE).rglob("*.bmp")
    assert aside.name == "frame-2.bmp"


def test_the_budget_takes_ok_first_then_unsure_then_defect_and_of_each_the_oldest(
    settings: Settings, book: Store
) -> None:
    size = 41_078
    outcomes = ["defect", "ok", "unsure", "ok", "defect", "unsure"] * 50
    keep(settings, book, *(verdict(number, outcome) for number, outcome in enumerate(outcomes)))

    def left(mb: int) -> list[int]:
        gallery(book, budget_mb=mb, keep_days=36_500).fit()
        assert set(kept(book).values()) == files(settings)
        return sorted(map(int, kept(book)))

    assert len(left(13)) == 300
    # 9 MB hold 219: 81 of the 100 ok go.
    numbers = left(9)
    assert len(numbers) == 9_000_000 // size
    assert [n for n in numbers if outcomes[n] == "ok"] == [n for n in range(300) if outcomes[n] == "ok"][81:]
    numbers = left(5)
    assert {outcomes[n] for n in numbers} == {"unsure", "defect"}
    assert [n for n in numbers if outcomes[n] == "unsure"] == [n for n in range(300) if outcomes[n] == "unsure"][-21:]
    numbers = left(1)
    assert numbers == [n for n in range(300) if outcomes[n] == "defect"][-24:]


def test_evidence_past_its_age_goes_whatever_its_verdict(settings: Settings, book: Store) -> None:
    keep(settings, book, verdict(1, "defect"), verdict(2, "ok"), verdict(90_000, "unsure"))

    assert gallery(book).retire(1000.0 + 90_000 - 86_400) == 2
    assert set(kept(book)) == {"90000"}
    assert len(list(book.records(Query()))) == 3  # the records stay


def test_what_is_pinned_stays_until_it_is_unpinned(settings: Settings, book: Store) -> None:
    names = [f"coil-{number // 5}/{number}.bmp" for number in range(20)]
    keep(settings, book, *(verdict(number, "defect", name=name) for number, name in enumerate(names)))
    by_name = pins.add(book, None, None, None, "coil-2/*")
    by_time = pins.add(book, "drop", 1003.0, 1006.0, None)
    other = pins.add(book, "camera", 0.0, None, None)
    assert [pins.pictures(book, pin)[0] for pin in (by_name, by_time, other)] == [5, 3, 0]

    nothing = gallery(book, budget_mb=0)
    assert nothing.fit() == 12
    assert sorted(map(int, (name.split("/")[1] for name in kept(book)))) == [3, 4, 5, 10, 11, 12, 13, 14]
    assert nothing.stock(time.time(), 1e9).bytes == {"ok": 0, "unsure": 0, "defect": 0, "pinned": 8 * 41_078}

    pins.remove(book, by_time.id)
    assert nothing.fit() == 3
    assert {name.split("/")[0] for name in kept(book)} == {"coil-2"}
    with pytest.raises(ConfigError, match="there is no pin 2"):
        pins.remove(book, by_time.id)
    with pytest.raises(ConfigError, match="all of it would fill the disk"):
        pins.add(book, "drop", None, None, None)


def test_what_is_labelled_stays_with_its_picture_and_a_label_taken_back_still_holds_it(
    settings: Settings, book: Store
) -> None:
    keep(settings, book, *(verdict(number, "defect") for number in range(4)))
    file = LabelFile(book.path.parent)
    for number in (1, 2):
        record = {"source": "drop", "frame": f"frame-{number}"}
        file.add(NewLabel(record=record, label="ok", person="ann", at=1.0))
    file.undo(2, "ann", 2.0)
    file.close()

    assert gallery(book, budget_mb=0).fit() == 2
    assert set(kept(book)) == {"1", "2"}


def test_nothing_goes_while_labels_cannot_be_read(settings: Settings, book: Store) -> None:
    keep(settings, book, *(verdict(number, "defect") for number in range(4)))
    LabelFile(book.path.parent).close()
    file = book.path.parent / "labels" / "labels.sqlite"
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"labels\.sqlite"):
        gallery(book, budget_mb=0).fit()
    assert len(kept(book)) == 4


def test_a_pin_on_a_source_that_nobody_has_is_refused_and_holds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(tmp_path)
    line.data.mkdir()
    Store(line.data).close()

    assert main.main(["pin", "-c", str(line.config), "--source", "dorp", "--since", "1h"]) == 2
    assert "--source dorp: not on record; did you mean drop?; it has drop" in capsys.readouterr().err
    assert main.main(["pin", "-c", str(line.config)]) == 0
    assert capsys.readouterr().err == "nothing is pinned\n"


def test_days_left_follow_the_rate_of_the_last_day_and_the_room_of_the_disk(settings: Settings, book: Store) -> None:
    assert gallery(book).stock(2000.0, 1e12).days_left == float("inf")
    now = 500_000.0
    times = [now - 43_200 - 86_400, *(now - 43_200 + n for n in range(10))]
    keep(settings, book, *(verdict(n, "defect", captured_at=at) for n, at in enumerate(times)))

    stock = gallery(book, budget_mb=2).stock(now, 1e12)
    assert stock.bytes["defect"] == 11 * 41_078
    assert stock.days_left == pytest.approx((2_000_000 - 11 * 41_078) / (10 * 41_078))
    assert gallery(book, budget_mb=2).stock(now, 41_078).days_left == pytest.approx(0.1)
    assert gallery(book, budget_mb=0).stock(now, 1e12).days_left == 0


def test_old_records_go_but_not_those_with_evidence_or_a_pin(settings: Settings, book: Store) -> None:
    keeper, now = Keeper(settings), time.time()
    old = [verdict(number, "error", captured_at=now - 10 * 86_400) for number in range(1000)]
    book.write([("m", one) for one in old], now=now - 10 * 86_400)
    book.write([("m", keeper.keep(verdict(2000, "defect", captured_at=now - 864_000), PIXELS))], now=now - 864_000)
    book.write([("m", verdict(3000))], now=now)
    pins.add(book, None, None, None, "77?.bmp")

    record = settings.record.model_copy(update={"keep_days": 9})
    upkeep = Maintenance(settings.model_copy(update={"record": record}), Metrics(), Health(set(), 1), threading.Event())
    assert upkeep.retire() == 990
    upkeep.close()
    assert sorted(int(one.frame[6:]) for one in book.records(Query())) == [*range(770, 780), 2000, 3000]
    assert sum(book.account("drop").recorded.values()) == 1002  # the sums go on


def test_a_line_keeps_pictures_shows_them_and_says_when_the_disk_is_low(tmp_path: Path) -> None:
    line = Line(tmp_path, evidence={"ok_share": 0.0})
    line.drop.mkdir()
    for number in range(40):
        pixels = np.full((200, 200), 90, np.uint8) if number % 10 == 0 else strip(200, 200, number)
        cv2.imwrite(str(line.drop / f".{number}.bmp"), pixels)
        (line.drop / f".{number}.bmp").rename(line.drop / f"{number}.bmp")
    with running(line):
        line.wait_for_records(40)
        wait_until(
            lambda: 'inspector_evidence_bytes{tier="unsure"} 164312.0' in line.page("metrics"),
            lambda: line.page("metrics"),
        )
        assert line.stop() == 0
    listed = [json.loads(text) for text in line.run("defects", "--verdict", "all", "--json").stdout.splitlines()]
    assert {one["outcome"] for one in listed} == {"ok", "defect", "unsure"}
    for one in listed:
        assert bool(one["evidence"]) == (one["outcome"] in ("defect", "unsure"))
        if one["evidence"]:
            original = cv2.imread(str(line.drop / "done" / one["name"]), cv2.IMREAD_GRAYSCALE)
            assert np.array_equal(cv2.imread(one["evidence"], cv2.IMREAD_UNCHANGED), original)

    (tmp_path / "low").mkdir()
    low = Line(tmp_path / "low", evidence={"ok_share": 1.0}, disk={"min_free_mb": 900_000_000})
    low.drop.mkdir()
    cv2.imwrite(str(low.drop / "a.bmp"), PIXELS)
    with running(low):
        low.wait_for_records(1)
        wait_until(lambda: "inspector_evidence_missing_total 1.0" in low.page("metrics"), lambda: low.page("metrics"))
        wait_until(lambda: "disk: " in low.page("readyz"), low.explain)
        assert "no evidence is kept" in low.log
        assert low.stop() == 0
    assert not (low.data / evidence.FOLDER).exists()


def test_killing_everything_leaves_no_record_that_points_to_nothing(tmp_path: Path) -> None:
    line = Line(tmp_path, evidence={"ok_share": 1.0}, workers={"count": 2})
    line.drop.mkdir()
    for number in range(300):
        cv2.imwrite(str(line.drop / f".{number}.bmp"), strip(200, 200, number % 20))
        (line.drop / f".{number}.bmp").rename(line.drop / f"{number}.bmp")
    for life, recorded in ((1, 1), (2, 100)):
        with running(line):
            wait_until(lambda life=life: line.log.count("drop started") == life, line.explain)  # type: ignore[misc]
            wait_until(lambda recorded=recorded: line.recorded >= recorded, line.explain)  # type: ignore[misc]
            if recorded == 100:
                os.kill(line.child("worker-1"), signal.SIGKILL)
        records = line.records()
        assert all(Path(one.evidence).stat().st_size == 41_078 for one in records)
    with running(line):
        line.wait_for_records(300)  # which may all be there already, and a line hears no signal before it has begun
        wait_until(lambda: line.log.count("drop started") == 3, line.explain)
        assert line.stop() == 0
    store = Store(line.data)
    gallery(store).reconcile(time.time() + 1)
    pointed = {Path(one.evidence) for one in store.records(Query())}
    store.close()
    assert len(pointed) == 300
    assert pointed == {path for path in (line.data / evidence.FOLDER).rglob("*.bmp")}
