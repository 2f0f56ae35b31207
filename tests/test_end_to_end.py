"""The whole line, in real processes: images in the drop folder to records, through crashes, until SIGTERM."""

import hashlib
import json
import os
import shutil
import signal
import socket
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from inspector.vision import bundle, image
from inspector.vision.renderer.strip import DEFECTS, render_image
from tests.fakes import ROOT, Line, running, wait_until
from tests.neu import eval_list, trainer_labels

NEU = Path(os.environ.get("STRIP_NEU_CLS", ROOT.parent / "shared" / "neu-cls"))

needs_model = pytest.mark.skipif(not bundle.DEFAULT.exists(), reason="the default bundle is not in this checkout")
needs_neu = pytest.mark.skipif(not NEU.exists(), reason=f"the NEU-CLS images are not at {NEU}")


def offer(folder: Path, count: int, first: int = 0) -> dict[str, str]:
    """Drop `count` images, each renamed in whole; the generator's own ledger: name to sha256."""
    folder.mkdir(exist_ok=True)
    labels, ledger = ("ok", *DEFECTS), {}
    renders = [render_image(labels[seed % len(labels)], seed).pixels for seed in range(min(count, 64))]
    for index in range(first, first + count):
        pixels = renders[index % len(renders)].copy()
        pixels[0, :4] = list(index.to_bytes(4, "big"))  # no two files are the same
        data = cv2.imencode(".bmp", pixels)[1].tobytes()
        name = f"{index:05d}.bmp"
        (folder / f".{name}").write_bytes(data)
        (folder / f".{name}").rename(folder / name)
        ledger[name] = hashlib.sha256(data).hexdigest()
    return ledger


def kept(folder: Path) -> dict[str, str]:
    """Name to sha256 of every file in a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def assert_exactly_once(line: Line, ledger: dict[str, str]) -> None:
    """Judged by the generator's ledger: a record each, none twice, every file in done/ with its bytes."""
    names = Counter(record.name for record in line.records())
    assert set(names) == set(ledger)
    assert set(names.values()) == {1}
    assert kept(line.drop / "done") == ledger
    account = line.account()[0]
    assert account["balanced"], account
    assert account["tally"]["captured"] == len(ledger)
    assert account["tally"]["in_flight"] == 0
    assert account["tally"]["dropped"] == {}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with running(Line(tmp_path)) as line:
        yield line


def test_every_image_dropped_is_recorded_once_and_moved_to_done(line: Line) -> None:
    ledger = offer(line.drop, 300)
    line.wait_for_records(300)
    assert line.stop() == 0
    assert_exactly_once(line, ledger)


def test_images_that_were_already_there_are_taken(tmp_path: Path) -> None:
    line = Line(tmp_path)
    ledger = offer(line.drop, 40)
    with running(line):
        line.wait_for_records(40)
        assert line.stop() == 0
    assert_exactly_once(line, ledger)


@pytest.mark.parametrize("victim", ["worker-0", "sink", "drop"])
def test_killing_a_process_in_the_middle_loses_nothing_and_records_nothing_twice(line: Line, victim: str) -> None:
    # Given a line in the middle of its work
    ledger = offer(line.drop, 3000)
    wait_until(lambda: line.recorded >= 100, line.explain)
    # When one of its processes is killed, and its successor too
    for round_ in (1, 2):
        pid = line.child(victim)
        os.kill(pid, signal.SIGKILL)
        assert round_ > 1 or line.recorded < len(ledger), "too fast: it had nothing left to lose"
        wait_until(lambda pid=pid: line.child(victim) != pid, line.explain)  # type: ignore[misc]
        ledger |= offer(line.drop, 100, first=3000 + 100 * round_)
    # Then the record says what it would have said anyway
    line.wait_for_records(len(ledger))
    assert line.stop() == 0
    assert_exactly_once(line, ledger)


def test_killing_everything_at_once_loses_nothing(tmp_path: Path) -> None:
    line = Line(tmp_path)
    ledger = offer(line.drop, 3000)
    for recorded in (1, 400, 900):
        with running(line):
            wait_until(lambda recorded=recorded: line.recorded >= recorded, line.explain)  # type: ignore[misc]
        # leaving kills all of them at once
        assert line.recorded < len(ledger), "too fast: it had nothing left to lose"
    with running(line):
        line.wait_for_records(len(ledger))
        assert line.stop() == 0
    assert_exactly_once(line, ledger)


def test_what_is_in_done_is_on_record_whenever_everything_is_killed(tmp_path: Path) -> None:
    line = Line(tmp_path)
    ledger = offer(line.drop, 600)
    for recorded in (1, 50, 150, 300):
        with running(line):
            line.wait_for_records(recorded)
        done = {path.name for path in (line.drop / "done").iterdir()}
        assert done <= {record.name for record in line.records()}
        everywhere = [path.name for path in line.drop.rglob("*.bmp")]
        assert sorted(everywhere) == sorted(ledger)


def test_the_sums_balance_at_any_moment_also_while_processes_are_killed(line: Line) -> None:
    offer(line.drop, 4000)
    victims = {200: "worker-0", 1200: "sink", 2400: "drop"}
    looks = 0
    while line.recorded < 4000:
        if victims and line.recorded > min(victims):
            os.kill(line.child(victims.pop(min(victims))), signal.SIGKILL)
        unbalanced = [account for account in line.accounts() if not account.balanced]
        assert unbalanced == []
        looks += 1
    assert looks > 20 and not victims


def test_sigterm_drains_and_leaves_nothing_in_flight(line: Line) -> None:
    offer(line.drop, 800)
    line.wait_for_records(50)
    assert line.stop() == 0
    account = line.account()[0]
    assert account["balanced"]
    assert account["tally"]["in_flight"] == 0
    assert not [path for path in (line.drop / ".work").rglob("*.bmp")]


def test_a_simulated_line_runs_beside_a_folder_and_its_sums_balance(tmp_path: Path) -> None:
    sources = [
        {"name": "cam", "type": "simulated", "rate_fps": 200, "frames": 150},
        {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 50},
    ]
    line = Line(tmp_path, sources)
    offer(line.drop, 50)
    with running(line):
        line.wait_for_records(200)
        with urllib.request.urlopen(f"{line.address}/readyz") as answer:
            assert json.load(answer) == {"ready": True, "problems": []}
        assert line.stop() == 0
    accounts = {account["source"]: account for account in line.account()}
    assert all(account["balanced"] for account in accounts.values())
    assert accounts["cam"]["tally"]["captured"] == 150
    assert accounts["drop"]["tally"]["captured"] == 50


def test_a_camera_that_hangs_and_one_that_is_dead_hold_up_neither_another_nor_a_stop(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        address = f"rtsp://127.0.0.1:{hanging.getsockname()[1]}/strip"
        sources = [
            {"name": "hangs", "type": "camera", "address": address, "connect_s": 99},
            {"name": "dead", "type": "camera", "address": "rtsp://u:geheim@127.0.0.1:9/strip"},
            {"name": "cam", "type": "simulated", "rate_fps": 50, "frames": 100},
        ]
        line = Line(tmp_path, sources)
        with running(line):
            line.wait_for_records(100)
            wait_until(lambda: "source dead: lost" in line.page("readyz"), line.explain)
            assert "source hangs: connecting to rtsp://127.0.0.1:" in line.page("readyz")
            assert "source cam" not in line.page("readyz")
            pages = line.page("metrics") + line.page("status") + line.run("account").stdout
            assert line.stop(15) == 0
    assert "geheim" not in pages + line.log
    assert all(account["balanced"] for account in line.account())


def test_the_defect_log_has_one_line_a_defect(tmp_path: Path) -> None:
    log = tmp_path / "defects.jsonl"
    line = Line(tmp_path, record={"defect_log": str(log)})
    offer(line.drop, 120)
    with running(line):
        line.wait_for_records(120)
        assert line.stop() == 0
    logged = [json.loads(text)["name"] for text in log.read_text().splitlines()]
    assert sorted(logged) == sorted(record.name for record in line.records(outcomes=("defect",)))


@needs_model
def test_the_default_model_tells_simulated_defects_and_clean_strip_apart(tmp_path: Path) -> None:
    line = Line(tmp_path, workers={"engine": "paddle", "count": 1}, bundle="default")
    line.drop.mkdir()
    labels = [label for label in ("ok", *DEFECTS) for _ in range(10)]
    for index, label in enumerate(labels):
        cv2.imwrite(str(line.drop / f"{index:03d}-{label}.bmp"), render_image(label, 7_000_000 + index).pixels)
    with running(line):
        records = line.wait_for_records(len(labels))
        wait_until(lambda: 'inspector_canary_timestamp_seconds{source="drop"}' in line.page("metrics"), line.explain)
        assert "inspector_canary_wrong_total 0.0" in line.page("metrics")
        assert line.stop() == 0
    right = [record for record in records if record.label == record.name.removesuffix(".bmp").split("-", 1)[1]]
    assert len(right) >= len(labels) - 2, [(record.name, record.label) for record in records if record not in right]


@needs_model
@needs_neu
def test_all_of_neus_eval_images_are_recorded_with_the_labels_that_trainer_eval_gives(tmp_path: Path) -> None:
    """Also with a worker, the sink and the source killed in the middle."""
    line = Line(tmp_path, workers={"engine": "paddle", "count": 2}, bundle="default")
    line.drop.mkdir()
    names = list(eval_list(NEU))
    with running(line):
        wait_until(lambda: "is ready" in line.log, line.explain)
        for position, name in enumerate(names):
            shutil.copyfile(NEU / name, line.drop / Path(name).name)
            if position in (60, 150, 240):
                line.wait_for_records(position // 2)
                os.kill(line.child({60: "worker-0", 150: "sink", 240: "drop"}[position]), signal.SIGKILL)
        records = line.wait_for_records(len(names), 100)
        wait_until(lambda: len(list((line.drop / "done").iterdir())) == len(names), line.explain)
        # The sums follow the record within a quarter of a second.
        sums = (f'_captured_total{{source="drop"}} {len(names)}.0', '_in_flight{source="drop"} 0.0')
        wait_until(lambda: all(text in line.page("metrics") for text in sums), lambda: line.page("metrics"))
        assert line.stop() == 0
    assert len(records) == len(names)
    told = {record.name: record.label for record in records}
    assert told == trainer_labels(NEU, bundle.DEFAULT, tmp_path / "run")
    assert all(image.image_format(path.read_bytes()) == "BMP" for path in (line.drop / "done").iterdir())


@needs_model
def test_a_gpu_that_paddle_cannot_use_is_named_before_anything_is_inspected(tmp_path: Path) -> None:
    paddle = pytest.importorskip("paddle")
    if paddle.is_compiled_with_cuda():
        pytest.skip("this Paddle can use a GPU")
    line = Line(tmp_path, workers={"engine": "paddle", "device": "gpu"}, bundle="default")
    with running(line):
        assert line.process is not None
        assert line.process.wait(60) == 2
    assert "workers.device: gpu: this Paddle is built for the CPU" in line.log
