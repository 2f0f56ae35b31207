"""Holds the drop folder in trouble: half-written, unreadable, vanished, taken away, and after a crash."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import ConfigError
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.sources.folder.claims import Claim
from inspector.sources.folder.folder import Folder
from inspector.sources.folder.ownership import OwnedFolder
from inspector.sources.folder.scanner import MAX_DEPTH
from tests.fakes import wait_until
from tests.inspector.folders import GOOD, Open, below, claimed, connect, finish, nothing_comes, read
from tests.inspector.pictures import EXTENSIONS, encode, strip

NOBODY = 65534


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_half_written_file_is_left_alone_until_it_is_whole(drop: Path, folder: Open, extension: str) -> None:
    # Given a writer that pauses in the middle, and again one byte before the end
    data, connector = encode(strip(), extension), folder()
    with (drop / f"a{extension}").open("wb", buffering=0) as file:
        file.write(data[: len(data) // 2])
        assert nothing_comes(connector)
        file.write(data[len(data) // 2 : -1])
        assert nothing_comes(connector)
        # When the last byte comes, then it is taken
        file.write(data[-1:])
    (capture,) = read(connector)
    assert capture.pixels is not None


def test_an_empty_file_may_still_become_a_picture(drop: Path, folder: Open) -> None:
    connector = folder()
    (drop / "a.bmp").touch()
    assert nothing_comes(connector)

    (drop / "a.bmp").write_bytes(GOOD)
    assert read(connector)[0].pixels is not None


def test_a_file_touched_a_moment_ago_is_left_alone(drop: Path, folder: Open) -> None:
    connector = folder(settle_ms=60_000, incomplete_wait_s=120)
    (drop / "a.bmp").write_bytes(GOOD)
    os.utime(drop / "a.bmp", (0, 0))  # a copy that keeps its old times is young all the same

    assert nothing_comes(connector)


@pytest.mark.parametrize("data", [b"", GOOD[:-1], GOOD[:60], GOOD[:2]])
def test_a_file_that_stays_incomplete_becomes_an_error(drop: Path, folder: Open, data: bytes) -> None:
    connector = folder(incomplete_wait_s=0.2)
    (drop / "a.bmp").write_bytes(data)

    (capture,) = finish(connector, "error")

    assert capture.pixels is None
    assert capture.reason.startswith(("empty file", "truncated", "damaged"))
    assert below(drop / "failed") == ["a.bmp"]


def test_one_incomplete_file_does_not_hold_up_the_others(drop: Path, folder: Open) -> None:
    connector = folder()
    (drop / "a.bmp").write_bytes(GOOD[:-1])
    for name in ("b.bmp", "c.bmp"):
        (drop / name).write_bytes(GOOD)

    assert [capture.name for capture in read(connector, 2)] == ["b.bmp", "c.bmp"]


def test_claims_survive_a_crash_under_the_same_ids(drop: Path, folder: Open) -> None:
    # Given a process that claimed three files, one of them a link to a folder, and is gone
    first = folder()
    (drop / "sub").mkdir()
    (drop / "sub" / "a.bmp").write_bytes(GOOD)
    (drop / "b.bmp").write_bytes(b"text")
    (drop / "link.bmp").symlink_to(drop / "sub")
    before = {capture.name: capture.frame for capture in read(first, 3)}
    first.close()
    # When another opens the folder
    second = connect(drop)
    captures = second.open()
    # Then it has the same frames, and can finish them
    assert {capture.name: capture.frame for capture in captures} == before
    for capture in captures:
        second.recorded(capture, "error" if capture.pixels is None else "ok")
    assert (below(drop / "done"), below(drop / "failed")) == (["sub/a.bmp"], ["b.bmp", "link.bmp"])
    assert claimed(drop) == []
    second.close()


def test_a_link_or_a_pipe_is_an_error_and_what_it_leads_to_is_not_touched(
    drop: Path, folder: Open, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere.bmp").write_bytes(GOOD)
    (drop / "link.bmp").symlink_to(tmp_path / "elsewhere.bmp")
    (drop / "broken.bmp").symlink_to("/does/not/exist")
    (drop / "folder.bmp").symlink_to(tmp_path)
    os.mkfifo(drop / "pipe.bmp")

    captures = finish(folder(), "error", count=4)

    assert all("drop the picture itself" in capture.reason for capture in captures)
    assert below(drop / "failed") == ["broken.bmp", "folder.bmp", "link.bmp", "pipe.bmp"]
    assert (tmp_path / "elsewhere.bmp").read_bytes() == GOOD


def test_a_file_taken_away_before_it_was_claimed_is_forgotten(drop: Path, folder: Open) -> None:
    connector = folder()
    for number in range(20):
        (drop / f"{number}.bmp").write_bytes(GOOD)
    read(connector)  # the scan is under way
    for path in drop.glob("*.bmp"):
        path.unlink()

    assert nothing_comes(connector)


def test_a_claimed_file_that_vanished_is_no_reason_to_stop(drop: Path, folder: Open) -> None:
    connector = folder()
    (drop / "a.bmp").write_bytes(GOOD)
    (capture,) = read(connector)
    next((drop / ".work").rglob("a.bmp")).unlink()
    connector.recorded(capture, "ok")

    (drop / "a.bmp").write_bytes(GOOD)
    assert len(finish(connector)) == 1


def test_a_folder_that_was_removed_is_an_error_and_can_be_opened_again(drop: Path, folder: Open) -> None:
    connector = folder()
    shutil.rmtree(drop)
    with pytest.raises(OSError):
        for _ in range(100):
            wait_until(lambda: connector.due_ms() == 0)
            connector.read()
    connector.close()

    assert connector.open() == []
    (drop / "a.bmp").write_bytes(GOOD)
    assert len(finish(connector)) == 1


def test_a_folder_removed_and_made_again_wakes_us_again(drop: Path, folder: Open) -> None:
    # Given a folder below that came, went and came again, and a scan that would come in an hour
    connector = folder(rescan_s=3600)
    for _ in range(3):
        (drop / "shift").mkdir()
        (drop / "shift" / "a.bmp").write_bytes(GOOD)
        # Then what is dropped there is noticed each time
        assert [capture.name for capture in finish(connector)] == ["shift/a.bmp"]
        (drop / "shift").rmdir()
        wait_until(lambda: connector.read() is None and connector.due_ms() > 1000)


def test_done_on_another_file_system_is_refused(drop: Path, tmp_path: Path) -> None:
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("/dev/shm is no file system of its own here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        (drop / "done").symlink_to(elsewhere)
        with pytest.raises(ConfigError, match="done: on another file system"):
            connect(drop).open()


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """A drop folder of a user without privileges, whom this test runs as."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        root = os.geteuid() == 0
        if root:
            os.chown(place, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(place)
        finally:
            if root:
                os.seteuid(0)


def test_an_unreadable_file_waits_and_then_becomes_an_error(plain_user: Path) -> None:
    connector = connect(plain_user, incomplete_wait_s=0.3)
    connector.open()
    (plain_user / "secret.bmp").write_bytes(GOOD)
    (plain_user / "secret.bmp").chmod(0)

    (capture,) = finish(connector, "error")

    assert capture.reason == "cannot be read: Permission denied"
    assert below(plain_user / "failed") == ["secret.bmp"]
    connector.close()


def test_a_file_made_readable_in_time_is_inspected(plain_user: Path) -> None:
    connector = connect(plain_user)
    connector.open()
    (plain_user / "slow.bmp").write_bytes(GOOD)
    (plain_user / "slow.bmp").chmod(0)
    assert nothing_comes(connector)
    (plain_user / "slow.bmp").chmod(0o600)

    assert read(connector)[0].pixels is not None
    connector.close()


def test_a_folder_that_cannot_be_entered_or_emptied_does_not_hold_up_the_others(
    plain_user: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Given one folder nobody may list, and one nobody may take files out of
    for name, mode in (("closed", 0), ("frozen", 0o500)):
        (plain_user / name).mkdir()
        (plain_user / name / "a.bmp").write_bytes(GOOD)
        (plain_user / name).chmod(mode)
    connector = connect(plain_user)
    connector.open()
    # When pictures come beside them, then they are inspected, and each obstacle is named once
    for number in range(3):
        (plain_user / f"{number}.bmp").write_bytes(GOOD)
        assert [capture.name for capture in finish(connector)] == [f"{number}.bmp"]
    assert [record.getMessage().split(" is left ")[0].rsplit("/", 1)[1] for record in caplog.records] in (
        ["closed", "a.bmp"], ["a.bmp", "closed"],
    )  # fmt: skip
    connector.close()
    for name in ("closed", "frozen"):
        (plain_user / name).chmod(0o700)


def deepen(folder: Path, levels: int) -> None:
    """Folders in folders, with a picture in the last: more than a path can name, as whoever drops can make them."""
    above = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=above)
        below = os.open("d", os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(os.open("a.bmp", os.O_CREAT, dir_fd=above))
    os.close(above)


@pytest.fixture
def flat(drop: Path) -> Iterator[None]:
    """What `deepen` made is taken away again: pytest's own clearing cannot."""
    yield
    subprocess.run(["rm", "-rf", str(drop)], check=True)


@pytest.mark.usefixtures("flat")
def test_folders_in_folders_without_an_end_are_left_alone_and_do_not_hold_up_the_others(
    drop: Path, folder: Open
) -> None:
    deepen(drop, 3000)
    (drop / "/".join("e" * MAX_DEPTH)).mkdir(parents=True)
    (drop / "/".join("e" * MAX_DEPTH) / "b.bmp").write_bytes(GOOD)
    (drop / "a.bmp").write_bytes(GOOD)
    connector = folder()

    assert [capture.name.rpartition("/")[2] for capture in finish(connector, count=2)] == ["a.bmp", "b.bmp"]
    assert nothing_comes(connector)
    (told,) = connector.left()
    assert told.reason == "refused" and told.example.endswith(f"d/d: in more than {MAX_DEPTH} folders")


@pytest.mark.usefixtures("flat")
def test_whatever_else_lies_in_the_folder_of_claims_is_left_alone(drop: Path, folder: Open) -> None:
    (drop / ".work/mine").mkdir(parents=True)
    deepen(drop / ".work/mine", 3000)
    (drop / ".work/0123456789abcdef").write_bytes(GOOD)
    (drop / "a.bmp").write_bytes(GOOD)

    assert [capture.name for capture in finish(folder())] == ["a.bmp"]


def test_claims_of_a_former_life_that_cannot_be_looked_through_are_not_passed_over(plain_user: Path) -> None:
    lane = plain_user / ".work/0123456789abcdef"
    (lane / "coil").mkdir(parents=True)
    (lane / "coil/a.bmp").write_bytes(GOOD)
    (lane / "coil").chmod(0)
    connector = connect(plain_user)
    with pytest.raises(PermissionError):
        connector.open()
    connector.close()
    (lane / "coil").chmod(0o700)

    assert [capture.name for capture in connector.open()] == ["coil/a.bmp"]
    connector.close()


def test_a_file_whose_folder_has_the_name_of_a_done_file_finds_another_place(drop: Path, folder: Open) -> None:
    connector = folder()
    (drop / "x.bmp").write_bytes(GOOD)
    finish(connector)
    (drop / "x.bmp").mkdir()
    (drop / "x.bmp" / "y.bmp").write_bytes(GOOD)

    (second,) = finish(connector)

    assert below(drop / "done") == sorted(["x.bmp", f"{second.frame}/y.bmp"])
    assert connector.problem() == ""


def test_nothing_more_is_taken_while_what_is_on_record_cannot_be_moved_away(drop: Path, folder: Open) -> None:
    # Given a done/ that takes no files
    connector = folder()
    (drop / "done").rmdir()
    (drop / "done").touch()
    (drop / "a.bmp").write_bytes(GOOD)
    (drop / "b.bmp").write_bytes(GOOD)
    # When a file is recorded
    (first,) = read(connector)
    connector.recorded(first, "ok")
    # Then it stays claimed, the other one waits, and the reason can be read
    assert nothing_comes(connector, scans=2)
    assert connector.problem() == "what is on record cannot be moved away: Not a directory"
    # And when done/ is back, both go their way
    (drop / "done").unlink()
    (drop / "done").mkdir()
    finish(connector)
    assert below(drop / "done") == ["a.bmp", "b.bmp"]
    assert connector.problem() == ""


def test_a_name_that_comes_for_ever_does_not_cost_more_every_time(drop: Path, folder: Open) -> None:
    connector = folder()
    for _ in range(30):
        (drop / "latest.bmp").write_bytes(GOOD)
        finish(connector)
    assert len(below(drop / "done")) == 30
    (drop / "done" / "latest.2.bmp").unlink()

    (drop / "latest.bmp").write_bytes(GOOD)
    finish(connector)

    assert "latest.31.bmp" in below(drop / "done"), "it goes on from the last number, and looks at no other"


def test_a_whole_file_that_is_taken_away_before_it_can_be_claimed_counts_as_not_inspected(
    drop: Path, folder: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given someone who deletes the file at the very moment it is to be claimed
    connector = folder()
    take = connector._claims.take

    def late(relative: bytes) -> Claim:
        os.unlink(os.path.join(os.fsencode(drop), relative))
        return take(relative)

    monkeypatch.setattr(connector._claims, "take", late)
    (drop / "a.bmp").write_bytes(GOOD)
    assert nothing_comes(connector)

    assert connector.missed() == {"vanished": 1}
    assert connector.missed() == {}


def test_a_scan_that_waits_for_busy_workers_does_not_put_off_the_next_one(drop: Path) -> None:
    now = [0.0]
    connector = Folder(
        FolderSourceSettings(name="drop", type="folder", path=drop, settle_ms=0, rescan_s=5), lambda: now[0]
    )
    connector.open()
    for number in range(3):
        (drop / f"{number}.bmp").write_bytes(GOOD)
    for _ in range(3):
        assert connector.read() is not None
        now[0] += 1000  # until there was room for another one
    assert connector.read() is None
    assert connector.due_ms() <= 5000
    connector.close()


@pytest.mark.parametrize("step", ["a claim", "putting a file away"])
def test_nothing_is_made_where_the_folder_was_when_it_goes_between_a_look_and_a_move(drop: Path, step: str) -> None:
    # Given a folder that was there a moment ago, and now a bare one lies where it was
    drop.mkdir(exist_ok=True)
    hold = OwnedFolder(os.fsencode(drop))
    hold.take([b"done"])
    hold.check()
    aside = drop.with_name("aside")
    drop.rename(aside)
    drop.mkdir()
    # When a file in it is renamed, into a folder that is not there yet
    target = b".work/lane/sub/a.bmp" if step == "a claim" else b"done/sub/a.bmp"
    with pytest.raises(FileNotFoundError):
        hold.rename(b"a.bmp", target)
    # Then the bare one stays bare, or it would pass for the folder: what is made is made in the one that is held
    assert list(drop.iterdir()) == []
    assert (aside / os.fsdecode(target)).parent.is_dir()
    hold.release()
