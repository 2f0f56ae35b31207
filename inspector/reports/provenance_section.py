"""Owns what a verdict rests on, as a page tells it: models that decided, how good they are, settings in force."""

from collections.abc import Iterator
from typing import Any

from inspector.protocol.control import DecideBy, InForce, Recipe
from inspector.quality.piece_summary import Dossier
from inspector.reports.html.markup import Markup, join, tag
from inspector.reports.html.page import moment, note, table
from inspector.settings import terms
from inspector.settings.settings import Settings
from inspector.vision.bundle import Bundle

_IN_WIDE_FRAMES = (
    "Where several tiles of a wide frame show a place, all defects together must be as likely there as the column "
    "for wide frames says, and one likelier than the rest."
)


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
    """What no label's number of pictures flatters."""
    calibration = evaluation.get("calibration")
    error = calibration.get("ece_after") if isinstance(calibration, dict) else None
    shares = (evaluation.get("balanced_accuracy"), evaluation.get("macro_f1"), error)
    for text, share in zip(("balanced accuracy", "macro F1", "calibration error (ECE)"), shares, strict=True):
        if isinstance(share, float):
            yield text, f"{100 * share:.2f} %"


def _settings(dossier: Dossier, settings: Settings, model: Bundle | str) -> Iterator[Markup]:
    told = dossier.in_force
    if told:
        yield note("As they were when it was decided. A score under its label's threshold is unsure.")
    else:
        yield note("The record does not tell what was in force when it was decided.")
        if not isinstance(model, Bundle):
            return
        yield note("This is what the config says now. A score under its label's threshold is unsure.")
        told = [terms.now(settings, model)]
    for number, one in enumerate(told):
        if len(told) > 1:
            until = f"until {moment(told[number + 1].since)}" if number + 1 < len(told) else "to its end"
            yield tag("h3", f"{'From its beginning' if number == 0 else f'From {moment(one.since)}'} {until}")
        yield from _decided_by(dossier.piece.recipe or "", one)


def _decided_by(name: str, terms: InForce) -> Iterator[Markup]:
    """What held for a piece of that recipe."""
    recipe = next((one for one in terms.by.recipes if one.name == name), None)
    if name and recipe is None:
        yield note(f"It was inspected under recipe {name}, which is not among these settings.")
    heads = ("label", "means", "severity", "threshold", "in wide frames", "set by")
    yield table(heads, list(_labels(terms, recipe)), ("threshold", "in wide frames"))
    if any(label.place_threshold is not None for label in terms.labels.values()):
        yield note(_IN_WIDE_FRAMES)
    margin = ("decision.novelty_margin", f"{terms.by.novelty_margin:g}")
    if recipe is not None and recipe.novelty_margin is not None:
        margin = (f"recipes.{name}.novelty_margin", f"{recipe.novelty_margin:g}")
    lines = [("bundle", terms.model), margin]
    lines += [(f"{source}: {key}", value) for source, values in terms.sources.items() for key, value in values.items()]
    yield table(("setting", "value"), lines)


def _labels(terms: InForce, recipe: Recipe | None) -> Iterator[tuple[str, ...]]:
    """A row a label; what a recipe leaves out is the line's, and what that leaves out the bundle's."""
    above: list[tuple[str, DecideBy | Recipe]] = [("the line's config", terms.by)]
    if recipe is not None:
        above.insert(0, (f"recipe {recipe.name}", recipe))
    for name, label in terms.labels.items():
        threshold, severity = label.threshold, label.severity
        of_place = label.threshold if label.place_threshold is None else label.place_threshold
        by = [where for where, own in above if name in own.thresholds or name in own.severities]
        for _, own in reversed(above):
            threshold, of_place = (own.thresholds.get(name, number) for number in (threshold, of_place))
            severity = own.severities.get(name, severity)
        yield name, label.kind, severity, f"{threshold:.2f}", f"{of_place:.2f}", ", ".join(by) or "the bundle"
