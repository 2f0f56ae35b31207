"""Owns what processes say of optics: the figures of a picture, and the kinds of trouble."""

from typing import Annotated, Literal, NamedTuple, get_args

from msgspec import Meta

#: What can be wrong with the pictures of a source.
Kind = Literal["blank", "frozen", "dark", "bright", "low_contrast", "blurred", "saturated", "dust"]

KINDS: tuple[Kind, ...] = get_args(Kind)
#: The figure that shows a trouble, by its kind; dust and a frozen picture show in none.
FIGURE_OF: dict[Kind, str] = {
    "blank": "brightness",
    "dark": "brightness",
    "bright": "brightness",
    "low_contrast": "contrast",
    "blurred": "sharpness",
    "saturated": "saturation",
}


#: Cells of a picture: at most so many, and none smaller than this.
MAX_COLUMNS, MAX_ROWS, CELL_PX = 256, 64, 8


_Figure = Annotated[float, Meta(ge=0, le=1e6)]


class Figures(NamedTuple):
    """`brightness`: mean gray level. `saturation`: share of pixels that are clipped, black or white.

    `contrast`: how much gray levels differ within 8 pixels across the strip (root mean square), relative to
    brightness. `sharpness`: which share of that is there within 2 pixels already, from 0 to 1. Of both the noise of the
    sensor is taken off.
    """

    brightness: _Figure
    contrast: _Figure
    sharpness: _Figure
    saturation: _Figure
