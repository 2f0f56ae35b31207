"""Holds what a picture file may cost before it is refused: bytes read, steps walked, memory. Counted, not timed."""

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import ImageError
from inspector.vision import image
from inspector.vision.formats import bmp, jpeg, pgm, png, tiff, webp
from inspector.vision.formats.outline import Truncated
from tests.fakes import ROOT
from tests.inspector import pictures
from tests.inspector.pictures import EXTENSIONS, encode, strip

HUGE = 511 * 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n"
IHDR = encode(strip(), ".png")[8:33]
WHOLE = {extension: encode(strip(), extension) for extension in EXTENSIONS}


class Hostile:
    """A file of half a gigabyte: `start`, then `rest` for ever. It counts what is read of it."""

    def __init__(self, start: bytes, rest: bytes) -> None:
        self.read, self._start, self._rest = 0, start, rest

    def __len__(self) -> int:
        return HUGE

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(HUGE)
        self.read += max(0, stop - start)
        repeated = self._rest * ((stop - min(start, len(self._start))) // len(self._rest) + 2)
        behind = max(0, start - len(self._start))
        tail = repeated[behind % len(self._rest) :][: max(0, stop - max(start, len(self._start)))]
        return self._start[start:stop] + tail


#: What is hostile in it, its format, its first bytes, and what comes for ever behind them.
HOSTILE = {
    "png: zeros": (png, PNG, bytes(64)),
    "png: zeros behind the header": (png, PNG + IHDR, bytes(64)),
    "png: empty chunks": (png, PNG + IHDR, b"\0\0\0\0tEXt\0\0\0\0"),
    "png: chunks of one byte": (png, PNG + IHDR, b"\0\0\0\x01tEXt\0\0\0\0\0"),
    "png: a chunk of 4 GB": (png, PNG + IHDR, b"\xff\xff\xff\xfftEXt"),
    "jpeg: fill bytes": (jpeg, b"\xff\xd8\xff", b"\xff"),
    "jpeg: zeros": (jpeg, b"\xff\xd8\xff", bytes(64)),
    "jpeg: empty segments": (jpeg, b"\xff\xd8", b"\xff\xe1\0\x02"),
    "jpeg: empty EXIF": (jpeg, b"\xff\xd8", b"\xff\xe1\0\x08Exif\0\0"),
    "jpeg: restarts": (jpeg, b"\xff\xd8", b"\xff\xd0"),
    "tiff: all entries": (tiff, b"II*\0\x08\0\0\0", b"\xff"),
    "tiff: a list of 65,536 strips for each tag": (
        tiff, b"II*\0\x08\0\0\0\xe8\x03", struct.pack("<HHII", 273, 4, 4 * 65_536, 4096),
    ),
    "bigtiff: all entries": (tiff, b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0", b"\xff"),
    "bmp: zeros": (bmp, b"BM", bytes(64)),
    "bmp: ones": (bmp, b"BM", b"\xff"),
    "webp: zeros": (webp, b"RIFF\xff\xff\xff\x0fWEBP", bytes(64)),
    "pgm: blanks": (pgm, b"P5", b" "),
    "pgm: a comment": (pgm, b"P5#", b"#"),
    "pgm: comments": (pgm, b"P5", b"#\n"),
    "pgm: digits": (pgm, b"P5 ", b"9"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_header_is_refused_after_little_is_read(kind: str) -> None:
    form, start, rest = HOSTILE[kind]
    data = Hostile(start, rest)

    with pytest.raises(ImageError):
        form.outline(data).refuse_implausible(len(data))

    assert data.read < 4_000_000


@pytest.mark.parametrize(
    "rest",
    [b"\0\0\0\0IDAT\0\0\0\0", b"\0\0\0\0tEXt\0\0\0\0", b"\0\0\0\x01tEXt\0\0\0\0\0"],
    ids=["empty", "text", "byte"],
)
def test_a_png_of_endless_small_chunks_is_given_up(rest: bytes) -> None:
    data = PNG + IHDR + rest * (14_000_000 // len(rest))

    with pytest.raises(ImageError, match="damaged PNG: more than"):
        image.decode(data)


@pytest.mark.parametrize(
    "rest", [b"\xff\xe1\0\x02", b"\xff\xd0", b"\xff\xda\0\x08\x01\x01\0\0\x3f\0"], ids=["empty", "restart", "scan"]
)
def test_a_jpeg_of_endless_segments_or_scans_is_given_up(rest: bytes) -> None:
    whole = WHOLE[".jpg"]
    at = whole.index(b"\xff\xda")

    with pytest.raises(ImageError, match="damaged JPEG"):
        image.decode(whole[:at] + rest * 100_000 + whole[at:])


def test_strips_that_lie_over_each_other_are_refused() -> None:
    # Given 96 strips, each of them said to be all of the file
    whole = pictures.tiff(strip(), rows=1, compression=8)
    lengths = whole.index(struct.pack("<HHI", 279, 4, 96)) + 8
    at = int.from_bytes(whole[lengths : lengths + 4], "little")
    starts = int.from_bytes(whole[(found := whole.index(struct.pack("<HHI", 273, 4, 96)) + 8) : found + 4], "little")
    data = bytearray(whole)
    data[at : at + 4 * 96] = struct.pack("<I", len(whole) - 8) * 96
    data[starts : starts + 4 * 96] = struct.pack("<I", 8) * 96

    with pytest.raises(ImageError, match="lie over each other"):
        image.decode(bytes(data))


def _sparse(folder: Path) -> Iterator[Path]:
    """Files of half a gigabyte that hold next to nothing: a bare signature, a bare header, and a whole picture."""
    for number, (extension, whole) in enumerate(WHOLE.items()):
        for length in (3, 33, len(whole)):
            path = folder / f"{number}-{length}{extension}"
            path.write_bytes(whole[:length])
            os.truncate(path, HUGE)
            yield path


def test_half_a_gigabyte_behind_a_small_header_is_never_read(tmp_path: Path) -> None:
    # Given sparse files of every format, and a process that may have 300 MB more than it has after its imports
    paths = [str(path) for path in _sparse(tmp_path)]
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from inspector.vision import image\n"
        "from inspector.errors import ImageError\n"
        "size = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (size + (300 << 20),) * 2)\n"
        "for path in map(Path, sys.argv[1:]):\n"
        "    try:\n        image.read(path)\n    except ImageError as error:\n        print(error)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, *paths], capture_output=True, text=True, cwd=ROOT, timeout=100
    )

    assert len(answer.stdout.splitlines()) == len(paths), answer.stderr


def test_a_file_whose_header_asks_for_more_than_is_there_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "half.bmp"
    path.write_bytes(pictures.neu_bmp(strip(9000, 9000))[:60_000_000])

    with pytest.raises(Truncated):
        image.read_file(path)
