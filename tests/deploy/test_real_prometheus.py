"""Asks a real Prometheus, with the config and rules of deploy/, about a line that runs."""

import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.test_prometheus import BOARD, DEPLOY, RULES
from tests.fakes import Line, running, wait_until

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed (Debian package prometheus)"
)
#: Questions of the board whose answer is empty on a line that does well.
EMPTY_WHEN_WELL = (
    "inspector_process_ends_total",
    "inspector_frames_dropped_total",
    "inspector_not_inspected_seconds_total",
    "inspector_roll_mark_active",
)


class Prometheus:
    def __init__(self, folder: Path, target: str) -> None:
        """The shipped config, but for its target and pace: tests cannot wait minutes."""
        config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
        config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
        folder.mkdir()
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        shutil.copy(RULES, folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.folder = folder

    @contextmanager
    def serving(self) -> Iterator["Prometheus"]:
        command = [
            "prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address={self.address}",
        ]  # fmt: skip
        with (self.folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                yield self
            finally:
                process.terminate()

    def ask(self, question: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each answer; none while it does not listen yet."""
        url = f"http://{self.address}/api/v1/query?{urllib.parse.urlencode({'query': question})}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            if error.code != 503:  # which is: not ready yet
                raise
            return []
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            return []
        return [(one["metric"], float(one["value"][1])) for one in result]

    def explain(self) -> str:
        return (self.folder / "log").read_text()[-2000:]


def test_a_real_prometheus_answers_the_board_balances_the_sums_and_notices_the_end(tmp_path: Path) -> None:
    camera = {"name": "camera", "type": "simulated", "rate_fps": 20, "defect_rate": 0.5}
    line = Line(tmp_path, [camera], alarms=[{"name": "many", "limit": 9999, "within_s": 1}])
    with running(line):
        prometheus = Prometheus(tmp_path / "prometheus", line.address.removeprefix("http://"))
        with prometheus.serving():
            # When the line has been watched for a while
            wait_until(lambda: prometheus.ask("inspector_ready == 1") != [], prometheus.explain)
            wait_until(lambda: prometheus.ask("inspector:frames:rate5m > 0") != [], prometheus.explain)
            wait_until(lambda: prometheus.ask("inspector:end_to_end_seconds:p95_5m > 0") != [], prometheus.explain)
            wait_until(lambda: prometheus.ask("inspector:inference_seconds:p95_5m > 0") != [], prometheus.explain)
            wait_until(lambda: prometheus.ask("inspector:defects:ratio15m > 0") != [], prometheus.explain)
            # Then each question of the board has an answer, and at one instant the sums balance
            panels = json.loads(BOARD.read_text())["panels"]
            questions = [
                target["expr"].replace("$__range", "5m").replace("$instance", ".+")
                for panel in panels
                for target in panel["targets"]
            ]
            silent = [question for question in questions if not prometheus.ask(question)]
            assert [one for one in silent if not any(name in one for name in EMPTY_WHEN_WELL)] == []
            left = prometheus.ask(
                "sum by (source) (inspector_frames_captured_total) - sum by (source) (inspector_verdicts_total)"
                " - sum by (source) (inspector_frames_in_flight)"
                " - (sum by (source) (inspector_frames_dropped_total)"
                " or 0 * sum by (source) (inspector_verdicts_total))"
            )
            assert left == [({"source": "camera"}, 0)]
            # And when the line has stopped, someone is about to be called
            assert line.stop() == 0
            down = 'ALERTS{alertname="InspectorDown",alertstate="pending"}'
            wait_until(lambda: prometheus.ask(down) != [], prometheus.explain)
