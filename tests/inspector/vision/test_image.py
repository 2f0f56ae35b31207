"""Holds decoding: each kind of file becomes gray pixels or a reason, whatever is in it, at a bounded cost."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.vision import image
from tests.inspector import pictures
from tests.inspector.pictures import EXTENSIONS, encode, strip, write


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_gray_is_decoded_in_every_format(extension: str) -> None:
    pixels = image.decode(encode(strip(), extension))

    assert (pixels.shape, pixels.dtype) == ((96, 128), np.uint8)
    assert pixels.flags.c_contiguous
    lossy = extension in (".jpg", ".webp")
    assert np.abs(pixels.astype(int) - strip()).max() <= (25 if lossy else 0)


def test_a_palette_bmp_like_those_of_neu_keeps_its_gray_levels() -> None:
    assert (image.decode(pictures.neu_bmp(strip(200, 200))) == strip(200, 200)).all()


@pytest.mark.parametrize("form", ["BMP", "PNG", "TIFF", "JPEG", "WEBP"])
def test_colour_becomes_luma(form: str) -> None:
    expected = np.asarray(pictures.colour().convert("L"), int)

    pixels = image.decode(write(pictures.colour(), form)).astype(int)

    assert np.abs(pixels - expected).mean() < 4


@pytest.mark.parametrize(("form", "alpha"), [("PNG", 0), ("WEBP", 0), ("TIFF", 255)])
def test_alpha_is_ignored(form: str, alpha: int) -> None:
    # A TIFF is the exception: its reader dims what is transparent, so that such a picture ends as blank, not as ok.
    clear = pictures.colour().convert("RGBA")
    clear.putalpha(alpha)

    options = {"exact": True} if form == "WEBP" else {}
    pixels = image.decode(write(clear, form, **options)).astype(int)

    assert np.abs(pixels - image.decode(write(pictures.colour(), form))).mean() < 4


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_is_converted(form: str) -> None:
    assert image.decode(write(pictures.colour().convert("CMYK"), form)).std() > 5


@pytest.mark.parametrize("form", ["BMP", "PNG", "TIFF"])
def test_one_bit_a_pixel_becomes_black_and_white(form: str) -> None:
    assert set(np.unique(image.decode(write(pictures.gray().convert("1"), form)))) == {0, 255}


@pytest.mark.parametrize("extension", [".png", ".tif", ".pgm"])
def test_sixteen_bits_lose_their_lower_half(extension: str) -> None:
    deep = strip().astype(np.uint16) << 8 | 0x7F

    assert (image.decode(encode(deep, extension)) == strip()).all()


@pytest.mark.parametrize("extension", [".png", ".tif", ".pgm"])
def test_a_twelve_bit_camera_is_not_seen_as_black(extension: str) -> None:
    deep = strip().astype(np.uint16) << 4 | 0x7

    assert (image.decode(encode(deep, extension), bit_depth=12) == strip()).all()


def test_a_gray_level_beyond_the_stated_depth_is_refused() -> None:
    with pytest.raises(ImageError, match="gray level 4096 in an image said to use 12 bits"):
        image.decode(encode(np.full((64, 64), 4096, np.uint16), ".png"), bit_depth=12)


def test_pixels_that_are_not_whole_numbers_are_refused() -> None:
    with pytest.raises(ImageError, match="float32"):
        image.decode(encode(strip().astype(np.float32), ".tif"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"this is not a picture\n" * 40, "not an image we inspect"),
        (b"\x00" * 4096, "not an image we inspect"),
        (b"GIF89a" + bytes(100), "not an image we inspect"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(100), "damaged WebP"),
        (b"BM", "truncated: a BMP header"),
        (b"\x89PNG\r\n\x1a\n", "truncated: a PNG header"),
    ],
)
def test_what_is_no_image_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        image.decode(data)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_several_pictures_in_one_file_are_refused(form: str) -> None:
    with pytest.raises(ImageError, match="several pictures in one"):
        image.decode(pictures.animated(form))


def test_an_animated_gif_is_refused() -> None:
    with pytest.raises(ImageError, match="not an image we inspect"):
        image.decode(pictures.animated("GIF"))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (31, 500), (500, 31)])
def test_a_picture_too_small_to_show_strip_is_refused(height: int, width: int) -> None:
    with pytest.raises(ImageError, match=f"{width}x{height} pixels: smaller than 32x32"):
        image.decode(encode(strip(height, width)))


def test_a_side_longer_than_a_message_can_carry_is_refused() -> None:
    with pytest.raises(ImageError, match="65,536 a side"):
        image.decode(encode(np.full((40, 70_000), 9, np.uint8), ".png"))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_the_exif_orientation_is_obeyed_as_every_viewer_does(form: str) -> None:
    # The trainer reads through the same function, so what was shown in training is what is inspected.
    upright, turned = image.decode(pictures.turned(form, 1)), image.decode(pictures.turned(form, 6))

    assert turned.shape == upright.shape[::-1]
    assert np.abs(turned.astype(int) - np.rot90(upright, -1)).max() <= 2


def test_a_link_a_pipe_or_a_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "real.bmp").write_bytes(encode(strip()))
    (tmp_path / "link.bmp").symlink_to(tmp_path / "real.bmp")
    os.mkfifo(tmp_path / "pipe.bmp")

    assert (image.read(tmp_path / "real.bmp") == strip()).all()
    for name in ("link.bmp", "pipe.bmp"):
        with pytest.raises(ImageError, match="drop the picture itself"):
            image.read(tmp_path / name)
    with pytest.raises((ImageError, OSError)):
        image.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        image.read(tmp_path / "none.bmp")


def test_a_file_beyond_the_size_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.bmp").open("wb") as file:
        file.truncate(image.MAX_FILE_BYTES + 1)

    with pytest.raises(ImageError, match="bytes: at most"):
        image.read(tmp_path / "huge.bmp")


def faint() -> NDArray[np.uint16]:
    """Strip in 12 of 16 bits, of so little contrast that its upper 8 bits are nearly blank."""
    return (strip().astype(np.uint16) // 4 + 60) << 4


@pytest.mark.parametrize("extension", [".png", ".tif", ".pgm"])
def test_twelve_bits_taken_for_sixteen_are_no_blank_picture(extension: str) -> None:
    with pytest.raises(ImageError, match="only 12 of 16 bits are used: set bit_depth"):
        image.decode(encode(faint(), extension))

    assert image.decode(encode(faint(), extension), bit_depth=12).std() > 2


def test_a_dark_picture_of_sixteen_bits_without_texture_stays_blank() -> None:
    assert image.decode(encode(np.full((64, 64), 900, np.uint16), ".png")).max() == 3


def test_a_png_that_says_how_many_bits_it_uses_is_believed() -> None:
    low = strip().astype(np.uint16) << 4 | 0x7
    for levels in (low, low << 4):  # as most cameras leave them, and moved up as the standard wants
        whole = encode(levels, ".png")
        chunk = b"sBIT\x0c"
        stated = whole[:33] + struct.pack(">I", 1) + chunk + struct.pack(">I", zlib.crc32(chunk)) + whole[33:]

        assert (image.decode(stated) == strip()).all()


@pytest.mark.parametrize("bits", [4, 6, 7])
def test_a_pgm_of_fewer_than_eight_bits_is_not_seen_as_dark(bits: int) -> None:
    levels = strip() >> (8 - bits)
    head = b"P5 128 96 %d\n" % ((1 << bits) - 1)

    assert (image.decode(head + levels.tobytes()) == levels << (8 - bits)).all()
    with pytest.raises(ImageError, match="beyond what it says is white"):
        image.decode(head + strip().tobytes())


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 16])
def test_a_pgm_that_says_which_level_is_white_is_believed(bits: int) -> None:
    levels = (strip().astype(np.uint16) << (bits - 8)).astype(">u2").tobytes()

    assert (image.decode(b"P5\n# camera 7\n128 96\n%d\n" % ((1 << bits) - 1) + levels) == strip()).all()
