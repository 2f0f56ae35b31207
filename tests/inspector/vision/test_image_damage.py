"""Holds decoding against damage: what is truncated, altered or lies in its header never passes and costs little."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspector import MAX_PIXELS
from inspector.errors import ImageError
from inspector.vision import image
from tests.fakes import ROOT
from tests.inspector import pictures
from tests.inspector.pictures import EXTENSIONS, encode, strip, write


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_truncated_file_is_never_decoded(extension: str) -> None:
    whole = encode(strip(40, 50), extension)
    lengths = {*range(70), *range(len(whole) - 70, len(whole)), *range(0, len(whole), 29)}

    for length in sorted(lengths):
        if extension == ".bmp" and length >= len(whole) - 2:  # all that lacks is what fills up the last row: no pixels
            assert (image.decode(whole[:length]) == strip(40, 50)).all()
            continue
        with pytest.raises(ImageError):
            image.decode(whole[:length])


def test_a_jpeg_that_ends_after_its_thumbnail_is_never_decoded() -> None:
    # Its last two bytes are the end marker of the thumbnail.
    assert image.decode(pictures.with_thumbnail()).shape == (96, 128)

    with pytest.raises(ImageError):
        image.decode(pictures.with_thumbnail(cut=True))


@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_a_zero_filled_tail_is_seen_where_the_format_has_an_end(extension: str) -> None:
    whole = encode(strip(), extension)

    with pytest.raises(ImageError, match="truncated"):
        image.decode(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))


def test_a_zero_filled_tail_of_a_bmp_cannot_be_seen() -> None:
    # The file has the promised length and BMP has no checksum: black rows are what it says. Known limit: a writer
    # that reserves space first must rename the file when it is whole, or never pause for as long as `settle_ms`.
    whole = pictures.neu_bmp(strip())

    pixels = image.decode(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))

    assert (pixels[0] == 0).all()
    assert (pixels[-1] == strip()[-1]).all()


@pytest.mark.parametrize(
    "first_import", ["inspector.vision.image", "inspector.vision.preprocess", "inspector.settings.settings"]
)
def test_a_header_that_claims_too_much_costs_no_memory(first_import: str, tmp_path: Path) -> None:
    # Given headers that claim 30,000 x 30,000 or a chunk of 4 GB, and OpenCV first imported by this or that module
    bombs = {
        "bmp": pictures.bmp_bomb(), "png": pictures.png_bomb(), "tiff": pictures.tiff_bomb(),
        "chunk": pictures.png_chunk_bomb(),
    }  # fmt: skip
    for name, data in bombs.items():
        (tmp_path / name).write_bytes(data)
    # When a fresh process decodes them
    script = (
        f"import {first_import}, resource, sys\n"
        "from pathlib import Path\n"
        "from inspector.vision import image\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for path in map(Path, sys.argv[1:]):\n"
        "    try:\n        image.read(path)\n    except image.ImageError as error:\n        print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    paths = [str(tmp_path / name) for name in bombs]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV")}
    answer = subprocess.run(
        [sys.executable, "-c", script, *paths], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60
    )
    # Then each is refused, and what it claims was never allocated
    *reasons, growth_kb = answer.stdout.splitlines()
    large = "30000x30000 pixels: at most 65,536 a side and 100,000,000 in all"
    assert reasons == [large] * 3 + ["truncated: PNG without its IEND end"], answer.stderr
    assert int(growth_kb) < 100_000


def test_damaged_files_give_an_image_or_a_reason_and_nothing_else() -> None:
    # Given one small file of each kind
    seeds = [encode(strip(40, 50), extension) for extension in EXTENSIONS]
    seeds += [encode(strip(40, 50).astype(np.uint16) << 8, ".tif")]
    seeds += [write(pictures.gray(40, 50).convert("CMYK"), "JPEG")]
    seeds += [write(Image.fromarray(strip(40, 50)).convert("P"), "PNG"), pictures.turned("JPEG", 5)]
    small = pictures.gray(40, 50)
    seeds += [write(small, "TIFF", compression=kind) for kind in ("tiff_lzw", "packbits", "tiff_adobe_deflate")]
    seeds += [pictures.tiff(strip(40, 50), big=True, tile=32), write(small, "JPEG", progressive=True)]
    random = np.random.default_rng(20)
    refused = 0
    # When some bytes of each are changed, most of them early, where the headers are
    for number in range(3000):
        data = bytearray(seeds[number % len(seeds)])
        reach = len(data) if number % 2 else min(len(data), 200)
        for position in random.integers(0, reach, random.integers(1, 6)):
            data[position] = random.integers(0, 256)
        # Then there are pixels or an ImageError
        try:
            pixels = image.decode(bytes(data))
        except ImageError as error:
            refused += bool(str(error))
        else:
            assert (pixels.dtype, pixels.ndim) == (np.uint8, 2)
            assert pixels.size <= MAX_PIXELS
    assert 500 < refused < 3000


def test_random_bytes_under_a_good_magic_are_never_decoded() -> None:
    random = np.random.default_rng(21)
    for number in range(1000):
        magic = encode(strip(40, 50), EXTENSIONS[number % len(EXTENSIONS)])[:8]
        with pytest.raises(ImageError):
            image.decode(magic + random.bytes(int(random.integers(0, 400))))
