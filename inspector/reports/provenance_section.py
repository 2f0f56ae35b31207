"""Owns what a verdict rests on, as a report shows it: models that decided, how good they are, settings in force."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from inspector.protocol.control import InForce
from inspector.quality.piece_summary import PieceSummary
from inspector.reports.elements import Table, moment
from inspector.settings import terms
from inspector.settings.settings import Settings
from inspector.vision.bundle import Bundle
from inspector.vision.precedence import Effective, effective


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceSection:
    """`figures` are of the bundle in force, if it decided any frame; else `without_figures` says why there are none.

    `known` says whether `settings` are those on record or today's.
    """

    models: Table
    without_figures: str
    figures: Table | None
    known: str
    settings: list["SettingsHeld"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsHeld:
    """What the frames of a period were decided by; `period` is "" where there is only one.

    `without_recipe` says that the recipe of the piece is not among these settings. `wide_frames`: places of wide frames
    have thresholds of their own.
    """

    period: str
    without_recipe: str
    labels: Table
    wide_frames: bool
    values: Table


def section(summary: PieceSummary, settings: Settings, model: Bundle | str) -> ProvenanceSection:
    """Return the section; `model` is the bundle in force, or why it cannot be read."""
    in_force = model.id if isinstance(model, Bundle) else ""
    rows = [(name, str(count), "yes" if name == in_force else "no") for name, count in summary.models.most_common()]
    without_figures = _without_figures(summary, model)
    known, settings_held = _settings(summary, settings, model)
    return ProvenanceSection(
        models=Table(("bundle that decided", "frames", "in force now"), rows, ("frames",)),
        without_figures=without_figures,
        figures=None if isinstance(model, str) or without_figures else _model(model),
        known=known,
        settings=settings_held,
    )


def _without_figures(summary: PieceSummary, model: Bundle | str) -> str:
    if isinstance(model, str):
        return f"The bundle in force cannot be read: {model}"
    if model.id not in summary.models:
        return f"In force now is {model.id}: its figures say nothing about this piece, and are not shown."
    return ""


def _model(model: Bundle) -> Table:
    figures = [("made", model.manifest.created_at), *_figures(model.manifest.evaluation)]
    fingerprint = model.manifest.training.get("data_fingerprint")
    figures += [("training data, fingerprint", str(fingerprint))] if fingerprint else []
    return Table((model.id, "from its bundle.json"), figures)


def _figures(evaluation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the figures that there are: a bundle may have been made elsewhere."""

    def count(of: object, key: str) -> int | None:
        value = of.get(key) if isinstance(of, dict) else None
        return value if isinstance(value, int) else None

    for key, called, of, text in (
        ("escapes", "passed_ok", "defect_images", "escapes: defects passed as ok"),
        ("false_alarms", "called_defect", "clean_images", "false alarms: clean strip called a defect"),
    ):
        part = evaluation.get(key)
        if (wrong := count(part, called)) is not None and (all_of := count(part, of)):
            yield text, f"{wrong} of {all_of} ({100 * wrong / all_of:.2f} %)"
    images, right = count(evaluation, "images"), count(evaluation, "right")
    if images and right is not None:
        yield "right of the evaluation's pictures", f"{right} of {images} ({100 * right / images:.2f} %)"
    yield from _even(evaluation)
    if images and (unsure := count(evaluation.get("outcomes"), "unsure")) is not None:
        yield "unsure", f"{unsure} of {images}"


def _even(evaluation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield those that do not depend on how many pictures each label has."""
    calibration = evaluation.get("calibration")
    error = calibration.get("ece_after") if isinstance(calibration, dict) else None
    shares = (evaluation.get("balanced_accuracy"), evaluation.get("macro_f1"), error)
    for text, share in zip(("balanced accuracy", "macro F1", "calibration error (ECE)"), shares, strict=True):
        if isinstance(share, float):
            yield text, f"{100 * share:.2f} %"


def _settings(summary: PieceSummary, settings: Settings, model: Bundle | str) -> tuple[str, list[SettingsHeld]]:
    rule = "A score under its label's threshold is unsure."
    recipe = summary.piece.recipe or ""
    in_order = summary.in_force
    if in_order:
        periods = [_period(in_order, number) for number in range(len(in_order))]
        held = [_held(recipe, one, period) for one, period in zip(in_order, periods, strict=True)]
        return f"As they were when it was decided. {rule}", held
    unknown = "The record does not say what was in force when it was decided."
    if not isinstance(model, Bundle):
        return unknown, []
    return f"{unknown} This is what the config says now. {rule}", [_held(recipe, terms.now(settings, model), "")]


def _period(in_order: list[InForce], number: int) -> str:
    if len(in_order) == 1:
        return ""
    until = f"until {moment(in_order[number + 1].since)}" if number + 1 < len(in_order) else "to its end"
    return f"{f'From {moment(in_order[number].since)}' if number else 'From its beginning'} {until}"


def _held(name: str, terms: InForce, period: str) -> SettingsHeld:
    """Return what held for a piece of the recipe of this name; "" for none."""
    recipe = next((one for one in terms.by.recipes if one.name == name), None)
    gone = f"It was inspected under recipe {name}, which is not among these settings." if name and not recipe else ""
    heads = ("label", "means", "severity", "threshold", "in wide frames", "set by")
    numbers = effective(terms.labels, terms.by, recipe)
    where = f"recipes.{name}" if numbers.novelty_margin_set_by == "recipe" else "decision"
    lines = [("bundle", terms.model), (f"{where}.novelty_margin", f"{numbers.novelty_margin:g}")]
    lines += [(f"{source}: {key}", value) for source, values in terms.sources.items() for key, value in values.items()]
    return SettingsHeld(
        period=period,
        without_recipe=gone,
        labels=Table(heads, list(_labels(terms, numbers, name)), ("threshold", "in wide frames")),
        wide_frames=any(label.place_threshold is not None for label in terms.labels.values()),
        values=Table(("setting", "value"), lines),
    )


def _labels(terms: InForce, numbers: Effective, recipe: str) -> Iterator[tuple[str, ...]]:
    """Yield a row a label, and whose numbers are in it."""
    owners = {"recipe": f"recipe {recipe}", "line": "the line's config", "bundle": "the bundle"}
    for name, label in numbers.labels.items():
        set_by = ", ".join(owners[owner] for owner in label.set_by)
        threshold, of_place = f"{label.threshold:.2f}", f"{label.place_threshold:.2f}"
        yield name, terms.labels[name].kind, label.severity, threshold, of_place, set_by
