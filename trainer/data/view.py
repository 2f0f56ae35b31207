"""Owns how many camera pixels one view is: as many as a picture that the model learned from, unless a recipe says else.

The inspector cuts a wide frame into squares of this side. Of another side than the pictures, steel looks larger or
smaller to the model than it ever did.
"""

from dataclasses import dataclass

import numpy as np

from trainer.data import dataset
from trainer.data.manifest import Manifest
from trainer.recipe.recipe import Recipe

_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class ViewSize:
    """The side of one view in camera pixels, and what a reader must know of it, "" if nothing."""

    px: int
    note: str


def of(recipe: Recipe, plan: Manifest) -> ViewSize:
    """Return the view of a model that learned from this manifest's training part.

    Raises:
        DataError: none of the pictures can be read.
    """
    rows = plan.split("train") or plan.rows
    images = dataset.load(plan, rows[:: max(1, -(-len(rows) // _LOOKED_AT))]).images
    sides = sorted(min(image.shape) for image in images)
    own, chosen = int(np.median(sides)), recipe.export.view_px
    spread = f"{sides[0]} to {sides[-1]} px a side, {own} in the middle" if sides[0] < sides[-1] else f"{own} px a side"
    if chosen is None:
        return ViewSize(own, f"a view is {own} px: its pictures are of {spread}" if sides[0] < sides[-1] else "")
    if chosen == own:
        return ViewSize(own, "")
    return ViewSize(
        chosen,
        f"export.view_px is {chosen}, but its pictures are of {spread}: on a line it sees steel at {own / chosen:.2g} "
        f"times the size it learned, and finds less. Leave export.view_px out, unless the line's pixels differ as well",
    )
