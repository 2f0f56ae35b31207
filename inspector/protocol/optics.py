"""Owns the state of a source's optics on the wire: figures of its pictures, their baseline, and troubles."""

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


#: Cells that a picture is divided into: most columns, most rows, and smallest side in px.
MAX_COLUMNS, MAX_ROWS, CELL_PX = 256, 64, 8


_Figure = Annotated[float, Meta(ge=0, le=1e6)]


class Figures(NamedTuple):
    """Figures of a picture. `brightness`: mean gray level. `saturation`: share of clipped pixels, black or white.

    `contrast`: root mean square of the differences of gray levels within 8 pixels across the strip, relative to
    brightness. `sharpness`: share of that contrast found within 2 pixels, from 0 to 1. The noise of the sensor is
    subtracted from both.
    """

    brightness: _Figure
    contrast: _Figure
    sharpness: _Figure
    saturation: _Figure


class OpticsBaseline(Bounded, frozen=True, kw_only=True):
    """Baseline for pictures of this size (px) of a source, learned from `pictures` of them.

    `deviation` is of the logarithms of the figures, but of saturation itself. `spots` and `streaks` are how light falls
    on cells and columns, as signed bytes; 127 stands for dirt.CLIP, see sources/optics/dirt.
    """

    pictures: Count
    height: Side
    width: Side
    mean: Figures
    deviation: Figures
    spots: Annotated[bytes, Meta(max_length=MAX_COLUMNS * MAX_ROWS)]
    streaks: Annotated[bytes, Meta(max_length=MAX_COLUMNS)]


class Trouble(Bounded, frozen=True):
    """One trouble with the pictures of a source since `began_at`: the figure that shows it, and its baseline value."""

    kind: Kind
    began_at: Epoch
    figure: Annotated[float, Meta(ge=-1e6, le=1e6)]
    usual: Annotated[float, Meta(ge=-1e6, le=1e6)]
    detail: Text = ""


class OpticsState(Bounded, frozen=True, kw_only=True):
    """State of the optics of a source when its last picture was analysed, `at`; `figures` are a running mean.

    The baseline is learned from pictures captured since `since`: `learned` of the `needed` ones so far. `baseline` is
    sent until it is on record.
    """

    at: Epoch
    since: Epoch
    learned: Count
    needed: Count
    figures: Figures | None = None
    troubles: Annotated[list[Trouble], Meta(max_length=len(KINDS))] = []  # noqa: RUF012 (msgspec copies it)
    baseline: OpticsBaseline | None = None
