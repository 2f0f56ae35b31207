"""Holds rules, alerts and boards: promtool reads and tests them, and every metric they name is one of ours."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from inspector.sink.metrics import Metrics
from tests.fakes import ROOT, Line, running

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
BOARD = DEPLOY / "grafana" / "boards" / "inspector.json"
CASES = Path(__file__).parent / "rules_test.yml"
GROUPS = yaml.safe_load(RULES.read_text())["groups"]
ALERTS = [rule["alert"] for group in GROUPS for rule in group["rules"] if "alert" in rule]
SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)"
)


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60)


def run_cases(rules: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """The cases of rules_test.yml on these rules."""
    (folder / "rules.yml").write_text(rules)
    (folder / "cases.yml").write_text(CASES.read_text().replace("RULES", "rules.yml"))
    return promtool("test", "rules", str(folder / "cases.yml"))


def test_every_metric_that_deploy_names_is_one_of_ours() -> None:
    families = list(Metrics().registry.collect())
    ours = {family.name + suffix for family in families for suffix in SUFFIXES[family.type]}
    ours |= {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}
    paths = [path for path in DEPLOY.rglob("*") if path.suffix in (".yml", ".json")]
    named = {name: path.name for path in paths for name in re.findall(r"\binspector[_:][\w:]+", path.read_text())}

    assert {RULES, BOARD} <= set(paths)
    assert {name: path for name, path in named.items() if name not in ours} == {}


@needs_promtool
def test_prometheus_accepts_the_config_and_the_rules() -> None:
    checked = promtool("check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "rules found" in checked.stdout


@needs_promtool
def test_each_alert_comes_when_it_should_and_only_then(tmp_path: Path) -> None:
    tested = run_cases(RULES.read_text(), tmp_path)

    assert tested.returncode == 0, tested.stdout + tested.stderr


@needs_promtool
@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize("instead", ["vector(0) > 1", 'up{instance="a"}'], ids=["never", "always"])
def test_the_cases_notice_an_alert_that_never_or_always_comes(alert: str, instead: str, tmp_path: Path) -> None:
    rules = yaml.safe_load(RULES.read_text())
    rule = next(rule for group in rules["groups"] for rule in group["rules"] if rule.get("alert") == alert)
    rule["expr"] = instead

    tested = run_cases(yaml.safe_dump(rules), tmp_path)
    assert tested.returncode != 0
    assert alert in tested.stdout + tested.stderr


def test_every_question_of_the_board_is_asked_of_the_chosen_line_alone() -> None:
    board = json.loads(BOARD.read_text())
    questions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    (line,) = board["templating"]["list"]

    assert line["name"] == "instance" and line["query"]["query"] == "label_values(inspector_ready, instance)"
    unbound = re.compile(r'\binspector[_:][\w:]+(?!\{instance=~"\$instance"\})(?![\w:])')
    assert [question for question in questions if unbound.search(question)] == []


@needs_promtool
def test_promtool_finds_nothing_to_mend_in_what_a_line_is_scraped_for(tmp_path: Path) -> None:
    place = {"mm_per_px": 0.3, "pattern": "(?P<piece>[a-z]+)"}
    camera = {"name": "camera", "type": "simulated", "rate_fps": 50, "defect_rate": 0.5}
    drop = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 0, "place": place}
    line = Line(tmp_path, [camera, drop], alarms=[{"name": "many", "limit": 1, "within_s": 60}])
    with running(line):
        line.wait_for_records(20)
        scraped = line.page("metrics")
        assert line.stop() == 0
    checked = subprocess.run(["promtool", "check", "metrics"], input=scraped, capture_output=True, text=True)

    assert 'inspector_verdicts_total{source="camera"' in scraped
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@needs_promtool
def test_prometheus_accepts_every_question_of_the_board(tmp_path: Path) -> None:
    targets = [target for panel in json.loads(BOARD.read_text())["panels"] for target in panel["targets"]]
    questions = [target["expr"].replace("$__range", "6h") for target in targets]
    rules = [{"record": f"q{number}", "expr": question} for number, question in enumerate(questions)]
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))

    checked = promtool("check", "rules", str(tmp_path / "board.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(questions)} rules found" in checked.stdout


def test_the_board_asks_the_source_of_data_that_is_provisioned() -> None:
    provisioned = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/inspector.yml").read_text())
    asked = set(re.findall(r'"uid": "([^"]+)"', json.dumps(json.loads(BOARD.read_text())["panels"])))

    assert asked == {source["uid"] for source in provisioned["datasources"]}
