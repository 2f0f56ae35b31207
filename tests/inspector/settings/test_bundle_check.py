"""Holds what is checked between a config and its bundle: the labels that thresholds, severities and rules name."""

import re
from pathlib import Path

import pytest

from inspector.errors import ConfigError
from inspector.settings import bundle_check
from tests.fakes import LABELS, make_bundle
from tests.inspector.settings.configs import load


def test_a_threshold_for_a_label_the_bundle_lacks_is_refused(tmp_path: Path) -> None:
    labels = make_bundle(tmp_path / "model").labels

    bundle_check.check_labels(load(tmp_path, "decision.thresholds={scratches: 0.9}"), labels)
    with pytest.raises(ConfigError, match=r"decision\.thresholds\.rust: .*it has " + ", ".join(LABELS)):
        bundle_check.check_labels(load(tmp_path, "decision.thresholds={rust: 0.9}"), labels)


def test_recipes_and_severities_for_what_the_bundle_lacks_are_refused_with_what_it_has(tmp_path: Path) -> None:
    labels = make_bundle(tmp_path / "model").labels

    bundle_check.check_labels(load(tmp_path, "recipes=[{name: a, severities: {scratches: minor}}]"), labels)
    bundle_check.check_labels(load(tmp_path, "recipes=[{name: a, thresholds: {ok: 0.9}}]"), labels)
    for override, message in (
        (
            "recipes=[{name: a}, {name: b, thresholds: {rust: 0.9}}]",
            "recipes.b.thresholds.rust: the bundle has no such",
        ),
        ("recipes=[{name: a, severities: {rust: minor}}]", "recipes.a.severities.rust: the bundle has no such defect"),
        ("decision.severities={ok: minor}", "decision.severities.ok: the bundle has no such defect; it has crazing, "),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            bundle_check.check_labels(load(tmp_path, override), labels)


def test_a_rule_for_a_label_the_bundle_lacks_is_refused(tmp_path: Path) -> None:
    labels = make_bundle(tmp_path / "model").labels
    alarm = {"name": "a", "within_s": 60, "limit": 3, "labels": ["scratches", "rust"]}
    limit = {"grade": "hold", "limit": 3, "labels": ["rust"]}

    with pytest.raises(ConfigError, match=r"alarms\.a\.labels\.rust: .* no such label; it has " + ", ".join(LABELS)):
        bundle_check.check_labels(load(tmp_path, alarms=[alarm]), labels)
    with pytest.raises(ConfigError, match=r"grading\.limits\.0\.labels\.rust: the bundle has no such label"):
        bundle_check.check_labels(load(tmp_path, grading={"limits": [limit]}), labels)
