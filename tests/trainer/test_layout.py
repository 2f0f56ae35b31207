"""Holds the trainer's layout: one class a name, no import under another name, nothing too long to read at once."""

import ast
from collections import Counter
from pathlib import Path

from tests.fakes import ROOT
from tests.test_imports import modules

TREES = {path: ast.parse(path.read_text()) for path in modules("trainer").values()}
NODES = [(path, node) for path, tree in TREES.items() for node in ast.walk(tree)]


def test_a_class_name_stands_once() -> None:
    names = Counter(node.name for _, node in NODES if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_nothing_is_imported_under_another_name_but_numpy() -> None:
    renamed = {
        alias.name
        for _, node in NODES
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert renamed == {"numpy"}


def test_no_function_is_over_90_lines_no_file_over_330_and_no_folder_over_16_files() -> None:
    functions = [
        (path.name, node.name)
        for path, node in NODES
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 90
    ]
    folders: Counter[Path] = Counter(path.parent for path in (ROOT / "trainer").rglob("*.py"))

    assert functions == []
    assert [path.name for path in TREES if len(path.read_text().splitlines()) > 330] == []
    assert [folder for folder, files in folders.items() if files > 16] == []
