"""Holds the documents to the code: every command, setting, metric, file and config they name is real."""

import argparse
import re
import shlex
from collections import Counter
from pathlib import Path

import pytest
import yaml

import inspector
from inspector.cli.arguments.parser import parser
from inspector.settings import reference
from inspector.sink.metrics import Metrics
from tests.fakes import ROOT, Line, running, wait_until
from tests.fakes import inspector as run_inspector

#: Every page, by its path: each lies beside what it documents.
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for folder in (".", "configs", "deploy", "inspector", "trainer", "tests")
    for path in (ROOT / folder).glob("*.md")
    if path.name != "CHANGELOG.md"
}
TEXT = "\n".join(PAGES.values())
LINE_CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def commands(program: str) -> list[str]:
    """Every line of the pages' shell blocks that calls the program, without its comment."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(f"{program} ")]


@pytest.mark.parametrize("command", commands("inspector"))
def test_every_inspector_command_of_the_readme_parses(command: str) -> None:
    parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("command", commands("trainer"))
def test_every_trainer_command_of_the_readme_parses_and_names_a_real_recipe(command: str) -> None:
    from trainer import arguments as typed

    arguments = shlex.split(command)[1:]
    typed.parser().parse_args(arguments)
    recipes = [Path(argument) for argument in arguments if argument.endswith(".yaml")]
    assert all((ROOT / recipe).exists() for recipe in recipes)


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", TEXT)) - {"demo"} <= targets


def test_the_settings_page_lists_every_setting_as_the_command_prints_them() -> None:
    rows = [f"{key:34} {default:12} {text}" for key, default, text in reference.describe()]
    assert run_inspector("settings").stdout.splitlines() == rows
    listed = re.findall(r"^\| `(.*?)` \| `(.*?)` \| (.*) \|$", PAGES["configs/settings.md"], re.MULTILINE)
    assert sorted(listed) == sorted(reference.describe())


def test_make_settings_would_leave_the_settings_page_as_it_is() -> None:
    assert PAGES["configs/settings.md"] == reference.page()


def test_the_recipe_page_lists_every_key_as_the_command_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    from trainer.cli import main

    assert main(["settings"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = re.findall(r"^\| `(.*?)` \| `(.*?)` \| (.*) \|$", PAGES["trainer/recipe.md"], re.MULTILINE)
    assert [" ".join(line.split()) for line in lines] == [" ".join(" ".join(row).split()) for row in listed]
    assert all(len(line.split(maxsplit=2)) == 3 for line in lines)  # each says what it does


def test_the_readme_names_every_metric_and_no_other() -> None:
    exposed = {family.name for family in Metrics().registry.collect()}
    counters = {family.name for family in Metrics().registry.collect() if family.type == "counter"}
    full = {f"{name}_total" if name in counters else name for name in exposed}
    assert set(re.findall(r"inspector_[a-z_]+[a-z]", TEXT)) == full


def test_the_pictures_of_the_pages_ask_nothing_of_any_other_machine() -> None:
    for path in (ROOT / "deploy/screenshots").glob("*.svg"):
        assert not re.findall(r"url\([^#)]*//|href=|<script|<image|@import", path.read_text()), path


def test_the_tree_shows_every_file_of_the_inspector_once() -> None:
    tree = PAGES["inspector/README.md"].split("## The tree")[-1].split("\n## ")[0]
    shown = Counter(re.findall(r"(\w+\.py)", tree))
    files = Counter(path.name for path in (ROOT / "inspector").rglob("*.py") if not path.name.startswith("__"))
    assert shown == files


def test_the_first_page_is_short_and_every_link_of_a_page_leads_somewhere() -> None:
    assert len(PAGES["README.md"].splitlines()) <= 150
    for page, text in PAGES.items():
        for target in re.findall(r"\]\((?!https?:)([^)#]*)", text):
            assert not target or (ROOT / page).parent.joinpath(target).exists(), f"{page}: {target}"


@pytest.mark.parametrize("path", LINE_CONFIGS, ids=lambda path: path.name)
def test_every_line_config_passes_the_check_and_starts(path: Path, tmp_path: Path) -> None:
    # Given the config as it is, but its folders and port moved out of the way
    line = Line(tmp_path)
    line.config.write_text(path.read_text())
    overrides = {
        "INSPECTOR_DATA": str(line.data),
        "INSPECTOR_METRICS__PORT": "0",
        "INSPECTOR_WORKERS__ENGINE": "fake",
        "INSPECTOR_BUNDLE": str(tmp_path / "bundle"),
        "INSPECTOR_RECORD__DEFECT_LOG": str(tmp_path / "defects.jsonl"),
    }
    for source in yaml.safe_load(path.read_text())["sources"]:
        if "path" in source:
            overrides[f"INSPECTOR_SOURCES__{source['name'].upper()}__PATH"] = str(tmp_path / source["name"])
    checked = run_inspector("check", "-c", str(line.config), **overrides)
    assert checked.returncode == 0, checked.stderr
    # When it starts
    with pytest.MonkeyPatch.context() as patch:
        for name, value in overrides.items():
            patch.setenv(name, value)
        with running(line):
            # Then it is ready, and stops cleanly
            wait_until(lambda: "is ready" in line.log and "taken over" in line.log, line.explain)
            assert line.stop() == 0


def test_every_command_and_option_explains_itself() -> None:
    def options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
        found = []
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found += [option for sub in action.choices.values() for option in options(sub)]
            else:
                found.append(action)
        return found

    silent = [action.dest for action in options(parser()) if not action.help and not action.choices]
    assert silent == []


def test_the_changelog_begins_with_this_version() -> None:
    newest = re.search(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest and newest[1] == inspector.__version__
    assert f'version = "{inspector.__version__}"' in (ROOT / "pyproject.toml").read_text()
