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

    max_unsure: Annotated[
        float,
        Field(ge=0, lt=1, description="share of rightly classified validation images that may be lost to `unsure`"),
    ] = 0.003
    max_escapes: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="share of the validation defects that may surely pass as ok: a label of kind ok needs a "
            "score that holds the others back",
        ),
    ] = 0.01
    min_threshold: Annotated[
        float, Field(ge=0, lt=1, description="least threshold of a label: under half, some other label is as likely")
    ] = 0.5
    max_threshold: Annotated[
        float, Field(ge=0, lt=1, description="most that max_unsure gives: a few hundred images cannot justify more")
    ] = 0.7
    place_threshold: Annotated[
        float | None,
        Field(
            gt=0,
            le=1,
            description="wide frames: how likely all defects together must be at a place that several tiles show; "
            "none: as one tile",
        ),
    ] = None
    max_error: Annotated[
        float | None,
        Field(
            ge=0,
            lt=1,
            description="set: a threshold for each label, at which so small a share of its validation answers is wrong",
        ),
    ] = None
    min_contrast: Annotated[float, Field(ge=0, le=128, description="gray levels: less is a blank picture")] = 2.0


class Export(Section):
    """What the bundle states besides the model."""

    view_px: Annotated[
        int | None,
        Field(
            ge=16,
            le=4096,
            description="camera pixels of one square view; none: as many as the pictures have, which is what the "
            "model learned to see",
        ),
    ] = None
    golden_per_label: Annotated[
        int,
        Field(ge=1, le=100, description="pictures of each label in the bundle, which a worker scores before it serves"),
    ] = 2
    rolling: Annotated[
        Literal["vertical", "horizontal"] | None, Field(description="which way the strip runs in the pictures")
    ] = None
    precision: Annotated[
        Literal["fp32", "bf16"],
        Field(description="bf16: about twice as fast where the CPU has it, at a price: see trainer/README.md"),
    ] = "fp32"
