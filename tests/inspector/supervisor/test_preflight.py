"""`inspector check`: everything that would keep the line from starting, at once, and what names of files tell."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from inspector.vision import bundle
from tests.fakes import ROOT, Line, inspector, running

PATTERN = r"(?P<piece>[^_/]+)_(?P<at_mm>[0-9]+(?:\.[0-9]+)?)"


def test_everything_that_keeps_a_line_from_starting_is_told_at_once(tmp_path: Path) -> None:
    # Given a taken port, a file where the data folder should be, and a recipe for a label that the model does not have
    line = Line(tmp_path)
    (tmp_path / "file").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        # When
        done = inspector(
            "check", "-c", str(line.config), "-o", f"metrics.port={port}", "-o", f"data={tmp_path}/file/data",
            "-o", "decision.thresholds={scratchs: 0.9}",
        )  # fmt: skip
    # Then
    assert done.returncode == 2
    problems = done.stderr.splitlines()
    assert any("decision.thresholds.scratchs" in one and "did you mean scratches?" in one for one in problems)
    assert any(f"metrics: 127.0.0.1:{port} cannot be listened on" in one for one in problems)
    assert any(f"{tmp_path}/file is no folder" in one for one in problems)


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that every user can reach: those of pytest are for their owner alone."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to ask as another user")
def test_a_drop_folder_that_the_line_may_not_write_to_is_refused(readable: Path) -> None:
    line = Line(readable)
    line.drop.mkdir(exist_ok=True)
    as_nobody = (
        "import os, sys; from inspector.cli import main as cli; from inspector.cli.commands import line;"
        " os.seteuid(65534); sys.exit(cli.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", as_nobody, "check", "-c", str(line.config), "-o", "data=/tmp/nobodys"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    told = f"sources.drop.path: {line.drop}: user 65534 may not write to {line.drop} (mode 755, of user 0, group 0)"
    assert told in done.stderr


def test_the_port_of_the_line_itself_is_not_taken(tmp_path: Path) -> None:
    line = Line(tmp_path)
    with running(line):
        port = line.address.rsplit(":", 1)[1]
        done = inspector("check", "-c", str(line.config), "-o", f"metrics.port={port}")
    assert done.returncode == 0, done.stderr


def test_a_run_to_replay_that_is_not_there_is_refused(tmp_path: Path) -> None:
    line = Line(tmp_path, [{"name": "again", "type": "replay", "path": str(tmp_path / "may")}])

    done = line.run("check")

    assert done.returncode == 2
    assert f"sources.again.path: {tmp_path}/may/records.sqlite: nothing was recorded yet" in done.stderr
    assert done.stderr.rstrip().endswith("the data folder of a run is needed")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("coil-4711_5529.6.bmp", "piece 'coil-4711', at_mm 5529.6"),
        ("coil-4711.bmp", "the pattern does not fit"),
    ],
)
def test_a_sample_shows_what_the_pattern_reads_in_a_name(tmp_path: Path, name: str, told: str) -> None:
    drop = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "place": {"pattern": PATTERN}}
    line = Line(tmp_path, [drop])

    done = inspector("check", "-c", str(line.config), "--sample", name)

    assert done.returncode == 0, done.stderr
    assert f"sample   {name!r} to drop: {told}" in done.stdout


def test_a_sample_says_where_the_pattern_takes_something_else_for_a_number(tmp_path: Path) -> None:
    place = {"pattern": r"(?P<piece>[^_/]+)_(?P<at_mm>[0-9.]+)"}
    drop = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "place": place}
    line = Line(tmp_path, [drop])

    done = inspector("check", "-c", str(line.config), "--sample", "coil-4711_5529.6.bmp")

    assert "piece 'coil-4711', at_mm '5529.6.', which is no number" in done.stdout


def test_a_model_that_no_worker_could_run_is_refused_as_the_line_would_refuse_it(tmp_path: Path) -> None:
    # Given a bundle that is whole, with a program that is none
    line = Line(tmp_path)
    done = inspector("check", "-c", str(line.config), "-o", "workers.engine=paddle")

    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith(f"inspector: {tmp_path}/bundle: ") and "Traceback" not in done.stderr


def test_the_model_is_tried_as_a_worker_would_run_it_and_what_was_done_is_said(tmp_path: Path) -> None:
    line = Line(tmp_path, bundle="default", workers={"engine": "paddle", "max_batch": 2})
    done = inspector("check", "-c", str(line.config))

    assert done.returncode == 0, done.stderr
    assert "opened on the cpu, warmed in batches up to 2, golden images within " in done.stdout
    # And on a GPU, where none is
    done = inspector("check", "-c", str(line.config), "-o", "workers.device=gpu")
    assert done.returncode == 2 and "workers.device: gpu: " in done.stderr


def test_golden_images_that_score_otherwise_are_found_before_the_line_starts(tmp_path: Path) -> None:
    real = bundle.load(bundle.DEFAULT)
    golden = real.golden()
    turned = replace(golden, logits=golden.logits[:, ::-1].copy())
    wrong = bundle.save(tmp_path / "wrong", real.manifest, real.program, real.path / bundle.PARAMETERS, turned)
    done = inspector("check", "-c", str(Line(tmp_path, bundle=str(wrong.path), workers={"engine": "paddle"}).config))

    assert done.returncode == 2 and f"{wrong.path}: golden images score " in done.stderr
