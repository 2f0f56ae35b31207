"""Pieces of strip on record, with their pictures, as worker and sink leave them; and pages of HTML, read again."""

import base64
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.protocol.verdicts import Region, Verdict
from inspector.record.evidence.evidence import Keeper
from inspector.record.position import Locator
from inspector.record.store import Store
from inspector.settings import loading
from tests.fakes import Line

#: A frame of 200 lines is 100 mm long.
PLACE = {"mm_per_px": 0.5, "pattern": r"^(?P<piece>[^_]+)_(?P<at_mm>[\d.]+)"}

#: A defect of such a frame.
SCRATCH = Region(x=10, y=20, width=60, height=40, label="scratches", score=0.9, severity="major")

#: What a report tells of each label.
DECIDED_BY = ("label", "means", "severity", "threshold", "in wide frames", "set by")


def line(folder: Path, source: dict[str, Any] | None = None, **settings: Any) -> Line:
    """A line whose frames tell their piece and place by their names; it does not run."""
    values = {"name": "drop", "type": "folder", "path": str(folder / "drop"), "place": PLACE} | (source or {})
    made = Line(folder, [values], **{"disk": {"min_free_mb": 0}} | settings)
    made.data.mkdir()
    return made


def record(made: Line, *verdicts: Verdict, pixels: NDArray[np.uint8] | None = None, model: str = "m") -> None:
    """Put verdicts on record, with this picture of each whose evidence is kept."""
    settings = loading.load(made.config)
    keeper, store = Keeper(settings), Store(made.data)
    kept = [one if pixels is None else keeper.keep(one, pixels) for one in verdicts]
    locators = {source.name: Locator(source.place) for source in settings.sources}
    store.write([(model, one) for one in kept], locators=locators)
    store.close()


class Page(HTMLParser):
    """A page, taken apart: every element with its attributes, all text, and its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
        if tag not in ("meta", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, f"</{tag}> closes {self._open[-3:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            self.style += data
        else:
            self.words.append(data)
        if {"th", "td"} & set(self._open):
            self.tables[-1][-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each such element."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        """What is read on it."""
        return " ".join(self.words)

    @property
    def pictures(self) -> list[NDArray[np.uint8]]:
        """Decoded, blue green red."""
        return [_decoded(one["src"]) for one in self.all("img")]

    def asks_nobody(self) -> bool:
        """Whether nothing in it runs, and nothing in it comes from elsewhere or leads there."""
        names = {name for name, _ in self.elements}
        foreign = names & {"script", "iframe", "link", "object", "embed", "base", "form", "foreignobject"}
        outside = [
            (key, value)
            for _, attributes in self.elements
            for key, value in attributes.items()
            if key.startswith("on")
            or (key in ("src", "href", "xlink:href") and not value.startswith(("data:image/jpeg;base64,", "#")))
        ]
        return not foreign and not outside


def _decoded(source: str) -> NDArray[np.uint8]:
    data = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
