"""Owns the recipe: every setting of a training run, its default, its bounds, and where its value came from."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from inspector.bundle import Label, Severity
from inspector.errors import ConfigError
from trainer import lines
from trainer.naming import LABEL_NAME, is_label_name

_Share = Annotated[float, Field(ge=0, lt=1)]
_Mean = Annotated[float, Field(ge=0, le=1)]
_Std = Annotated[float, Field(gt=0, le=1)]
_OneOrMore = BeforeValidator(lambda value: (value,) if isinstance(value, int | float) else value)
#: What the ImageNet weights of EfficientNet-Lite0 were trained on, (x - 127) / 128; 128 px is enough for NEU.
LITE0_INPUT: dict[str, Any] = {"size_px": 128, "channels": 1, "mean": (127 / 255,), "std": (128 / 255,)}

#: Camera pixels of one view where neither a recipe nor pictures say.
VIEW_PX = 200

_Name = Annotated[str, Field(pattern=LABEL_NAME)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelSpec(_Part):
    """One class: its name on the record, what it means for the strip, and what the data calls it."""

    name: _Name
    kind: Literal["ok", "defect"] = "defect"
    severity: Severity = "major"
    aliases: tuple[str, ...] = ()  # folder names or label file names that mean this class

    def label(self) -> Label:
        """The class as the bundle states it."""
        return Label(name=self.name, kind=self.kind, severity=self.severity)

    @property
    def shown(self) -> str:
        """For people: with what the data calls it in brackets, where that is no label name."""
        other = next((alias for alias in self.aliases if not is_label_name(alias)), "")
        return f"{self.name} ({other})" if other else self.name


class RecordFile(_Part):
    """What `inspector defects --json` printed."""

    path: Path
    root: Path | None = None  # where its frames lie by name, the drop folder's done/; data.root where it is not said


def _record_files(value: Any) -> Any:
    """One file or several, each its path or with its root."""
    several = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return [{"path": one} if isinstance(one, str | Path) else one for one in several]


class Data(_Part):
    """Where real pictures are: `train_list`, `records`, or both, or else one folder a class, say what is in `root`."""

    root: Path
    # Lines of `path label`, a table, COCO's JSON, a folder of VOC's or YOLO's files, or a data.yaml; relative to root.
    train_list: str | None = None
    eval_list: str | None = None
    label_file: str | None = None  # lines of `id name`; needed where the lists give numbers
    # What `inspector defects --json` printed, one file or several: `a.jsonl`, or `{path: a.jsonl, root: line-2/done}`.
    records: Annotated[tuple[RecordFile, ...], BeforeValidator(_record_files)] = ()
    group_file: str | None = None  # lines of `path group`: what is of one coil or part stays on one side of a split
    val_share: _Share = 0.1  # of the train part, never trained on: chooses best epoch, temperature, thresholds
    eval_share: _Share = 0.2  # class folders and records only: lists bring their own eval part
    bit_depth: Annotated[int, Field(ge=8, le=16)] | None = None  # bits the camera fills in a 16-bit picture
    folds: Annotated[int, Field(ge=2, le=100)] | None = None  # every picture, whatever list has it, is in eval once
    fold: Annotated[int, Field(ge=1)] | None = None  # which of them to train and evaluate; prepare writes all

    @model_validator(mode="after")
    def _agrees(self) -> "Data":
        if self.train_list is None and (self.eval_list or self.label_file):
            raise ValueError("eval_list and label_file go with train_list; class folders need none of the three")
        if self.fold is not None and self.fold > (self.folds or 0):
            raise ValueError(f"fold is {self.fold}, but folds is {self.folds}: set folds to how many there are")
        return self


class Simulated(_Part):
    """How many images to draw for each split: of `ok`, and of each defect the renderer knows.

    Cut: as the tiles of a wide frame show it, of a defect often a part, or its rim.
    """

    first_seed: Annotated[int, Field(ge=0, le=2**31)] = 1_000_000
    train_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    train_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    train_cut_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    train_cut_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    val_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    val_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    val_cut_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    val_cut_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    eval_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    eval_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    eval_cut_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    eval_cut_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class Network(_Part):
    """A ResNet_vd: its depth, its width as a share of the published one, and what it looks at. `fit` freezes it.

    Or the frozen front of EfficientNet-Lite0, for `trainer fit`: then it is as published, whatever depth and width.
    """

    backbone: Literal["resnet_vd", "lite0"] = "resnet_vd"
    depth: Literal[18, 34, 50, 101, 152, 200] = 18
    width: Annotated[float, Field(gt=0, le=2)] = 0.5
    channels: Literal[1, 3] = 1  # 3: gray three times, for weights that were trained on colour
    size_px: Annotated[int, Field(ge=16, le=1024)] = 112
    mean: Annotated[tuple[_Mean, ...], _OneOrMore] = (0.5,)  # gray level 128 becomes 0: near NEU's own mean
    std: Annotated[tuple[_Std, ...], _OneOrMore] = (0.25,)  # one number for all channels, or one each

    @model_validator(mode="before")
    @classmethod
    def _frozen_input(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("backbone") == "lite0":
            return {**LITE0_INPUT, **values}
        return values

    @model_validator(mode="after")
    def _agrees(self) -> "Network":
        if self.backbone == "lite0":
            for name, value in LITE0_INPUT.items():
                if getattr(self, name) != value:
                    raise ValueError(f"{name}: a lite0 backbone needs {value}, and has it where nothing is said")
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) not in (1, self.channels):
                raise ValueError(f"{name}: {len(numbers)} numbers; one is needed, or one for each of channels")
        return self

    @property
    def mean_and_std(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of each channel."""
        mean, std = (numbers * (self.channels // len(numbers)) for numbers in (self.mean, self.std))
        return mean, std


class Training(_Part):
    """The schedule: momentum, cosine after a linear warm-up, label smoothing, mixup, L2 on all weights.

    `batch_images` are the pictures of one step, whatever the number of devices and passes that share them.
    """

    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    batch_images: Annotated[int, Field(ge=2, le=4096)] = 32
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.05
    learning_rate_for_batch: Annotated[int, Field(ge=1, le=65_536)] | None = None  # set: scaled to batch_images
    warmup_epochs: Annotated[float, Field(ge=0, le=1000)] = 2
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = True
    l2: Annotated[float, Field(ge=0, le=1)] = 3e-4
    label_smoothing: _Share = 0.1
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0  # alpha of its beta distribution; 0: off
    pretrained: Path | None = None  # .pdparams of PaddleClas 2.x, checkpoint or bundle to start from; --from sets it
    freeze: tuple[str, ...] = ()  # layers that stay as they are: stem, stage1 to stage4, or names such as blocks.0
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(gt=0, le=1000)]] | None = None  # of the loss
    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1  # a batch in so many passes: less memory, the same step
    amp: bool = False  # half precision where it is safe; needs a GPU
    ema_decay: Annotated[float, Field(ge=0, lt=1)] | None = None  # set: evaluate and save a running average of weights
    size_px: Annotated[int, Field(ge=16, le=1024)] | None = None  # what it learns from, where not as network.size_px
    patience_evaluations: Annotated[int, Field(ge=1, le=10_000)] | None = None  # so many without gain: stop early
    real_repeat: Annotated[int, Field(ge=1, le=100)] = 1  # each real picture so often an epoch, a simulated one once
    eval_every_epochs: Annotated[int, Field(ge=1, le=10_000)] = 1
    save_every_epochs: Annotated[int, Field(ge=1, le=10_000)] = 1  # last.npz, which the last epoch always writes
    threads: Annotated[int, Field(ge=0, le=1024)] = 0  # of the CPU; 0: one a core

    @property
    def peak_learning_rate(self) -> float:
        """After the warm-up, for this batch: Goyal et al., arXiv 1706.02677, scale it linearly."""
        return self.learning_rate * (self.batch_images / (self.learning_rate_for_batch or self.batch_images))


class Augment(_Part):
    """Random changes of a training image, in camera pixels and gray levels.

    No 90° turn but of the labels named: rolled-in scale is told by the rolling direction.
    """

    crop_min_share: Annotated[float, Field(gt=0, le=1)] = 0.8  # of the side: less would cut a lone scratch away
    crop_max_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    crop_aspect: Annotated[float, Field(ge=1, le=4)] = 1.0  # width to height, up to this much either way
    flip: Literal[True, False, "left_right", "up_down"] = True  # true: both, the strip may run either way
    turn: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}  # by label, the share of its pictures turned by 90°
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.15  # added: up to this share of 255, either way
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.25  # gain about the image's mean, up to this much either way
    noise_levels: Annotated[float, Field(ge=0, le=64)] = 6.0  # sensor noise, deviation up to this
    noise_share: Annotated[float, Field(ge=0, le=1)] = 0.3  # share of images that get noise
    blur_px: Annotated[int, Field(ge=0, le=63)] = 5  # motion blur, up to this
    defocus_px: Annotated[float, Field(ge=0, le=16)] = 0.0  # Gaussian blur, sigma up to this
    blur_share: Annotated[float, Field(ge=0, le=1)] = 0.1  # of images, by motion or defocus
    exposure: Annotated[float, Field(ge=0, le=2)] = 0.0  # gain about black: e to the power of this, either way
    gradient: Annotated[float, Field(ge=0, lt=1)] = 0.0  # light from one side: gain up to this more, opposite less
    specks: Annotated[int, Field(ge=0, le=100)] = 0  # dust, up to so many, on noise_share of images too
    stripe_levels: Annotated[float, Field(ge=0, le=64)] = 0.0  # uneven columns, on noise_share of images too

    @model_validator(mode="after")
    def _agrees(self) -> "Augment":
        if self.crop_max_share < self.crop_min_share:
            raise ValueError(
                f"crop_max_share: {self.crop_max_share} is less than crop_min_share: {self.crop_min_share}"
            )
        return self


class DecisionChoice(_Part):
    """How `eval` chooses thresholds from the validation part: one for all labels, or by `max_error` one for each.

    Whatever these give, a label of kind ok needs at least what `max_escapes` asks for.
    """

    max_unsure: _Share = 0.003  # share of rightly classified validation images that may be lost to `unsure`
    # Share of the validation defects that may surely pass as ok: a label of kind ok needs a score that keeps it.
    max_escapes: Annotated[float, Field(ge=0, le=1)] = 0.01
    min_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.5  # under half, some other label is as likely
    max_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.7  # a few hundred images cannot justify more
    # Wide frames: so likely all defects together must be of a place that several tiles show. None: as of one tile.
    place_threshold: Annotated[float, Field(gt=0, le=1)] | None = None
    max_error: _Share | None = None  # set: a threshold for each label; so few of its validation answers are wrong
    min_contrast: Annotated[float, Field(ge=0, le=128)] = 2.0  # gray levels: less is a blank picture


class Fit(_Part):
    """How `fit` shows its pictures to the frozen network, and what it fits to the features."""

    copies: Annotated[int, Field(ge=0, le=100)] = 2  # changed as `augment` says, besides as it is and turned by 90°
    # Units of a hidden layer. With hundreds of pictures a label, in many copies, it gains; with tens it loses.
    hidden: Annotated[int, Field(ge=8, le=4096)] | None = None


class Novelty(_Part):
    """What the reject model learns from, and how much of what is known it may refuse."""

    strangers: Annotated[int, Field(ge=0, le=100_000)] = 900  # drawn pictures that are not strip; 0: no reject model
    max_lost: Annotated[float, Field(gt=0, le=0.2)] = 0.03  # share of unseen strip called unknown, of each label


class Export(_Part):
    """What the bundle states besides the model."""

    # Camera pixels of one square view. None: as many as the pictures have, which is what the model learned to see.
    view_px: Annotated[int, Field(ge=16, le=4096)] | None = None
    golden_per_label: Annotated[int, Field(ge=1, le=100)] = 2
    rolling: Literal["vertical", "horizontal"] | None = None  # which way the strip runs in the pictures
    precision: Literal["fp32", "bf16"] = (
        "fp32"  # bf16: about twice as fast where the CPU has it, at a price: see README
    )


class Recipe(_Part):
    """One YAML file under configs/train/. Relative paths start at the working directory."""

    name: _Name
    run_dir: Path
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    labels: Annotated[tuple[LabelSpec, ...], Field(min_length=2, max_length=1024)]
    data: Data | None = None
    simulated: Simulated | None = None
    network: Network = Network()
    training: Training = Training()
    augment: Augment = Augment()
    fit: Fit = Fit()
    novelty: Novelty = Novelty()
    decision: DecisionChoice = DecisionChoice()
    export: Export = Export()

    @model_validator(mode="after")
    def _agrees(self) -> "Recipe":
        names = [name for label in self.labels for name in {label.name, *label.aliases}]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"labels: {', '.join(twice)} names more than one label")
        if self.labels and not any(label.kind == "defect" for label in self.labels):
            raise ValueError("labels: none of them is of kind defect: the model could find nothing")
        weights, known = self.training.class_weights, {label.name for label in self.labels}
        weighted = weights if isinstance(weights, dict) else {}
        by_label = {"training.class_weights": weighted, "augment.turn": self.augment.turn}
        for key, values in by_label.items():
            if unknown := sorted(set(values) - known):
                raise ValueError(f"{key}: no label is called {', '.join(unknown)}")
        if self.decision.place_threshold is not None and not any(label.kind == "ok" for label in self.labels):
            raise ValueError("decision.place_threshold: without a label of kind ok, all is a defect")
        if self.fit.hidden and self.network.backbone != "lite0":
            raise ValueError(
                "fit.hidden: ResNet_vd ends in one layer, fc, as in PaddleClas; lite0 may have a hidden one"
            )
        if self.data is None and self.simulated is None:
            raise ValueError("data or simulated: one of the two must be there, or nothing can be learned")
        return self

    @property
    def shown(self) -> dict[str, str]:
        """What people call each label."""
        return {label.name: label.shown for label in self.labels}

    @property
    def folder(self) -> Path:
        """Where everything is written: run_dir, or its folder of the chosen fold. ConfigError if none is chosen."""
        if self.data is None or self.data.folds is None:
            return self.run_dir
        if self.data.fold is None:
            raise ConfigError(f"data.fold: which of the {self.data.folds} folds? For example -o data.fold=1")
        return self.run_dir / f"fold-{self.data.fold}"

    def of_folds(self) -> "tuple[Recipe, ...]":
        """The recipe of each fold in turn, or this one where there are none."""
        if self.data is None or self.data.folds is None:
            return (self,)
        parts = [self.data.model_copy(update={"fold": fold}) for fold in range(1, self.data.folds + 1)]
        return tuple(self.model_copy(update={"data": data}) for data in parts)

    @property
    def judged_augment(self) -> Augment:
        """The changes at the size that the network is judged at: its crops show steel as large as those of training."""
        grown = self.network.size_px / (self.training.size_px or self.network.size_px)
        shares = {key: min(1.0, getattr(self.augment, key) * grown) for key in ("crop_min_share", "crop_max_share")}
        return self.augment.model_copy(update=shares)

    @property
    def manifest_path(self) -> Path:
        """What prepare writes and train reads."""
        return self.folder / "manifest.tsv"

    @property
    def corrections_path(self) -> Path:
        """What a person changed in the manifests: beside the run folder, which can be deleted without it."""
        run_dir = self.run_dir.absolute()
        return run_dir.parent / f"{run_dir.name}.corrections.csv"

    @property
    def last_checkpoint(self) -> Path:
        """The weights after the last finished epoch."""
        return self.folder / "last.npz"

    @property
    def best_checkpoint(self) -> Path:
        """The weights that were best on the validation part."""
        return self.folder / "best.npz"

    @property
    def report_dir(self) -> Path:
        """Where eval writes report.json and its pictures, of this recipe's model on this recipe's eval part."""
        return self.report_of()

    def report_of(self, *others: str) -> Path:
        """Where eval writes of another model, or another list: beside the recipe's own report, which export reads."""
        return self.folder / "-".join(("eval", *others))

    @property
    def bundle_dir(self) -> Path:
        """Where export writes, unless told otherwise."""
        return self.folder / "bundle"


def load(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe; each override is `a.b=value` and wins over the file, which wins over the defaults.

    Raises:
        ConfigError: names the file or override, the key, and what would be right.
    """
    return build(path, read(path), overrides)


def read(path: Path) -> dict[str, Any]:
    """The keys of a YAML file, unchecked; `${NAME:-default}` in its values takes an environment variable."""
    try:
        text = lines.text(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path}: {reason}; a recipe is a YAML file, see configs/train/") from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds no keys; a recipe starts with `name:`, see configs/train/")
    expanded: dict[str, Any] = _with_environment(values)
    return expanded


def build(path: Path, values: dict[str, Any], overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of `values`, which `path` is named for in errors. ConfigError where they are not one."""
    for text in overrides:
        override(values, text)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_first_problem(path, overrides, error)) from None


def _with_environment(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_environment(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_environment(part) for part in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: os.environ.get(m[1]) or m[2] or "", value)
    return value


def override(values: dict[str, Any], assignment: str) -> None:
    """Set one key, given as `a.b=value`. ConfigError where it is not of that form."""
    key, equals, text = assignment.partition("=")
    if not equals or not all(key.split(".")):
        raise ConfigError(f"-o {assignment}: it takes the form a.b=value, for example training.epochs=30")
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"-o {assignment}: {parent} is not a section")
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"-o {assignment}: {text!r} is not a YAML value") from None


def _first_problem(path: Path, overrides: Sequence[str], error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    source = next((f"-o {text}" for text in overrides if f"{key}.".startswith(text.partition("=")[0] + ".")), str(path))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "there is no such key"
    elif first["type"] not in ("missing", "value_error"):
        message += f", got {first['input']!r}"
    return f"{source}: {key}: {message}" if key else f"{source}: {message}"
