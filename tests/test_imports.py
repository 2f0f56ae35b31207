"""Holds the architecture: who may import whom, and that each dangerous library has one door."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import ROOT

#: library: the only modules of `inspector` that may import it.
DOORS = {
    "zmq": {"inspector.protocol.sockets", "inspector.protocol.connections", "inspector.protocol.keys"},
    "paddle": {"inspector.vision.predictor"},
    "prometheus_client": {"inspector.sink.metrics"},
    "sqlite3": {
        "inspector.record.database",
        "inspector.record.models.shadow_record",
        "inspector.record.storage.append_only",
        "inspector.record.store",
        "inspector.sink.recovery",
    },
    "inotify_simple": {"inspector.sources.folder.scanner"},
    "matplotlib": {"inspector.reports.map.png"},
    "av": {"inspector.sources.capture.ffmpeg"},
}
#: What the trainer shares with the daemon, so that what was evaluated is what runs.
SHARED = (
    "inspector.vision",
    "inspector.errors",
    "inspector.vocabulary",
    "inspector.yaml_text",
    "inspector.host.atomic",
    "inspector.record.labels.label_file",
    "inspector.record.labels.labels",
    "inspector.record.models.model_history",
)
#: Which rooms of `inspector` each may import from, lazy imports included; inspector/README.md has the reasons.
MAY_IMPORT = {
    "cli": {"answers", "reports", "supervisor", "settings", "record", "host"},
    "answers": {"quality", "record", "settings", "vision", "protocol", "host"},
    "reports": {"answers", "quality", "record", "settings", "vision", "protocol", "host"},
    "supervisor": {"sink", "worker", "sources", "record", "settings", "vision", "protocol", "host"},
    "sink": {"quality", "record", "settings", "protocol", "host"},
    "worker": {"record", "settings", "vision", "protocol", "host"},
    "sources": {"record", "settings", "vision", "protocol", "host"},
    "quality": {"record", "settings", "protocol"},
    "record": {"settings", "protocol", "host"},
    "settings": {"vision", "protocol", "host"},
    "vision": {"host"},
    "protocol": set(),
    "host": set(),
}
#: Single modules that a room may reach beside these, each for one command; inspector/README.md has the reasons.
REACHED = {"cli": {"inspector.sources.folder.requeue", "inspector.protocol.keys"}}
ROLES = {"inspector.sources", "inspector.worker", "inspector.sink"}


def modules(package: str) -> dict[str, Path]:
    """Module names of a package and their files."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Absolute names that a file imports; `from a import b` counts as a and a.b."""
    tree = ast.parse(path.read_text())
    names: set[str] = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def words(path: Path) -> set[str]:
    """Every name that stands in a file's code."""
    return {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}


def graph(package: str) -> dict[str, set[str]]:
    """Which modules of the package each of them imports when it is imported itself."""
    known = modules(package)
    return {name: (imports(path, top_level_only=True) & set(known)) - {name} for name, path in known.items()}


def reachable(edges: dict[str, set[str]], start: str) -> set[str]:
    """Everything that importing `start` imports, parents of a package included."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += edges[name]
    return seen


@pytest.mark.parametrize("package", ["inspector", "trainer"])
def test_imports_go_one_way_only(package: str) -> None:
    edges = graph(package)
    cycles = [name for name in edges if any(name in reachable(edges, below) for below in edges[name])]
    assert cycles == []


@pytest.mark.parametrize("library", DOORS)
def test_each_dangerous_library_has_one_door(library: str) -> None:
    users = {
        name
        for name, path in modules("inspector").items()
        if any(used == library or used.startswith(f"{library}.") for used in imports(path))
    }
    assert users == DOORS[library]


def test_the_inspector_never_imports_the_trainer() -> None:
    users = [
        name for name, path in modules("inspector").items() if any(i.split(".")[0] == "trainer" for i in imports(path))
    ]
    assert users == []


def test_the_trainer_takes_only_the_shared_parts_of_the_inspector() -> None:
    for name, path in modules("trainer").items():
        foreign = {
            used
            for used in imports(path)
            if used.startswith("inspector.") and not any(f"{used}.".startswith(f"{shared}.") for shared in SHARED)
        }
        above = {one for one in foreign if any(shared.startswith(f"{one}.") for shared in SHARED)}
        assert foreign <= above, f"{name} imports {sorted(foreign)}"


def test_what_the_trainer_reads_of_a_line_brings_nothing_of_the_daemon_with_it() -> None:
    edges = graph("inspector")
    for shared in SHARED:
        if shared.startswith("inspector.record."):
            rooms = {name.split(".")[1] for name in reachable(edges, shared) if name.count(".")}
            assert rooms <= {"record", "errors"}, f"{shared} imports {sorted(rooms)}"


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_from_the_rooms_that_its_row_of_the_table_names(room: str) -> None:
    for name, path in modules("inspector").items():
        if name.split(".")[1:2] != [room]:
            continue
        for used in imports(path):
            other = used.split(".")[1] if used.count(".") else room
            if used.startswith("inspector.") and other in MAY_IMPORT and other != room:
                reached = any(f"{used}.".startswith(f"{one}.") for one in REACHED.get(room, ()))
                above = any(one.startswith(f"{used}.") for one in REACHED.get(room, ()))
                assert other in MAY_IMPORT[room] or reached or above, f"{name} imports {used}"


def test_answers_neither_print_nor_know_a_terminal_and_options_stay_in_the_command_line() -> None:
    for name, path in modules("inspector").items():
        used = {one.split(".")[0] for one in imports(path)}
        if name.startswith("inspector.answers"):
            assert not used & {"argparse", "rich", "html", "jinja2"} and "print" not in words(path), name
        if not name.startswith("inspector.cli"):
            assert "argparse" not in used, f"{name}: options are taken apart in inspector/cli/"


def test_every_module_of_the_inspector_has_a_room() -> None:
    flat = {path.stem for path in (ROOT / "inspector").glob("*.py")}
    assert flat == {"__init__", "__main__", "errors", "vocabulary", "yaml_text"}
    rooms = {path.name for path in (ROOT / "inspector").iterdir() if (path / "__init__.py").exists()}
    assert rooms == set(MAY_IMPORT)


def test_the_roles_never_import_each_other() -> None:
    for role in ROLES:
        files = [path for name, path in modules("inspector").items() if name == role or name.startswith(f"{role}.")]
        others = ROLES - {role}
        for path in files:
            assert not {used for used in imports(path) if any(used == o or used.startswith(f"{o}.") for o in others)}


def test_capture_libraries_are_reached_by_the_grabbers_process_alone() -> None:
    edges = graph("inspector")
    captures = {f"inspector.sources.capture.{name}" for name in ("ffmpeg", "opencv", "gige", "aravis")}
    assert captures <= reachable(edges, "inspector.sources.capture.__main__")
    others = [name for name in edges if not name.startswith("inspector.sources.capture.")]
    assert [name for name in others if captures & reachable(edges, name)] == []


@pytest.mark.parametrize(
    "module",
    [
        "sources.source",
        "sources.folder.folder",
        "sources.cameras",
        "sources.factory",
        "sources.push",
        "sources.simulated",
        "sink.role",
        "supervisor.supervisor",
        "cli.main",
        "worker.factory",
    ],
)
def test_importing_a_part_does_not_import_paddle(module: str) -> None:
    code = f"import sys, inspector.{module}; sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_every_module_that_a_string_names_for_a_process_of_its_own_is_there() -> None:
    known = {name for package in ("inspector", "trainer") for name in modules(package)}
    named: set[str] = set()
    for path in [
        *(ROOT / "inspector").rglob("*.py"),
        *(ROOT / "trainer").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
    ]:
        texts = [
            node.value for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]  # fmt: skip
        for text in texts:
            named |= set(re.findall(r"\bfrom ((?:inspector|trainer)(?:\.\w+)+) import ", text))
            named |= set(re.findall(r"^((?:inspector|trainer)(?:\.[a-z]\w*)+)$", text))  # after "-m"
    assert "inspector.supervisor.role" in named and "inspector.supervisor.trial" in named
    attributes = {name for name in named if name.rpartition(".")[0] in known}
    assert named - known - attributes == set()
