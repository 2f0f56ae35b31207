"""Owns the ONNX file of a bundle: paddle2onnx writes it, and it is kept only if ONNX Runtime scores as the bundle does.

Both come with the extra `onnx`. The metadata states what a runtime needs besides the network: labels in the order
of the outputs, input, preprocessing, decision, and the bundle's id.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from inspector.errors import InspectorError
from inspector.host import atomic
from inspector.vision.bundle import PARAMETERS, Bundle
from inspector.vision.predictor import PaddlePredictor
from trainer import extras
from trainer.bundles.agreement import TOLERANCE

#: The newest that paddle2onnx 2.1 writes without a warning, and that runtimes since 2022 read.
_OPSET = 17
#: In a process of its own: it prints to stdout, and an operator it does not know ends the process.
_CONVERT = "import sys, paddle2onnx as p; p.export(sys.argv[1], sys.argv[2], save_file=sys.argv[3], opset_version={})"
_TIMEOUT_S = 300


class OnnxError(InspectorError):
    """Raised when a program cannot be converted, or the file scores otherwise than the bundle."""


def require() -> None:
    """Raise MissingExtraError, which says what to install, unless the packages are there."""
    extras.require("--onnx", "paddle2onnx", "onnx", "onnxruntime")


def save(opened: Bundle, to: Path) -> float:
    """Write the file, whole or not at all; return the largest difference of a golden image's logits, relative.

    Raises:
        MissingExtraError: the extra `onnx` is not installed.
        OnnxError: the program cannot be converted, or the file scores otherwise. Nothing is written then.
    """
    require()
    with tempfile.TemporaryDirectory(prefix="onnx-") as folder:
        scratch = Path(folder) / "model.onnx"
        files = [str(opened.program), str(opened.path / PARAMETERS), str(scratch)]
        command = [sys.executable, "-W", "ignore", "-c", _CONVERT.format(_OPSET), *files]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        if done.returncode or not scratch.is_file():
            reason = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
            raise OnnxError(f"{opened.program}: paddle2onnx cannot convert it: {reason}")
        _describe(scratch, opened)
        difference = _difference(scratch, opened)
        if not difference <= TOLERANCE:
            raise OnnxError(
                f"refused: ONNX Runtime scores {difference:.2g} off {opened.path} (at most {TOLERANCE} is allowed)"
            )
        to.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(to, scratch.read_bytes())
    return difference


def _describe(path: Path, opened: Bundle) -> None:
    import onnx

    manifest = opened.manifest.model_dump(mode="json")
    stated = {key: manifest[key] for key in ("labels", "input", "preprocessing", "decision")}
    stated["output"] = opened.manifest.output or "logits"
    model = onnx.load(str(path))
    onnx.helper.set_model_props(
        model, {"bundle": opened.id} | {key: json.dumps(value) for key, value in stated.items()}
    )
    onnx.save(model, str(path))


def _difference(path: Path, opened: Bundle) -> float:
    """Return the largest relative difference from the bundle's program, of all golden images and the first alone."""
    import onnxruntime

    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level, quiet.intra_op_num_threads = 3, 1
    session: Any = onnxruntime.InferenceSession(str(path), quiet, providers=["CPUExecutionProvider"])
    predictor = PaddlePredictor(replace(opened, manifest=opened.manifest.model_copy(update={"precision": None})))
    tiles = opened.preprocess.normalise(np.stack([opened.preprocess.resize(image) for image in opened.golden().images]))
    largest = 0.0
    for batch in (tiles, tiles[:1]):
        expected, got = predictor.run(batch), session.run(None, {session.get_inputs()[0].name: batch})[0]
        largest = max(largest, float((np.abs(expected - got) / np.abs(expected).max(axis=1, keepdims=True)).max()))
    return largest
