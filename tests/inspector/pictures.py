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


def tiff(pixels: NDArray[Any], order: str = "<", big: bool = False, tile: int = 0, rows: int = 0, **tags: int) -> bytes:
    """A TIFF written here, for kinds that no library writes: `tags` by name, see _TAGS. Planes where `planar` is 2."""
    numbers = {_TAGS[name]: [value] for name, value in tags.items()}
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    planes = [pixels[..., plane] for plane in range(samples)] if tags.get("planar") == 2 else [pixels]
    step = tile or rows or height
    parts = [
        _padded(plane[top : top + step, left : left + (tile or width)], tile)
        for plane in planes
        for top in range(0, height, step)
        for left in range(0, width, tile or width)
    ]
    written = [part.astype(part.dtype.newbyteorder(order)).tobytes() for part in parts]
    streams = [zlib.compress(data) if tags.get("compression") == 8 else data for data in written]
    start = 16 if big else 8
    starts = [start + sum(map(len, streams[:number])) for number in range(len(streams))]
    lengths = [len(stream) for stream in streams]
    numbers = {
        256: [width], 257: [height], 258: [8 * pixels.itemsize] * samples, 259: [1], 262: [2 if samples == 3 else 1],
        277: [samples], **({322: [tile], 323: [tile], 324: starts, 325: lengths} if tile else {}),
        **({} if tile else {273: starts, 278: [step], 279: lengths}), **numbers,
    }  # fmt: skip
    body = b"".join(streams) + bytes(sum(lengths) % 2)
    at = start + len(body)
    head = struct.pack(order + "HHHQ", 43, 8, 0, at) if big else struct.pack(order + "HI", 42, at)
    return (b"II" if order == "<" else b"MM") + head + body + _directory(numbers, at, order, big)


_TAGS = {
    "width": 256, "bits": 258, "compression": 259, "photometric": 262, "planar": 284, "number": 339, "subfile": 254,
    "extra": 338,
}  # fmt: skip


def _directory(numbers: dict[int, list[int]], at: int, order: str, big: bool) -> bytes:
    """A TIFF directory at byte `at`, all values of 4 bytes, and behind it the lists."""
    size, inline, link = (20, 8, "Q") if big else (12, 4, "I")
    lists_at = at + struct.calcsize("<" + link if big else "<H") + len(numbers) * size + inline
    entries, lists = b"", b""
    for tag, values in sorted(numbers.items()):
        written = struct.pack(f"{order}{len(values)}I", *values)
        if len(written) > inline:
            entry, lists = struct.pack(order + link, lists_at + len(lists)), lists + written
        else:
            entry = written.ljust(inline, b"\0")
        entries += struct.pack(order + ("HHQ" if big else "HHI"), tag, 4, len(values)) + entry
    return struct.pack(order + ("Q" if big else "H"), len(numbers)) + entries + bytes(inline) + lists


def _padded(part: NDArray[Any], tile: int) -> NDArray[Any]:
    if not tile:
        return part
    whole = np.zeros((tile, tile, *part.shape[2:]), part.dtype)
    whole[: part.shape[0], : part.shape[1]] = part
    return whole
