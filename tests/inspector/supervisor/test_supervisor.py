"""Holds the life of the processes: the dead and the stuck are replaced, what cannot run says why and ends with 2."""

import json
import os
import resource
import signal
import socket
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from inspector.host.instance import socket_folder
from tests.fakes import Line, make_bundle, running, wait_until
from tests.inspector.folders import GOOD
from tests.inspector.pictures import encode, strip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """One line that runs through several tests of this file."""
    with running(Line(tmp_path_factory.mktemp("line"))) as line:
        drop_one(line)
        yield line


def drop_one(line: Line) -> None:
    """One more picture goes through the whole line."""
    line.drop.mkdir(exist_ok=True)
    name = f"{time.time_ns()}.bmp"
    (line.drop / name).write_bytes(GOOD)
    wait_until(lambda: (line.drop / "done" / name).exists(), line.explain)


def ready(line: Line) -> tuple[bool, list[str]]:
    """What /readyz says."""
    body = json.loads(line.page("readyz"))
    return body["ready"], body["problems"]


def pids(line: Line) -> list[int]:
    """The line's processes."""
    assert line.process is not None
    return [child.pid for child in psutil.Process(line.process.pid).children(recursive=True)]


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, 35])
def test_a_worker_that_dies_is_replaced_and_the_line_goes_on(shared: Line, number: int) -> None:
    dead = shared.child("worker-0")
    os.kill(dead, number)
    drop_one(shared)

    assert shared.child("worker-0") != dead
    wait_until(lambda: ready(shared) == (True, []), shared.explain)


@pytest.mark.parametrize("name", ["sink", "drop"])
def test_a_sink_or_source_that_dies_is_replaced_and_the_line_goes_on(shared: Line, name: str) -> None:
    os.kill(shared.child(name), signal.SIGKILL)
    drop_one(shared)

    wait_until(lambda: ready(shared) == (True, []), shared.explain)


def test_a_process_that_cannot_be_started_now_is_started_as_soon_as_it_can(shared: Line) -> None:
    assert shared.process is not None
    supervisor, dead = shared.process.pid, shared.child("worker-0")
    before = resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (5, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    os.kill(dead, signal.SIGKILL)
    wait_until(lambda: "cannot be started: [Errno 24] Too many open files" in shared.log, shared.explain)
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, before)
    drop_one(shared)
    assert shared.child("worker-0") != dead


def refused(line: Line) -> str:
    """What a line says that ends at once with code 2."""
    with running(line):
        assert line.process is not None
        assert line.process.wait(30) == 2, line.log
    assert "Traceback" not in line.log
    return line.log


def second(shared: Line, folder: Path, **changes: Any) -> Line:
    """Another line with something of the first."""
    source = {"name": "drop", "type": "folder", "path": str(folder / "drop"), "settle_ms": 50}
    return Line(folder, **{"sources": [source], **changes})


def test_a_second_inspector_on_the_same_data_folder_is_refused(shared: Line, tmp_path: Path) -> None:
    log = refused(second(shared, tmp_path, data=str(shared.data)))

    assert log == f"inspector: {shared.data}: another inspector runs on this data folder\n"
    drop_one(shared)


def test_a_second_inspector_on_the_same_drop_folder_is_refused(shared: Line, tmp_path: Path) -> None:
    source = {"name": "drop", "type": "folder", "path": str(shared.drop)}
    log = refused(second(shared, tmp_path, sources=[source]))

    assert f"{shared.drop}: another inspector works on this drop folder" in log
    drop_one(shared)


def test_the_sockets_of_a_line_are_of_its_user_alone(shared: Line) -> None:
    modes = {path.name: path.stat().st_mode for path in socket_folder(shared.data).iterdir() if path.is_socket()}

    assert modes == dict.fromkeys(("sink", "src-drop"), stat.S_IFSOCK | 0o600)


def test_a_port_in_use_is_named(shared: Line, tmp_path: Path) -> None:
    port = int(shared.address.rsplit(":", 1)[1])
    log = refused(second(shared, tmp_path, metrics={"port": port}))

    assert f"metrics.port: cannot listen on 127.0.0.1:{port}: Address already in use" in log
    drop_one(shared)


def test_a_data_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    for data in (tmp_path / "file", tmp_path / "file" / "below"):
        assert f"inspector: data: {tmp_path / 'file'}: " in refused(Line(tmp_path, data=str(data)))


def test_a_record_of_another_schema_is_refused(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.data.mkdir()
    with sqlite3.connect(line.data / "records.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()

    assert "records.sqlite: schema 99; this version reads schema" in refused(line)


def test_a_damaged_bundle_is_refused_in_one_line(tmp_path: Path) -> None:
    line = Line(tmp_path)
    (tmp_path / "bundle" / "inference.pdiparams").write_bytes(b"1")

    log = refused(line)
    assert log.startswith(f"inspector: {tmp_path}/bundle/inference.pdiparams: damaged or replaced")
    assert log.count("\n") == 1


def test_a_record_that_cannot_be_written_acks_nothing_and_readiness_says_why(shared: Line) -> None:
    # Given a sink that may not make any file larger, as on a full disk
    sink = shared.child("sink")
    before = len(list((shared.drop / "done").iterdir()))
    resource.prlimit(sink, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    # When pictures come until it cannot write, then nothing more is acked, and readiness says why
    for number in range(400):
        (shared.drop / f"full-{number}.bmp").write_bytes(GOOD)
    wait_until(lambda: any(problem.startswith("record: ") for problem in ready(shared)[1]), shared.explain)
    assert len(list((shared.drop / "done").iterdir())) < before + 400
    # When there is room again, then all of them are recorded, and it is the same sink
    resource.prlimit(sink, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until(lambda: len(list((shared.drop / "done").iterdir())) == before + 400, shared.explain)
    wait_until(lambda: not any(problem.startswith("record: ") for problem in ready(shared)[1]), shared.explain)
    assert shared.child("sink") == sink
    assert all(account["balanced"] for account in shared.account())


def test_a_batch_that_never_ends_costs_its_frame_and_not_the_line(tmp_path: Path) -> None:
    # Given a model whose tiles are so small that one frame of the folder keeps a worker busy for seconds
    bundle = make_bundle(tmp_path / "tiny", input={"size": 112, "channels": 1, "view_px": 16})
    line = Line(
        tmp_path, bundle=str(bundle.path), workers={"batch_timeout_s": 0.5, "count": 2},
        delivery={"max_attempts": 2},
    )  # fmt: skip
    with running(line):
        drop_one(line)
        (line.drop / "endless.bmp").write_bytes(encode(np.tile(strip(100, 100), (70, 70))))
        wait_until(lambda: (line.drop / "failed" / "endless.bmp").exists(), line.explain)
        drop_one(line)
        assert line.stop() == 0
    # Then it took down two workers, is on record as an error, and everything else went through
    assert line.log.count("is stuck in a batch for more than 0.5 s: killed") == 2
    (error,) = line.records(outcomes=["error"])
    assert (error.name, error.reason) == ("endless.bmp", "took down 2 workers")


def test_a_second_signal_forces_the_end(tmp_path: Path) -> None:
    # Given a line whose worker has stopped to answer, with a frame under way
    line = Line(tmp_path)
    with running(line):
        drop_one(line)
        children = pids(line)
        os.kill(line.child("worker-0"), signal.SIGSTOP)
        (line.drop / "late.bmp").write_bytes(GOOD)
        wait_until(lambda: not (line.drop / "late.bmp").exists(), line.explain)
        # When it is told twice to stop
        assert line.process is not None
        line.process.terminate()
        wait_until(lambda: "stopping: sources first" in line.log)
        line.process.terminate()
        # Then it ends with the code of force, and leaves nobody behind
        assert line.process.wait(30) == 3
        wait_until(lambda: not any(alive(pid) for pid in children))
    # And the frame is not lost: the next life inspects it
    with running(line):
        wait_until(lambda: (line.drop / "done" / "late.bmp").exists(), line.explain)
        assert line.stop() == 0


def test_the_children_of_a_killed_supervisor_die_and_another_can_start_at_once(tmp_path: Path) -> None:
    # Given a line on a port of its own
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = Line(tmp_path, metrics={"port": port})
    with running(line):
        drop_one(line)
        children = pids(line)
        # When its supervisor is killed, then its children end with it
        assert line.process is not None
        line.process.kill()
        line.process.wait()
        wait_until(lambda: not any(alive(pid) for pid in children))
    # And folder, record and port are free for the next; Ctrl-C, which reaches every process, ends that one well
    with running(line):
        drop_one(line)
        assert line.process is not None
        os.killpg(line.process.pid, signal.SIGINT)
        assert line.process.wait(60) == 0
    assert "Traceback" not in line.log


def test_a_process_held_before_it_could_do_anything_dies_with_the_supervisor(tmp_path: Path) -> None:
    line = Line(tmp_path)
    with running(line):
        wait_until(lambda: "sink started, pid" in line.log)
        os.kill(line.child("sink"), signal.SIGSTOP)
        wait_until(lambda: "drop started, pid" in line.log)
        children = pids(line)
        assert line.process is not None
        line.process.kill()
        wait_until(lambda: not any(alive(pid) for pid in children))


def test_a_signal_to_every_process_at_once_still_drains(tmp_path: Path) -> None:
    # As systemd's default does.
    line = Line(tmp_path, workers={"count": 2})
    with running(line):
        drop_one(line)
        for picture in range(100):
            (line.drop / f"{picture}.bmp").write_bytes(GOOD)
        wait_until(lambda: not list(line.drop.glob("*.bmp")), line.explain)
        assert line.process is not None
        os.killpg(line.process.pid, signal.SIGTERM)
        assert line.process.wait(60) == 0, line.explain()
    assert "Traceback" not in line.log
    assert len(line.records()) == 101
    assert all(account["balanced"] and account["tally"]["in_flight"] == 0 for account in line.account())
