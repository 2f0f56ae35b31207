"""Owns the arrays, with fields by position, in which versions 0.1 and 0.2 kept tallies, figures and terms.

They are frozen, as is the migration that uses them: these positions never change. Text that is no such array is
returned unchanged.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

_TALLY = (
    "source", "epoch", "captured", "outcomes", "dropped", "in_flight", "last_frame_at", "problem", "number", "at",
    "oldest_at", "spans", "refused", "sight", "left",
)  # fmt: skip
_SIGHT = ("at", "since", "learned", "needed", "figures", "troubles")
_FIGURES = ("brightness", "contrast", "sharpness", "saturation")
_TROUBLE = ("kind", "began_at", "figure", "usual", "detail")
_USUAL = ("pictures", "height", "width", "mean", "deviation", "spots", "streaks")
_TERMS = ("since", "model", "labels", "by", "sources")
_LABEL = ("kind", "severity", "threshold", "place_threshold")
_DECIDE_BY = ("thresholds", "novelty_margin", "severities", "recipes")
_RECIPE = ("name", "grades", "thresholds", "novelty_margin", "severities")


def named_tally(text: str) -> str:
    """Return the JSON of a tally with named keys."""
    return _named_text(text, _tally)


def named_terms(text: str) -> str:
    """Return the JSON of what frames were decided by, with named keys."""
    return _named_text(text, _terms)


def named_usual(data: bytes) -> bytes:
    """Return the msgpack of a source's optics baseline, with named keys."""
    try:
        values = msgspec.msgpack.decode(data)
        return msgspec.msgpack.encode(_usual(values)) if isinstance(values, list) else data
    except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError, AttributeError):
        return data


def _named_text(text: str, named: Callable[[Sequence[Any]], dict[str, Any]]) -> str:
    try:
        values = json.loads(text) if text.startswith("[") else None
        return text if values is None else json.dumps(named(values), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, LookupError, TypeError, AttributeError):
        return text


def _fields(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Return the values by name. The first value is the name of their type; a version may have fewer at the end."""
    return dict(zip(names, values[1:], strict=False))


def _tally(values: Sequence[Any]) -> dict[str, Any]:
    tally = _fields(_TALLY, values)
    spans = tally.get("spans", {})
    tally["spans"] = {reason: {"began_at": span[1], "ended_at": span[2]} for reason, span in spans.items()}
    if tally.get("sight") is not None:
        sight = tally["sight"] = _fields(_SIGHT, tally["sight"])
        if sight.get("figures") is not None:
            sight["figures"] = _figures(sight["figures"])
        sight["troubles"] = [_fields(_TROUBLE, one) for one in sight.get("troubles", [])]
    tally["left"] = [{"reason": one[0], "count": one[1], "example": one[2]} for one in tally.get("left", [])]
    return tally


def _usual(values: Sequence[Any]) -> dict[str, Any]:
    usual = _fields(_USUAL, values)
    return usual | {"mean": _figures(usual["mean"]), "deviation": _figures(usual["deviation"])}


def _figures(values: Sequence[float]) -> dict[str, float]:
    return dict(zip(_FIGURES, values, strict=True))


def _terms(values: Sequence[Any]) -> dict[str, Any]:
    terms = _fields(_TERMS, values)
    labels = {name: _fields(_LABEL, numbers) for name, numbers in terms["labels"].items()}
    by = _fields(_DECIDE_BY, terms["by"])
    by["recipes"] = [_fields(_RECIPE, one) for one in by["recipes"]]
    return terms | {"labels": labels, "by": by}
