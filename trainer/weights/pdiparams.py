"""Owns the outline of .pdiparams, the parameters of an inference model: is the file whole?

Paddle opens a file that was cut short without complaint and then computes nonsense. The format is that of its
save_combine operator: one record a tensor (framework/lod_tensor.cc and tensor_util.cc of Paddle 2 and 3).
"""

import math
import struct
from pathlib import Path

#: Bytes of an element, by VarType.Type of framework.proto.
_BYTES = {0: 1, 1: 2, 2: 4, 3: 8, 4: 2, 5: 4, 6: 8, 20: 1, 21: 1, 22: 2, 23: 8, 24: 16}


def tensors(path: Path) -> list[tuple[int, ...]]:
    """Return the shape of each tensor, in order. Raise ValueError if the file is not whole, or no such file at all."""
    data = path.read_bytes()
    shapes: list[tuple[int, ...]] = []
    place = 0
    try:
        while place < len(data):
            shape, place = _record(data, place)
            shapes.append(shape)
    except (struct.error, KeyError, IndexError):
        place = -1
    if place != len(data) or not shapes:
        raise ValueError(f"damaged or cut short after {len(shapes)} tensors")
    return shapes


def _record(data: bytes, place: int) -> tuple[tuple[int, ...], int]:
    """Return one tensor's shape, and where the next record begins."""
    version, levels = struct.unpack_from("<IQ", data, place)
    if version or levels:
        raise KeyError("a version or a nesting that inference models do not have")
    version, length = struct.unpack_from("<Ii", data, place + 12)
    described = place + 20
    if version or length < 0:
        raise KeyError("version of the tensor")
    kind, shape = _description(data[described : described + length])
    return shape, described + length + _BYTES[kind] * math.prod(shape)


def _description(message: bytes) -> tuple[int, tuple[int, ...]]:
    """Parse VarType.TensorDesc: field 1 is the element's type, field 2 a dimension, or all of them packed."""
    kind, dims, place = -1, [], 0
    while place < len(message):
        key, place = _varint(message, place)
        value, place = _varint(message, place)
        if key == 8:
            kind = value
        elif key == 16:
            dims.append(value)
        else:
            end = place + value
            while place < end:
                value, place = _varint(message, place)
                dims.append(value)
    return kind, tuple(dims)


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
