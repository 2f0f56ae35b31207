"""Holds what a drop folder leaves alone: which names, counted by reason; what cannot be taken is told until it goes."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.protocol.messages import Left
from tests.fakes import Line, running, wait_until
from tests.inspector.folders import GOOD, Open, connect, finish, nothing_comes
from tests.inspector.pictures import encode, strip
from tests.inspector.sources.folder.test_folder_trouble import NOBODY, plain_user  # noqa: F401

#: What a NAS, Windows and office programs leave in a folder that people share.
SYSTEM = [
    "@eaDir/coil-1.bmp/SYNOPHOTO_THUMB_M.jpg", "#recycle/coil-0.bmp", "$RECYCLE.BIN/S-1-5-21/$RABC123.bmp",
    "lost+found/x.jpg", "System Volume Information/y.jpg", "@Recycle/coil-9.bmp", "~$coil.bmp", "Thumbs.db",
    "coil-7/@eaDir/a.bmp",
]  # fmt: skip


def drop_all(drop: Path, names: list[str]) -> None:
    """Drop a picture under each name."""
    for name in names:
        (drop / name).parent.mkdir(parents=True, exist_ok=True)
        (drop / name).write_bytes(GOOD)


def left(told: list[Left]) -> dict[str, tuple[int, str]]:
    """How many, and which one, by reason."""
    return {one.reason: (one.count, one.example) for one in told}


def test_folders_and_files_of_a_file_server_are_left_alone_and_counted(drop: Path, folder: Open) -> None:
    drop_all(drop, [*SYSTEM, "coil-7/b.bmp", ".hidden.bmp"])
    connector = folder()

    assert [capture.name for capture in finish(connector)] == ["coil-7/b.bmp"]
    assert nothing_comes(connector)
    assert all((drop / name).exists() for name in SYSTEM)
    told = left(connector.left())
    assert (told["system"][0], told["hidden"]) == (9, (1, ".hidden.bmp"))


def test_patterns_of_the_config_are_left_alone_at_any_depth(drop: Path, folder: Open) -> None:
    ignored = ["a_small.bmp", "coil/b_small.bmp", "test/c.bmp", "coil/old/d.bmp"]
    drop_all(drop, [*ignored, "e.bmp", "coil/test.bmp", "old.bmp"])
    connector = folder(ignore=["*_small.*", "test/*", "old"])

    assert [capture.name for capture in finish(connector, count=3)] == ["coil/test.bmp", "e.bmp", "old.bmp"]
    assert nothing_comes(connector)
    assert left(connector.left())["ignored"][0] == 4


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".pnm", ".dib"])
def test_other_suffixes_of_formats_that_are_known_are_taken(drop: Path, folder: Open, suffix: str) -> None:
    kind = {".jfif": ".jpg", ".jpe": ".jpg", ".pnm": ".pgm", ".dib": ".bmp"}[suffix]
    connector = folder()
    (drop / f"a{suffix}").write_bytes(encode(strip(), kind))

    assert finish(connector)[0].pixels is not None


def test_what_has_no_suffix_of_a_picture_is_counted_and_each_suffix_named_once(
    drop: Path, folder: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    drop_all(drop, ["a.txt", "b.TXT", "c.bmp.part", "plain"])
    connector = folder()

    assert nothing_comes(connector)
    assert left(connector.left())["suffix"][0] == 4
    assert caplog.text.count("its like are left alone") == 3
    for path in drop.glob("*.*"):
        path.unlink() if path.is_file() else None
    assert nothing_comes(connector)
    assert left(connector.left()) == {"suffix": (1, "plain")}


def test_files_that_cannot_be_taken_are_told_with_the_reason_until_they_can(plain_user: Path) -> None:  # noqa: F811
    (plain_user / "frozen").mkdir()
    drop_all(plain_user, ["frozen/a.bmp", "frozen/b.bmp"])
    (plain_user / "frozen").chmod(0o500)
    connector = connect(plain_user)
    connector.open()
    drop_all(plain_user, ["c.bmp"])

    assert [capture.name for capture in finish(connector)] == ["c.bmp"]
    assert nothing_comes(connector)
    count, example = left(connector.left())["refused"]
    assert (count, example) in [(2, f"frozen/{name}.bmp: Permission denied") for name in "ab"]
    (plain_user / "frozen").chmod(0o700)
    finish(connector, count=2)
    assert nothing_comes(connector)
    assert connector.left() == []
    connector.close()


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Path]:
    """A folder below the drop folder that not even root can take files out of, with two pictures in it."""
    folder = tmp_path / "drop" / "frozen"
    drop_all(folder, ["a.bmp", "b.bmp"])
    for command in (["mount", "--bind", folder, folder], ["mount", "-o", "remount,bind,ro", folder]):
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], capture_output=True)


def test_a_line_is_not_ready_while_files_cannot_be_taken_and_says_which_and_why(tmp_path: Path, frozen: Path) -> None:
    source = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 0, "rescan_s": 0.2}
    line = Line(tmp_path, [source])
    drop_all(line.drop, ["good.bmp", "@eaDir/x.jpg"])
    with running(line):
        line.wait_for_records(1)
        refused = "files of drop: 2 cannot be taken, as frozen/"
        wait_until(lambda: refused in line.page("readyz"), line.explain)
        assert '\ninspector_files_left{reason="refused",source="drop"} 2.0\n' in line.page("metrics")
        assert '\ninspector_files_left{reason="system",source="drop"} 1.0\n' in line.page("metrics")
        wait_until(lambda: "2 refused, as frozen/" in line.run("status").stdout, line.explain)
        (source_told,) = json.loads(line.run("status", "--json").stdout)["sources"]
        assert {one["reason"]: one["count"] for one in source_told["left"]} == {"refused": 2, "system": 1}
        # When they go, then all is well
        subprocess.run(["umount", "-l", frozen], check=True)
        line.wait_for_records(3)
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        assert line.stop() == 0
    assert line.account()[0]["balanced"]
