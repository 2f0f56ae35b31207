"""A PaddleClas 1.x config as it is: mapped where we can, one warning for the rest, overrides in either tongue."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml

from inspector.errors import ConfigError
from tests.trainer.conftest import NEU, needs_neu, picture
from trainer.cli import main
from trainer.recipe import loading, paddleclas
from trainer.recipe.recipe import Recipe

_MEAN, _STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_DECODE = {"DecodeImage": {"to_rgb": True, "to_np": False, "channel_first": False}}
_CHW: dict[str, Any] = {"ToCHWImage": None}


def normalise(scale: str) -> dict[str, Any]:
    return {"NormalizeImage": {"scale": scale, "mean": _MEAN, "std": _STD, "order": ""}}


#: The keys and values of the NEU tutorial's config, by the documentation of PaddleClas 1.x.
NEU_YAML: dict[str, Any] = {
    "mode": "train",
    "ARCHITECTURE": {"name": "ResNet50_vd"},
    "pretrained_model": "",
    "model_save_dir": "./output/",
    "classes_num": 6,
    "total_images": 1431,
    "save_interval": 10,
    "validate": True,
    "valid_interval": 10,
    "epochs": 50,
    "topk": 5,
    "image_shape": [3, 224, 224],
    "use_mix": True,
    "ls_epsilon": 0.1,
    "LEARNING_RATE": {"function": "Cosine", "params": {"lr": 0.1}},
    "OPTIMIZER": {
        "function": "Momentum",
        "params": {"momentum": 0.9},
        "regularizer": {"function": "L2", "factor": 0.00007},
    },
    "TRAIN": {
        "batch_size": 64,
        "num_workers": 4,
        "file_list": "./dataset/NEU-CLS/train.txt",
        "data_dir": "./dataset/NEU-CLS",
        "shuffle_seed": 0,
        "transforms": [
            _DECODE,
            {"RandCropImage": {"size": 224}},
            {"RandFlipImage": {"flip_code": 1}},
            normalise("1./255."),
            _CHW,
        ],
        "mix": [{"MixupOperator": {"alpha": 0.2}}],
    },
    "VALID": {
        "batch_size": 64,
        "num_workers": 4,
        "file_list": "./dataset/NEU-CLS/eval.txt",
        "data_dir": "./dataset/NEU-CLS",
        "shuffle_seed": 0,
        "transforms": [
            _DECODE,
            {"ResizeImage": {"resize_short": 256}},
            {"CropImage": {"size": 224}},
            normalise("1.0/255.0"),
            _CHW,
        ],
    },
}


def read(values: dict[str, Any], *overrides: str) -> tuple[Recipe, str]:
    return paddleclas.load(Path("neu.yaml"), copy.deepcopy(values), overrides)


def changed(key: str, value: Any) -> dict[str, Any]:
    values = copy.deepcopy(NEU_YAML)
    *parents, last = key.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    section[last] = value
    return values


def test_the_tutorials_config_becomes_a_recipe() -> None:
    recipe, _ = read(NEU_YAML)

    assert recipe.run_dir == Path("output/ResNet50_vd")
    assert recipe.seed == 0
    assert recipe.data is not None and recipe.data.root == Path("dataset/NEU-CLS")
    assert (recipe.data.train_list, recipe.data.eval_list) == ("train.txt", "eval.txt")
    assert [spec.name for spec in recipe.labels] == [f"class_{number}" for number in range(6)]
    network = recipe.network
    assert (network.depth, network.width, network.channels, network.size_px) == (50, 1, 3, 224)
    assert (network.mean, network.std) == (tuple(_MEAN), tuple(_STD))
    how = recipe.training
    assert (how.epochs, how.batch_images, how.eval_every_epochs, how.save_every_epochs) == (50, 64, 10, 10)
    assert (how.peak_learning_rate, how.warmup_epochs, how.momentum, how.nesterov) == (0.1, 0, 0.9, False)
    assert (how.l2, how.label_smoothing, how.mixup, how.pretrained) == (0.00007, 0.1, 0.2, None)
    augment = recipe.augment
    assert augment.flip == "left_right"
    assert augment.crop_min_share**2 == pytest.approx(0.08) and augment.crop_aspect == pytest.approx(4 / 3)
    assert augment.brightness == augment.contrast == augment.noise_share == augment.blur_share == 0


def test_each_key_we_do_not_honour_is_named_in_one_warning_and_no_other() -> None:
    _, warning = read(NEU_YAML)
    assert warning.partition("not honoured: ")[2].split(", ") == [
        "total_images", "topk", "TRAIN.num_workers", "VALID.batch_size", "VALID.num_workers", "VALID.shuffle_seed",
        "VALID.ResizeImage.resize_short", "VALID.CropImage.size",
    ]  # fmt: skip
    assert "\n" not in warning


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("LEARNING_RATE.function", "Piecewise", "LEARNING_RATE.function"),
        ("LEARNING_RATE.params", {"lr": 0.1, "gamma": 0.1}, "LEARNING_RATE.params.gamma"),
        ("OPTIMIZER.function", "RMSProp", "OPTIMIZER.function"),
        ("OPTIMIZER.regularizer.function", "L1", "OPTIMIZER.regularizer.function"),
        ("use_gpu", True, "use_gpu"),
        ("ARCHITECTURE.params", {"padding_type": "SAME"}, "ARCHITECTURE.params.padding_type"),
        ("TRAIN.mix", [{"CutmixOperator": {"alpha": 0.2}}], "TRAIN.CutmixOperator.alpha"),
        ("TRAIN.transforms", [_DECODE, {"AutoAugment": None}, _CHW], "TRAIN.AutoAugment"),
        ("TRAIN.transforms", [{"RandCropImage": {"size": 112}}], "TRAIN.RandCropImage.size"),
        ("TRAIN.transforms", [{"RandFlipImage": {"flip_code": -1}}], "TRAIN.RandFlipImage.flip_code"),
        ("TRAIN.transforms", [normalise("1.0")], "TRAIN.NormalizeImage.scale"),
        ("TRAIN.transforms", [normalise("__import__('os')")], "TRAIN.NormalizeImage.scale"),
        ("TRAIN.transforms", [{"DecodeImage": {"channel_first": True}}], "TRAIN.DecodeImage.channel_first"),
        ("VALID.transforms", [{"NormalizeImage": {"mean": [0, 0, 0]}}], "VALID.NormalizeImage.mean"),
    ],
)
def test_a_value_we_cannot_honour_is_named(key: str, value: Any, named: str) -> None:
    _, warning = read(changed(key, value))
    assert named in warning.partition("not honoured: ")[2].split(", ")


@pytest.mark.parametrize(
    ("override", "part", "key", "expected"),
    [
        ("epochs=3", "training", "epochs", 3),
        ("TRAIN.batch_size=8", "training", "batch_images", 8),
        ("training.batch_images=9", "training", "batch_images", 9),
        ("use_mix=False", "training", "mixup", 0),
        ("validate=False", "training", "eval_every_epochs", 50),
        ("pretrained_model=./ResNet50_vd_pretrained", "training", "pretrained", Path("ResNet50_vd_pretrained")),
        ("LEARNING_RATE={function: CosineWarmup, params: {lr: 0.2}}", "training", "warmup_epochs", 5),
        ("use_ema=True", "training", "ema_decay", 0.9999),
        ("use_fp16=True", "training", "amp", True),
        ("AMP={scale_loss: 128.0, use_dynamic_loss_scaling: True}", "training", "amp", True),
        ("ARCHITECTURE.name=ResNet200_vd", "network", "depth", 200),
        ("image_shape=[3,64,64]", "network", "size_px", 64),
        ("data.root=elsewhere", "data", "root", Path("elsewhere")),
        ("data.val_share=0.2", "data", "val_share", 0.2),
    ],
)
def test_an_override_may_use_their_keys_or_ours(override: str, part: str, key: str, expected: Any) -> None:
    recipe, _ = read(NEU_YAML, override)
    assert getattr(getattr(recipe, part), key) == expected


def test_what_a_config_says_of_running_average_and_half_precision_is_honoured() -> None:
    amp = {"scale_loss": 128.0, "use_dynamic_loss_scaling": True, "use_pure_fp16": False}
    neither = {"use_distillation": False, "checkpoints": "", "last_epoch": -1, "is_distributed": True}
    recipe, warning = read(NEU_YAML | neither | {"use_ema": True, "ema_decay": 0.999, "AMP": amp})
    assert (recipe.training.ema_decay, recipe.training.amp) == (0.999, True)
    assert set(warning.partition("not honoured: ")[2].split(", ")) - {"AMP.scale_loss"} == set(
        read(NEU_YAML)[1].partition("not honoured: ")[2].split(", ")
    )
    assert "AMP.scale_loss" in warning  # the scale is found while training

    recipe, warning = read(NEU_YAML | {"use_ema": False, "ema_decay": 0.999, "use_fp16": False})
    assert (recipe.training.ema_decay, recipe.training.amp) == (None, False)
    assert "ema" not in warning and "fp16" not in warning


def test_an_override_of_a_key_that_neither_has_is_refused() -> None:
    with pytest.raises(ConfigError, match="-o use_gpu=False: use_gpu: there is no such key"):
        read(NEU_YAML, "use_gpu=False")
    _, warning = read(NEU_YAML | {"use_gpu": True}, "use_gpu=False")  # a key of the file: named with the others
    assert warning.endswith(", use_gpu")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("ARCHITECTURE.name", "MobileNetV3", "neu.yaml: ARCHITECTURE.name: MobileNetV3 cannot be trained"),
        ("VALID.data_dir", "./other", "neu.yaml: VALID.data_dir: other is not TRAIN.data_dir"),
        ("TRAIN", {"batch_size": 4}, "neu.yaml: TRAIN.data_dir: it is missing"),
        ("image_shape", [224, 224], "neu.yaml: image_shape: "),
        ("classes_num", None, "neu.yaml: classes_num is missing"),
        ("checkpoints", "output/9/ppcls", "neu.yaml: checkpoints: a training goes on by `trainer train --resume`"),
        ("epochs", 0, "neu.yaml: training.epochs: Input should be greater than or equal to 1"),
        ("ls_epsilon", 1.5, "neu.yaml: training.label_smoothing: "),
    ],
)
def test_a_config_that_cannot_be_used_is_refused_by_key(key: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(changed(key, value))
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_labels_come_from_the_label_file_beside_the_pictures(tmp_path: Path) -> None:
    (tmp_path / "label_list.txt").write_text("0\tCr\n1\tPa\n2 Sc\n")
    recipe, warning = read(NEU_YAML, f"data.root={tmp_path}", "classes_num=3")
    assert [spec.name for spec in recipe.labels] == ["Cr", "Pa", "Sc"]
    assert recipe.data is not None and recipe.data.label_file == "label_list.txt"
    assert f"the labels are those of {tmp_path}/label_list.txt" in warning

    with pytest.raises(ConfigError, match=r"classes_num is 6, but .*label_list\.txt names 3: Cr, Pa, Sc"):
        read(NEU_YAML, f"data.root={tmp_path}")
    (tmp_path / "label_list.txt").write_text("Cr\nPa\n")
    with pytest.raises(ConfigError, match=r"label_list\.txt: lines of `id name`"):
        read(NEU_YAML, f"data.root={tmp_path}")


def test_a_config_of_ours_is_not_taken_for_theirs() -> None:
    assert paddleclas.recognised(NEU_YAML)
    assert paddleclas.recognised({"architecture": "ResNet50_vd"})
    assert not paddleclas.recognised(loading.read(Path(__file__).parents[3] / "configs/train/neu_small.yaml"))


def test_the_whole_tutorial_runs_from_its_config(
    tmp_path: Path, run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """On pictures of three kinds, in a smaller network: prepare, train, eval, export, predict."""
    root = tmp_path / "NEU-CLS"
    lines = []
    for number, kind in enumerate(("clean", "Sc", "patches")):
        (root / kind).mkdir(parents=True)
        for index in range(12):
            cv2.imwrite(str(root / kind / f"{index}.bmp"), picture(kind, number * 100 + index))
            lines.append(f"{kind}/{index}.bmp {number}")
    (root / "train.txt").write_text("\n".join(line for line in lines if "/1.bmp" not in line))
    (root / "eval.txt").write_text("\n".join(line for line in lines if "/1.bmp" in line))
    file = tmp_path / "neu.yaml"
    file.write_text(yaml.safe_dump(NEU_YAML))
    overrides = [
        f"data.root={root}", "classes_num=3", f"model_save_dir={tmp_path}/output", "ARCHITECTURE.name=ResNet18_vd",
        "network.width=0.125", "image_shape=[3,32,32]", "TRAIN.batch_size=8", "epochs=2",
    ]  # fmt: skip
    options: list[object] = ["-c", file]
    for override in overrides:
        options += ["-o", override]

    prepared = run_json("prepare", *options)
    assert prepared["images"]["eval"] == 3
    assert main(["train", *map(str, options)]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("trainer: ")]
    assert "the labels are class_0 to class_2" in said[0] and "total_images" in said[0]
    assert said[1:] == [
        "trainer: `trainer train` does not use data.root: nothing comes of it here"
    ]  # the manifest does
    assert run_json("eval", *options)["images"] == 3
    exported = run_json("export", *options, "--force")  # of one epoch: one answer for all
    assert exported["bundle"] == str(tmp_path / "output/ResNet18_vd/bundle")
    verdicts = run_json("predict", "--bundle", exported["bundle"], root / "Sc/1.bmp")["verdicts"]
    assert len(verdicts) == 1 and verdicts[0]["outcome"] in ("defect", "unsure")


@needs_neu
def test_its_lists_and_labels_are_those_of_the_real_data(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    recipe, _ = read(NEU_YAML, f"data.root={NEU}")
    assert [spec.name for spec in recipe.labels] == ["Cr", "Pa", "Ps", "Rs", "Sc", "ln"]


def test_our_recipe_of_the_tutorial_says_what_its_config_says() -> None:
    theirs, _ = read(NEU_YAML)
    ours = loading.load(Path(__file__).parents[3] / "configs/train/neu_resnet50_vd.yaml")

    assert ours.network == theirs.network
    scaled = {"learning_rate_for_batch": 256}  # theirs leaves the scaling to the reader
    assert ours.training == theirs.training.model_copy(update=scaled)
    assert ours.training.peak_learning_rate == pytest.approx(0.1 * 64 / 256)
    crop = {"crop_min_share": pytest.approx(theirs.augment.crop_min_share, abs=1e-3),
            "crop_aspect": pytest.approx(theirs.augment.crop_aspect, abs=1e-3)}  # fmt: skip
    assert ours.augment.model_dump() == theirs.augment.model_dump() | crop
