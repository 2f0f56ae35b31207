"""Owns the words that every part of the inspector shares: outcomes, severities and reasons. Imports nothing of it."""

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

#: The longest side that a message between our processes can carry.
MAX_SIDE_PX = 65_536


Outcome = Literal["ok", "defect", "unsure", "error"]


OUTCOMES: tuple[Outcome, ...] = ("ok", "defect", "unsure", "error")


#: Severities, the worst last.
RANK = {"none": 0, "minor": 1, "major": 2, "critical": 3}


#: Why a frame or a part of it is unsure or error, or what its list of regions leaves out; "": a sentence of its own.
ReasonCode = Literal[
    "",
    "blank",
    "novel",
    "low_score",
    "low_score_of_kind",
    "which_label",
    "not_finite",
    "no_single_tile",
    "no_strip",
    "too_many_regions",
    "recipe_unknown",
    "other_recipe",
    "workers_lost",
    "unreadable",
]


#: The sentence of each code; the detail of a reason stands in the braces.
SENTENCES: dict[ReasonCode, str] = {
    "": "{}",
    "blank": "blank: contrast {} gray levels",
    "novel": "unlike what the model knows: novelty {}",
    "low_score": "score under {}",
    "low_score_of_kind": "score of all {}",
    "which_label": "which {}",
    "not_finite": "the model's scores are not finite",
    "no_single_tile": "no tile by itself shows {}",
    "no_strip": "no strip in the picture",
    "too_many_regions": "{} are listed",
    "recipe_unknown": "recipe not known: {}",
    "other_recipe": "decided by {}",
    "workers_lost": "{} workers",
    "unreadable": "{}",
}

#: What reasons are called without their detail, where the rest of the sentence would say nothing.
_KINDS: dict[ReasonCode, str] = {
    "low_score_of_kind": "score of all ok or of all defect labels too low",
    "which_label": "which label it is",
}


class Reason(NamedTuple):
    """Why a frame ended as it did: a code that programs compare, and a detail for people. `str` makes the sentence."""

    code: ReasonCode = ""
    detail: Annotated[str, Meta(max_length=1024)] = ""

    def __bool__(self) -> bool:
        """Whether there is a reason at all."""
        return bool(self.code or self.detail)

    def __str__(self) -> str:
        """Return the sentence, as people read it."""
        return SENTENCES.get(self.code, "{}").format(self.detail)

    @property
    def kind(self) -> str:
        """The sentence without its detail, which differs from frame to frame."""
        if self.code in ("", "unreadable"):
            return str(self)
        if self.code in _KINDS:
            return _KINDS[self.code]
        first, colon, _ = SENTENCES[self.code].partition(":")
        return first if colon else first.format("…")


NO_REASON = Reason()
