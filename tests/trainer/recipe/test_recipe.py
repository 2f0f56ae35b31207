"""The recipe: precedence, environment, and errors that name file, key and what would be right."""

from pathlib import Path

import pytest
import yaml

from inspector.errors import ConfigError
from tests.trainer.conftest import REPOSITORY, tiny_recipe, write_recipe
from trainer.recipe import loading


def test_an_override_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    recipe = loading.load(write_recipe(tmp_path), ["training.epochs=3"])

    assert recipe.training.epochs == 3  # override; the file says 8
    assert recipe.training.batch_images == 8  # file
    assert recipe.training.momentum == 0.9  # default


def test_an_override_may_open_a_section_the_file_does_not_have(tmp_path: Path) -> None:
    assert loading.load(write_recipe(tmp_path), ["augment.flip=false"]).augment.flip is False


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("training.epochs=0", "-o training.epochs=0: training.epochs: Input should be greater than or equal to 1"),
        ("training.epochs=many", "training.epochs"),
        ("training.epoch=3", "training.epoch: there is no such key"),
        ("network.depth=20", "network.depth: Input should be 18, 34, 50, 101, 152 or 200, got 20"),
        ("network.mean=2", "-o network.mean=2: network.mean.0: Input should be less than or equal to 1, got 2"),
        ("network.mean=[0.5,0.5]", "network: mean: 2 numbers; one is needed, or one for each of channels"),
        ("augment.turn={rust: 0.5}", "augment.turn: no label is called rust"),
        ("augment.crop_max_share=0.5", "crop_max_share: 0.5 is less than crop_min_share: 0.8"),
        ("augment.flip=sideways", "augment.flip: Input should be True, False, 'left_right' or 'up_down'"),
        ("name.first=1", "name is not a section"),
        ("training", "write it as key=value, for example training.epochs=30"),
        ("training.epochs=[", "the value is not YAML"),
    ],
)
def test_a_bad_override_is_refused_by_name(tmp_path: Path, override: str, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loading.load(write_recipe(tmp_path), [override])
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b", "a: [", "\x00"])
def test_a_file_that_is_no_recipe_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"odd\.yaml"):
        loading.load(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        loading.load(tmp_path / "none.yaml")


def test_one_name_for_two_labels_is_refused(tmp_path: Path) -> None:
    labels = [{"name": "ok"}, {"name": "scratches", "aliases": ["ok"]}]
    with pytest.raises(ConfigError, match="ok names more than one label"):
        loading.load(write_recipe(tmp_path, labels=labels))


def test_a_threshold_for_places_needs_a_label_that_is_no_defect(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    assert loading.load(path, ["decision.place_threshold=0.9"]).decision.place_threshold == 0.9
    with pytest.raises(ConfigError, match=r"decision\.place_threshold: without a label of kind ok, all is a defect"):
        loading.load(path, ["decision.place_threshold=0.9", "labels=[{name: scratches}, {name: patches}]"])


def test_labels_of_which_none_is_a_defect_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="labels: none of them is of kind defect: the model could find nothing"):
        loading.load(write_recipe(tmp_path), ["labels=[{name: good, kind: ok, severity: none}, "
                                             "{name: clean, kind: ok, severity: none}]"])  # fmt: skip


def test_a_recipe_without_data_or_simulated_is_refused(tmp_path: Path) -> None:
    values = tiny_recipe(tmp_path)
    del values["data"]
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match="data or simulated"):
        loading.load(path)


def test_a_value_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_recipe(tmp_path, data={"root": "${STRIP_TEST_DATA:-elsewhere}"})
    loaded = loading.load(path)
    assert loaded.data is not None and loaded.data.root == Path("elsewhere")

    monkeypatch.setenv("STRIP_TEST_DATA", "/data")
    loaded = loading.load(path)
    assert loaded.data is not None and loaded.data.root == Path("/data")


@pytest.mark.parametrize("path", sorted((REPOSITORY / "configs" / "train").glob("*.yaml")), ids=lambda path: path.name)
def test_every_recipe_we_ship_is_valid(path: Path) -> None:
    assert loading.load(path).name == path.stem.removesuffix("_model")
