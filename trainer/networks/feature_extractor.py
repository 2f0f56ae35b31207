"""Owns the features of pictures: the changed copies that a head learns from, and the fast way to compute them all.

Every picture, as it is and in copies changed as `trainer.data.augment` does, goes once through a network that does not
learn; the head learns from the numbers that come out. Imports Paddle.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import inference, nn

from inspector.vision.preprocess import Preprocess
from trainer import paddle_runtime
from trainer.data import augment
from trainer.progress.callback import Progress, silent
from trainer.recipe.learning import Augment

#: Pictures a run: more no longer fit the cache of a small CPU, and are slower.
BATCH = 8
#: Pictures between two steps of a bar.
STEP = 64


class Extractor:
    """A frozen layer on Paddle's inference engine: on 2 CPU cores ten times as fast as the layer itself."""

    def __init__(self, layer: nn.Layer, preprocess: Preprocess):
        self._preprocess = preprocess
        shape = [None, preprocess.channels, preprocess.size, preprocess.size]
        with tempfile.TemporaryDirectory(prefix="frozen-") as scratch:
            path = str(Path(scratch) / "layer")
            paddle.jit.save(layer, path, input_spec=[paddle.static.InputSpec(shape, "float32", "images")])
            config = inference.Config(f"{path}.json", f"{path}.pdiparams")
            config.disable_gpu()
            config.enable_mkldnn()
            config.enable_new_ir(True)
            config.enable_new_executor(True)
            config.set_cpu_math_library_num_threads(paddle_runtime.threads())
            config.disable_glog_info()
            self._engine = inference.create_predictor(config)
        self._input = self._engine.get_input_handle(self._engine.get_input_names()[0])
        self._output = self._engine.get_output_handle(self._engine.get_output_names()[0])

    def run(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute float32 (n, features) of uint8 (n, size, size)."""
        return self.infer(self._preprocess.normalise(tiles))

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute float32 (n, features) of float32 (n, channels, size, size), BATCH at a time."""
        parts = []
        for start in range(0, len(batch), BATCH):
            self._input.copy_from_cpu(batch[start : start + BATCH])
            self._engine.run()
            parts.append(self._output.copy_to_cpu())
        return np.concatenate(parts)

    def plain(self, images: Sequence[NDArray[np.uint8]], what: str, progress: Progress = silent) -> NDArray[np.float32]:
        """Compute features of pictures as they are, (n, features); `progress` gets `what` as the name of the step."""
        parts = []
        for start in range(0, len(images), STEP):
            some = images[start : start + STEP]
            parts.append(self.features(some))
            progress(what, start + len(some), len(images))
        return np.concatenate(parts)

    def features(
        self,
        images: Sequence[NDArray[np.uint8]],
        copies: int = 0,
        turns: bool = False,
        how: Augment | None = None,
        seed: int = 0,
    ) -> NDArray[np.float32]:
        """Compute float32 (n * rounds, features) of decoded pictures; np.tile(targets, rounds) goes with them.

        The rounds: every picture as it is, where `turns` every picture turned by 90°, then `copies` of each, changed
        as `how` says. Same seed, same copies.
        """
        rng = np.random.default_rng(seed)
        plans = [(False, False), *([(True, False)] if turns else [])]  # turned, changed
        plans += [(False, True)] * copies
        done = []
        for turned, changed in plans:
            for start in range(0, len(images), BATCH):
                some = images[start : start + BATCH]
                if turned:
                    some = [np.ascontiguousarray(np.rot90(pixels)) for pixels in some]
                if changed:
                    done.append(self.run(augment.batch(some, self._preprocess, how or Augment(), rng)))
                else:
                    done.append(self.run(np.stack([self._preprocess.resize(pixels) for pixels in some])))
        return np.concatenate(done)
