"""Owns the reader of .pdparams, Paddle's files of weights: a pickle of NumPy arrays by name, with nothing run from it.

`paddle.load` unpickles, and so runs whatever a file from outside says. Protocol 2 (Paddle 2.0) writes the bytes of an
array as text in Latin-1, protocol 4 (since 2.1) as bytes; beside the arrays lies a dictionary of Paddle's own names.
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.weights.restricted_pickle import Global, Machine, WeightsError, of

_OWN_NAMES = "StructuredToParameterName@@"
_ARRAY, _DTYPE, _ENCODE = "numpy ndarray", "numpy dtype", "_codecs encode"
_NEW_ARRAY = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")  # NumPy 1, NumPy 2


@dataclass(slots=True)
class _Dtype:
    code: str
    order: str = ""


@dataclass(slots=True)
class _Array:
    values: NDArray[np.float32] | None = None


def read(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return every array by name, float32; read-only views of the file's bytes.

    PaddleClas names weights without the suffix: where `path` is no file, `path`.pdparams is tried.

    Raises:
        WeightsError: names the file and what in it is not a float32 array.
    """
    suffixed = path.with_name(f"{path.name}.pdparams")
    if not path.is_file() and suffixed.is_file():
        path = suffixed
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror}; a .pdparams file is expected") from None
    try:
        found: dict[str, Any] = of(dict, _PaddlePickle(len(data)).run(io.BytesIO(data)))
        found.pop(_OWN_NAMES, None)
        return {name: _values(name, array) for name, array in found.items()}
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise WeightsError(f"{path}: not weights saved by Paddle 2 or later: {error}") from None


def _values(name: str, array: Any) -> NDArray[np.float32]:
    values = array.values if isinstance(array, _Array) else None
    if values is None:
        raise ValueError(f"{name!r} is no array but {type(array).__name__}")
    return values


class _PaddlePickle(Machine):
    """What a pickle of NumPy arrays holds."""

    def __init__(self, file_bytes: int) -> None:
        super().__init__((_ARRAY, _DTYPE, _ENCODE, *_NEW_ARRAY))
        self._left = file_bytes  # a text encoded again and again would fill the memory

    def called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name in _NEW_ARRAY and arguments[0] == Global(_ARRAY):
            return _Array()
        if name == _DTYPE:
            return _Dtype(of(str, arguments[0]))
        if name == _ENCODE and arguments[1:] == ("latin1",):
            self._left -= len(of(str, arguments[0]))
            if self._left < 0:
                raise ValueError("refused: it repeats its values")
            return arguments[0].encode("latin1")
        return super().called(name, arguments)

    def built(self, target: Any, state: Any) -> None:
        if isinstance(target, _Dtype):
            target.order = of(str, of(tuple, state)[1])
        else:
            of(_Array, target).values = _array(state)


def _array(state: Any) -> NDArray[np.float32]:
    _, shape, dtype, by_columns, content = of(tuple, state)
    if of(_Dtype, dtype) != _Dtype("f4", "<"):
        raise ValueError(f"numbers of type {dtype.order}{dtype.code}; float32 is expected")
    if (
        math.prod(of(int, size) for size in of(tuple, shape)) * 4 != len(of(bytes, content))
        or min(shape, default=0) < 0
    ):
        raise ValueError(f"an array of shape {shape} in {len(content)} bytes")
    return np.frombuffer(content, "<f4").reshape(shape, order="F" if by_columns else "C")
