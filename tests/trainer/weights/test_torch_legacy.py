"""The reader of old PyTorch files: tensors exactly as stored, and nothing run, trusted or guessed."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.weights import torch_legacy
from trainer.weights.restricted_pickle import WeightsError

MAGIC, PROTOCOL, WRITER = 0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}
VALUES = np.arange(6, dtype=np.float32)


def code(value: Any) -> bytes:
    """The opcodes that push a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


EMPTY = named("collections", "OrderedDict") + b")R"
REBUILD = named("torch._utils", "_rebuild_tensor_v2")


def tensor(shape: Any = (2, 3), strides: Any = (3, 1), offset: Any = 0, count: Any = 6, dtype: str = "Float") -> bytes:
    """The opcodes of a view of storage `7`."""
    storage = (
        b"(" + code("storage") + named("torch", f"{dtype}Storage") + code("7") + code("cpu") + code(count) + b"NtQ"
    )
    return REBUILD + b"(" + storage + code(offset) + code(shape) + code(strides) + b"\x89" + EMPTY + b"tR"


def saved(folder: Path, content: bytes, values: np.ndarray = VALUES, magic: int = MAGIC, tail: bytes = b"") -> Path:
    """A file whose fourth pickle, the tensors by name, is `content`."""
    head = b"".join(pickle.dumps(part, 2) for part in (magic, PROTOCOL, WRITER))
    body = b"\x80\x02" + content + b"." + pickle.dumps(["7"], 2)
    path = folder / "weights.pth"
    path.write_bytes(head + body + len(values).to_bytes(8, "little") + values.tobytes() + tail)
    return path


def of(tensor: bytes) -> bytes:
    """A dictionary with one tensor, `w`, and the attributes that PyTorch hangs on it."""
    return EMPTY + b"(" + code("w") + tensor + b"u" + code({"_metadata": {"": {"version": 1}}}) + b"b"


def test_a_tensor_is_read_as_it_was_stored(tmp_path: Path) -> None:
    read = torch_legacy.read(saved(tmp_path, of(tensor())))
    assert list(read) == ["w"]
    assert read["w"].dtype == np.float32 and read["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "expected"),
    [
        ((2, 3), (1, 2), 0, [[0, 2, 4], [1, 3, 5]]),
        ((2,), (3,), 1, [1, 4]),
        ((), (), 5, 5),
        ((0, 3), (3, 1), 0, []),
    ],
)
def test_offset_and_strides_are_honoured(
    tmp_path: Path, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, expected: object
) -> None:
    read = torch_legacy.read(saved(tmp_path, of(tensor(shape, strides, offset))))["w"]
    assert read.tolist() == expected and read.shape == shape
    assert read.flags.c_contiguous and read.flags.owndata


def test_whole_numbers_are_read_too(tmp_path: Path) -> None:
    path = saved(tmp_path, of(tensor((), (), 0, 1, "Long")), np.array([2**40]))
    assert torch_legacy.read(path)["w"] == 2**40


class Touch:
    """Unpickled the usual way, it makes a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_runs_something_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    evil = pickle.dumps({"w": Touch(tmp_path / "ran")}, 2)
    path = saved(tmp_path, evil[2:-1])
    with pytest.raises(WeightsError, match=r"weights\.pth.*refused.*mkdir"):
        torch_legacy.read(path)
    path.write_bytes(evil)  # in place of the magic number
    with pytest.raises(WeightsError, match=r"refused"):
        torch_legacy.read(path)
    assert not (tmp_path / "ran").exists()
    assert pickle.loads(evil) and (tmp_path / "ran").is_dir()  # the bait is real


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (named("builtins", "eval") + code(("1",)) + b"R", r"refused: it names 'builtins eval'"),
        (named("collections", "OrderedDict") + code(([],)) + b"R", r"refused: a call of 'collections OrderedDict'"),
        (named("torch", "FloatStorage") + b")R", r"refused: a call of 'torch FloatStorage'"),
        (REBUILD + code((1, 2, (), ())) + b"R", r"_Storage is needed"),
        (named("torch", "FloatStorage") + b")\x81", r"refused: pickle opcode NEWOBJ"),
        (b"\x82\x01", r"refused: pickle opcode EXT1"),
        (code([1]) + code({}) + b"b", r"list where dict is needed"),
        (code({"w": 1}), r"something other than tensors"),
        (code([1]), r"list where dict is needed"),
        (b"t", r"not weights"),
        (b"0", r"refused: pickle opcode POP"),
        (b"R", r"takes more than it put"),
        (b"h\x05", r"not weights"),
        (b"X\xff\xff\xff\x7fabc", r"not weights"),
    ],
)
def test_anything_but_tensors_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(WeightsError, match=reason):
        torch_legacy.read(saved(tmp_path, content))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (tensor((2, 3), (1, 3)), r"w: reaches value 7 of a storage of 6"),
        (tensor((2, 3), (3, 1), 1), r"w: reaches value 6"),
        (tensor((2, 3), (-3, 1)), r"w: offset 0, shape \(2, 3\), strides \(-3, 1\)"),
        (tensor((2, 3), (3,)), r"w: offset"),
        (tensor((2, 3), (3, 1), -1), r"w: offset"),
        (tensor((2, "3"), (3, 1)), r"str where int is needed"),
        (tensor((2, True), (3, 1)), r"bool where int is needed"),
        (tensor((10**9, 10**9), (0, 0)), r"repeat their values"),
        (tensor(count=5), r"storage 7 holds 6 values, 5 are announced"),
        (tensor(dtype="Half"), r"refused: it names 'torch HalfStorage'"),
    ],
)
def test_a_view_that_its_storage_does_not_hold_is_refused(tmp_path: Path, wrong: bytes, reason: str) -> None:
    with pytest.raises(WeightsError, match=reason):
        torch_legacy.read(saved(tmp_path, of(wrong)))


@pytest.mark.timeout(10)
def test_tuples_that_unfold_without_end_are_refused_at_once(tmp_path: Path) -> None:
    endless = b")" + b"q\x00h\x00\x86" * 90  # each holds the one before twice
    storage = b"(" + endless + named("torch", "FloatStorage") + code("7") + code("cpu") + code(6) + b"NtQ"
    for content in (b"}" + endless + b"Ns", b"}" + code("w") + storage + b"s"):
        with pytest.raises(WeightsError, match=r"tuple where str is needed"):
            torch_legacy.read(saved(tmp_path, content))


def test_a_damaged_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    whole = saved(tmp_path, of(tensor())).read_bytes()
    path = tmp_path / "cut.pth"
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(WeightsError, match=r"cut\.pth"):
            torch_legacy.read(path)


def test_bytes_that_are_something_else_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, of(tensor()), tail=b"more")
    with pytest.raises(WeightsError, match=r"4 bytes after the last tensor"):
        torch_legacy.read(path)
    with pytest.raises(WeightsError, match=r"another magic number"):
        torch_legacy.read(saved(tmp_path, of(tensor()), magic=1))
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(WeightsError, match=r"a zip, the format of PyTorch 1\.6 and later"):
        torch_legacy.read(path)
    with pytest.raises(WeightsError, match=r"none\.pth: No such file"):
        torch_legacy.read(tmp_path / "none.pth")


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")  # of a text opcode, which is refused
def test_random_damage_ends_in_an_error_of_ours_or_in_tensors(tmp_path: Path) -> None:
    whole = saved(tmp_path, of(tensor())).read_bytes()
    rng = np.random.default_rng(5)
    path = tmp_path / "damaged.pth"
    for _ in range(1500):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            read = torch_legacy.read(path)
        except WeightsError:
            continue
        assert all(isinstance(array, np.ndarray) for array in read.values())
