"""Holds the whole list of bad input against one running line: each file a verdict of its kind, and the line goes on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from inspector.record.records import Record
from tests.fakes import ROOT, Line, running, wait_until
from tests.inspector import pictures
from tests.inspector.pictures import encode, strip, write

#: Without these, root is refused a file it may not read, as any other user is.
_WITHOUT = "-dac_override,-dac_read_search"
_SETPRIV = ["setpriv", f"--bounding-set={_WITHOUT}", f"--inh-caps={_WITHOUT}"]
BMP = pictures.neu_bmp(strip())
DEEP = strip().astype(np.uint16) << 8

#: Inspected: what can be converted, and any name.
INSPECTED: dict[bytes, bytes] = {
    b"good.bmp": BMP,
    b"good.png": encode(strip(), ".png"),
    b"good.jpg": encode(strip(), ".jpg"),
    b"good.webp": encode(strip(), ".webp"),
    b"good.pgm": encode(strip(), ".pgm"),
    b"UPPER.TIFF": encode(strip(), ".tif"),
    b"sixteen.png": encode(DEEP, ".png"),
    b"sixteen.tif": encode(DEEP, ".tif"),
    b"sixteen_colour.png": encode(np.dstack([DEEP] * 3), ".png"),
    b"colour.bmp": write(pictures.colour(), "BMP"),
    b"colour.jpg": write(pictures.colour(), "JPEG"),
    b"palette.png": write(pictures.colour().convert("P"), "PNG"),
    b"alpha.png": write(pictures.colour().convert("RGBA"), "PNG"),
    b"alpha.webp": write(pictures.colour().convert("RGBA"), "WEBP"),
    b"cmyk.jpg": write(pictures.colour().convert("CMYK"), "JPEG"),
    b"turned.jpg": pictures.turned("JPEG", 6),
    b"png_named.bmp": encode(strip(), ".png"),
    b"two words.bmp": BMP,
    b'it\'s "quoted" `$(x)`.bmp': BMP,
    b"new\nline.bmp": BMP,
    b"\xff\xfe not utf-8.bmp": BMP,
    b"n" * 251 + b".bmp": BMP,
    "钢ä.bmp".encode(): BMP,
    b"coil 7/top/deep.bmp": BMP,
    b"folder.png/inside.png": encode(strip(), ".png"),
}
#: Whole pictures that show nothing, as a camera delivers them whose lamp or lens is off, or that has no signal.
BLANK: dict[bytes, bytes] = {
    b"black.bmp": encode(np.zeros((96, 128), np.uint8)),
    b"white.png": encode(np.full((96, 128), 255, np.uint8), ".png"),
    b"gray.jpg": encode(np.full((96, 128), 90, np.uint8), ".jpg"),
    b"green.png": encode(np.full((96, 128, 3), (0, 135, 0), np.uint8), ".png"),
    b"black_sixteen.tif": encode(np.zeros((96, 128), np.uint16), ".tif"),
}
#: Hopeless: what is in the file, and how the reason begins.
HOPELESS: dict[bytes, tuple[bytes, str]] = {
    b"empty.bmp": (b"", "empty file"),
    b"one_byte.bmp": (b"B", "truncated: 1 bytes are no picture yet"),
    b"truncated.bmp": (BMP[: len(BMP) // 2], "truncated: a BMP of this size needs"),
    b"header_only.bmp": (BMP[:54], "truncated: a BMP of this size needs"),
    b"truncated.png": (encode(strip(), ".png")[:-1], "truncated: PNG"),
    b"truncated.jpg": (encode(strip(), ".jpg")[:-500], "truncated: JPEG"),
    b"truncated.webp": (encode(strip(), ".webp")[:-1], "truncated: a WebP of this size"),
    b"truncated.tif": (encode(strip(), ".tif")[:-500], "truncated: a TIFF "),
    b"truncated.pgm": (encode(strip(), ".pgm")[:-1], "truncated: a PGM of this size"),
    b"valid_header.jpg": (encode(strip(), ".jpg")[:-500] + bytes(500), "truncated: JPEG"),
    b"wrong_magic.bmp": (b"XX" + BMP[2:], "not an image we inspect"),
    b"text.bmp": (b"this is a text\n" * 100, "not an image we inspect"),
    b"flipped.png": (encode(strip(), ".png").replace(b"IDAT", b"IDXT"), "damaged PNG: its IDXT chunk"),
    b"one_pixel.bmp": (encode(np.zeros((1, 1), np.uint8)), "1x1 pixels: smaller than 32x32"),
    b"float.tif": (encode(strip().astype(np.float32), ".tif"), "pixels of type float32"),
    b"animated.png": (pictures.animated("PNG"), "several pictures in one PNG"),
    b"animated.webp": (pictures.animated("WEBP"), "several pictures in one WebP"),
    b"pages.tif": (pictures.animated("TIFF"), "several pictures in one TIFF"),
    b"animated_gif.png": (pictures.animated("GIF"), "not an image we inspect"),
    b"bomb.bmp": (pictures.bmp_bomb(), "30000x30000 pixels: at most"),
    b"bomb.png": (pictures.png_bomb(), "30000x30000 pixels: at most"),
    b"bomb.tif": (pictures.tiff_bomb(), "30000x30000 pixels: at most"),
    b"chunk_bomb.png": (pictures.png_chunk_bomb(), "truncated: PNG"),
    b"long.png": (encode(np.full((40, 70_000), 9, np.uint8), ".png"), "70000x40 pixels: at most"),
    b"bad\nname.bmp": (b"", "empty file"),
    b"\xfe" * 251 + b".bmp": (b"", "empty file"),
}
#: Nothing to open: made by `_make_obstacles`.
OBSTACLES = {
    b"link.bmp": "a link",
    b"broken.bmp": "a link",
    b"link_to_folder.bmp": "a link",
    b"pipe.bmp": "not a plain file",
}


class UnprivilegedLine(Line):
    """A line that may not read what its permissions forbid, also where the tests run as root."""

    def start(self) -> None:
        """See Line.start."""
        prefix = _SETPRIV if os.geteuid() == 0 and can_drop_privileges() else []
        with (self.folder / "line.log").open("ab") as log:
            command = [*prefix, sys.executable, "-m", "inspector", "run", "-c", str(self.config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, start_new_session=True)


def can_drop_privileges() -> bool:
    """Whether root can be made an ordinary user here."""
    return bool(shutil.which("setpriv")) and not subprocess.run([*_SETPRIV, "true"], capture_output=True).returncode


@dataclass(frozen=True)
class Ended:
    """The line after all of it."""

    line: Line
    exit_code: int
    records: dict[str, Record]
    peak_mb: float


def _put(drop: bytes, name: bytes, data: bytes) -> None:
    path = os.path.join(drop, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def _make_obstacles(drop: Path, outside: Path) -> None:
    outside.mkdir()
    (outside / "real.bmp").write_bytes(BMP)
    (drop / "link.bmp").symlink_to(outside / "real.bmp")
    (drop / "broken.bmp").symlink_to("/does/not/exist")
    (drop / "link_to_folder.bmp").symlink_to(outside)
    os.mkfifo(drop / "pipe.bmp")
    (drop / "empty_folder.bmp").mkdir()
    (drop / "notes.txt").write_text("not for the inspector")
    (drop / "unreadable.bmp").write_bytes(BMP)
    (drop / "unreadable.bmp").chmod(0)
    (drop / "closed_folder").mkdir()
    (drop / "closed_folder" / "inside.bmp").write_bytes(BMP)
    (drop / "closed_folder").chmod(0)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """One line that was given all of it and then stopped."""
    folder = tmp_path_factory.mktemp("bad")
    source = {"name": "drop", "type": "folder", "path": str(folder / "drop"), "settle_ms": 50, "incomplete_wait_s": 1}
    line = UnprivilegedLine(folder, sources=[source], workers={"max_batch": 4})
    line.drop.mkdir()
    expected = len(INSPECTED) + len(BLANK) + len(HOPELESS) + len(OBSTACLES) + 1
    with running(line):
        # Half of the files are there before the line, half come while it runs, and one good file comes last.
        files = [*INSPECTED.items(), *BLANK.items(), *((name, data) for name, (data, _) in HOPELESS.items())]
        for name, data in files[::2]:
            _put(os.fsencode(line.drop), name, data)
        _make_obstacles(line.drop, folder / "outside")
        wait_until(lambda: line.recorded > 0, line.explain)
        for name, data in files[1::2]:
            _put(os.fsencode(line.drop), name, data)
        line.wait_for_records(expected)
        (line.drop / "last.bmp").write_bytes(BMP)
        line.wait_for_records(expected + 1)
        wait_until(lambda: (line.drop / "done" / "last.bmp").exists(), line.explain)
        status = Path(f"/proc/{line.child('drop')}/status").read_text()
        peak_mb = int(status.split("VmHWM:")[1].split()[0]) / 1024
        exit_code = line.stop()
    yield Ended(line, exit_code, {record.name: record for record in line.records()}, peak_mb)
    (line.drop / "closed_folder").chmod(0o700)


def shown(name: bytes) -> str:
    """What the record calls a file."""
    return name.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize("name", INSPECTED, ids=lambda name: ascii(name)[2:22])
def test_what_can_be_converted_is_inspected(ended: Ended, name: bytes) -> None:
    record = ended.records[shown(name)]

    assert record.outcome in ("ok", "defect", "unsure")
    assert record.model.startswith("fake-")
    assert os.path.exists(os.path.join(os.fsencode(ended.line.drop / "done"), name))


@pytest.mark.parametrize("name", BLANK, ids=lambda name: name.decode())
def test_a_picture_that_shows_nothing_never_passes(ended: Ended, name: bytes) -> None:
    record = ended.records[shown(name)]

    assert record.outcome == "unsure"
    assert record.reason == "blank: contrast 0.0 gray levels"


@pytest.mark.parametrize("name", HOPELESS, ids=lambda name: ascii(name)[2:22])
def test_what_is_hopeless_is_an_error_with_its_reason(ended: Ended, name: bytes) -> None:
    data, reason = HOPELESS[name]
    record = ended.records[shown(name)]

    assert record.outcome == "error"
    assert record.reason.startswith(reason)
    with open(os.path.join(os.fsencode(ended.line.drop / "failed"), name), "rb") as file:
        assert file.read() == data


@pytest.mark.parametrize("name", OBSTACLES, ids=lambda name: name.decode())
def test_links_and_pipes_are_errors_and_what_they_lead_to_is_not_touched(ended: Ended, name: bytes) -> None:
    record = ended.records[shown(name)]

    assert record.outcome == "error"
    assert record.reason.startswith(OBSTACLES[name])
    assert os.path.lexists(os.path.join(os.fsencode(ended.line.drop / "failed"), name))
    assert [path.name for path in (ended.line.folder / "outside").iterdir()] == ["real.bmp"]


def test_a_file_nobody_may_read_is_an_error(ended: Ended) -> None:
    if os.geteuid() == 0 and not can_drop_privileges():
        pytest.skip("root reads everything, and setpriv cannot take that away here")

    assert ended.records["unreadable.bmp"].reason == "cannot be read: Permission denied"
    assert (ended.line.drop / "failed" / "unreadable.bmp").exists()


def test_folders_stay_and_what_is_not_ours_is_left_alone(ended: Ended) -> None:
    assert (ended.line.drop / "empty_folder.bmp").is_dir()
    assert (ended.line.drop / "notes.txt").exists()
    left = {path.name for path in ended.line.drop.iterdir() if not path.is_dir()}
    assert left == {"notes.txt"}
    if os.geteuid() != 0 or can_drop_privileges():
        assert ended.line.log.count("closed_folder is left where it is: Permission denied") == 1


def test_nothing_is_left_under_way(ended: Ended) -> None:
    work = ended.line.drop / ".work"
    assert [path for path in work.rglob("*") if not path.is_dir() and path.name not in (".lock", ".clock")] == []


def test_the_line_went_on_and_stopped_well(ended: Ended) -> None:
    assert ended.records["last.bmp"].outcome != "error"
    assert ended.exit_code == 0
    assert "Traceback" not in ended.line.log
    assert " ended with " not in ended.line.log.split("stopping: sources first")[0]  # no process had to be replaced


def test_the_sums_balance(ended: Ended) -> None:
    (account,) = ended.line.account()

    assert account["balanced"]
    assert account["tally"]["captured"] == len(ended.records) == sum(account["recorded"].values())
    assert (account["tally"]["in_flight"], account["tally"]["dropped"]) == (0, {})
    errors = [record for record in ended.records.values() if record.outcome == "error"]
    assert account["recorded"]["error"] == len(errors)


def test_header_bombs_never_took_the_memory_they_claim(ended: Ended) -> None:
    assert ended.peak_mb < 400
