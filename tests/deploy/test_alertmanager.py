"""Holds who is called: a real Alertmanager reads its config, and holds back what follows from another alert."""

import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.test_prometheus import ALERTS, CASES, DEPLOY, GROUPS
from tests.fakes import wait_until

CONFIG = DEPLOY / "alertmanager" / "alertmanager.yml"
#: Every alert once, with the labels that Prometheus gives it: what rules_test.yml holds.
FIRING = [
    {"instance": "a", **yaml.safe_load(sample["labels"].replace("=", ": "))}
    for case in yaml.safe_load(CASES.read_text().replace("RULES", "rules.yml"))["tests"]
    for asked in case["promql_expr_test"]
    for sample in asked["exp_samples"]
    if "alertname" in sample["labels"]
]

#: What calls someone whatever else is wrong.
NEVER = {"InspectorNotInspected", "InspectorTimeLost", "InspectorWrongAnswers"}

needs_alertmanager = pytest.mark.skipif(
    shutil.which("amtool") is None or shutil.which("prometheus-alertmanager") is None,
    reason="amtool is not installed (Debian package prometheus-alertmanager)",
)


class Alertmanager:
    """The shipped config, served on a free port."""

    def __init__(self, address: str, log: Path) -> None:
        self.url = f"http://{address}/api/v2/alerts"
        self.log = log

    def raise_alerts(self, *labels: dict[str, str]) -> None:
        body = json.dumps([{"labels": one} for one in labels]).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()

    def alerts(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(self.url, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    def held_back(self) -> set[str]:
        """The names of alerts that call nobody."""
        return {one["labels"]["alertname"] for one in self.alerts() if one["status"]["inhibitedBy"]}

    def holds_back(self, expected: set[str], *labels: dict[str, str]) -> None:
        """Raise alerts together and wait until those are held back: it learns of them one after the other."""
        wait_until(self.listens, self.explain)
        self.raise_alerts(*labels)
        wait_until(lambda: self.held_back() == expected, lambda: f"{self.held_back()}\n{self.explain()}", 10)
        self.raise_alerts(*labels)
        assert self.held_back() == expected and len(self.alerts()) == len(labels)

    def listens(self) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=10) as answer:
                return bool(answer.status == 200)
        except urllib.error.URLError:
            return False

    def explain(self) -> str:
        return self.log.read_text()[-2000:]


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        "prometheus-alertmanager", f"--config.file={CONFIG}", f"--storage.path={tmp_path}/data",
        f"--web.listen-address={address}", "--cluster.listen-address=",
    ]  # fmt: skip
    log = tmp_path / "log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield Alertmanager(address, log)
        finally:
            process.terminate()


def without(*names: str) -> list[dict[str, str]]:
    return [labels for labels in FIRING if labels["alertname"] not in names]


def names(alerts: list[dict[str, str]]) -> set[str]:
    return {labels["alertname"] for labels in alerts}


def test_every_alert_is_known_here() -> None:
    assert names(FIRING) == set(ALERTS)


def test_every_label_that_routes_and_inhibitions_ask_for_is_one_that_alerts_have() -> None:
    config = yaml.safe_load(CONFIG.read_text())
    severities = {rule["labels"]["severity"] for group in GROUPS for rule in group["rules"] if "alert" in rule}
    asked = {matcher for route in config["route"]["routes"] for matcher in route["matchers"]}

    assert asked == {'severity = "critical"'} and severities == {"critical", "warning"}
    known = {label for labels in FIRING for label in labels}
    assert set(config["route"]["group_by"]) <= known
    assert {label for rule in config["inhibit_rules"] for label in rule["equal"]} <= known
    matchers = str([[rule["source_matchers"], rule["target_matchers"]] for rule in config["inhibit_rules"]])
    assert {name for name in ALERTS if name in matchers} == {
        "InspectorDown", "InspectorNotReady", "InspectorLineSilent", "InspectorSlow", *NEVER,
    }  # fmt: skip


@needs_alertmanager
def test_alertmanager_accepts_the_config() -> None:
    checked = subprocess.run(["amtool", "check-config", str(CONFIG)], capture_output=True, text=True, timeout=60)

    assert checked.returncode == 0, checked.stderr


@needs_alertmanager
@pytest.mark.parametrize(("severity", "receiver"), [("critical", "on-call"), ("warning", "shift")])
def test_who_is_called_depends_on_how_severe_it_is(severity: str, receiver: str) -> None:
    command = ["amtool", "config", "routes", "test", f"--config.file={CONFIG}", f"severity={severity}"]

    assert subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip() == receiver


@needs_alertmanager
def test_a_line_that_does_not_answer_holds_back_all_but_what_was_not_inspected_or_wrongly(
    alertmanager: Alertmanager,
) -> None:
    elsewhere = {**FIRING[0], "alertname": "InspectorDiskLow", "severity": "warning", "instance": "b"}
    alertmanager.holds_back(names(FIRING) - {"InspectorDown", *NEVER}, *FIRING, elsewhere)

    on_other_lines = [one for one in alertmanager.alerts() if one["labels"]["instance"] == "b"]
    assert [one["status"]["inhibitedBy"] for one in on_other_lines] == [[]]


@needs_alertmanager
def test_a_line_that_is_not_ready_holds_back_that_it_is_silent_and_slow(alertmanager: Alertmanager) -> None:
    alertmanager.holds_back({"InspectorLineSilent", "InspectorSlow"}, *without("InspectorDown"))


@needs_alertmanager
def test_a_silent_source_holds_back_only_that_itself_is_slow(alertmanager: Alertmanager) -> None:
    other = {"alertname": "InspectorSlow", "severity": "warning", "instance": "a", "source": "entry"}
    alertmanager.holds_back({"InspectorSlow"}, *without("InspectorDown", "InspectorNotReady"), other)

    slow = [one for one in alertmanager.alerts() if one["labels"]["alertname"] == "InspectorSlow"]
    assert {one["labels"]["source"]: bool(one["status"]["inhibitedBy"]) for one in slow} == {
        "exit": True,
        "entry": False,
    }
