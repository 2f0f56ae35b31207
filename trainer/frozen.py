"""Owns the features of pictures: the changed copies that a head learns from, and the fast way to compute them all.

Every picture, as it is and in copies changed as `trainer.augment` does, goes once through a network that does not
learn; the head learns from the numbers that come out. Imports Paddle.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import inference, nn

from inspector.preprocess import Preprocess
from trainer import augment
from trainer.config import Augment

#: Copies of each picture besides itself.
COPIES = 4
#: Pictures a run: more no longer fit the cache of a small CPU, and are slower.
BATCH = 8


class Extractor:
    """A frozen layer on Paddle's inference engine: on 2 CPU cores ten times as fast as the layer itself."""

    def __init__(self, layer: nn.Layer, preprocess: Preprocess, threads: int = 2):
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
            config.set_cpu_math_library_num_threads(threads)
            config.disable_glog_info()
            self._engine = inference.create_predictor(config)
        self._input = self._engine.get_input_handle(self._engine.get_input_names()[0])
        self._output = self._engine.get_output_handle(self._engine.get_output_names()[0])

    def run(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (n, size, size) to float32 (n, features)."""
        self._input.copy_from_cpu(self._preprocess.normalise(tiles))
        self._engine.run()
        features: NDArray[np.float32] = self._output.copy_to_cpu()
        return features

    def features(
        self, images: Sequence[NDArray[np.uint8]], copies: int = 0, how: Augment | None = None, seed: int = 0
    ) -> NDArray[np.float32]:
        """Pictures as decoded to float32 (n * (1 + copies), features).

        First every picture as it is, then the first copy of each, and so on: np.tile(targets, 1 + copies) goes with
        them. Same seed, same copies.
        """
        rng = np.random.default_rng(seed)
        done = []
        for copy in range(1 + copies):
            for start in range(0, len(images), BATCH):
                some = images[start : start + BATCH]
                if copy:
                    tiles = augment.batch(some, self._preprocess, how or Augment(), rng)
                else:
                    tiles = np.stack([self._preprocess.resize(pixels) for pixels in some])
                done.append(self.run(tiles))
        return np.concatenate(done)
