"""Which config file is read, what its relative paths mean, and the examples that come with the package."""

from pathlib import Path

import pytest
import yaml

from inspector.errors import ConfigError
from inspector.settings import config_file, loading


def write(folder: Path, **changes: object) -> Path:
    """A config with relative paths."""
    values = {
        "data": "data",
        "bundle": "default",
        "record": {"defect_log": "defects.jsonl"},
        "sources": [{"name": "drop", "type": "folder", "path": "drop"}],
    }
    folder.mkdir(exist_ok=True)
    (folder / "line.yaml").write_text(yaml.safe_dump(values | changes))
    return folder / "line.yaml"


def test_relative_paths_count_from_the_folder_of_the_config_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "etc")
    monkeypatch.chdir("/")

    settings = loading.load(path)

    assert settings.data == tmp_path / "etc/data"
    assert settings.sources[0].path == tmp_path / "etc/drop"  # type: ignore[union-attr]
    assert settings.record.defect_log == tmp_path / "etc/defects.jsonl"
    assert settings.bundle == Path("default")


def test_what_is_typed_counts_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "etc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INSPECTOR_SOURCES__DROP__PATH", "here")

    settings = loading.load(path, ["data=there"])

    assert settings.data.absolute() == tmp_path / "there"
    assert settings.sources[0].path.absolute() == tmp_path / "here"  # type: ignore[union-attr]


def test_words_that_stand_for_no_path_stay_words(tmp_path: Path) -> None:
    assert loading.load(write(tmp_path, record={"defect_log": "stdout"})).record.defect_log == "stdout"


def test_a_line_of_version_0_1_does_not_begin_a_new_record_elsewhere_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a data folder where the working directory is, as it was until relative paths counted from the file
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match=rf"data: data: .* write {tmp_path}/data if that one is meant"):
        loading.load(write(tmp_path / "etc"))


def test_the_config_is_the_one_named_else_that_of_the_environment_else_the_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "strip-inspector.yaml"
    monkeypatch.setattr(config_file, "INSTALLED", installed)

    with pytest.raises(ConfigError, match="no config file: write -c FILE, set INSPECTOR_CONFIG, or install one as"):
        config_file.chosen(None, {})
    installed.touch()
    assert config_file.chosen(None, {}) == installed
    assert config_file.chosen(None, {"INSPECTOR_CONFIG": "/a.yaml"}) == Path("/a.yaml")
    assert config_file.chosen(Path("b.yaml"), {"INSPECTOR_CONFIG": "/a.yaml"}) == Path("b.yaml")


def test_the_variable_that_names_the_file_is_no_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_CONFIG", "/elsewhere.yaml")

    assert loading.load(write(tmp_path)).data == tmp_path / "data"


def test_examples_are_copied_and_never_over_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").write_text("mine")

    new = config_file.copy_examples(tmp_path)

    assert (tmp_path / "folder.yaml").read_text() == "mine"
    assert {"camera.yaml", "push_client.py"} <= {path.name for path in new}
    assert "folder.yaml" not in {path.name for path in new}
