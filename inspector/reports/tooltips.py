"""Owns what a reader sees who points at a defect on the map, or comes to it by Tab: a card with its picture."""

from itertools import accumulate

from inspector.record.store import Store
from inspector.reports import thumbnails
from inspector.reports.html.markup import Markup, join, tag
from inspector.reports.html.page import note, picture
from inspector.reports.map import svg
from inspector.reports.map.coil_map import CoilMap, Mark
from inspector.reports.map.shapes import Drawing

#: Of all cards' pictures: the file stays one that a mail takes.
_MAX_BYTES = 2_500_000
_SIDE_PX = 210


def over(coil_map: CoilMap, store: Store, most: int) -> Markup:
    """The map with a card on each of its worst defects, at most so many; says which have none, or no picture."""
    marks = coil_map.marks[:most]
    pictures = thumbnails.of_defects(store, [mark.defect for mark in marks], coil_map.colours, _SIDE_PX)
    within = sum(size <= _MAX_BYTES for size in accumulate(len(one or b"") for one in pictures))
    cards = list(zip(marks, pictures, strict=True))[:within]
    spots = (_spot(mark, coil_map.drawing, image) for mark, image in cards)
    return join(
        tag("div", svg.write(coil_map.drawing), *spots, class_="stage"),
        _told(len(coil_map.marks), len(cards), sum(image is None for _, image in cards)),
    )


def words(one: Mark) -> list[str]:
    """A defect in lines: what it is, where, and in which frame."""
    what, where, name = one.box.title.split("\n", 2)
    return [f"{one.number}: {what}", where, f"{one.defect.source}: {name}"]


def _told(drawn: int, cards: int, without: int) -> Markup:
    if not cards:
        return join()
    which = "the defects" if cards == drawn else f"the worst {cards} of {drawn} defects"
    gone = f" Of {without} no picture is kept, or no longer." if without else ""
    return tag("div", note(f"Point at a defect, or use Tab: {which} show their picture.{gone}"), class_="screen")


def _spot(mark: Mark, drawing: Drawing, image: bytes | None) -> Markup:
    box, lines = mark.box, words(mark)
    middle_x, middle_y = box.x + box.width / 2, box.y + box.height / 2
    place = (
        f"left:{100 * middle_x / drawing.width:.3f}%;top:{100 * middle_y / drawing.height:.3f}%;"
        f"width:{100 * box.width / drawing.width:.3f}%;height:{100 * box.height / drawing.height:.3f}%"
    )
    what, *more = lines
    return tag(
        "div",
        tag("div", picture(image, ""), tag("b", what), *(tag("div", line) for line in more), class_="card"),
        id=f"d{mark.number}", class_="spot left" if middle_x > drawing.width / 2 else "spot", style=place,
        tabindex="0", role="img", aria_label=", ".join(lines),
    )  # fmt: skip
