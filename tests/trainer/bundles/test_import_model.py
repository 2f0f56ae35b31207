"""import: a PaddleClas or PaddleX export runs in the daemon as it did there, or is refused by the key that cannot."""

import copy
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paddle
import pytest
import yaml
from paddle import nn
from paddle.pir_utils import OldIrGuard

from inspector.vision import bundle
from inspector.vision.renderer.strip import DEFECTS, render_image
from tests.fakes import Line, running
from tests.trainer import resnet_vd_reference
from tests.trainer.conftest import write_recipe
from trainer.bundles import inference_yml
from trainer.cli import main
from trainer.evaluation import evaluate
from trainer.networks.resnet_vd import ResNetVd, load, weights
from trainer.recipe.learning import Network
from trainer.weights import pdiparams

LABELS = ["ok", "scratches", "patches", "inclusion"]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

#: As PaddleX 3 writes it.
PADDLEX: dict[str, Any] = {
    "Global": {"model_name": "ResNet18_vd"},
    "Hpi": {"backend_configs": {"paddle_infer": {"trt_dynamic_shapes": {"x": [[1, 3, 64, 64]] * 3}}}},
    "PreProcess": {
        "transform_ops": [
            {"ResizeImage": {"resize_short": 72}},
            {"CropImage": {"size": 64}},
            {
                "NormalizeImage": {
                    "channel_num": 3,
                    "mean": MEAN,
                    "order": "",
                    "scale": 0.00392156862745098,
                    "std": STD,
                }
            },
            {"ToCHWImage": None},
        ]
    },
    "PostProcess": {"Topk": {"topk": 4, "label_list": LABELS}},
}
#: As PaddleClas 2.x's deploy/configs have it, here with the whole picture resized and no centre cut out.
PADDLECLAS: dict[str, Any] = {
    "Global": {"infer_imgs": "./images", "batch_size": 1, "use_gpu": True},
    "PreProcess": {
        "transform_ops": [
            {"ResizeImage": {"size": [64, 64], "interpolation": "bilinear", "backend": "cv2"}},
            {"NormalizeImage": {"scale": "1.0/255.0", "mean": MEAN, "std": STD, "order": ""}},
            {"ToCHWImage": None},
        ]
    },
    "PostProcess": {"name": "Topk", "topk": 5, "class_id_map_file": "../ppcls/utils/labels.txt"},
}
#: ResNet18_vd, a quarter as wide.
SHAPE = Network(depth=18, width=0.25, channels=3, size_px=64)


def random_weights() -> dict[str, np.ndarray]:
    """Weights that keep the scale of the signal, under a head that tells drawn strip apart by about two logits."""
    rng, drawn = np.random.default_rng(0), {}
    for name, own in weights(ResNetVd(SHAPE, len(LABELS))).items():
        if name.endswith("conv.weight"):
            drawn[name] = rng.normal(0, (2 / np.prod(own.shape[1:])) ** 0.5, own.shape)
        elif name.endswith(("bn.weight", "_variance")):
            drawn[name] = rng.uniform(0.5, 1, own.shape)
        else:
            drawn[name] = rng.normal(0, 0.2, own.shape)
    found = {name: values.astype(np.float32) for name, values in drawn.items()}
    tiles = np.stack([cv2.resize(render_image(name, 1).pixels, (64, 64)) for name in ("ok", *DEFECTS)])
    normal = (tiles[:, np.newaxis] / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    logits = resnet_vd_reference.forward(found, 18, normal.astype(np.float32)) - found["fc.bias"]
    gain = 2 / logits.std(axis=0)
    return found | {"fc.weight": found["fc.weight"] * gain, "fc.bias": -logits.mean(axis=0) * gain}


WEIGHTS = random_weights()


def network(*last: nn.Layer) -> nn.Layer:
    """The network with those weights, and what follows it."""
    body = ResNetVd(SHAPE, len(LABELS))
    load(body, WEIGHTS)
    whole = nn.Sequential(body, *last)
    whole.eval()
    return whole


def export(folder: Path, config: dict[str, Any], layer: nn.Layer, batch: int | None = None) -> Path:
    """An export as PaddleClas makes it, and its config."""
    spec = paddle.static.InputSpec([batch, 3, 64, 64], "float32", "x")
    paddle.jit.save(layer, str(folder / "inference"), input_spec=[spec])
    (folder / "inference.yml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture(scope="module")
def paddlex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PaddleX 3 export of ResNet18_vd, with the softmax that its exporter puts at the end."""
    return export(tmp_path_factory.mktemp("paddlex"), PADDLEX, network(nn.Softmax()))


@pytest.fixture(scope="module")
def paddleclas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PaddleClas 2.x export of the same network: .pdmodel, logits, the label file not where the config says."""
    folder, layer = tmp_path_factory.mktemp("paddleclas"), network()
    with OldIrGuard():
        export(folder, PADDLECLAS, layer)
    (folder / "labels.txt").write_text("".join(f"{number} {name}\n" for number, name in enumerate(LABELS)))
    return folder


def expected(path: Path, resize_short: int | None) -> np.ndarray:
    """Probabilities of one file by nothing of ours: read, resized and normalised as PaddleClas documents it."""
    pixels = cv2.imread(str(path))[:, :, ::-1]
    height, width = pixels.shape[:2]
    if resize_short:
        share = resize_short / min(height, width)
        pixels = cv2.resize(pixels, (round(width * share), round(height * share)))
        top, left = (pixels.shape[0] - 64) // 2, (pixels.shape[1] - 64) // 2
        pixels = pixels[top : top + 64, left : left + 64]
    else:
        pixels = cv2.resize(pixels, (64, 64))
    normal = (pixels.astype("float32") / 255 - np.float32(MEAN)) / np.float32(STD)
    logits = resnet_vd_reference.forward(WEIGHTS, 18, normal.transpose(2, 0, 1)[np.newaxis])[0]
    scores: np.ndarray = np.exp(logits - logits.max())
    return scores / scores.sum()


def write_pictures(folder: Path) -> list[Path]:
    """Drawn strip as files, one of them not square."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number, name in enumerate(("ok", "patches", "scratches", "crazing")):
        pixels = render_image(name, 100 + number).pixels
        path = folder / f"{number}.bmp"
        cv2.imwrite(str(path), pixels[:150] if number == 3 else pixels)
        paths.append(path)
    return paths


def test_the_daemon_decides_with_it_as_an_independent_forward_says(paddlex: Path, tmp_path: Path) -> None:
    # Given a PaddleX export, imported
    made = tmp_path / "bundle"
    assert main(["import", str(paddlex), "--to", str(made), "--ok", "ok", "--view-px", "200"]) == 0
    pictures = write_pictures(tmp_path / "pictures")
    # When a line with it inspects four files
    line = Line(tmp_path, bundle=str(made), workers={"engine": "paddle"})
    shutil.copytree(tmp_path / "pictures", line.drop)
    with running(line):
        records = {record.name: record for record in line.wait_for_records(len(pictures))}
        assert line.stop() == 0
    # Then label and score of each are those of the reference network on a picture resized and cut by the test
    for path in pictures:
        scores, record = expected(path, resize_short=72), records[path.name]
        assert record.score == pytest.approx(scores.max(), abs=1e-3)
        assert record.label == LABELS[scores.argmax()]
        kind = "unsure" if scores.max() < 0.5 else "ok" if record.label == "ok" else "defect"
        assert record.outcome == kind


@pytest.mark.parametrize("names", [("inference.pdmodel", "inference.pdiparams"), ("__model__", "__variables__")])
def test_an_older_program_with_logits_and_the_whole_picture_scores_as_it_did(
    paddleclas: Path, tmp_path: Path, run_json: Callable[..., Any], names: tuple[str, str]
) -> None:
    # When an export of PaddleClas 2.x, or one under the names of 1.x, is imported
    (tmp_path / "export").mkdir()
    kept = ("inference.pdmodel", "inference.pdiparams", "inference.yml", "labels.txt")
    for old, new in zip(kept, (*names, "inference.yml", "labels.txt"), strict=True):
        shutil.copy(paddleclas / old, tmp_path / "export" / new)
    done = run_json("import", tmp_path / "export", "--to", tmp_path / "bundle", "--ok", "ok")
    # Then its scores are known for what they are, and are those of the reference
    assert (done["output"], done["unseen_px"]) == ("logits", 0)
    model, opened = evaluate.open_bundle(tmp_path / "bundle")
    assert (opened.program.name, opened.manifest.input.view_px) == ("inference.pdmodel", 200)
    for path in write_pictures(tmp_path / "pictures"):
        logits = model.scores([cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)])[0]
        assert np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum() == pytest.approx(
            expected(path, None), abs=1e-4
        )


def test_a_recipe_says_what_the_labels_mean(paddlex: Path, tmp_path: Path, run_json: Callable[..., Any]) -> None:
    config = copy.deepcopy(PADDLEX)
    config["PostProcess"]["Topk"]["label_list"] = ["clean", "Sc", "patches", "slag & scale"]
    (tmp_path / "other.yml").write_text(yaml.safe_dump(config))
    labels = [
        {"name": "scratches", "severity": "critical", "aliases": ["Sc"]},
        {"name": "inclusion", "severity": "minor", "aliases": ["slag & scale"]},
        {"name": "patches"},
        {"name": "ok", "kind": "ok", "severity": "none", "aliases": ["clean"]},
    ]
    recipe = write_recipe(tmp_path, labels=labels, decision={"min_threshold": 0.6, "place_threshold": 0.9})

    run_json("import", paddlex, "--yml", tmp_path / "other.yml", "-c", recipe, "--to", tmp_path / "bundle")

    assert main(["import", str(paddlex), "-c", str(recipe), "--to", str(tmp_path / "other"), "--ok", "ok"]) == 2
    made = bundle.load(tmp_path / "bundle")
    assert [(label.name, label.kind, label.severity) for label in made.labels] == [
        ("ok", "ok", "none"), ("scratches", "defect", "critical"), ("patches", "defect", "major"),
        ("inclusion", "defect", "minor"),
    ]  # fmt: skip
    assert made.manifest.name == "tiny"
    assert made.manifest.input.view_px == 64
    decision = made.manifest.decision
    assert (set(decision.thresholds.values()), decision.place_threshold) == ({0.6}, 0.9)


def test_the_config_of_a_training_says_the_same(tmp_path: Path) -> None:
    operators = [{"DecodeImage": {"to_rgb": True, "channel_first": False}}, *PADDLEX["PreProcess"]["transform_ops"]]
    after = {"name": "Topk", "topk": 5, "class_id_map_file": "labels.txt"}
    (tmp_path / "labels.txt").write_text("".join(f"{number} {name}\n" for number, name in enumerate(LABELS)))
    for file, values in (("a.yml", PADDLEX), ("b.yml", {"Infer": {"transforms": operators, "PostProcess": after}})):
        (tmp_path / file).write_text(yaml.safe_dump(values))

    one, other = inference_yml.read(tmp_path / "a.yml"), inference_yml.read(tmp_path / "b.yml")

    assert (other.labels, other.size, other.resize_short) == (one.labels, one.size, one.resize_short)
    assert other.mean == one.mean == pytest.approx(MEAN)


def test_the_training_engine_scores_it_as_the_inspector_does_where_it_can_open_it(
    paddlex: Path, paddleclas: Path, tmp_path: Path, run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = write_pictures(tmp_path / "pictures")
    for folder in (paddlex, paddleclas):
        run_json("import", folder, "--to", tmp_path / folder.name)
    made = tmp_path / paddlex.name
    ways = [run_json("predict", "--bundle", made, "--engine", way, *pictures) for way in ("inference", "exported")]

    for one, other in zip(*(way["verdicts"] for way in ways), strict=True):
        assert other["score"] == pytest.approx(one["score"], abs=2e-4)
        assert (other["outcome"], other["label"]) == (one["outcome"], one["label"])
    older = str(tmp_path / paddleclas.name)
    assert main(["predict", "--bundle", older, "--engine", "exported", str(pictures[0])]) == 2
    assert "which only the inference engine opens" in capsys.readouterr().err


def op(name: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    """Change one operator's keys."""

    def change(config: dict[str, Any]) -> None:
        [keys] = [item[name] for item in config["PreProcess"]["transform_ops"] if name in item]
        keys.update(changes)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (op("ResizeImage", interpolation="bicubic"), "ResizeImage.interpolation: 'bicubic' cannot be honoured"),
        (op("ResizeImage", backend="pil"), "ResizeImage.backend: 'pil' cannot be honoured, 'cv2' can"),
        (op("ResizeImage", resize_short=None, size=256), "CropImage.size: 64 of ResizeImage.size 256"),
        (op("ResizeImage", resize_short=63), "ResizeImage.resize_short: 63 with CropImage.size 64; 64 to 128"),
        (op("ResizeImage", size_divisor=32), "ResizeImage.size_divisor: cannot be honoured here"),
        (op("CropImage", size=[64, 48]), r"CropImage.size: \[64, 48\]: a square"),
        (op("CropImage", mode="TL"), "CropImage.mode: cannot be honoured here"),
        (op("NormalizeImage", order="chw"), "NormalizeImage.order: 'chw'"),
        (op("NormalizeImage", scale="eval(1)"), "NormalizeImage.scale: 'eval.1.': a number is needed"),
        (op("NormalizeImage", mean=[0.5]), r"NormalizeImage.mean: \[0.5\]: three numbers are needed"),
        (op("NormalizeImage", std=[0, 1, 1]), "NormalizeImage.std: .*more than 0"),
        (op("NormalizeImage", channel_num=4), "NormalizeImage.channel_num: 4 cannot be honoured, 3 can"),
        (op("NormalizeImage", output_fp16=True), "NormalizeImage.output_fp16: True"),
        (lambda c: c["PreProcess"]["transform_ops"].insert(0, {"PadImage": None}), "PadImage cannot be honoured"),
        (lambda c: c["PreProcess"]["transform_ops"].pop(1), "resize_short: without CropImage"),
        (lambda c: c["PreProcess"]["transform_ops"].pop(), "ToCHWImage is missing"),
        (lambda c: c["PreProcess"]["transform_ops"].reverse(), "only this order can be honoured"),
        (lambda c: c["PreProcess"].update(transform_ops="none"), "a list of operators is expected"),
        (lambda c: c.pop("PreProcess"), "PreProcess: a section is expected"),
        (lambda c: c.update(PostProcess={"MultiLabelThreshOutput": {}}), "MultiLabelThreshOutput: only Topk"),
        (lambda c: c.update(PostProcess={}), "PostProcess: no Topk"),
        (lambda c: c["PostProcess"].update(Topk={"topk": 1}), "label_list or class_id_map_file is missing"),
        (lambda c: c["PostProcess"].update(Topk={"class_id_map_file": "x/y.txt"}), "x/y.txt: no such file"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_key(
    paddlex: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], object],
    message: str,
) -> None:
    config = copy.deepcopy(PADDLEX)
    change(config)
    (tmp_path / "changed.yml").write_text(yaml.safe_dump(config))

    code = main(["import", str(paddlex), "--yml", str(tmp_path / "changed.yml"), "--to", str(tmp_path / "bundle")])

    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith(f"trainer: {tmp_path / 'changed.yml'}: ") and error.count("\n") == 1
    assert re.search(message, error), error
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("options", "labels", "message"),
    [
        (["--ok", "clean"], LABELS, "--ok clean: the model's labels are ok, scratches"),
        ([], [*LABELS, "crazing"], "the program gives (7, 4), the bundle has 5 outputs: ok, scratches"),
        ([], ["ok", "ok", "c", "d"], "a name stands twice"),
        (["--view-px", "8"], LABELS, "input.view_px"),
    ],
)
def test_labels_and_views_that_do_not_fit_are_refused(
    paddlex: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    labels: list[str],
    message: str,
) -> None:
    config = copy.deepcopy(PADDLEX)
    config["PostProcess"]["Topk"]["label_list"] = labels
    (tmp_path / "labels.yml").write_text(yaml.safe_dump(config))
    arguments = ["import", str(paddlex), "--yml", str(tmp_path / "labels.yml"), "--to", str(tmp_path / "bundle")]

    assert main([*arguments, *options]) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("layer", "batch", "message"),
    [
        (lambda: network(nn.Sigmoid()), None, "a multi-label model (sigmoid) has no single verdict"),
        (lambda: nn.Sequential(One(), nn.Linear(12288, 4)), 1, "its batch must not be fixed"),
        (lambda: nn.Sequential(nn.AdaptiveAvgPool2D(1), nn.Flatten(), Zero()), None, "the same for every picture"),
    ],
)
def test_a_program_that_is_no_classifier_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    layer: Callable[[], nn.Layer],
    batch: int | None,
    message: str,
) -> None:
    made = layer()
    made.eval()
    export(tmp_path, PADDLEX, made, batch)

    assert main(["import", str(tmp_path), "--to", str(tmp_path / "bundle")]) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


class One(nn.Layer):
    """Takes one picture and no more, as an export with a fixed batch may."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return x.reshape([1, 12288])


class Zero(nn.Layer):
    """Parameters that say nothing: four scores that are no function of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4)
        self.linear.weight.set_value(np.zeros((3, 4), np.float32))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.linear(x)


def test_the_outline_of_parameters_is_read_in_both_formats(paddlex: Path, paddleclas: Path) -> None:
    shapes = sorted(array.shape for array in WEIGHTS.values())

    for folder in (paddlex, paddleclas):
        assert sorted(pdiparams.tensors(folder / "inference.pdiparams")) == shapes


@pytest.mark.parametrize("cut", [1, 10, 5000, 10**6])
def test_parameters_that_are_cut_short_are_refused(
    paddlex: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], cut: int
) -> None:
    # Given what Paddle would open without a word
    shutil.copytree(paddlex, tmp_path / "copy")
    file = tmp_path / "copy/inference.pdiparams"
    file.write_bytes(file.read_bytes()[:-cut])

    assert main(["import", str(tmp_path / "copy"), "--to", str(tmp_path / "bundle")]) == 2

    assert f"{file}: damaged or cut short" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("inference.json", "no model: one of inference.json"),
        ("inference.pdiparams", "No such file or directory; the model's parameters"),
        ("inference.yml", "No such file or directory; name the model's config with --yml"),
    ],
)
def test_a_missing_file_is_named(
    paddlex: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str, message: str
) -> None:
    shutil.copytree(paddlex, tmp_path / "copy")
    (tmp_path / "copy" / missing).unlink()

    assert main(["import", str(tmp_path / "copy"), "--to", str(tmp_path / "bundle")]) == 2

    assert message in capsys.readouterr().err
