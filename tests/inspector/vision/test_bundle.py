"""Holds the bundle: what was saved is what loads, and any damage is named with its file and key."""

import hashlib
import json
import multiprocessing
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.cli.main import main
from inspector.errors import BundleError
from inspector.vision import bundle
from inspector.vision.bundle import GOLDEN, MANIFEST, PARAMETERS, PROGRAM, Bundle, Golden
from tests import fakes
from tests.inspector.pictures import strip


@pytest.fixture
def saved(tmp_path: Path) -> Bundle:
    """A good bundle."""
    return fakes.make_bundle(tmp_path / "model")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change bundle.json in place."""
    values = json.loads((path / MANIFEST).read_text())
    change(values)
    (path / MANIFEST).write_text(json.dumps(values))


def test_what_was_saved_is_what_loads(tmp_path: Path) -> None:
    golden = Golden(np.stack([strip(200, 200, seed) for seed in (1, 2)]), np.ones((2, 7), np.float32))
    program, parameters = tmp_path / "p", tmp_path / "w"
    program.write_bytes(b"program")
    parameters.write_bytes(b"weights")

    written = bundle.save(tmp_path / "model", fakes.manifest(evaluation={"top1": 0.99}), program, parameters, golden)
    read = bundle.load(tmp_path / "model")

    assert read == written
    assert read.manifest.evaluation == {"top1": 0.99}
    assert (read.golden().images == golden.images).all()
    assert (read.golden().logits == golden.logits).all()
    assert [label.name for label in read.labels] == list(fakes.LABELS)
    assert (read.preprocess.size, read.preprocess.channels) == (112, 1)


def test_the_id_tells_models_apart_and_the_same_model_has_the_same(tmp_path: Path) -> None:
    one, same = fakes.make_bundle(tmp_path / "one"), fakes.make_bundle(tmp_path / "same")
    other = fakes.make_bundle(tmp_path / "other", decision={"thresholds": dict.fromkeys(fakes.LABELS, 0.6)})

    assert one.id == same.id != other.id
    assert one.id.startswith("fake-")


@pytest.mark.parametrize("name", [MANIFEST, PROGRAM, PARAMETERS, GOLDEN])
def test_a_missing_file_is_named(saved: Bundle, name: str) -> None:
    (saved.path / name).unlink()

    with pytest.raises(BundleError, match=f"{name}: No such file"):
        bundle.load(saved.path)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"none/bundle.json: No such file.*a bundle is a folder with bundle.json"):
        bundle.load(tmp_path / "none")


@pytest.mark.parametrize("name", [PROGRAM, PARAMETERS, GOLDEN])
def test_one_flipped_bit_is_found(saved: Bundle, name: str) -> None:
    data = bytearray((saved.path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (saved.path / name).write_bytes(data)

    with pytest.raises(BundleError, match=f"{name}: damaged or replaced"):
        bundle.load(saved.path)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["decision"]["thresholds"].update(ok=0.4),
        lambda values: values["preprocessing"].update(mean=[0.4]),
        lambda values: values["labels"][1].update(severity="minor"),
        lambda values: values["labels"].reverse(),
        lambda values: values["evaluation"].update(top1=1.0),
        lambda values: values.update(id="fake-000000000000"),
    ],
)
def test_a_manifest_edited_by_hand_is_refused(saved: Bundle, change: Callable[[dict[str, Any]], object]) -> None:
    edit(saved.path, change)

    with pytest.raises(BundleError, match=r"bundle.json: edited after it was written: its id should be fake-"):
        bundle.load(saved.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.update(extra=1), "extra: Extra inputs"),
        (lambda values: values["input"].update(colour=True), "input.colour: Extra inputs"),
        (lambda values: values.update(schema_version=2), "schema_version: Input should be 1"),
        (lambda values: values.pop("labels"), "labels: Field required"),
        (lambda values: values["input"].update(size=8), "input.size: .*greater than or equal to 16"),
        (lambda values: values["input"].update(resize_short_px=111), "input: .*resize_short_px is 111: 112 to 224"),
        (lambda values: values.update(output="votes"), "output: Input should be 'probabilities'"),
        (lambda values: values["decision"]["thresholds"].pop("ok"), "thresholds must name exactly the labels"),
        (lambda values: values["decision"]["thresholds"].update(ok=1.5), "decision.thresholds.ok: "),
        (lambda values: values["labels"].append(values["labels"][0]), "a name stands twice"),
        (
            lambda values: [label.update(kind="ok", severity="none") for label in values["labels"]],
            "labels: none of .* is of kind defect: this model could find nothing",
        ),
        (lambda values: values["preprocessing"].update(mean=[0.1, 0.2]), "mean and std need 1 numbers each"),
        (lambda values: values["preprocessing"].update(std=[0]), "preprocessing.std.0: .*greater than 0"),
        (lambda values: values["preprocessing"].update(mean=[float("nan")]), "preprocessing.mean.0: .*finite"),
        (lambda values: values["files"].pop(PARAMETERS), f"files: {PARAMETERS} is not listed"),
    ],
)
def test_a_manifest_that_breaks_the_schema_is_refused_with_its_key(
    saved: Bundle, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit(saved.path, change)

    with pytest.raises(BundleError, match=message):
        bundle.load(saved.path)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", ".", "..", "", "a\0b"])
def test_a_file_name_that_leads_elsewhere_is_refused(saved: Bundle, name: str) -> None:
    edit(saved.path, lambda values: values["files"].update({name: "0" * 64}))

    with pytest.raises(BundleError, match="is not a plain file name"):
        bundle.load(saved.path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\0", "{}"])
def test_a_manifest_that_is_no_manifest_is_refused(saved: Bundle, text: str) -> None:
    (saved.path / MANIFEST).write_text(text)

    with pytest.raises(BundleError, match=r"bundle\.json: "):
        bundle.load(saved.path)


@pytest.mark.parametrize("data", [b"", b"not zip", b"PK\x03\x04 broken"])
def test_golden_samples_that_are_none_are_refused(saved: Bundle, data: bytes) -> None:
    (saved.path / GOLDEN).write_bytes(data)

    with pytest.raises(BundleError, match=f"{GOLDEN}: not the golden samples"):
        saved.golden()


def test_a_new_bundle_takes_the_place_of_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    fakes.make_bundle(tmp_path / "models" / "line", name="old")

    new = fakes.make_bundle(tmp_path / "models" / "line", name="new")

    assert bundle.load(tmp_path / "models" / "line").id == new.id
    assert {path.name for path in (tmp_path / "models").iterdir()} == {"line", "program", "parameters"}


def test_a_source_file_that_cannot_be_read_leaves_the_old_bundle(saved: Bundle, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bundle.save(saved.path, fakes.manifest(name="new"), tmp_path / "none", tmp_path / "none", saved.golden())

    assert bundle.load(saved.path).id == saved.id
    assert not list(tmp_path.glob(".*"))


def _save_on_a_full_disk(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    golden = Golden(np.stack([strip(200, 200, seed) for seed in range(4)]), np.ones((4, 7), np.float32))
    try:
        bundle.save(folder / "model", fakes.manifest(name="new"), folder / "program", folder / "parameters", golden)
    except OSError:
        raise SystemExit(7) from None


def test_a_disk_that_cannot_take_the_new_bundle_keeps_the_old_one_whole(saved: Bundle, tmp_path: Path) -> None:
    # Given a process that may write no file of more than 50 kB
    child = multiprocessing.get_context("spawn").Process(target=_save_on_a_full_disk, args=(tmp_path,))
    # When it saves a larger bundle over the old one
    child.start()
    child.join()
    # Then it hears of it, the old one still loads, and nothing half-written is left
    assert child.exitcode == 7
    assert bundle.load(saved.path).id == saved.id
    assert not list(tmp_path.glob(".*"))


def test_a_copy_of_a_bundle_is_the_same_bundle(saved: Bundle, tmp_path: Path) -> None:
    shutil.copytree(saved.path, tmp_path / "copy")

    assert bundle.load(tmp_path / "copy").id == saved.id


def test_a_bundle_written_before_a_field_was_there_keeps_its_id(saved: Bundle) -> None:
    # Given what stands in a bundle of today, which has neither a crop nor the kind of its outputs
    written = json.loads((saved.path / MANIFEST).read_text())
    assert {"output", "resize_short_px"}.isdisjoint((saved.path / MANIFEST).read_text().split('"'))
    assert saved.id == f"fake-{digest(written)}"
    # Then its digest is that of the first release, for the same files: zlib packs the golden images as it likes
    written["files"][GOLDEN] = "160dceb7ceb423c399b060021e84257a3a0ffccabfcbe14c8d610c2f69557f82"
    assert digest(written) == "9c97e416ee82"


def digest(written: dict[str, Any]) -> str:
    """What stands behind the name in a bundle's id."""
    body = {key: value for key, value in written.items() if key != "id"}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]


def test_a_program_of_the_older_format_keeps_its_name(tmp_path: Path) -> None:
    program, parameters = tmp_path / "model.pdmodel", tmp_path / "weights"
    program.write_bytes(b"program")
    parameters.write_bytes(b"weights")
    golden = Golden(np.zeros((1, 200, 200), np.uint8), np.zeros((1, 7), np.float32))

    written = bundle.save(tmp_path / "model", fakes.manifest(), program, parameters, golden)

    assert written.program == tmp_path / "model" / "inference.pdmodel"
    assert written.program.read_bytes() == b"program"


def test_views_overlap_by_what_a_centre_crop_hides(tmp_path: Path) -> None:
    whole = fakes.make_bundle(tmp_path / "whole")
    shape = {"size": 112, "channels": 1, "view_px": 200, "resize_short_px": 128}
    cropped = fakes.make_bundle(tmp_path / "cropped", input=shape)

    assert (whole.overlap_px, cropped.overlap_px) == (0, 26)  # 1 - 112 / 128 of 200 px, and up to an even number
    assert cropped.preprocess.resize_short == 128


def test_limits_of_novelty_name_every_label_and_add_an_output(tmp_path: Path) -> None:
    limits = dict.fromkeys(fakes.LABELS, 1.5)
    decision = {"thresholds": dict.fromkeys(fakes.LABELS, 0.5), "max_novelty": limits}
    (tmp_path / "telling").mkdir()
    telling = fakes.make_bundle(tmp_path / "telling/model", decision=decision)
    assert telling.outputs == len(fakes.LABELS) + 1
    assert bundle.load(telling.path).manifest.decision.max_novelty == limits

    edit(telling.path, lambda values: values["decision"]["max_novelty"].pop("ok"))
    with pytest.raises(BundleError, match="max_novelty must name exactly the labels"):
        bundle.load(telling.path)


def test_a_number_for_places_needs_a_label_that_is_no_defect(tmp_path: Path) -> None:
    decision = {"thresholds": dict.fromkeys(fakes.LABELS, 0.5), "place_threshold": 0.9}
    saved = fakes.make_bundle(tmp_path / "model", decision=decision)
    assert bundle.load(saved.path).manifest.decision.place_threshold == 0.9

    edit(saved.path, lambda values: values["labels"][0].update(kind="defect", severity="minor"))
    with pytest.raises(BundleError, match="place_threshold needs a label of kind ok"):
        bundle.load(saved.path)


def test_a_bundle_without_limits_has_the_id_it_always_had(saved: Bundle) -> None:
    assert saved.outputs == len(fakes.LABELS)
    text = (saved.path / MANIFEST).read_text()
    assert "max_novelty" not in text and "place_threshold" not in text


def test_check_says_which_way_the_strip_must_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shape = {"size": 112, "channels": 1, "view_px": 200, "rolling": "vertical"}
    fakes.make_bundle(tmp_path / "model", input=shape)
    config = tmp_path / "line.yaml"
    config.write_text(
        f"data: {tmp_path / 'data'}\nbundle: {tmp_path / 'model'}\nsources: [{{name: cam, type: simulated}}]\n"
        "metrics: {port: 0}\nworkers: {engine: fake}\n"
    )
    assert main(["check", "-c", str(config)]) == 0
    assert "runs vertically in the picture" in capsys.readouterr().out
