"""EfficientNet-Lite0 once more, in NumPy and straight from a PyTorch state dict: what our Lite0 is held against.

Written from the published architecture (arXiv 1905.11946 and TensorFlow's notes on the Lite variants), with
another way to convolve, to pad and to normalise than Paddle's, so that no mistake can be shared.
"""

from collections.abc import Mapping

import numpy as np

#: Expansion, kernel, stride, inputs and outputs of the 16 blocks.
BLOCKS = (
    (1, 3, 1, 32, 16),
    (6, 3, 2, 16, 24), (6, 3, 1, 24, 24),
    (6, 5, 2, 24, 40), (6, 5, 1, 40, 40),
    (6, 3, 2, 40, 80), (6, 3, 1, 80, 80), (6, 3, 1, 80, 80),
    (6, 5, 1, 80, 112), (6, 5, 1, 112, 112), (6, 5, 1, 112, 112),
    (6, 5, 2, 112, 192), (6, 5, 1, 192, 192), (6, 5, 1, 192, 192), (6, 5, 1, 192, 192),
    (6, 3, 1, 192, 320),
)  # fmt: skip

State = Mapping[str, np.ndarray]


def logits(state: State, images: np.ndarray) -> np.ndarray:
    """float (n, 3, h, w), each (x - 127) / 128, to (n, 1000)."""
    x = maps(state, images)[-1]
    x = _relu6(_norm(state, "_bn1", _mix(state["_conv_head.weight"], x)))
    return x.mean((2, 3)) @ state["_fc.weight"].T + state["_fc.bias"]


def maps(state: State, images: np.ndarray) -> list[np.ndarray]:
    """What each block puts out."""
    x = _relu6(_norm(state, "_bn0", _full(state["_conv_stem.weight"], images, 2)))
    outputs = []
    for number, (expansion, kernel, stride, inputs, outs) in enumerate(BLOCKS):
        at = f"_blocks.{number}."
        y = x
        if expansion > 1:
            y = _relu6(_norm(state, at + "_bn0", _mix(state[at + "_expand_conv.weight"], y)))
        filters = state[at + "_depthwise_conv.weight"]
        assert filters.shape == (inputs * expansion, 1, kernel, kernel)
        y = _relu6(_norm(state, at + "_bn1", _each(filters, y, stride)))
        y = _norm(state, at + "_bn2", _mix(state[at + "_project_conv.weight"], y))
        x = x + y if stride == 1 and inputs == outs else y
        outputs.append(x)
    return outputs


def random_state(seed: int) -> dict[str, np.ndarray]:
    """Weights that mean nothing, under the published names and shapes."""
    rng = np.random.default_rng(seed)
    state: dict[str, np.ndarray] = {}

    def conv(name: str, *shape: int) -> None:
        state[f"{name}.weight"] = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)

    def norm(name: str, count: int) -> None:
        for leaf, low, high in (
            ("weight", 0.5, 1.5),
            ("bias", -1, 1),
            ("running_mean", -1, 1),
            ("running_var", 0.001, 2),
        ):
            state[f"{name}.{leaf}"] = rng.uniform(low, high, count).astype(np.float32)
        state[f"{name}.num_batches_tracked"] = np.array(7)

    conv("_conv_stem", 32, 3, 3, 3)
    norm("_bn0", 32)
    for number, (expansion, kernel, _, inputs, outputs) in enumerate(BLOCKS):
        at, wide = f"_blocks.{number}.", inputs * expansion
        if expansion > 1:
            conv(at + "_expand_conv", wide, inputs, 1, 1)
            norm(at + "_bn0", wide)
        conv(at + "_depthwise_conv", wide, 1, kernel, kernel)
        norm(at + "_bn1", wide)
        conv(at + "_project_conv", outputs, wide, 1, 1)
        norm(at + "_bn2", outputs)
    conv("_conv_head", 1280, 320, 1, 1)
    norm("_bn1", 1280)
    conv("_fc", 1000, 1280)
    state["_fc.bias"] = rng.normal(size=1000).astype(np.float32)
    return state


def _relu6(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)


def _norm(state: State, at: str, x: np.ndarray) -> np.ndarray:
    scale = state[f"{at}.weight"] / np.sqrt(state[f"{at}.running_var"] + 1e-3)
    return x * scale[:, None, None] + (state[f"{at}.bias"] - state[f"{at}.running_mean"] * scale)[:, None, None]


def _mix(weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    n, c, h, w = x.shape
    return (weight[:, :, 0, 0] @ x.reshape(n, c, h * w)).reshape(n, -1, h, w)


def _each(weight: np.ndarray, x: np.ndarray, stride: int) -> np.ndarray:
    shifts = _shifts(x, weight.shape[-1], stride)
    return sum(part * weight[:, 0, row, column, None, None] for row, column, part in shifts)  # type: ignore[return-value]


def _full(weight: np.ndarray, x: np.ndarray, stride: int) -> np.ndarray:
    shifts = _shifts(x, weight.shape[-1], stride)
    return sum(np.einsum("oc,nchw->nohw", weight[:, :, row, column], part) for row, column, part in shifts)  # type: ignore[return-value]


def _shifts(x: np.ndarray, kernel: int, stride: int) -> list[tuple[int, int, np.ndarray]]:
    """For each place in the kernel, the pixels that it meets: zeros around, one more below and right where odd."""
    height, width = (-(-size // stride) for size in x.shape[2:])
    rows, columns = ((out - 1) * stride + kernel - size for out, size in zip((height, width), x.shape[2:], strict=True))
    rows, columns = max(rows, 0), max(columns, 0)
    x = np.pad(x, ((0, 0), (0, 0), (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)))
    return [
        (row, column, x[:, :, row : row + height * stride : stride, column : column + width * stride : stride])
        for row in range(kernel)
        for column in range(kernel)
    ]
