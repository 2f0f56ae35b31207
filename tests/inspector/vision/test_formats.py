"""Holds each picture format: what its bytes promise, where its picture ends, and that no decoder invents pixels."""

import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inspector.errors import ImageError
from inspector.vision import image
from inspector.vision.formats.outline import Truncated
from tests.inspector import pictures
from tests.inspector.pictures import EXTENSIONS, encode, strip, tiff, write

DEEP = strip().astype(np.uint16) << 8 | 0x5A
COLOUR = np.dstack([strip(), strip(), strip()])
JPEG = {
    "plain": encode(strip(), ".jpg"),
    "restarts": write(pictures.gray(), "JPEG", restart_marker_blocks=4),
    "progressive": write(pictures.gray(), "JPEG", progressive=True),
    "colour": write(pictures.colour(), "JPEG"),
    "cmyk": write(pictures.colour().convert("CMYK"), "JPEG"),
}


def cut(data: bytes, share: float) -> bytes:
    """A JPEG whose last part is lost in transport and whose end marker is there."""
    return data[: int(len(data) * share)] + b"\xff\xd9"


def zeroed(data: bytes, share: float) -> bytes:
    """A file of which 60 bytes arrived as zeros."""
    at = int(len(data) * share)
    return data[:at] + bytes(60) + data[at + 60 :]


def without_last_rows(data: bytes) -> bytes:
    """A JPEG with restarts whose last interval never came."""
    return data[: max(data.rfind(b"\xff" + bytes([marker])) for marker in range(0xD0, 0xD8))] + b"\xff\xd9"


@pytest.mark.parametrize("kind", JPEG)
@pytest.mark.parametrize("share", [0.8, 0.97])
def test_a_jpeg_whose_lost_pixels_the_decoder_would_make_up_is_an_error(kind: str, share: float) -> None:
    assert image.decode(JPEG[kind]).shape == (96, 128)

    with pytest.raises(ImageError, match="damaged JPEG"):
        image.decode(cut(JPEG[kind], share))


def test_a_jpeg_of_an_unknown_revision_of_jfif_has_all_its_pixels() -> None:
    other = JPEG["plain"].replace(b"JFIF\0\x01", b"JFIF\0\x02")

    assert (image.decode(other) == image.decode(JPEG["plain"])).all()


def test_a_jpeg_without_its_last_rows_is_an_error() -> None:
    with pytest.raises(ImageError, match="damaged JPEG: Corrupt JPEG data"):
        image.decode(without_last_rows(JPEG["restarts"]))


def test_a_progressive_jpeg_that_lacks_a_whole_scan_is_an_error() -> None:
    # Given a file that ends well after its first scans: a decoder shows it without a word, blurred
    scans = JPEG["progressive"].split(b"\xff\xda")

    for count in range(2, len(scans)):
        with pytest.raises(ImageError, match="damaged JPEG: some of its scans are missing"):
            image.decode(b"\xff\xda".join(scans[:count]) + b"\xff\xd9")


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("kind", ["gray", "colour", "deep"])
def test_a_packed_tiff_that_gives_fewer_pixels_than_it_has_is_an_error(compression: str, kind: str) -> None:
    picture = {"gray": pictures.gray(), "colour": pictures.colour(), "deep": Image.fromarray(DEEP)}[kind]
    whole = write(picture, "TIFF", compression=compression)
    assert image.decode(whole).shape == (96, 128)

    # When one strip is said to be shorter than it is
    at = whole.index(struct.pack("<HHI", 279, 4, 1)) + 8
    length = int.from_bytes(whole[at : at + 4], "little")
    with pytest.raises(ImageError, match="damaged TIFF"):
        image.decode(whole[:at] + struct.pack("<I", length * 3 // 4) + whole[at + 4 :])


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_a_packed_tiff_with_a_damaged_stream_is_an_error(compression: str) -> None:
    whole = write(pictures.gray(), "TIFF", compression=compression)

    with pytest.raises(ImageError, match="damaged TIFF"):
        image.decode(zeroed(whole, 0.6))


def test_a_png_with_a_flipped_bit_is_an_error_wherever_it_is() -> None:
    whole = encode(strip(), ".png")

    for at in range(16, len(whole) - 12, 97):
        with pytest.raises(ImageError):
            image.decode(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_that_ends_early_in_a_container_that_agrees_is_an_error(lossless: bool) -> None:
    whole = write(pictures.gray(), "WEBP", lossless=lossless)
    body = whole[20 : len(whole) * 7 // 10 & ~1]
    chunk = whole[12:16] + struct.pack("<I", len(body)) + body

    with pytest.raises(ImageError, match="damaged WebP"):
        image.decode(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk)


@pytest.mark.parametrize("second", EXTENSIONS)
@pytest.mark.parametrize("first", [extension for extension in EXTENSIONS if extension != ".tif"])
@pytest.mark.parametrize("padding", [b"", bytes(37)])
def test_a_second_picture_behind_the_first_is_refused_by_name(first: str, second: str, padding: bytes) -> None:
    with pytest.raises(ImageError, match="several pictures in one"):
        image.decode(encode(strip(), first) + padding + encode(strip(seed=2), second))


def test_a_large_second_picture_is_seen_by_a_directory_at_its_end() -> None:
    with pytest.raises(ImageError, match="several pictures in one JPEG"):
        image.decode(encode(strip(), ".jpg") + tiff(strip(900, 900)))


def test_a_jpeg_of_several_pictures_as_phones_write_it_is_refused() -> None:
    with pytest.raises(ImageError, match="several pictures in one JPEG"):
        image.decode(write(pictures.gray(), "MPO", save_all=True, append_images=[pictures.gray()]))


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize(
    "trailer", [bytes(200), b"\r\n", b"camera 7, exposure 12 BM P5 1\n" * 20, bytes(range(256)) * 40]
)
def test_a_trailer_that_is_no_picture_is_no_pixels(extension: str, trailer: bytes) -> None:
    whole = encode(strip(), extension)

    assert (image.decode(whole + trailer) == image.decode(whole)).all()


@pytest.mark.parametrize("size", [0, 1, 2**32 - 1])
def test_a_bmp_with_all_its_rows_is_whole_whatever_its_header_says_of_the_file(size: int) -> None:
    whole = pictures.neu_bmp(strip())
    wrong = whole[:2] + struct.pack("<I", size) + whole[6:]

    assert image.parse(wrong).end <= len(wrong)
    assert (image.decode(wrong) == strip()).all()


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_file_half_written_is_waited_for_in_every_format(extension: str) -> None:
    whole = encode(strip(40, 50), extension)

    for length in range(1, len(whole) - 4, 7):
        with pytest.raises(Truncated, match=r"^truncated"):
            image.parse(whole[:length])
    assert image.parse(whole).data == whole


@pytest.mark.parametrize("whole", [tiff(strip()), tiff(DEEP, big=True), tiff(strip(), tile=32), tiff(strip(), rows=7)])
def test_a_tiff_whose_directory_comes_last_is_waited_for_too(whole: bytes) -> None:
    for length in range(1, len(whole) - 40, 97):
        with pytest.raises(Truncated, match=r"^truncated"):
            image.parse(whole[:length])
    # libtiff writes where the directory is when it has written it
    with pytest.raises(Truncated, match=r"^truncated"):
        image.parse(whole[:4] + bytes(12) + whole[16:-200])
    assert image.parse(whole).data == whole


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("tile", [0, 32])
def test_white_as_zero_is_never_read_as_its_negative(order: str, big: bool, tile: int) -> None:
    for level, pixels in ((255, strip()), (65535, DEEP)):
        negative = tiff((level - pixels).astype(pixels.dtype), order, big, tile, photometric=0)

        assert (image.decode(negative) == strip()).all()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    "layout", [{}, {"tile": 32}, {"rows": 7}, *({"compression": 8, **more} for more in ({}, {"tile": 48}, {"rows": 5}))]
)
@pytest.mark.parametrize("pixels", [strip(), DEEP, COLOUR, np.dstack([DEEP, DEEP, DEEP])])
def test_a_tiff_of_any_layout_is_read_as_it_is(order: str, big: bool, layout: dict[str, int], pixels: Any) -> None:
    assert (image.decode(tiff(pixels, order, big, **layout)) == strip()).all()


def test_planes_of_eight_bits_are_read() -> None:
    assert (image.decode(tiff(COLOUR, planar=2, rows=10)) == strip()).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (tiff(np.dstack([DEEP] * 3), planar=2), "a TIFF of 16 bits with 3 samples in this order"),
        (tiff(np.dstack([DEEP] * 2), extra=2), "a TIFF of 16 bits with 2 samples"),
        (tiff(strip().astype(np.int8), number=2), "pixels of type int8"),
        (tiff(DEEP.astype(np.int16), number=2), "pixels of type int16"),
        (tiff(DEEP.astype(np.uint32)), "pixels of type uint32"),
        (tiff(DEEP.astype(np.float32), number=3), "pixels of type float32"),
        (tiff(DEEP.astype(np.float64), number=3), "pixels of type float64"),
        (tiff(strip(), bits=4), "a TIFF of 4 bits a sample"),
        (tiff(strip(), compression=7), "a TIFF of compression 7: none, LZW"),
        (tiff(strip(), photometric=32845), "a TIFF of colour kind 32845"),
        (tiff(strip(), subfile=1), "a TIFF whose first picture is a thumbnail"),
        (b"P2\n# plain\n40 40\n255\n" + b"7 " * 1600, r"a PGM in text \(P2\)"),
        (b"P6 40 40 255\n" + bytes(4800), "a PBM, PPM or PAM"),
        (pictures.animated("GIF"), "a GIF"),
    ],
)
def test_what_cannot_be_read_is_called_by_its_name(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        image.decode(data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_obeyed(form: str, orientation: int) -> None:
    turned = image.decode(pictures.turned(form, orientation)).astype(int)
    upright = image.decode(pictures.turned(form, 1))

    transposed = upright.T if orientation > 4 else upright
    flips = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}
    down, across = flips[orientation]
    assert np.abs(turned - transposed[::down, ::across]).max() <= 2
