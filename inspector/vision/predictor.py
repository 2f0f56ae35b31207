"""Owns Paddle in the daemon: network input to logits. The only file that imports it, in the worker process alone."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.errors import BundleError, ConfigError
from inspector.vision.bundle import PARAMETERS, Bundle

#: Largest difference of a golden logit, relative to the largest of its image: fp32 kernels of two CPUs differ
#: by about 1e-5; damaged weights by more than 1. A bundle of another precision states its own.
GOLDEN_TOLERANCE = 1e-2


#: A probability below this counts as this: its logarithm would tell float32's rounding, not the model's view.
LEAST_PROBABILITY = 1e-12

#: GPU memory taken at start; it grows from there.
GPU_POOL_MB = 256


class Predictor(Protocol):
    """Turns a batch into logits. Not thread-safe: one predictor a process, one thread around it."""

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (n, channels, size, size) to float32 (n, outputs): logits and, where the bundle has it, the novelty.

        ValueError where the batch's shape is another.
        """
        ...


class PaddlePredictor:
    """Paddle's inference engine: on the CPU with oneDNN, or on the first GPU."""

    def __init__(self, bundle: Bundle, threads: int = 1, device: str = "cpu") -> None:
        """BundleError where Paddle cannot open the program, ConfigError where it has no GPU to run it on."""
        from paddle import device as devices  # 0.8 s and 300 MB: paid by the worker only
        from paddle import inference

        if device == "gpu" and not devices.is_compiled_with_cuda():
            raise ConfigError("workers.device: gpu: this Paddle is built for the CPU; install paddlepaddle-gpu instead")
        if device == "gpu" and not devices.cuda.device_count():
            raise ConfigError("workers.device: gpu: no GPU is found here; cpu needs none")
        config = inference.Config(str(bundle.program), str(bundle.path / PARAMETERS))
        if device == "gpu":
            config.enable_use_gpu(GPU_POOL_MB, 0)
        else:
            config.disable_gpu()
            config.enable_mkldnn()
            if bundle.manifest.precision == "bf16" and has_bf16():
                config.enable_mkldnn_bfloat16()
        config.enable_new_ir(True)
        config.enable_new_executor(True)
        config.set_cpu_math_library_num_threads(threads)
        config.disable_glog_info()
        try:
            self._engine: Any = inference.create_predictor(config)
        except (RuntimeError, ValueError) as error:
            raise BundleError(f"{bundle.path}: Paddle cannot open the program: {error}") from None
        self._input = self._engine.get_input_handle(self._engine.get_input_names()[0])
        self._output = self._engine.get_output_handle(self._engine.get_output_names()[0])
        shape = bundle.manifest.input
        self._shape = (shape.channels, shape.size, shape.size)
        self._outputs = bundle.outputs
        self._output_kind = bundle.manifest.output

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See Predictor.run. Any other height and width would run silently and score nonsense."""
        _check(batch, self._shape)
        self._input.copy_from_cpu(batch)
        self._engine.run()
        scores: NDArray[np.float32] = self._output.copy_to_cpu()
        if scores.shape != (len(batch), self._outputs):
            raise BundleError(f"the program gives {scores.shape}, the bundle has {self._outputs} outputs")
        return as_logits(self._output_kind, scores)


def has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 itself: emulated, it would be slower than float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags)


def as_logits(output: str | None, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a program gives as logits: of probabilities the logarithms, which differ by a constant no decision sees."""
    if output == "probabilities":
        return np.log(np.maximum(scores, np.float32(LEAST_PROBABILITY)))
    return scores


def load_engine() -> None:
    """Import Paddle and take its signal handlers away: it replaces ours, so a process sets its own after this."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No ccache found")  # nothing is compiled here
        import paddle

    paddle.disable_signal_handler()


def prepared(bundle: Bundle, threads: int, max_batch: int, device: str) -> tuple[PaddlePredictor, float]:
    """Return an engine that may serve, and how far it is off on the golden images. Every batch size was warmed.

    BundleError, ConfigError: it may not.
    """
    engine = PaddlePredictor(bundle, threads, device)
    warm(engine, bundle, max_batch)
    return engine, check_golden(engine, bundle)


class FakePredictor:
    """For tests of the line: no Paddle, no model. Label k is chosen by the tile's mean gray level; see `run`."""

    def __init__(self, bundle: Bundle) -> None:
        shape = bundle.manifest.input
        self._shape = (shape.channels, shape.size, shape.size)
        self._labels, self._outputs = len(bundle.labels), bundle.outputs

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logit 10 for label floor(mean * 1000) modulo labels, 0 for the others: a pure function of the pixels.

        Nothing is novel to it.
        """
        _check(batch, self._shape)
        chosen = np.floor(np.abs(batch.mean(axis=(1, 2, 3))) * 1000).astype(int) % self._labels
        scores = np.full((len(batch), self._outputs), np.finfo(np.float32).min, np.float32)
        scores[:, : self._labels] = np.eye(self._labels)[chosen] * 10
        return scores


def buckets(max_batch: int) -> Iterator[int]:
    """The batch sizes that ever reach the engine: powers of two, then max_batch. Each new shape costs it memory."""
    size = 1
    while size < max_batch:
        yield size
        size *= 2
    yield max_batch


def padded(count: int, max_batch: int) -> int:
    """The smallest bucket that holds `count` rows."""
    return next(size for size in buckets(max_batch) if size >= count)


def warm(predictor: Predictor, bundle: Bundle, max_batch: int) -> None:
    """Run every bucket once: the first run of a shape takes seconds on some machines, and no frame should wait."""
    shape = bundle.manifest.input
    for size in buckets(max_batch):
        predictor.run(np.zeros((size, shape.channels, shape.size, shape.size), np.float32))


def check_golden(predictor: Predictor, bundle: Bundle) -> float:
    """Score the golden images and return the largest relative difference.

    Raises:
        BundleError: the scores are not those the trainer wrote, so what was evaluated is not what would run.
    """
    golden = bundle.golden()
    tiles = np.stack([bundle.preprocess.resize(image) for image in golden.images])
    logits = predictor.run(bundle.preprocess.normalise(tiles))
    scale = np.abs(golden.logits).max(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = float((np.abs(logits - golden.logits) / scale).max())
    tolerance = bundle.manifest.golden_tolerance or GOLDEN_TOLERANCE
    if not difference <= tolerance:
        raise BundleError(
            f"{bundle.path}: golden images score {difference:.2g} off (at most {tolerance} is allowed): "
            "this machine or Paddle version computes another result than the one evaluated"
        )
    return difference


def _check(batch: NDArray[np.float32], shape: tuple[int, int, int]) -> None:
    if batch.dtype != np.float32 or batch.ndim != 4 or batch.shape[1:] != shape or not len(batch):
        raise ValueError(f"batch of {batch.dtype} {batch.shape}: float32 (n, {', '.join(map(str, shape))}) is needed")
