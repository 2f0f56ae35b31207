"""Owns the reading of pickles from outside: a machine that builds plain values, and calls, imports and runs nothing."""

import io
import pickletools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from inspector.errors import InspectorError

_VALUES = frozenset(  # opcodes that push their argument
    {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
    | {"BININT", "BININT1", "BININT2", "LONG1"}
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_NOTHING = frozenset({"PROTO", "FRAME"})


class WeightsError(InspectorError):
    """Raised when a file of weights is missing, damaged, or holds anything but tensors."""


@dataclass(frozen=True, slots=True)
class Global:
    """What a pickle names as `module name`. It is never looked up."""

    name: str


class Machine:
    """The few opcodes that plain values need, up to pickle protocol 4; any other is refused with a ValueError.

    `pickle.Unpickler` with `find_class` would call what it finds, and a few bytes make its memo take gigabytes. A
    reader of one format allows the names its files hold and says what a call of them means by overriding the rest.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = allowed
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Return the value of a call of an allowed name."""
        raise ValueError(f"refused: a call of {name!r} with {len(arguments)} arguments")

    def built(self, target: Any, state: Any) -> None:
        """Give `target` the state that the pickle has for it."""
        raise ValueError(f"refused: a state for a {type(target).__name__}")

    def stored(self, identity: Any) -> Any:
        """Return the value that the file keeps outside the pickle."""
        raise ValueError("refused: a value outside the pickle")

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
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name == "MARK":
            self._marks.append(len(stack))
        elif name in _TUPLES or name == "TUPLE":
            stack.append(tuple(self._take(_TUPLES.get(name))))
        elif name in ("SETITEM", "SETITEMS"):
            items = self._take(2 if name == "SETITEM" else None)
            keys = [of(str, key) for key in items[::2]]  # the hash of nested tuples can take for ever
            of(dict, stack[-1]).update(zip(keys, items[1::2], strict=True))
        elif name in ("APPEND", "APPENDS"):
            items = self._take(1 if name == "APPEND" else None)
            of(list, stack[-1]).extend(items)
        elif name not in _NOTHING:
            self._build(name, argument)

    def _build(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in ("GLOBAL", "STACK_GLOBAL"):
            if name == "STACK_GLOBAL":
                argument = " ".join(of(str, part) for part in self._take(2))
            if argument not in self._allowed:
                raise ValueError(f"refused: it names {argument!r}, which no tensor needs")
            stack.append(Global(argument))
        elif name == "BINPERSID":
            stack.append(self.stored(stack.pop()))
        elif name == "REDUCE":
            called, arguments = self._take(2)
            stack.append(self.called(of(Global, called).name, of(tuple, arguments)))
        elif name == "BUILD":
            (state,) = self._take(1)
            self.built(stack[-1], state)
        else:
            raise ValueError(f"refused: pickle opcode {name}, which no tensor needs")

    def _take(self, count: int | None) -> list[Any]:
        """Return the topmost `count` values, or all down to the last mark, off the stack."""
        start = self._marks.pop() if count is None else len(self._stack) - count
        if start < 0:
            raise ValueError("a pickle that takes more than it put")
        taken = self._stack[start:]
        del self._stack[start:]
        return taken


def of(kind: type[Any], value: Any) -> Any:
    """Return the value, if it is of exactly this type. ValueError otherwise."""
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} where {kind.__name__} is needed")
    return value
