"""Owns what processes say of the optics of a source: figures, what is usual for it, and what is wrong."""

from typing import Annotated, Literal, NamedTuple, get_args

from msgspec import Meta

from inspector.protocol.fields import Bounded, Count, Epoch, Side, Text

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


class Usual(Bounded, frozen=True, kw_only=True):
    """What is usual for a source's pictures of this size, learned from so many of them.

    `deviation` is of the logarithms, but for saturation. `spots`, `streaks`: how light lies, see dust.py; signed bytes,
    127 of which are dust.CLIP.
    """

    pictures: Count
    height: Side
    width: Side
    mean: Figures
    deviation: Figures
    spots: Annotated[bytes, Meta(max_length=MAX_COLUMNS * MAX_ROWS)]
    streaks: Annotated[bytes, Meta(max_length=MAX_COLUMNS)]


class Trouble(Bounded, frozen=True):
    """What has been wrong with a source's pictures since it began: the figure that says so, and what it was usually."""

    kind: Kind
    began_at: Epoch
    figure: Annotated[float, Meta(ge=-1e6, le=1e6)]
    usual: Annotated[float, Meta(ge=-1e6, le=1e6)]
    detail: Text = ""


class Sight(Bounded, frozen=True, kw_only=True):
    """How a source's pictures are: the last one was looked at `at`, `figures` are an average of late.

    What is usual is learned from pictures `since` then, `learned` so far of those that are `needed`. It is told as
    `usual` until that is on record.
    """

    at: Epoch
    since: Epoch
    learned: Count
    needed: Count
    figures: Figures | None = None
    troubles: Annotated[list[Trouble], Meta(max_length=len(KINDS))] = []  # noqa: RUF012 (msgspec copies it)
    usual: Usual | None = None
