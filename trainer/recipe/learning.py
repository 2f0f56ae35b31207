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

    backbone: Annotated[
        Literal["resnet_vd", "lite0"],
        Field(description="resnet_vd, or the frozen front of EfficientNet-Lite0, for `trainer fit`"),
    ] = "resnet_vd"
    depth: Annotated[Literal[18, 34, 50, 101, 152, 200], Field(description="layers of a ResNet_vd")] = 18
    width: Annotated[float, Field(gt=0, le=2, description="of a ResNet_vd, as a share of the published one")] = 0.5
    channels: Annotated[
        Literal[1, 3], Field(description="3: gray three times, for weights that were trained on colour")
    ] = 1
    size_px: Annotated[
        int,
        Field(ge=16, le=1024, description="side of the picture that the network is judged on; a view is resized to it"),
    ] = 112
    mean: Annotated[
        tuple[_Mean, ...],
        _OneOrMore,
        Field(description="subtracted, as a share of 255: one number for all channels, or one each"),
    ] = (0.5,)
    std: Annotated[
        tuple[_Std, ...],
        _OneOrMore,
        Field(description="divided by, as a share of 255: one number for all channels, or one each"),
    ] = (0.25,)

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


class Training(Section):
    """The schedule: momentum, cosine after a linear warm-up, label smoothing, mixup, L2 on all weights.

    `batch_images` are the pictures of one step, whatever the number of devices and passes that share them.
    """

    epochs: Annotated[int, Field(ge=1, le=10_000, description="passes over the training part")] = 20
    batch_images: Annotated[
        int,
        Field(
            ge=2, le=4096, description="pictures of one step, whatever the number of devices and passes that share them"
        ),
    ] = 32
    learning_rate: Annotated[
        float, Field(gt=0, le=10, description="after the warm-up; from there it falls to 0 as a cosine")
    ] = 0.05
    learning_rate_for_batch: Annotated[
        int | None,
        Field(
            ge=1,
            le=65_536,
            description="set: the learning rate is for so many pictures a step, and is scaled to batch_images",
        ),
    ] = None
    warmup_epochs: Annotated[float, Field(ge=0, le=1000, description="the learning rate rises from 0 for so long")] = 2
    momentum: Annotated[float, Field(ge=0, lt=1, description="of the gradient")] = 0.9
    nesterov: Annotated[bool, Field(description="look ahead by the momentum")] = True
    l2: Annotated[float, Field(ge=0, le=1, description="penalty on all weights")] = 3e-4
    label_smoothing: Annotated[
        float, Field(ge=0, lt=1, description="share of the truth that is spread over all labels")
    ] = 0.1
    mixup: Annotated[
        float,
        Field(ge=0, le=10, description="two pictures in one: alpha of the beta distribution of their shares; 0: off"),
    ] = 0.0
    pretrained: Annotated[
        Path | None,
        Field(description=".pdparams of PaddleClas 2.x, checkpoint or bundle to start from; --from sets it"),
    ] = None
    freeze: Annotated[
        tuple[str, ...],
        Field(description="layers that stay as they are: stem, stage1 to stage4, or names such as blocks.0"),
    ] = ()
    class_weights: Annotated[
        Literal["balanced"] | dict[str, Annotated[float, Field(gt=0, le=1000)]] | None,
        Field(description="of the loss, by label; balanced: each label weighs the same, however few its pictures"),
    ] = None
    accumulate: Annotated[
        int, Field(ge=1, le=1024, description="a batch in so many passes: less memory, the same step")
    ] = 1
    amp: Annotated[bool, Field(description="half precision where it is safe; needs a GPU")] = False
    ema_decay: Annotated[
        float | None, Field(ge=0, lt=1, description="set: evaluate and save a running average of the weights")
    ] = None
    size_px: Annotated[
        int | None,
        Field(ge=16, le=1024, description="side of the pictures that it learns from, where not network.size_px"),
    ] = None
    patience_evaluations: Annotated[
        int | None, Field(ge=1, le=10_000, description="stop after so many evaluations without gain")
    ] = None
    real_repeat: Annotated[
        int, Field(ge=1, le=100, description="each real picture so often an epoch, a simulated one once")
    ] = 1
    eval_every_epochs: Annotated[
        int, Field(ge=1, le=10_000, description="the validation part is scored so often, and after the last epoch")
    ] = 1
    save_every_epochs: Annotated[
        int, Field(ge=1, le=10_000, description="last.npz is written so often, and after the last epoch")
    ] = 1
    threads: Annotated[int, Field(ge=0, le=1024, description="of the CPU; 0: one a core")] = 0

    @property
    def peak_learning_rate(self) -> float:
        """After the warm-up, for this batch: Goyal et al., arXiv 1706.02677, scale it linearly."""
        return self.learning_rate * (self.batch_images / (self.learning_rate_for_batch or self.batch_images))


class Augment(Section):
    """Random changes of a training image, in camera pixels and gray levels.

    No 90° turn but of the labels named: rolled-in scale is told by the rolling direction.
    """

    crop_min_share: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="least side of a crop, as a share of the picture's: less would cut a lone scratch away",
        ),
    ] = 0.8
    crop_max_share: Annotated[float, Field(gt=0, le=1, description="largest side of a crop")] = 1.0
    crop_aspect: Annotated[
        float, Field(ge=1, le=4, description="of a crop, width to height, up to this much either way")
    ] = 1.0
    flip: Annotated[
        Literal[True, False, "left_right", "up_down"],
        Field(description="mirror images; true: both ways, the strip may run either way"),
    ] = True
    turn: Annotated[
        dict[str, Annotated[float, Field(ge=0, le=1)]],
        Field(description="by label, the share of its pictures turned by 90°"),
    ] = Field(default_factory=dict)
    brightness: Annotated[float, Field(ge=0, le=1, description="added: up to this share of 255, either way")] = 0.15
    contrast: Annotated[
        float, Field(ge=0, lt=1, description="gain about the image's mean, up to this much either way")
    ] = 0.25
    noise_levels: Annotated[
        float, Field(ge=0, le=64, description="sensor noise, deviation up to so many gray levels")
    ] = 6.0
    noise_share: Annotated[
        float, Field(ge=0, le=1, description="share of images that get noise, specks or stripes")
    ] = 0.3
    blur_px: Annotated[int, Field(ge=0, le=63, description="motion blur, up to so many pixels")] = 5
    defocus_px: Annotated[float, Field(ge=0, le=16, description="Gaussian blur, sigma up to so many pixels")] = 0.0
    blur_share: Annotated[float, Field(ge=0, le=1, description="share of images that get motion blur or defocus")] = 0.1
    exposure: Annotated[
        float, Field(ge=0, le=2, description="gain about black: e to the power of up to this, either way")
    ] = 0.0
    gradient: Annotated[
        float, Field(ge=0, lt=1, description="light from one side: gain up to this much more, opposite less")
    ] = 0.0
    specks: Annotated[int, Field(ge=0, le=100, description="of dust, up to so many, on noise_share of images")] = 0
    stripe_levels: Annotated[
        float, Field(ge=0, le=64, description="uneven columns, up to so many gray levels, on noise_share of images")
    ] = 0.0

    @model_validator(mode="after")
    def _agrees(self) -> "Augment":
        if self.crop_max_share < self.crop_min_share:
            raise ValueError(
                f"crop_max_share: {self.crop_max_share} is less than crop_min_share: {self.crop_min_share}"
            )
        return self


class Fit(Section):
    """How `fit` shows its pictures to the frozen network, and what it fits to the features."""

    copies: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="changed ones of each picture, as `augment` says, besides as it is and turned by 90°",
        ),
    ] = 2
    hidden: Annotated[
        int | None,
        Field(
            ge=8,
            le=4096,
            description="units of a hidden layer; with hundreds of pictures a label, in many copies, it gains; "
            "with tens it loses",
        ),
    ] = None


class Novelty(Section):
    """What the reject model learns from, and how much of what is known it may refuse."""

    strangers: Annotated[
        int,
        Field(
            ge=0,
            le=100_000,
            description="drawn pictures that are not strip, which the reject model learns from; 0: no reject model",
        ),
    ] = 900
    max_lost: Annotated[
        float, Field(gt=0, le=0.2, description="share of unseen strip that may be called unknown, of each label")
    ] = 0.03
