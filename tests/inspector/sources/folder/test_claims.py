"""Holds the claims: an id for each, whatever is done to the folder; on disk before they are used; none from outside."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.errors import ConfigError
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.sources.delivery.ledger import Ledger
from inspector.sources.delivery.outages import Outages
from inspector.sources.folder.claims import LANE_FILES
from inspector.sources.folder.requeue import put_back
from inspector.sources.intake import CAPTURE_BURST, Intake
from tests.fakes import Line, running, wait_until
from tests.inspector.folders import GOOD, Open, below, claimed, connect, finish, nothing_comes, read
from tests.inspector.pictures import neu_bmp, strip

LANE = "0123456789abcdef"
OTHER = neu_bmp(255 - strip())


def chmod(drop: Path) -> Path:
    for path in [drop, *drop.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    return drop


def chown(drop: Path) -> Path:
    for path in [drop, *drop.rglob("*")]:
        os.chown(path, os.getuid(), os.getgid())  # the same owner: the ctime changes all the same
    return drop


def copied(drop: Path) -> Path:
    return Path(shutil.copytree(drop, drop.with_name("copy")))


@pytest.mark.parametrize("change", [chmod, chown, copied])
def test_whatever_is_done_to_the_folder_its_claims_keep_their_ids(
    drop: Path, folder: Open, change: Callable[[Path], Path]
) -> None:
    first = folder()
    (drop / "coil 7").mkdir()
    for name in ("a.bmp", "coil 7/a.bmp", "n" * 251 + ".bmp"):
        (drop / name).write_bytes(GOOD)
    before = {capture.name: capture.frame for capture in read(first, 3)}
    first.close()

    second = connect(change(drop))

    assert {capture.name: capture.frame for capture in second.open()} == before
    second.close()


def test_a_file_that_is_on_record_when_a_power_cut_undoes_its_move_to_done_is_moved_again_and_recorded_once(
    tmp_path: Path,
) -> None:
    line, place = Line(tmp_path), tmp_path / "drop" / ".work" / LANE / "coil" / "a.bmp"
    done = tmp_path / "drop" / "done" / "coil" / "a.bmp"
    for _ in range(2):
        place.parent.mkdir(parents=True, exist_ok=True)
        if done.exists():
            done.rename(place)
        else:
            place.write_bytes(GOOD)
        with running(line):
            wait_until(done.exists, line.explain)
            assert line.stop() == 0
    (record,) = line.records()
    assert record.name == "coil/a.bmp"
    assert claimed(line.drop) == []


def test_what_an_older_inspector_had_claimed_keeps_the_id_under_which_it_may_be_on_record(
    drop: Path, folder: Open
) -> None:
    place = drop / ".work" / "0" / "sub" / "a.bmp"
    place.parent.mkdir(parents=True)
    place.write_bytes(GOOD)
    status = place.stat()
    identity = (b"/0/sub/a.bmp", (status.st_ino, status.st_size, status.st_mtime_ns), status.st_ctime_ns)
    known = hashlib.blake2b(repr(identity).encode(), digest_size=16).hexdigest()

    for _ in range(2):
        connector = connect(drop)
        (capture,) = connector.open()
        assert (capture.frame, capture.name) == (known, "sub/a.bmp")
        connector.close()
    connector.open()
    connector.recorded(capture, "ok")
    assert below(drop / "done") == ["sub/a.bmp"]
    assert not (drop / ".work" / "0").exists()
    connector.close()


def test_folders_of_claims_do_not_pile_up(drop: Path, folder: Open) -> None:
    connector = folder()
    for number in range(20):
        (drop / f"coil-{number}").mkdir()
        for name in ("latest.bmp", f"coil-{number}/a.bmp"):
            (drop / name).write_bytes(GOOD)
        finish(connector, count=2)
    assert len(list((drop / ".work").iterdir())) <= 4  # a lane or two, .lock and .clock
    connector.close()
    connector.open()
    assert {path.name for path in (drop / ".work").iterdir()} == {".lock", ".clock"}


def test_folders_of_claims_that_are_gone_are_not_kept_open(drop: Path, folder: Open) -> None:
    connector = folder()
    for _ in range(5):  # each of them in a lane of its own
        (drop / "coil").mkdir(exist_ok=True)
        (drop / "coil/a.bmp").write_bytes(GOOD)
        finish(connector)

    kept = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    assert [path for path in kept if path.startswith(str(drop)) and path.endswith(" (deleted)")] == []


def test_a_lane_that_is_full_is_followed_by_another(drop: Path, folder: Open) -> None:
    connector = folder()
    for number in range(LANE_FILES + 1):
        (drop / f"{number}.bmp").touch()
        connector._claims.take(b"%d.bmp" % number)

    assert sorted(len(below(path)) for path in (drop / ".work").iterdir() if path.is_dir()) == [1, LANE_FILES]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that were synced, by their names, in this order."""
    names: list[str] = []

    def fsync(descriptor: int) -> None:
        names.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))

    monkeypatch.setattr(os, "fsync", fsync)
    return names


def intake(connector: "object") -> tuple[Intake, Ledger]:
    ledger = Ledger("drop", "e", 256, 256 << 20, 3, 60)
    made = Intake(connector, ledger, Outages())  # type: ignore[arg-type]
    assert made.open() == []
    return made, ledger


def test_claims_are_synced_once_a_burst_before_any_of_them_can_be_handed_out(drop: Path, synced: list[str]) -> None:
    connector = connect(drop)
    taken, ledger = intake(connector)
    synced.clear()
    for number in range(2 * CAPTURE_BURST):
        (drop / f"{number}.bmp").write_bytes(GOOD)

    counts = []
    while taken.capture() or len(counts) < 2:
        counts.append((ledger.waiting, len(synced)))

    (lane,) = (path.name for path in (drop / ".work").iterdir() if path.is_dir())
    # Where they went first, then where they were: a file is rather in both places than in none
    assert synced == [lane, ".work", "drop", lane, "drop"]
    assert counts == [(CAPTURE_BURST, 3), (2 * CAPTURE_BURST, 5)]
    connector.close()


def test_what_a_former_life_claimed_is_synced_before_it_is_taken_over(
    drop: Path, folder: Open, synced: list[str]
) -> None:
    first = folder()
    (drop / "sub").mkdir()
    (drop / "sub" / "a.bmp").write_bytes(GOOD)
    read(first)
    first.close()
    synced.clear()

    (drop / "sub").rmdir()
    second = connect(drop)
    assert len(second.open()) == 1
    lane = synced[1]
    assert synced == ["sub", lane, ".work"]
    second.close()


def test_what_could_not_be_synced_is_given_to_nobody_and_comes_again(
    drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = connect(drop)
    now = [0.0]
    ledger = Ledger("drop", "e", 256, 256 << 20, 3, 60)
    taken = Intake(connector, ledger, Outages(), clock=lambda: now[0])
    assert taken.open() == []
    (drop / "a.bmp").write_bytes(GOOD)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
        wait_until(lambda: not taken.capture() and bool(claimed(drop)))
        assert (ledger.waiting, ledger.captured) == (0, 0)
        assert "Input/output error" in taken.problem(1)

    now[0] += 1000
    wait_until(lambda: taken.capture() or ledger.waiting == 1)
    assert ledger.captured == 1
    connector.close()


def test_a_file_system_that_syncs_no_folders_is_used_all_the_same_and_that_is_said_once(
    drop: Path, folder: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EINVAL, "Invalid argument")))
    connector = folder()
    for number in range(3):
        (drop / f"{number}.bmp").write_bytes(GOOD)
        finish(connector)
        connector.secure()

    (said,) = [record.getMessage() for record in caplog.records]
    assert "a power cut may have frames inspected twice" in said


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the drop folder, with pictures that are nobody's to take."""
    (tmp_path / "outside").mkdir()
    for number in range(30):
        (tmp_path / "outside" / f"{number}.bmp").write_bytes(GOOD)
    return tmp_path / "outside"


def swap(path: Path, target: Path) -> None:
    path.rename(path.with_name(f".{path.name}"))
    path.symlink_to(target)


def test_a_folder_that_is_swapped_for_a_link_while_it_is_scanned_leads_nowhere(
    drop: Path, folder: Open, outside: Path
) -> None:
    connector = folder()
    (drop / "coil").mkdir()
    for number in range(30):
        (drop / "coil" / f"{number}.bmp").write_bytes(GOOD)
    read(connector)  # the scan is in it
    swap(drop / "coil", outside)

    assert nothing_comes(connector, scans=10)
    assert len(below(outside)) == 30
    assert len(claimed(drop)) == 1


def test_a_folder_that_is_swapped_for_a_link_between_a_look_and_a_claim_is_not_followed(
    drop: Path, folder: Open, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = folder()
    (drop / "coil").mkdir()
    (drop / "coil" / "0.bmp").write_bytes(GOOD)
    take = connector._claims.take

    def late(relative: bytes) -> object:
        swap(drop / "coil", outside)
        return take(relative)

    monkeypatch.setattr(connector._claims, "take", late)
    assert nothing_comes(connector)
    assert len(below(outside)) == 30


def test_nothing_is_put_behind_a_link_in_done_and_nothing_there_is_cleared(
    drop: Path, folder: Open, outside: Path
) -> None:
    connector = folder()
    (drop / "coil").mkdir()
    (drop / "coil" / "new.bmp").write_bytes(GOOD)
    (capture,) = read(connector)
    (drop / "done" / "coil").symlink_to(outside)
    connector.recorded(capture, "ok")
    connector.close()

    assert (drop / "done" / capture.frame / "new.bmp").exists()
    cleared = folder(keep_done_mb=0)
    wait_until(lambda: below(drop / "done") == ["coil"])  # the link itself is a folder to nobody
    cleared.close()
    assert len(below(outside)) == 30


def test_a_retry_follows_no_link_and_work_is_none(drop: Path, outside: Path) -> None:
    (drop / "failed").mkdir()
    (drop / "failed" / "a.bmp").write_bytes(GOOD)
    (drop / "failed" / "coil").mkdir()
    (drop / "failed" / "coil" / "0.bmp").write_bytes(GOOD)
    retried = put_back(FolderSourceSettings(name="drop", type="folder", path=drop), [])
    assert next(retried).problem == ""
    swap(drop / "failed" / "coil", outside)
    assert "Not a directory" in next(retried).problem

    (drop / ".work").symlink_to(outside)
    with pytest.raises(ConfigError, match=r"\.work: a link"):
        connect(drop).open()
    assert len(below(outside)) == 30


def test_done_may_be_a_link_that_was_there_before(drop: Path, folder: Open, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (drop / "done").symlink_to(tmp_path / "archive")
    connector = folder()
    (drop / "a.bmp").write_bytes(GOOD)
    finish(connector)

    assert below(tmp_path / "archive") == ["a.bmp"]


def test_what_is_written_to_while_it_is_inspected_is_an_error_beside_its_record(drop: Path, folder: Open) -> None:
    connector = folder()
    (drop / "a.bmp").write_bytes(GOOD)
    with (drop / "a.bmp").open("r+b") as late:
        (capture,) = read(connector)
        late.write(OTHER)
    connector.recorded(capture, "ok")

    (error,) = read(connector)
    assert (error.name, error.pixels) == ("a.bmp", None)
    assert error.frame != capture.frame
    assert f"written to after it was taken: frame {capture.frame} on record is of other bytes" in error.reason
    connector.recorded(error, "error")
    assert (below(drop / "done"), below(drop / "failed")) == ([], ["a.bmp"])
    assert (drop / "failed" / "a.bmp").read_bytes() == OTHER


@pytest.mark.parametrize("late", ["truncated", "touched", "gone"])
def test_what_a_late_writer_leaves_is_looked_at_not_guessed(drop: Path, folder: Open, late: str) -> None:
    connector = folder()
    (drop / "a.bmp").write_bytes(GOOD)
    (capture,) = read(connector)
    (path,) = (drop / ".work").rglob("a.bmp")
    if late == "truncated":
        os.truncate(path, 100)
    elif late == "touched":  # as copies do that set the times at their end
        os.utime(path, (0, 0))
    else:
        path.unlink()
    connector.recorded(capture, "ok")

    assert below(drop / "done") == (["a.bmp"] if late == "touched" else [])
    if late == "truncated":
        assert [error.reason[:10] for error in finish(connector, "error")] == ["written to"]
    assert claimed(drop) == []


def test_what_a_power_cut_emptied_after_it_was_recorded_is_not_put_among_the_good(
    drop: Path, folder: Open, caplog: pytest.LogCaptureFixture
) -> None:
    place = drop / ".work" / LANE / "a.bmp"
    place.parent.mkdir(parents=True)
    place.touch()
    connector = connect(drop)
    (capture,) = connector.open()
    connector.recorded(capture, "ok")

    assert (below(drop / "done"), below(drop / "failed")) == ([], ["a.bmp"])
    assert "a.bmp is on record as ok and holds no picture any more" in caplog.text
    connector.close()


def test_a_restart_before_the_error_is_on_record_inspects_what_is_there(drop: Path, folder: Open) -> None:
    connector = folder()
    (drop / "a.bmp").write_bytes(GOOD)
    (capture,) = read(connector)
    next((drop / ".work").rglob("a.bmp")).write_bytes(OTHER)
    connector.recorded(capture, "ok")
    connector.close()

    (again,) = connector.open()
    assert again.frame != capture.frame
    assert again.pixels is not None
    assert (again.pixels == 255 - strip()).all()
    assert nothing_comes(connector)
