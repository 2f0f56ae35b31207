"""Owns how two models differ: labels, the numbers that decide, and the figures of their evaluation. Pure."""

from typing import Any

import msgspec

from inspector.vision.bundle import Manifest


class LabelChange(msgspec.Struct, frozen=True, kw_only=True):
    """A label that two models do not have alike: `before` and `after` are its kind, severity and threshold; None: not
    there."""

    label: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ModelDiff(msgspec.Struct, frozen=True, kw_only=True):
    """How a model differs from another: labels, and every other number of bundle.json that is not the same."""

    before: str
    after: str
    labels: list[LabelChange]
    numbers: dict[str, list[Any]]
    figures: dict[str, list[Any]]


def between(old: Manifest, new: Manifest) -> ModelDiff:
    """Return how the second model differs from the first."""
    ours, theirs = _labels(old), _labels(new)
    names = [*ours, *(name for name in theirs if name not in ours)]
    changes = [
        LabelChange(label=name, before=ours.get(name), after=theirs.get(name))
        for name in names
        if ours.get(name) != theirs.get(name)
    ]
    numbers = _differences(_numbers(old), _numbers(new))
    return ModelDiff(
        before=old.id, after=new.id, labels=changes, numbers=numbers, figures=_differences(figures(old), figures(new))
    )


def _labels(manifest: Manifest) -> dict[str, dict[str, Any]]:
    return {one.name: {"kind": one.kind, **manifest.decision.of_label(one)._asdict()} for one in manifest.labels}


def _numbers(manifest: Manifest) -> dict[str, Any]:
    parts = {"input": manifest.input, "preprocessing": manifest.preprocessing, "decision": manifest.decision}
    whole = {f"{part}.{key}": value for part, one in parts.items() for key, value in one.model_dump().items()}
    whole |= {"output": manifest.output, "precision": manifest.precision}
    return {key: value for key, value in whole.items() if key != "decision.thresholds"}


def figures(manifest: Manifest) -> dict[str, Any]:
    """Return the figures of an evaluation that are one number each."""
    evaluation = manifest.evaluation
    parts = {"": evaluation, **{f"{key}.": part for key, part in evaluation.items() if isinstance(part, dict)}}
    return {
        f"{before}{key}": value
        for before, part in parts.items()
        for key, value in part.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and before not in ("top_k.", "model.")
    }


def _differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    names = [*before, *(name for name in after if name not in before)]
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}
