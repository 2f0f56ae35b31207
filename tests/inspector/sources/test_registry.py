"""Holds which model a line decides by: the one it started with, whatever becomes of the folder that it came from."""

import hashlib
import os
import shutil
import signal
import stat
from contextlib import closing
from pathlib import Path

import pytest

from inspector.errors import BundleError
from inspector.record.models.model_history import ModelHistory
from inspector.vision import bundle, model_copies
from inspector.vision.bundle import MANIFEST, PARAMETERS, Bundle
from tests.fakes import Line, make_bundle, running, wait_until
from tests.inspector.supervisor.test_supervisor import drop_one, ready


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def copies(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "models").iterdir() if path.is_dir())


def address(model: Bundle) -> str:
    return hashlib.sha256((model.path / MANIFEST).read_bytes()).hexdigest()


def test_the_copy_is_named_by_its_content_whole_and_read_only(data: Path, tmp_path: Path) -> None:
    model = make_bundle(tmp_path / "bundle")
    (tmp_path / "bundle" / "notes.txt").write_text("not of the bundle")
    with model_copies.adopted(data, model) as copy:
        assert copy.path == data / "models" / address(model) and copy.id == model.id
        assert {path.name for path in copy.path.iterdir()} == {*model.manifest.files, MANIFEST}
        modes = {stat.S_IMODE(path.stat().st_mode) for path in copy.path.iterdir()}
        assert (stat.S_IMODE(copy.path.stat().st_mode), modes) == (0o555, {0o444})
    assert copies(data) == [address(model)]


def test_a_copy_that_is_there_is_used_and_a_damaged_one_made_anew(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = make_bundle(tmp_path / "bundle")
    with model_copies.adopted(data, model) as copy:
        first = copy.path.stat().st_ino
    with model_copies.adopted(data, model) as copy:
        assert copy.path.stat().st_ino == first
    (copy.path / PARAMETERS).chmod(0o644)
    (copy.path / PARAMETERS).write_bytes(b"1")
    with model_copies.adopted(data, model) as copy:
        assert (copy.path / PARAMETERS).read_bytes() == b"0"
    assert f"{copy.path}: was damaged: copied again from {model.path}" in caplog.text


def test_what_a_killed_start_left_and_other_models_go_but_nothing_of_others(data: Path, tmp_path: Path) -> None:
    first, second = make_bundle(tmp_path / "first"), make_bundle(tmp_path / "second", name="second")
    with model_copies.adopted(data, first):
        pass
    (data / "models" / ".incoming-4711").mkdir(mode=0o555)
    (data / "models" / "notes").mkdir()
    with model_copies.adopted(data, second) as copy:
        assert address(first) in copies(data)  # until the other is known to serve
        model_copies.sweep(data, {copy.path.name})
    assert copies(data) == sorted([address(second), "notes"])


def test_where_no_copy_can_be_kept_the_chosen_folder_is_run_and_still_no_other_model(
    data: Path, tmp_path: Path
) -> None:
    model = make_bundle(tmp_path / "bundle")
    (data / "models").write_text("no folder")
    with model_copies.adopted(data, model) as run:
        assert run == model and model_copies.replaced(model.path, run) == ""
        with pytest.raises(BundleError, match="a running line uses this bundle"):
            bundle.check_free(model.path)


def test_a_bundle_that_is_replaced_while_it_is_copied_is_refused(data: Path, tmp_path: Path) -> None:
    model = make_bundle(tmp_path / "bundle")
    make_bundle(tmp_path / "bundle", name="other")

    with pytest.raises(BundleError, match="was replaced while it was read"), model_copies.adopted(data, model):
        pass
    assert copies(data) == []


def test_a_bundle_in_a_folder_that_is_read_only_can_be_used_and_is_held(data: Path, tmp_path: Path) -> None:
    model = make_bundle(tmp_path / "bundle")
    for path in (*model.path.iterdir(), model.path):
        path.chmod(0o555)
    refused = pytest.raises(BundleError, match="a running line uses this bundle; write to another folder")
    with model_copies.adopted(data, model), refused:
        bundle.check_free(model.path)
    bundle.check_free(model.path)


def test_a_folder_that_is_no_bundle_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "1.bmp").write_bytes(b"1")

    with pytest.raises(BundleError, match="is there, and is no bundle: nothing of it is overwritten"):
        make_bundle(tmp_path / "pictures")
    assert (tmp_path / "pictures" / "1.bmp").exists()


def test_a_line_decides_by_the_model_it_started_with_until_it_is_started_again(tmp_path: Path) -> None:
    line = Line(tmp_path)
    folder = tmp_path / "bundle"
    with running(line):
        drop_one(line)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        # When the folder it came from is to be overwritten, then that is refused
        with pytest.raises(BundleError, match="a running line uses this bundle"):
            make_bundle(folder, name="other")
        # When it is replaced by other means, and every process of the line as well
        other = make_bundle(tmp_path / "elsewhere", name="other")
        shutil.rmtree(folder)
        shutil.move(other.path, folder)
        for name in ("worker-0", "sink", "drop"):
            os.kill(line.child(name), signal.SIGKILL)
            drop_one(line)
        # Then a reload says so
        assert line.process is not None
        line.process.send_signal(signal.SIGHUP)
        wait_until(lambda: f"these need a restart: bundle ({folder} holds another model now)" in line.log, line.explain)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        drop_one(line)
        assert line.stop() == 0
    first = {record.model for record in line.records()}
    assert len(first) == 1 and not first.pop().startswith("other-")
    # And the next start takes it, and the copy of the former stays: its records name it, and it may serve again
    with running(line):
        drop_one(line)
        assert line.records()[0].model == other.id
        assert line.stop() == 0
    with closing(ModelHistory(line.data, read_only=True)) as history:
        addresses = [row.address for row in history.every()]
    assert addresses[-1] == hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert copies(line.data) == sorted(addresses) and len(addresses) == 2


def damage(path: Path) -> None:
    """Change a file of a copy as someone could who may."""
    path.parent.chmod(0o755)
    path.chmod(0o644)
    path.write_bytes(b"tampered")


def test_a_damaged_copy_stops_no_worker_for_long_it_is_copied_again_and_the_log_says_so(tmp_path: Path) -> None:
    line = Line(tmp_path)
    with running(line):
        drop_one(line)
        wait_until(lambda: ready(line) == (True, []), line.explain)
        (name,) = copies(line.data)
        damage(line.data / "models" / name / PARAMETERS)
        os.kill(line.child("worker-0"), signal.SIGKILL)
        drop_one(line)
        wait_until(lambda: f"{name}: was damaged: copied again from {tmp_path / 'bundle'}" in line.log, line.explain)
        assert line.stop() == 0
    assert bundle.load(line.data / "models" / name).id == line.records()[0].model


def test_a_damaged_copy_whose_source_holds_another_model_is_left_and_named(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = make_bundle(tmp_path / "bundle")
    with model_copies.adopted(data, model) as copy:
        model_copies.mend(copy, model.path)
        assert caplog.text == ""
        damage(copy.path / PARAMETERS)
        shutil.rmtree(model.path)
        make_bundle(model.path, name="other")
        model_copies.mend(copy, model.path)
        assert f"damaged, and cannot be copied again: {model.path} holds another model now" in caplog.text
        assert (copy.path / PARAMETERS).read_bytes() == b"tampered"
        shutil.rmtree(model.path)
        model_copies.mend(copy, model.path)
        assert f"cannot be copied again: {model.path / MANIFEST}: No such file or directory" in caplog.text


def test_a_worker_refuses_another_model_than_the_lines(tmp_path: Path) -> None:
    model = make_bundle(tmp_path / "bundle")
    other = make_bundle(tmp_path / "bundle", name="other")

    with pytest.raises(BundleError, match=f"holds {other.id}; this line runs {model.id} until it is started again"):
        model_copies.reopen(model)
