"""Owns the reader of weight files in PyTorch's format from before 1.6, without PyTorch and with nothing run from them.

The file is five pickles (a magic number, the protocol, facts about the writer, the tensors by name, the storages'
keys in order), then for each storage its length, int64, and its values. A tensor is a view of a storage: offset,
shape and strides, and the strides need not be those of a C array.
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.weights.restricted_pickle import Global, Machine, WeightsError, of

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8"}
_DICT = "collections OrderedDict"
_TENSOR = "torch._utils _rebuild_tensor_v2"


@dataclass(frozen=True, slots=True)
class _Storage:
    dtype: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class _View:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Return every tensor by name, float32 or int64, in C order.

    Raises:
        WeightsError: names the file and what in it is not a plain tensor.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or error}") from None
    try:
        return _tensors(data)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise WeightsError(f"{path}: not weights saved by PyTorch before 1.6: {error}") from None


def _tensors(data: bytes) -> dict[str, NDArray[Any]]:
    if data[:2] == b"PK":
        raise ValueError("a zip, the format of PyTorch 1.6 and later")
    file = io.BytesIO(data)
    if _TorchPickle().run(file) != _MAGIC or _TorchPickle().run(file) != _PROTOCOL:
        raise ValueError("another magic number or protocol")
    if not _TorchPickle().run(file)["little_endian"]:
        raise ValueError("big-endian numbers")
    views: dict[str, _View] = of(dict, _TorchPickle().run(file))
    if not all(isinstance(view, _View) for view in views.values()):
        raise ValueError("something other than tensors by name")
    if 4 * sum(math.prod(view.shape) for view in views.values()) > len(data):
        raise ValueError("tensors that repeat their values: more numbers than the file has bytes for")
    stored = {view.storage.key: view.storage for view in views.values()}
    keys = of(list, _TorchPickle().run(file))
    values = {key: _values(data, file, stored[of(str, key)]) for key in keys}
    if file.read(1):
        raise ValueError(f"{len(data) - file.tell() + 1} bytes after the last tensor")
    return {name: _array(name, view, values[view.storage.key]) for name, view in views.items()}


def _values(data: bytes, file: io.BytesIO, storage: _Storage) -> NDArray[Any]:
    count = int.from_bytes(file.read(8), "little")
    if count != storage.count:
        raise ValueError(f"storage {storage.key} holds {count} values, {storage.count} are announced")
    values = np.frombuffer(data, storage.dtype, count, file.tell())  # ValueError where the file ends before
    file.seek(values.nbytes, io.SEEK_CUR)
    return values


def _array(name: str, view: _View, values: NDArray[Any]) -> NDArray[Any]:
    """Return a copy, so that no strided view of the file outlives this module."""
    if len(view.shape) != len(view.strides) or min((view.offset, *view.shape, *view.strides)) < 0:
        raise ValueError(f"{name}: offset {view.offset}, shape {view.shape}, strides {view.strides}")
    last = view.offset + sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))
    if math.prod(view.shape) and last >= len(values):
        raise ValueError(f"{name}: reaches value {last} of a storage of {len(values)}")
    strides = tuple(stride * values.itemsize for stride in view.strides)
    return np.lib.stride_tricks.as_strided(values[view.offset :], view.shape, strides, writeable=False).copy()


class _TorchPickle(Machine):
    """What a pickle of PyTorch holds: ordered dictionaries, and views of storages that the file keeps apart."""

    def __init__(self) -> None:
        super().__init__((_DICT, _TENSOR, *_DTYPES))

    def called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == _DICT and not arguments:
            return {}
        if name != _TENSOR:
            return super().called(name, arguments)
        storage, offset, shape, strides, *_ = arguments  # then requires_grad and hooks, which are of no use here
        for number in (offset, *of(tuple, shape), *of(tuple, strides)):
            of(int, number)
        return _View(of(_Storage, storage), offset, shape, strides)

    def built(self, target: Any, state: Any) -> None:
        of(dict, target)  # its attributes: version notes of PyTorch's modules

    def stored(self, identity: Any) -> Any:
        kind, dtype, key, _, count, view = identity
        if of(str, kind) != "storage" or view is not None:
            raise ValueError(f"refused: a storage of kind {kind!r}, or a view of another")
        return _Storage(_DTYPES[of(Global, dtype).name], of(str, key), of(int, count))
