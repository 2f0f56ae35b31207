"""Owns how a reason is kept on record: a code and a detail as JSON, "" if there is none.

Versions 0.1 and 0.2 kept the sentence itself. Their sentences are parsed here, and nowhere else.
"""

import msgspec
from msgspec import Struct

from inspector.vocabulary import SENTENCES, Reason, ReasonCode

#: Sentences of 0.1 and 0.2, by their first and last words. Frozen.
_SENTENCES: tuple[tuple[ReasonCode, str, str], ...] = (
    ("blank", "blank: contrast ", " gray levels"),
    ("novel", "unlike what the model knows: novelty ", ""),
    ("low_score", "score under ", ""),
    ("low_score_of_kind", "score of all ", ""),
    ("which_label", "which ", ""),
    ("not_finite", "the model's scores are not finite", ""),
    ("no_single_tile", "no tile by itself shows ", ""),
    ("no_strip", "no strip in the picture", ""),
    ("recipe_unknown", "recipe not known: ", ""),
    ("other_recipe", "decided by ", ""),
)


class StoredReason(Struct, frozen=True):
    """A reason on record. A code that this version does not know is shown before its detail."""

    code: str = ""
    detail: str = ""


def reason_to_text(reason: Reason) -> str:
    """Return the reason as the record keeps it."""
    return msgspec.json.encode(StoredReason(*reason)).decode() if reason else ""


def reason_from_text(text: str) -> Reason:
    """Return the reason from the record; a sentence that no version wrote becomes the detail."""
    if not text.startswith('{"'):
        return _of_sentence(text)
    try:
        stored = msgspec.json.decode(text, type=StoredReason)
    except msgspec.MsgspecError:
        return Reason("", text)
    known = next((code for code in SENTENCES if code == stored.code), None)
    return Reason("", f"{stored.code}: {stored.detail}") if known is None else Reason(known, stored.detail)


def _of_sentence(text: str) -> Reason:
    for code, first, last in _SENTENCES:
        if text.startswith(first) and text.endswith(last):
            return Reason(code, text[len(first) : len(text) - len(last)])
    return Reason("", text)
