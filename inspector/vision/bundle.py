"""Owns the model bundle: the folder's layout, its schema, its checksums, and how one is written whole."""

import hashlib
import io
import json
import math
import os
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from inspector.errors import BundleError
from inspector.host import atomic
from inspector.vision import in_use
from inspector.vision.preprocess import Preprocess

SCHEMA_VERSION = 1
MANIFEST = "bundle.json"
PROGRAM = "inference.json"
#: File of an imported program of Paddle 1.x or 2.x, which Paddle's engine translates when it opens it.
OLD_PROGRAM = "inference.pdmodel"
PARAMETERS = "inference.pdiparams"
GOLDEN = "golden.npz"
#: The bundle that ships with the package: six NEU defect kinds and `ok`.
DEFAULT = Path(__file__).parent / "models" / "default"

Severity = Literal["none", "minor", "major", "critical"]
_Unit = Annotated[float, Field(ge=0, le=1)]


class _ManifestSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _without_none(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The id is a digest of what is written: a field added later must leave no trace in a bundle without it.
        return {name: value for name, value in whole(self).items() if value is not None}


class Label(_ManifestSection):
    """One class of the model: its name on the record, its kind, and its severity."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
    kind: Literal["ok", "defect"]
    severity: Severity


class Input(_ManifestSection):
    """What the network takes: float32 (n, channels, size, size), each a square view of `view_px` camera pixels.

    `rolling`: direction of the strip in the training images; a camera mounted otherwise shows another task.
    The view is resized to size x size. With `resize_short_px`, its shorter side is resized to that, and the centre of
    size x size is cut out.
    """

    size: Annotated[int, Field(ge=16, le=1024)]
    channels: Literal[1, 3]
    dtype: Literal["float32"] = "float32"
    view_px: Annotated[int, Field(ge=16, le=4096)]
    resize_short_px: Annotated[int, Field(ge=16, le=2048)] | None = None
    rolling: Literal["vertical", "horizontal"] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> "Input":
        if self.resize_short_px is not None and not self.size <= self.resize_short_px <= 2 * self.size:
            raise ValueError(f"resize_short_px is {self.resize_short_px}: {self.size} to {2 * self.size} is needed")
        return self


class Normalisation(_ManifestSection):
    """(x / 255 - mean) / std for each channel, after bilinear resizing.

    `bit_depth`: bits of 16 that the training images used; None: they had 8 bits, or the depth is not known.
    """

    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]
    bit_depth: Annotated[int, Field(ge=8, le=16)] | None = None


class LabelDecision(NamedTuple):
    """The numbers that decide a label; `place_threshold` None: a place that several tiles show is decided as a tile."""

    severity: Severity
    threshold: float
    place_threshold: float | None


class Decision(_ManifestSection):
    """The numbers of a decision: softmax(logits / temperature), a threshold for each label, the least contrast.

    `max_novelty`: the largest novelty by label, above which a tile of this label is unlike the training images; None:
    the model has no novelty output.

    `place_threshold`: least sum of the scores of all defect labels at a place of a wide frame that several tiles show;
    None: a place is decided as a tile is.
    """

    temperature: Annotated[float, Field(gt=0, le=100)] = 1.0
    thresholds: dict[str, _Unit]
    min_contrast: Annotated[float, Field(ge=0, le=128)] = 2.0
    max_novelty: dict[str, float] | None = None
    place_threshold: _Unit | None = None

    def of_label(self, label: Label) -> LabelDecision:
        """Return the numbers for one of the bundle's labels."""
        of_place = self.place_threshold if label.kind == "defect" else None
        return LabelDecision(label.severity, self.thresholds[label.name], of_place)


class Manifest(_ManifestSection):
    """bundle.json. `labels` is in the order of the network's outputs; `files` maps each file to its sha256."""

    schema_version: Literal[1] = 1
    id: str = ""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    created_at: str
    labels: Annotated[tuple[Label, ...], Field(min_length=2, max_length=1024)]
    input: Input
    preprocessing: Normalisation
    decision: Decision
    output: Literal["probabilities"] | None = None  # None: logits
    precision: Literal["bf16"] | None = None  # None: float32; bf16 is used where the CPU has it
    golden_tolerance: Annotated[float, Field(gt=0, le=0.5)] | None = None  # None: what float32 needs, see predictor
    evaluation: dict[str, Any] = {}
    training: dict[str, Any] = {}
    files: dict[str, str] = {}

    @model_validator(mode="after")
    def _agrees(self) -> "Manifest":
        names = [label.name for label in self.labels]
        if len(set(names)) != len(names):
            raise ValueError(f"labels: a name stands twice in {names}")
        if not any(label.kind == "defect" for label in self.labels):
            raise ValueError(f"labels: none of {names} is of kind defect: this model could find nothing")
        if set(self.decision.thresholds) != set(names):
            raise ValueError(f"decision.thresholds must name exactly the labels {names}")
        if self.decision.max_novelty is not None and set(self.decision.max_novelty) != set(names):
            raise ValueError(f"decision.max_novelty must name exactly the labels {names}")
        if self.decision.place_threshold is not None and not any(label.kind == "ok" for label in self.labels):
            raise ValueError("decision.place_threshold needs a label of kind ok: without one, all is a defect")
        if not len(self.preprocessing.mean) == len(self.preprocessing.std) == self.input.channels:
            raise ValueError(f"preprocessing: mean and std need {self.input.channels} numbers each")
        return self


@dataclass(frozen=True, slots=True)
class Golden:
    """Decoded images, uint8 (n, height, width), and the outputs of the exported program, float32 (n, outputs)."""

    images: NDArray[np.uint8]
    logits: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk whose schema and checksums have been verified."""

    path: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        """Name and digest of the model, kept on every record that it decides."""
        return self.manifest.id

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels in the order of the network's outputs."""
        return self.manifest.labels

    @property
    def outputs(self) -> int:
        """Number of outputs for each tile: a logit for each label and, if the model has it, the novelty."""
        return len(self.labels) + (self.manifest.decision.max_novelty is not None)

    @property
    def preprocess(self) -> Preprocess:
        """The preprocessing this model was trained with."""
        numbers, shape = self.manifest.preprocessing, self.manifest.input
        return Preprocess(shape.size, shape.channels, numbers.mean, numbers.std, shape.resize_short_px)

    @property
    def program(self) -> Path:
        """The file of the network."""
        return self.path / (OLD_PROGRAM if OLD_PROGRAM in self.manifest.files else PROGRAM)

    @property
    def overlap_px(self) -> int:
        """Overlap of neighbouring views in camera pixels: each shows what the centre crop of the other hides."""
        shape = self.manifest.input
        hidden = 0.0 if shape.resize_short_px is None else 1 - shape.size / shape.resize_short_px
        return 2 * math.ceil(shape.view_px * hidden / 2)

    def golden(self) -> Golden:
        """Read the golden samples. Raise BundleError if they do not fit the schema or this network."""
        try:
            data = io.BytesIO((self.path / GOLDEN).read_bytes())  # numpy leaves a file open that is no zip
            with np.load(data, allow_pickle=False) as arrays:
                golden = Golden(arrays["images"], arrays["logits"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise BundleError(f"{self.path / GOLDEN}: not the golden samples of a bundle: {error}") from None
        count = len(golden.images) if golden.images.ndim == 3 else 0
        if not count or golden.logits.shape != (count, self.outputs):
            raise BundleError(
                f"{self.path}: golden samples of {golden.images.shape} and {golden.logits.shape}: images (n, height, "
                f"width) and logits (n, {self.outputs}) are needed"
            )
        return golden


def load(path: Path) -> Bundle:
    """Open a bundle after checking its schema, its id and the sha256 of every file.

    No check is optional: Paddle loads a damaged parameter file without complaint and gives other scores each time.

    Raises:
        BundleError: which file, what is wrong with it, and what would be right.
    """
    manifest_path = path / MANIFEST
    try:
        manifest = Manifest.model_validate_json(manifest_path.read_bytes())
    except OSError as error:
        raise BundleError(f"{manifest_path}: {error.strerror}; a bundle is a folder with {MANIFEST}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{manifest_path}: {where or 'file'}: {first['msg']}") from None
    for name in (OLD_PROGRAM if OLD_PROGRAM in manifest.files else PROGRAM, PARAMETERS, GOLDEN):
        if name not in manifest.files:
            raise BundleError(f"{manifest_path}: files: {name} is not listed")
    for name, expected in manifest.files.items():
        if Path(name).name != name or name in ("", "..") or "\0" in name:
            raise BundleError(f"{manifest_path}: files: {name!r} is not a plain file name")
        if _sha256(path / name) != expected:
            raise BundleError(f"{path / name}: damaged or replaced: its sha256 is not the one in {MANIFEST}")
    if manifest.id != _sealed(manifest).id:
        raise BundleError(f"{manifest_path}: edited after it was written: its id should be {_sealed(manifest).id}")
    return Bundle(path, manifest)


def save(path: Path, manifest: Manifest, program: Path, parameters: Path, golden: Golden) -> Bundle:
    """Write a bundle to `path`, whole or not at all, and open it. An older bundle there is replaced.

    `manifest.id` and `manifest.files` are filled in here. A `program` named *.pdmodel is one of Paddle 1.x or 2.x.
    Raise BundleError if `check_free` does.
    """
    check_free(path)
    program_name = OLD_PROGRAM if program.suffix == ".pdmodel" else PROGRAM
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        shutil.copyfile(program, scratch / program_name)
        shutil.copyfile(parameters, scratch / PARAMETERS)
        np.savez_compressed(scratch / GOLDEN, images=golden.images, logits=golden.logits)
        files = {name: _sha256(scratch / name) for name in (program_name, PARAMETERS, GOLDEN)}
        sealed = _sealed(manifest.model_copy(update={"files": files}))
        (scratch / MANIFEST).write_text(sealed.model_dump_json(indent=2) + "\n")
        for file in scratch.iterdir():
            atomic.sync(file)
        _replace(scratch, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return load(path)


def check_free(path: Path) -> None:
    """Raise BundleError if no bundle may be written to `path`: a running line uses it, or it holds other files."""
    if in_use.is_held(path / MANIFEST):
        raise BundleError(
            f"{path}: a running line uses this bundle; write to another folder, and start the line again with that one"
        )
    if path.exists() and not (path / MANIFEST).exists() and not (path.is_dir() and not any(path.iterdir())):
        raise BundleError(f"{path}: is there, and is no bundle: nothing of it is overwritten; name a new folder")


def now() -> str:
    """Return the time of now as in bundle.json: ISO 8601, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _sealed(manifest: Manifest) -> Manifest:
    body = manifest.model_dump(mode="json", exclude={"id"})
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]
    return manifest.model_copy(update={"id": f"{manifest.name}-{digest}"})


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from None


def _replace(scratch: Path, path: Path) -> None:
    # A folder cannot be renamed over a filled one: the old bundle steps aside first, and goes only at the end.
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    if path.exists():
        path.rename(old)
    atomic.place(scratch, path)
    shutil.rmtree(old, ignore_errors=True)
