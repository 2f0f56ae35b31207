"""Owns Paddle in the daemon: network input to logits. The only file that imports it, in the worker process alone."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.errors import BundleError, ConfigError
from inspector.vision.bundle import PARAMETERS, Bundle

#: Largest difference of a golden logit, relative to the largest logit of its image. float32 kernels of two CPUs differ
#: by about 1e-5, damaged weights by more than 1. A bundle of another precision has its own tolerance.
GOLDEN_TOLERANCE = 1e-2


#: Least probability whose logarithm is taken; below it, float32 rounding decides the logarithm and not the model.
LEAST_PROBABILITY = 1e-12

#: GPU memory in megabytes that Paddle takes at the start; it grows from there.
GPU_POOL_MB = 256


class Predictor(Protocol):
    """Turns a batch into logits. Not thread-safe: one predictor a process, one thread around it."""

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits and, if the bundle has it, the novelty: float32 (n, channels, size, size) to (n, outputs).

        Raise ValueError if the batch has another shape or dtype.
        """
        ...


class PaddlePredictor:
    """Paddle's inference engine: on the CPU with oneDNN, or on the first GPU."""

    def __init__(self, bundle: Bundle, threads: int = 1, device: str = "cpu") -> None:
        """Raise BundleError if Paddle cannot open the program, ConfigError if there is no GPU to run it on."""
        import paddle.device  # 0.8 s and 300 MB: paid by the worker only
        from paddle import inference

        if device == "gpu" and not paddle.device.is_compiled_with_cuda():
            raise ConfigError("workers.device: gpu: this Paddle is built for the CPU; install paddlepaddle-gpu instead")
        if device == "gpu" and not paddle.device.cuda.device_count():
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
        """Return the scores, see Predictor.run. Paddle would run another height and width and score nonsense."""
        _check(batch, self._shape)
        self._input.copy_from_cpu(batch)
        self._engine.run()
        scores: NDArray[np.float32] = self._output.copy_to_cpu()
        if scores.shape != (len(batch), self._outputs):
            raise BundleError(f"the program gives {scores.shape}, the bundle has {self._outputs} outputs")
        return as_logits(self._output_kind, scores)


def has_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16 in hardware: emulated, it is slower than float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags)


def as_logits(output: str | None, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outputs of a program as logits: for probabilities their logarithms, which softmax turns back."""
    if output == "probabilities":
        return np.log(np.maximum(scores, np.float32(LEAST_PROBABILITY)))
    return scores


def load_engine() -> None:
    """Import Paddle and disable its signal handlers. It replaces the process's handlers: install them after this."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No ccache found")  # nothing is compiled here
        import paddle

    paddle.disable_signal_handler()


def prepared(bundle: Bundle, threads: int, max_batch: int, device: str) -> tuple[PaddlePredictor, float]:
    """Return an engine that may serve, with every batch size warmed, and its largest difference on the golden images.

    Raise BundleError or ConfigError if it may not serve.
    """
    engine = PaddlePredictor(bundle, threads, device)
    warm(engine, bundle, max_batch)
    return engine, check_golden(engine, bundle)


class FakePredictor:
    """A predictor for tests of the line, without Paddle or a model: the label follows from the mean gray level."""

    def __init__(self, bundle: Bundle) -> None:
        shape = bundle.manifest.input
        self._shape = (shape.channels, shape.size, shape.size)
        self._labels, self._outputs = len(bundle.labels), bundle.outputs

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logit 10 for label floor(mean * 1000) modulo the number of labels, and 0 for the others.

        The novelty, if there is one, is the least float32.
        """
        _check(batch, self._shape)
        chosen = np.floor(np.abs(batch.mean(axis=(1, 2, 3))) * 1000).astype(int) % self._labels
        scores = np.full((len(batch), self._outputs), np.finfo(np.float32).min, np.float32)
        scores[:, : self._labels] = np.eye(self._labels)[chosen] * 10
        return scores


def buckets(max_batch: int) -> Iterator[int]:
    """Yield the batch sizes that reach the engine: powers of two, then max_batch. Each new shape costs memory."""
    size = 1
    while size < max_batch:
        yield size
        size *= 2
    yield max_batch


def padded(count: int, max_batch: int) -> int:
    """Return the smallest bucket that holds `count` rows."""
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
