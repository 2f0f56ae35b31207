"""Holds the layout: one class a name, no import under another name, nothing too long to read at once."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.fakes import ROOT
from tests.test_imports import modules

PACKAGES = ("inspector", "trainer")
#: What may be imported under another name: as their own documents do it.
RENAMED = {"numpy", "matplotlib"}


def nodes(package: str) -> list[tuple[Path, ast.AST]]:
    """Every node of the package's files."""
    return [(path, node) for path in modules(package).values() for node in ast.walk(ast.parse(path.read_text()))]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_class_name_stands_once(package: str) -> None:
    names = Counter(node.name for _, node in nodes(package) if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_is_imported_under_another_name(package: str) -> None:
    renamed = {
        alias.name
        for _, node in nodes(package)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert renamed <= RENAMED


@pytest.mark.parametrize("package", PACKAGES)
def test_no_function_is_over_90_lines_and_no_file_over_330(package: str) -> None:
    functions = [
        (path.name, node.name)
        for path, node in nodes(package)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 90
    ]
    files = [path.name for path in modules(package).values() if len(path.read_text().splitlines()) > 330]
    assert (functions, files) == ([], [])


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_no_folder_holds_more_than_16_files(package: str) -> None:
    folders = Counter(path.parent for path in (ROOT / package).rglob("*.py"))
    assert [folder for folder, files in folders.items() if files > 16] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_whoever_constructs_hands_in_eight_things_at_most(package: str) -> None:
    """A message or a record of many fields names each of them; a role that takes more has more than one purpose."""
    crowded = [
        (path.name, node.name)
        for path, node in nodes(package)
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
        and len(method.args.args) + len(method.args.kwonlyargs) > 9
    ]  # fmt: skip
    assert crowded == []
