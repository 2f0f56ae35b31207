"""Holds the package: without a checkout it has its examples, its model and its demonstration."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from inspector.record.store import Store
from tests.fakes import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installer would; pip fetches what builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("no pip in this environment")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`inspector` of the wheel, in a working directory that knows nothing of the checkout."""
    command = [sys.executable, "-c", "import sys; from inspector.cli.main import main; sys.exit(main())", *arguments]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(installed), "PATH": ""}, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip


def test_the_wheel_runs_the_demonstration_where_there_is_no_checkout(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "demo", "--seconds", "3", "-o", "metrics.port=0", "-o", "workers.count=1")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "every frame accounted for" in done.stdout
    assert (tmp_path / "demo/drop").is_dir()


def test_the_wheel_hands_out_its_example_configs_and_the_push_client(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "examples", "mine")

    assert done.returncode == 0, done.stderr
    copied = {path.name for path in (tmp_path / "mine").iterdir()}
    assert copied == {path.name for path in (ROOT / "configs").iterdir() if path.suffix in (".yaml", ".py")}


def test_the_wheel_writes_a_report_where_there_is_no_checkout(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "examples", "mine")
    config = ("-c", "mine/demo.yaml", "-o", "data=data")
    (tmp_path / "data").mkdir()
    Store(tmp_path / "data").close()

    assert run(installed, tmp_path, "piece", *config, "start", "c").returncode == 0
    done = run(installed, tmp_path, "report", *config, "c", "--to", "c.html")

    assert done.returncode == 0, done.stderr
    assert "Inspection report: c</title>" in (tmp_path / "c.html").read_text()


def test_the_wheel_has_every_template_of_the_checkout(installed: Path) -> None:
    templates = [path.relative_to(ROOT) for room in ("inspector", "trainer") for path in (ROOT / room).rglob("*.html")]
    assert {path.parent.name for path in templates} == {"templates"}
    assert [path for path in templates if not (installed / path).is_file()] == []
