"""Damages bytes in the ways that parsers fear: bits, lengths, types, cuts, splices, nesting, repeats. Seeded."""

import random
from collections.abc import Callable, Sequence

import msgspec

#: Lengths of msgpack (array32, map32, bin32, str32, ext32) and of picture files that promise what is not there.
_LENGTHS = (
    b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\x7f\xff\xff\xff", b"\xdb\xff\xff\xff\xfe",
    b"\xc9\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff", b"\x00\x80",
)  # fmt: skip
_VALUES: tuple[object, ...] = (
    None, True, -1, 0, 2**63 - 1, 2**64 - 1, -(2**63), 1e308, float("nan"), float("inf"), "", "x" * 5000, b"\xff", [],
    {}, [[[[]]]], {"a": {}}, [0] * 3000,
)  # fmt: skip


class Mutator:
    """Makes damaged bytes out of good ones; the same seed gives the same."""

    def __init__(self, seed: int, examples: Sequence[bytes]) -> None:
        self.random = random.Random(seed)
        self._examples = examples
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            self._flip, self._flip, self._cut, self._splice, self._length, self._retype, self._repeat, self._nest,
            self._noise, self._insert,
        )  # fmt: skip

    def next(self) -> bytes:
        """One example, damaged in one to three ways."""
        data = self.random.choice(self._examples)
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            data = self.random.choice(self._ways)(data)
        return data

    def _flip(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(self.random.randint(1, 8) if data else 0):
            changed[self.random.randrange(len(changed))] ^= 1 << self.random.randrange(8)
        return bytes(changed)

    def _cut(self, data: bytes) -> bytes:
        return data[: self._place(data)]

    def _splice(self, data: bytes) -> bytes:
        other = self.random.choice(self._examples)
        return data[: self._place(data)] + other[self._place(other) :]

    def _length(self, data: bytes) -> bytes:
        at, length = self._place(data), self.random.choice(_LENGTHS)
        return data[:at] + length + data[at + len(length) :]

    def _retype(self, data: bytes) -> bytes:
        """Another value in a field, where the bytes are one of our messages."""
        try:
            fields = msgspec.msgpack.decode(data)
            fields[self.random.randrange(len(fields))] = self.random.choice(_VALUES)
            return msgspec.msgpack.encode(fields)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError, ValueError):
            return self._length(data)

    def _repeat(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + data[at : at + self.random.randint(1, 200)] * self.random.randint(2, 50) + data[at:]

    def _nest(self, data: bytes) -> bytes:
        return self.random.choice((b"\x91", b"\x81\xa1a", b"\xdc\x00\x01")) * self.random.randint(10, 5000) + data

    def _noise(self, data: bytes) -> bytes:
        return self.random.randbytes(self.random.randint(0, 300))

    def _insert(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + self.random.randbytes(self.random.randint(1, 16)) + data[at:]

    def _place(self, data: bytes) -> int:
        return self.random.randint(0, len(data))
