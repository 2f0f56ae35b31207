"""Owns the recipe's settings of learning: the network, the schedule, what is changed in pictures, fit and novelty."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from trainer.recipe.section import Section

_Mean = Annotated[float, Field(ge=0, le=1)]
_Std = Annotated[float, Field(gt=0, le=1)]
_OneOrMore = BeforeValidator(lambda value: (value,) if isinstance(value, int | float) else value)
#: What the ImageNet weights of EfficientNet-Lite0 were trained on, (x - 127) / 128; 128 px is enough for NEU.
LITE0_INPUT: dict[str, Any] = {"size_px": 128, "channels": 1, "mean": (127 / 255,), "std": (128 / 255,)}


class Network(Section):
    """A ResNet_vd: its depth, its width as a share of the published one, and what it looks at. `fit` freezes it.

    Or the frozen front of EfficientNet-Lite0, for `trainer fit`: then it is as published, whatever depth and width.
    """

    backbone: Literal["resnet_vd", "lite0"] = "resnet_vd"
    """Network to learn with: resnet_vd, or lite0, the frozen front of EfficientNet-Lite0 for `trainer fit`."""
    depth: Literal[18, 34, 50, 101, 152, 200] = 18
    """Number of layers of a ResNet_vd."""
    width: Annotated[float, Field(gt=0, le=2)] = 0.5
    """Width of a ResNet_vd, as a share of the published one."""
    channels: Literal[1, 3] = 1
    """Number of input channels; 3 repeats the gray picture, for weights that were trained on colour."""
    size_px: Annotated[int, Field(ge=16, le=1024)] = 112
    """Side of the network's input in pixels; each view is resized to it."""
    mean: Annotated[tuple[_Mean, ...], _OneOrMore] = (0.5,)
    """Mean subtracted from the input, as a share of 255: one number for all channels, or one for each."""
    std: Annotated[tuple[_Std, ...], _OneOrMore] = (0.25,)
    """Deviation that the input is divided by, as a share of 255: one number for all channels, or one for each."""

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
                    raise ValueError(f"{name}: a lite0 backbone needs {value}, which is its default")
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) not in (1, self.channels):
                raise ValueError(f"{name}: {len(numbers)} numbers; one is needed, or one for each of channels")
        return self

    @property
    def mean_and_std(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of each channel."""
        mean, std = (numbers * (self.channels // len(numbers)) for numbers in (self.mean, self.std))
        return mean, std


class Training(Section):
    """The schedule: momentum, cosine after a linear warm-up, label smoothing, mixup, L2 on all weights.

    `batch_images` are the pictures of one step, whatever the number of devices and passes that share them.
    """

    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Number of passes over the training pictures."""
    batch_images: Annotated[int, Field(ge=2, le=4096)] = 32
    """Number of pictures in one optimiser step, whatever number of devices and passes share them."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.05
    """Learning rate after the warm-up, from which it falls to 0 as a cosine."""
    learning_rate_for_batch: Annotated[int | None, Field(ge=1, le=65_536)] = None
    """Batch size that the learning rate is meant for; it is then scaled linearly to batch_images."""
    warmup_epochs: Annotated[float, Field(ge=0, le=1000)] = 2
    """Number of epochs over which the learning rate rises from 0."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Momentum of the gradient descent."""
    nesterov: bool = True
    """Whether the momentum is Nesterov's."""
    l2: Annotated[float, Field(ge=0, le=1)] = 3e-4
    """L2 penalty on all weights."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of each target that is spread over all labels."""
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Alpha of mixup's beta distribution, which blends two pictures into one; 0 turns mixup off."""
    pretrained: Path | None = None
    """Weights to start from: a .pdparams of PaddleClas 2.x, a checkpoint or a bundle. `--from` sets it."""
    freeze: tuple[str, ...] = ()
    """Layers that keep their weights: stem, stage1 to stage4, or names such as blocks.0."""
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(gt=0, le=1000)]] | None = None
    """Weight of each label in the loss; balanced gives every label the same total, however few its pictures."""
    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1
    """Number of passes that share one batch; more passes need less memory for the same step."""
    amp: bool = False
    """Whether to compute in half precision where that is safe; it needs a GPU."""
    ema_decay: Annotated[float | None, Field(ge=0, lt=1)] = None
    """Decay of a running average of the weights, which is then evaluated and saved; no average if not set."""
    size_px: Annotated[int | None, Field(ge=16, le=1024)] = None
    """Side of the training pictures in pixels, where it differs from network.size_px."""
    patience_evaluations: Annotated[int | None, Field(ge=1, le=10_000)] = None
    """Number of evaluations without gain after which training stops; never early if not set."""
    real_repeat: Annotated[int, Field(ge=1, le=100)] = 1
    """Number of times that each real picture appears in an epoch; a drawn one appears once."""
    eval_every_epochs: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Number of epochs between two evaluations of the validation pictures; the last epoch is always evaluated."""
    save_every_epochs: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Number of epochs between two writes of last.npz; the last epoch is always written."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Number of CPU threads; 0 uses one for each core."""

    @property
    def peak_learning_rate(self) -> float:
        """After the warm-up, for this batch: Goyal et al., arXiv 1706.02677, scale it linearly."""
        return self.learning_rate * (self.batch_images / (self.learning_rate_for_batch or self.batch_images))


class Augment(Section):
    """Random changes of a training image, in camera pixels and gray levels.

    No 90° turn but of the labels named: rolled-in scale is recognised by the rolling direction.
    """

    crop_min_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Least side of a random crop, as a share of the picture's; a smaller crop may lose a lone scratch."""
    crop_max_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Largest side of a random crop, as a share of the picture's."""
    crop_aspect: Annotated[float, Field(ge=1, le=4)] = 1.0
    """Largest ratio of a crop's longer side to its shorter one."""
    flip: Literal[True, False, "left_right", "up_down"] = True
    """Mirror images: true mirrors both ways, as the strip may run either way; or left_right, or up_down."""
    turn: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """Share of pictures turned by 90°, by label."""
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Largest change of brightness, added either way, as a share of 255."""
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Largest change of contrast about the image's mean, either way, as a share."""
    noise_levels: Annotated[float, Field(ge=0, le=64)] = 6.0
    """Largest standard deviation of sensor noise, in gray levels."""
    noise_share: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of the images that get noise, specks or stripes."""
    blur_px: Annotated[int, Field(ge=0, le=63)] = 5
    """Largest length of motion blur, in pixels."""
    defocus_px: Annotated[float, Field(ge=0, le=16)] = 0.0
    """Largest sigma of Gaussian blur, in pixels."""
    blur_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of the images that get motion blur or defocus."""
    exposure: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Largest change of exposure: the gain about black is e to the power of at most this, either way."""
    gradient: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest extra gain at one side of the image, as of light from there; the opposite side loses as much."""
    specks: Annotated[int, Field(ge=0, le=100)] = 0
    """Largest number of dust specks on an image; noise_share says how many images get any."""
    stripe_levels: Annotated[float, Field(ge=0, le=64)] = 0.0
    """Largest unevenness of columns, in gray levels; noise_share says how many images get any."""

    @model_validator(mode="after")
    def _agrees(self) -> "Augment":
        if self.crop_max_share < self.crop_min_share:
            raise ValueError(
                f"crop_max_share: {self.crop_max_share} is less than crop_min_share: {self.crop_min_share}"
            )
        return self


class Fit(Section):
    """How `fit` shows its pictures to the frozen network, and what it fits to the features."""

    copies: Annotated[int, Field(ge=0, le=100)] = 2
    """Number of augmented copies of each picture, besides the picture itself and its 90° turn."""
    hidden: Annotated[int | None, Field(ge=8, le=4096)] = None
    """Number of units in a hidden layer of the head; it gains with hundreds of pictures a label, and loses with
    tens. No hidden layer if not set."""


class Novelty(Section):
    """What the reject model learns from, and how much of what is known it may refuse."""

    strangers: Annotated[int, Field(ge=0, le=100_000)] = 900
    """Number of drawn pictures that are not strip, from which the reject model learns; 0 makes no reject model."""
    max_lost: Annotated[float, Field(gt=0, le=0.2)] = 0.03
    """Largest share of unseen strip of a label that the reject model may call unknown."""
