"""Pictures as bytes, in every format and with every trap, for tests of decoding and of the drop folder."""

import io
import struct
import zlib
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Every format that is inspected, as OpenCV names its encoder.
EXTENSIONS = (".bmp", ".png", ".jpg", ".tif", ".webp", ".pgm")


def strip(height: int = 96, width: int = 128, seed: int = 0) -> NDArray[np.uint8]:
    """Gray texture: smooth enough for JPEG, rough enough not to be blank."""
    noise = np.random.default_rng(seed).integers(60, 200, (height, width), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (5, 5), 0), np.uint8)


def encode(pixels: NDArray[Any], extension: str = ".bmp") -> bytes:
    """A file of `pixels`, written by OpenCV."""
    return cv2.imencode(extension, pixels)[1].tobytes()


def write(picture: Image.Image, form: str, **options: Any) -> bytes:
    """A file of `picture`, written by Pillow, which knows more kinds."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def gray(height: int = 96, width: int = 128) -> Image.Image:
    """The strip as a Pillow picture."""
    return Image.fromarray(strip(height, width))


def colour() -> Image.Image:
    """Three different channels."""
    return Image.merge("RGB", [Image.fromarray(strip(seed=seed)) for seed in (1, 2, 3)])


def neu_bmp(pixels: NDArray[np.uint8]) -> bytes:
    """A BMP as the NEU data set has them: 8 bits, a gray palette, rows bottom up."""
    return write(Image.fromarray(pixels), "BMP")


def animated(form: str) -> bytes:
    """Two pictures in one file."""
    first, second = Image.fromarray(strip(seed=1)), Image.fromarray(strip(seed=2))
    return write(first, form, save_all=True, append_images=[second])


def turned(form: str, orientation: int) -> bytes:
    """A picture whose EXIF data ask the reader to turn it."""
    exif = Image.Exif()
    exif[0x112] = orientation
    return write(gray(), form, exif=exif)


def with_thumbnail(cut: bool = False) -> bytes:
    """A JPEG with a whole JPEG inside its EXIF data; `cut`: it ends just after the thumbnail."""
    thumbnail = encode(strip(48, 64), ".jpg")
    whole = encode(strip(), ".jpg")
    segment = b"Exif\0\0" + thumbnail
    head = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    return head if cut else head + whole[2:]


@cache
def png_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A whole PNG, small on disk, with all the pixels it claims."""
    packer = zlib.compressobj(9)
    rows = bytes(100 * (width + 1))
    body = b"".join(packer.compress(rows) for _ in range(height // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def png_chunk_bomb(length: int = 0xF0000000) -> bytes:
    """A small PNG with a palette chunk that claims to be gigabytes long."""
    whole = write(gray().convert("P"), "PNG")
    position = whole.index(b"PLTE") - 4
    return whole[:position] + struct.pack(">I", length) + whole[position + 4 :]


def bmp_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A BMP whose header is right about the file's length and wrong about everything else."""
    rows = bytes(4096)
    header = struct.pack("<IHHI", 54 + len(rows), 0, 0, 54)
    return b"BM" + header + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0) + rows


def tiff_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A TIFF of one strip that is far shorter than its directory says."""
    entries = (
        (256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 200), (277, 3, 1),
        (278, 4, height), (279, 4, 1000),
    )  # fmt: skip
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(1300)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
