"""Owns the decision numbers of settings and a model, as sent to the workers and kept on the record."""

import time

from pydantic import BaseModel

from inspector.protocol import control
from inspector.protocol.control import DecideBy, InForce, LabelNumbers
from inspector.settings.settings import Settings
from inspector.settings.sources.types import SourceSettings
from inspector.vision.bundle import Bundle


def now(settings: Settings, model: Bundle) -> InForce:
    """Return the numbers in force from now on, under these settings and this model."""
    how = model.manifest.decision
    labels = {label.name: LabelNumbers(label.kind, *how.of_label(label)) for label in model.labels}
    sources = {source.name: _placed_by(source) for source in settings.sources}
    return InForce(time.time(), model.id, labels, decide_by(settings), sources)


def _placed_by(source: SourceSettings) -> dict[str, str]:
    parts: tuple[tuple[str, BaseModel], ...] = (("place", source.place), ("strip", source.strip))
    return {f"{name}.{key}": str(value) for name, part in parts for key, value in part if value is not None}


def decide_by(settings: Settings) -> DecideBy:
    """Return the decision numbers of these settings, for the workers."""
    chosen = settings.decision
    recipes = [
        control.Recipe(one.name, one.grades, one.thresholds, one.novelty_margin, dict(one.severities))
        for one in settings.recipes
    ]
    return DecideBy(chosen.thresholds, chosen.novelty_margin, dict(chosen.severities), recipes)
