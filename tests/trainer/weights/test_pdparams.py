"""The reader of .pdparams: arrays exactly as Paddle saved them, and nothing run, trusted or guessed."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer import paddle_runtime
from trainer.weights import pdparams
from trainer.weights.restricted_pickle import WeightsError

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


def saved(folder: Path, content: Any, protocol: int = 4) -> Path:
    path = folder / "weights.pdparams"
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 4])  # of Paddle 2.0, and of 2.1 and later
def test_what_paddle_saves_is_read_as_it_was(tmp_path: Path, protocol: int) -> None:
    paddle_runtime.start(0)
    import paddle

    layer = paddle.nn.Sequential(paddle.nn.Conv2D(1, 4, 3), paddle.nn.BatchNorm2D(4))
    path = str(tmp_path / "layer.pdparams")
    paddle.save(layer.state_dict(), path, protocol=protocol)

    read = pdparams.read(Path(path))

    assert set(read) == {"0.weight", "0.bias", "1.weight", "1.bias", "1._mean", "1._variance"}
    for name, value in layer.state_dict().items():
        assert read[name].dtype == np.float32 and np.array_equal(read[name], value.numpy())


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("values", [VALUES, VALUES.T, np.array(7, np.float32)], ids=str)
def test_any_layout_is_read(tmp_path: Path, protocol: int, values: np.ndarray) -> None:
    read = pdparams.read(saved(tmp_path, {"w": values}, protocol))["w"]
    assert read.shape == values.shape and np.array_equal(read, values)


def test_the_suffix_may_be_left_out_as_in_paddleclas(tmp_path: Path) -> None:
    saved(tmp_path, {"w": VALUES})
    assert np.array_equal(pdparams.read(tmp_path / "weights")["w"], VALUES)


class Touch:
    """Unpickled the usual way, it makes a folder."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_runs_something_is_refused_and_nothing_runs(tmp_path: Path, protocol: int) -> None:
    path = saved(tmp_path, {"w": VALUES, "x": Touch(tmp_path / "ran")}, protocol)
    with pytest.raises(WeightsError, match=r"weights\.pdparams.*refused: it names '\w+ mkdir'"):
        pdparams.read(path)
    assert not (tmp_path / "ran").exists()
    assert pickle.loads(path.read_bytes()) and (tmp_path / "ran").is_dir()  # the bait is real


def repeated(count: int) -> bytes:
    """A list of protocol 2 for which one text of 1,000 letters is encoded again and again."""
    texts = b"X\xe8\x03\x00\x00" + b"a" * 1000 + b"q\x01aX\x06\x00\x00\x00latin1q\x02a"
    return b"\x80\x02]" + texts + b"c_codecs\nencode\nh\x01h\x02\x86Ra" * count + b"."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pickle.dumps([VALUES]), "list where dict is needed"),
        (pickle.dumps({"w": 3}), "'w' is no array but int"),
        (pickle.dumps({"w": {"a": VALUES}}), "'w' is no array but dict"),
        (pickle.dumps({3: VALUES}), "int where str is needed"),
        (pickle.dumps({"w": VALUES.astype(np.float64)}), "numbers of type <f8; float32 is expected"),
        (pickle.dumps({"w": VALUES.astype(">f4")}), "numbers of type >f4; float32 is expected"),
        (pickle.dumps({"w": np.array([{}])}), "numbers of type |O"),
        (pickle.dumps({"w": VALUES}, 4)[:-40], "not weights saved by Paddle"),
        (pickle.dumps({"w": VALUES}, 4).replace(b"K\x02K\x03\x86", b"K\x02K\x04\x86"), r"shape (2, 4) in 24 bytes"),
        (repeated(1), "list where dict is needed"),
        (repeated(100), "refused: it repeats its values"),
        (b"", "not weights saved by Paddle"),
        (b"PK\x03\x04 a zip", "not weights saved by Paddle"),
    ],
)
def test_anything_but_named_float32_arrays_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "odd.pdparams"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        pdparams.read(path)
    assert str(caught.value).startswith(f"{path}: ") and reason in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none: No such file.*\.pdparams"):
        pdparams.read(tmp_path / "none")
