"""Owns what a verdict rests on, as a page tells it: models that decided, how good they are, settings in force."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from inspector.bundle import Bundle
from inspector.config import Settings
from inspector.decision_settings import Overrides, Recipe
from inspector.dossier import Dossier
from inspector.paper.markup import Markup, join, tag
from inspector.paper.page import note, table


def section(dossier: Dossier, settings: Settings, model: Bundle | str) -> Markup:
    """Model and settings; `model` is the bundle in force, or why it cannot be read."""
    return join(
        tag("h2", "Model"),
        *_models(dossier, model),
        tag("h2", "Settings in force"),
        *_settings(dossier, settings, model),
    )


def _models(dossier: Dossier, model: Bundle | str) -> Iterator[Markup]:
    in_force = model.id if isinstance(model, Bundle) else ""
    rows = [(name, str(count), "yes" if name == in_force else "no") for name, count in dossier.models.most_common()]
    yield table(("bundle that decided", "frames", "in force now"), rows, ("frames",))
    if isinstance(model, str):
        yield note(f"The bundle in force cannot be read: {model}")
    elif in_force not in dossier.models:
        yield note(f"In force now is {in_force}: its figures would tell nothing of this piece, and are not shown.")
    else:
        figures = [("made", model.manifest.created_at), *_figures(model.manifest.evaluation)]
        fingerprint = model.manifest.training.get("data_fingerprint")
        figures += [("training data, fingerprint", str(fingerprint))] if fingerprint else []
        yield table((in_force, "as its bundle.json tells"), figures)


def _figures(evaluation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What there is of it: a bundle may have been made elsewhere."""

    def count(of: object, key: str) -> int | None:
        value = of.get(key) if isinstance(of, dict) else None
        return value if isinstance(value, int) else None

    images, right = count(evaluation, "images"), count(evaluation, "right")
    if images and right is not None:
        yield "right of the evaluation's pictures", f"{right} of {images} ({100 * right / images:.2f} %)"
    for key, called, of, text in (
        ("false_alarms", "called_defect", "clean_images", "clean strip called a defect"),
        ("escapes", "passed_ok", "defect_images", "defects passed as ok"),
    ):
        part = evaluation.get(key)
        if (wrong := count(part, called)) is not None and (all_of := count(part, of)):
            yield text, f"{wrong} of {all_of}"
    if images and (unsure := count(evaluation.get("outcomes"), "unsure")) is not None:
        yield "unsure", f"{unsure} of {images}"


def _settings(dossier: Dossier, settings: Settings, model: Bundle | str) -> Iterator[Markup]:
    yield note(
        "As the config says now; the record does not keep what was set when the piece was inspected. A score under its"
        " label's threshold is unsure."
    )
    name = dossier.piece.recipe
    recipe = next((one for one in settings.recipes if one.name == name), None)
    if name and recipe is None:
        yield note(f"It was inspected under recipe {name}, which the config does not have any more.")
    if isinstance(model, Bundle):
        heads = ("label", "means", "severity", "threshold", "set by")
        yield table(heads, list(_labels(model, settings, recipe)), ("threshold",))
    if recipe is not None and recipe.novelty_margin is not None:
        lines = [(f"recipes.{recipe.name}.novelty_margin", f"{recipe.novelty_margin:g}")]
    else:
        lines = [("decision.novelty_margin", f"{settings.decision.novelty_margin:g}")]
    for source in settings.sources:
        for name, part in (("place", source.place), ("strip", source.strip)):
            lines += [(f"{source.name}: {name}.{key}", value) for key, value in _values(part)]
    yield table(("setting", "value"), lines)


def _labels(model: Bundle, settings: Settings, recipe: Recipe | None) -> Iterator[tuple[str, ...]]:
    """A row a label; what a recipe leaves out is the line's, and what that leaves out the bundle's."""
    above: list[tuple[str, Overrides | Recipe]] = [("the line's config", settings.decision)]
    if recipe is not None:
        above.insert(0, (f"recipe {recipe.name}", recipe))
    for label in model.labels:
        threshold, severity = model.manifest.decision.thresholds[label.name], str(label.severity)
        by = [where for where, own in above if label.name in own.thresholds or label.name in own.severities]
        for _, own in reversed(above):
            threshold = own.thresholds.get(label.name, threshold)
            severity = own.severities.get(label.name, severity)
        yield label.name, label.kind, severity, f"{threshold:.2f}", ", ".join(by) or "the bundle"


def _values(section: BaseModel) -> Iterator[tuple[str, str]]:
    """What is set, by the config or by default."""
    yield from ((key, str(value)) for key, value in section if value is not None)
