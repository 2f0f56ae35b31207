"""Owns the reader of weight files in PyTorch's format from before 1.6, without PyTorch and with nothing run from them.

The file is five pickles (a magic number, the protocol, facts about the writer, the tensors by name, the storages'
keys in order), then for each storage its length, int64, and its values. A tensor is a view of a storage: offset,
shape and strides, and the strides need not be those of a C array.
"""

import io
import math
import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.errors import InspectorError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8"}
_DICT = "collections OrderedDict"
_TENSOR = "torch._utils _rebuild_tensor_v2"
_VALUES = frozenset({"BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1"})  # opcodes that push their argument
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class WeightsError(InspectorError):
    """Raised when a file of weights is missing, damaged, or holds anything but tensors."""


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


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
    """Every tensor by name, float32 or int64, in C order.

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
    if _Machine().run(file) != _MAGIC or _Machine().run(file) != _PROTOCOL:
        raise ValueError("another magic number or protocol")
    if not _Machine().run(file)["little_endian"]:
        raise ValueError("big-endian numbers")
    views: dict[str, _View] = _of(dict, _Machine().run(file))
    if not all(isinstance(view, _View) for view in views.values()):
        raise ValueError("something other than tensors by name")
    if 4 * sum(math.prod(view.shape) for view in views.values()) > len(data):
        raise ValueError("tensors that repeat their values: more numbers than the file has bytes for")
    stored = {view.storage.key: view.storage for view in views.values()}
    keys = _of(list, _Machine().run(file))
    values = {key: _values(data, file, stored[_of(str, key)]) for key in keys}
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
    """A copy, so that no strided view of the file outlives this module."""
    if len(view.shape) != len(view.strides) or min((view.offset, *view.shape, *view.strides)) < 0:
        raise ValueError(f"{name}: offset {view.offset}, shape {view.shape}, strides {view.strides}")
    last = view.offset + sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))
    if math.prod(view.shape) and last >= len(values):
        raise ValueError(f"{name}: reaches value {last} of a storage of {len(values)}")
    strides = tuple(stride * values.itemsize for stride in view.strides)
    return np.lib.stride_tricks.as_strided(values[view.offset :], view.shape, strides, writeable=False).copy()


class _Machine:
    """The few pickle opcodes that such a file needs. It builds values and calls nothing; any other opcode is refused.

    `pickle.Unpickler` with `find_class` would call what it finds, and a few bytes make its memo take gigabytes.
    """

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self, file: io.BytesIO) -> Any:
        """Read one pickle from where the file stands, to its end."""
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name == "STOP":
                break
            self._step(opcode.name, argument)
        (result,) = self._stack
        return result

    def _step(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("EMPTY_DICT", "EMPTY_LIST"):
            stack.append({} if name == "EMPTY_DICT" else [])
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name == "MARK":
            self._marks.append(len(stack))
        elif name in _TUPLES or name == "TUPLE":
            stack.append(tuple(self._take(_TUPLES.get(name))))
        elif name in ("SETITEM", "SETITEMS"):
            items = self._take(2 if name == "SETITEM" else None)
            keys = [_of(str, key) for key in items[::2]]  # the hash of nested tuples can take for ever
            _of(dict, stack[-1]).update(zip(keys, items[1::2], strict=True))
        elif name in ("APPEND", "APPENDS"):
            items = self._take(1 if name == "APPEND" else None)
            _of(list, stack[-1]).extend(items)
        elif name != "PROTO":
            self._build(name, argument)

    def _build(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name == "GLOBAL":
            if argument not in (_DICT, _TENSOR, *_DTYPES):
                raise ValueError(f"refused: it names {argument!r}, which no tensor needs")
            stack.append(_Global(argument))
        elif name == "BINPERSID":
            kind, dtype, key, _, count, view = stack.pop()
            if _of(str, kind) != "storage" or view is not None:
                raise ValueError(f"refused: a storage of kind {kind!r}, or a view of another")
            stack.append(_Storage(_DTYPES[_of(_Global, dtype).name], _of(str, key), _of(int, count)))
        elif name == "REDUCE":
            called, arguments = self._take(2)
            stack.append(_reduced(_of(_Global, called).name, _of(tuple, arguments)))
        elif name == "BUILD":  # attributes of the dictionary: version notes of PyTorch's modules
            self._take(1)
            _of(dict, stack[-1])
        else:
            raise ValueError(f"refused: pickle opcode {name}, which no tensor needs")

    def _take(self, count: int | None) -> list[Any]:
        """The topmost `count` values, or all down to the last mark, off the stack."""
        start = self._marks.pop() if count is None else len(self._stack) - count
        if start < 0:
            raise ValueError("a pickle that takes more than it put")
        taken = self._stack[start:]
        del self._stack[start:]
        return taken


def _reduced(name: str, arguments: tuple[Any, ...]) -> Any:
    if name == _DICT and not arguments:
        return {}
    if name != _TENSOR:
        raise ValueError(f"refused: a call of {name!r} with {len(arguments)} arguments")
    storage, offset, shape, strides, *_ = arguments  # then requires_grad and hooks, which are of no use here
    for number in (offset, *_of(tuple, shape), *_of(tuple, strides)):
        _of(int, number)
    return _View(_of(_Storage, storage), offset, shape, strides)


def _of(kind: type[Any], value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} where {kind.__name__} is needed")
    return value
