"""Owns the recipe's settings of the bundle: how its thresholds are chosen, and what it states besides the model."""

from typing import Annotated, Literal

from pydantic import Field

from trainer.recipe.section import Section

#: Camera pixels of one view where neither a recipe nor pictures say.
VIEW_PX = 200


class DecisionChoice(Section):
    """How `eval` chooses thresholds from the validation part: one for all labels, or by `max_error` one for each.

    Whatever these give, a label of kind ok needs at least what `max_escapes` asks for.
    """

    max_unsure: Annotated[float, Field(ge=0, lt=1)] = 0.003
    """Largest share of rightly classified validation images that the thresholds may turn into `unsure`."""
    max_escapes: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Largest share of validation defects that may pass as ok; thresholds of labels of kind ok are raised until it
    holds."""
    min_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Least threshold of a label; below a half, another label may be as likely."""
    max_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.7
    """Largest threshold that max_unsure may lead to; a few hundred images cannot justify more."""
    place_threshold: Annotated[float | None, Field(gt=0, le=1)] = None
    """Threshold of all defects together at a place that several tiles of a wide frame show; as for a single tile
    if not set."""
    max_error: Annotated[float | None, Field(ge=0, lt=1)] = None
    """Largest share of wrong answers among the validation answers of a label; each label gets its own threshold
    for it."""
    min_contrast: Annotated[float, Field(ge=0, le=128)] = 2.0
    """Least contrast of a picture in gray levels, below which it counts as blank."""


class Export(Section):
    """What the bundle states besides the model."""

    view_px: Annotated[int | None, Field(ge=16, le=4096)] = None
    """Side of one square view in camera pixels; that of the pictures, which is what the model learned, if not
    set."""
    golden_per_label: Annotated[int, Field(ge=1, le=100)] = 2
    """Number of golden pictures of each label in the bundle, which a worker scores before it serves."""
    rolling: Literal["vertical", "horizontal"] | None = None
    """Direction in which the strip runs in the pictures."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of the bundle's arithmetic; bf16 is about twice as fast on a CPU that has it, at a price: see
    trainer/README.md."""
