"""Holds the drop folder: each file is taken once, whole, and ends in done/ or failed/, whatever its name or kind."""

import gc
import os
import shutil
from pathlib import Path

import pytest

from inspector.errors import BusyError
from tests.inspector.folders import GOOD, Open, below, claimed, finish, nothing_comes, read
from tests.inspector.pictures import encode, strip


def test_a_file_is_claimed_decoded_and_moved_to_done_once_it_is_on_record(drop: Path, folder: Open) -> None:
    connector = folder()
    (drop / "a.bmp").write_bytes(GOOD)

    (capture,) = read(connector)

    assert (capture.name, capture.reason) == ("a.bmp", "")
    assert capture.pixels is not None
    assert (capture.pixels == strip()).all()
    assert (claimed(drop), below(drop / "done"), (drop / "a.bmp").exists()) == (["a.bmp"], [], False)
    connector.recorded(capture, "defect")
    assert (claimed(drop), below(drop / "done")) == ([], ["a.bmp"])
    assert (drop / "done" / "a.bmp").read_bytes() == GOOD


def test_what_is_already_there_is_taken(drop: Path, folder: Open) -> None:
    for number in range(30):
        (drop / f"{number:02}.bmp").write_bytes(GOOD)

    names = [capture.name for capture in finish(folder(), count=30)]

    assert names == [f"{number:02}.bmp" for number in range(30)] == below(drop / "done")


def test_an_error_goes_to_failed(drop: Path, folder: Open) -> None:
    (drop / "a.bmp").write_bytes(b"text")
    (capture,) = finish(folder(), "error")

    assert (capture.pixels, below(drop / "failed"), below(drop / "done")) == (None, ["a.bmp"], [])
    assert "not an image we inspect" in capture.reason


def test_folders_are_walked_and_their_order_is_kept_in_done(drop: Path, folder: Open) -> None:
    connector = folder()
    (drop / "coil 7" / "top").mkdir(parents=True)
    (drop / "empty.bmp").mkdir()
    (drop / "coil 7" / "top" / "a.bmp").write_bytes(GOOD)
    (drop / "coil 7" / "b.png").write_bytes(encode(strip(), ".png"))

    assert [capture.name for capture in finish(connector, count=2)] == ["coil 7/b.png", "coil 7/top/a.bmp"]
    assert below(drop / "done") == ["coil 7/b.png", "coil 7/top/a.bmp"]
    assert (drop / "empty.bmp").is_dir()


def test_other_suffixes_and_hidden_files_are_left_alone(drop: Path, folder: Open) -> None:
    others = ["notes.txt", ".hidden.bmp", "a.bmp.part", "bmp", ".tmp/a.bmp"]
    for name in others:
        (drop / name).parent.mkdir(exist_ok=True)
        (drop / name).write_bytes(GOOD)
    (drop / "A.BMP").write_bytes(GOOD)

    connector = folder()
    assert [capture.name for capture in finish(connector)] == ["A.BMP"]
    assert nothing_comes(connector)
    assert all((drop / name).exists() for name in others)


@pytest.mark.parametrize(
    "name",
    [b"two words.bmp", b"it's \"quoted\".bmp", b"new\nline.bmp", b"\xff\xfe\x80.bmp", "Blech-ä-钢.bmp".encode(),
     b"-rf *.bmp", b"n" * 251 + b".bmp", b"\xc3\xa4" * 125 + b".bmp", b"a\\b.bmp", b"%s%n.bmp", b" .bmp"],
)  # fmt: skip
def test_any_name_that_linux_allows_comes_through(drop: Path, folder: Open, name: bytes) -> None:
    path = os.path.join(os.fsencode(drop), name)
    with open(path, "wb") as file:
        file.write(GOOD)
    connector = folder()

    (capture,) = finish(connector)

    capture.name.encode()  # can be sent and stored
    assert capture.pixels is not None
    assert os.listdir(os.fsencode(drop / "done")) == [name]


def test_the_same_name_dropped_again_is_another_frame_and_replaces_nothing(drop: Path, folder: Open) -> None:
    connector = folder()
    frames = []
    for number in range(4):
        (drop / "latest.bmp").write_bytes(GOOD + bytes(number))
        frames += read(connector)

    assert len({capture.frame for capture in frames}) == 4
    assert claimed(drop) == ["latest.bmp"] * 4
    for capture in frames:
        connector.recorded(capture, "ok")
    assert below(drop / "done") == ["latest.2.bmp", "latest.3.bmp", "latest.4.bmp", "latest.bmp"]
    assert sorted(len(path.read_bytes()) - len(GOOD) for path in (drop / "done").iterdir()) == [0, 1, 2, 3]


def test_a_name_of_255_bytes_that_is_there_already_is_cut_not_lost(drop: Path, folder: Open) -> None:
    connector = folder()
    for _ in range(3):
        (drop / ("n" * 251 + ".bmp")).write_bytes(GOOD)
        finish(connector)

    assert below(drop / "done") == ["n" * 249 + ".2.bmp", "n" * 249 + ".3.bmp", "n" * 251 + ".bmp"]


@pytest.mark.parametrize("place", ["done", "failed"])
def test_a_file_moved_back_from_done_or_failed_is_inspected_again(drop: Path, folder: Open, place: str) -> None:
    # It is the same file with the same times, so only the moment it was taken tells the two frames apart.
    connector, outcome = folder(), "ok" if place == "done" else "error"
    (drop / "a.bmp").write_bytes(GOOD)
    (first,) = finish(connector, outcome)  # type: ignore[arg-type]

    (drop / place / "a.bmp").rename(drop / "a.bmp")
    (second,) = finish(connector)

    assert first.frame != second.frame


def test_a_copy_that_keeps_its_times_is_another_frame(drop: Path, folder: Open, tmp_path: Path) -> None:
    connector = folder()
    (tmp_path / "a.bmp").write_bytes(GOOD)
    frames = set()
    for _ in range(5):
        shutil.copy2(tmp_path / "a.bmp", drop / "a.bmp")
        frames.add(finish(connector)[0].frame)
        (drop / "done" / "a.bmp").unlink()

    assert len(frames) == 5


def test_two_hard_links_of_one_name_are_two_frames(drop: Path, folder: Open, tmp_path: Path) -> None:
    connector = folder()
    (tmp_path / "a.bmp").write_bytes(GOOD)
    os.link(tmp_path / "a.bmp", drop / "a.bmp")
    (first,) = read(connector)
    os.link(tmp_path / "a.bmp", drop / "a.bmp")
    (second,) = read(connector)

    assert first.frame != second.frame
    for capture in (first, second):
        connector.recorded(capture, "ok")
    assert claimed(drop) == []


def test_a_file_and_a_folder_of_one_name_do_not_block_each_other(drop: Path, folder: Open) -> None:
    connector = folder()
    (drop / "x.bmp").write_bytes(GOOD)
    (first,) = read(connector)
    (drop / "x.bmp").mkdir()
    (drop / "x.bmp" / "y.bmp").write_bytes(GOOD)
    (second,) = read(connector)
    connector.recorded(second, "ok")
    (drop / "x.bmp").rmdir()
    (drop / "x.bmp").write_bytes(GOOD)
    (third,) = read(connector)

    connector.recorded(first, "ok")
    connector.recorded(third, "ok")
    assert [first.name, second.name, third.name] == ["x.bmp", "x.bmp/y.bmp", "x.bmp"]
    assert below(drop / "done") == ["x.2.bmp", "x.3.bmp", "x.bmp/y.bmp"]
    assert claimed(drop) == []


def test_a_second_process_is_refused_until_the_first_lets_go(drop: Path, folder: Open) -> None:
    first = folder()
    with pytest.raises(BusyError, match="another inspector works on this drop folder"):
        folder()
    first.close()
    (drop / "a.bmp").write_bytes(GOOD)

    assert len(finish(folder())) == 1


def test_opening_and_closing_keeps_no_descriptor(drop: Path, folder: Open) -> None:
    gc.collect()  # what other tests left behind
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        (drop / f"{number}.bmp").write_bytes(GOOD)
        connector = folder()
        connector.read()
        connector.close()

    assert len(os.listdir("/proc/self/fd")) == before
