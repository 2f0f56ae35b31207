"""report.html: everything in one file, its pictures too, and file names that cannot break it."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2

from tests.trainer.conftest import picture
from trainer.data.manifest import Manifest
from trainer.evaluation import charts, html_report

_VOID = {"meta", "img"}


class _Tags(HTMLParser):
    """Every tag that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _figures(finished: Path, **changes: Any) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((finished / "run/eval/report.json").read_text())
    return figures | changes


def _render(figures: dict[str, Any], root: Path) -> str:
    return html_report.render(figures, charts.of(figures), Manifest(root, (), ()))


def test_it_asks_nothing_of_any_other_file_or_machine(finished: Path) -> None:
    html = (finished / "run/eval/report.html").read_text()
    assert all(source.startswith("data:image/") for source in re.findall(r'src="([^"]*)', html))
    assert len(re.findall(r"data:image/png;base64,", html)) == 4
    assert not re.findall(r"<(?:script|link|iframe)|https?:|@import|url\(", html)
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:;" in html


def test_its_tags_are_closed_and_it_says_what_the_report_says(finished: Path) -> None:
    figures = _figures(finished)
    tags = _Tags()
    tags.feed(_render(figures, finished / "data"))
    assert tags.open == []
    assert f"{figures['right']} of 18 right" in tags.text
    assert "last.npz" in tags.text


def test_it_says_what_holds_for_places_of_wide_frames_where_the_bundle_says_something(finished: Path) -> None:
    figures = _figures(finished)
    assert "In wide frames" not in _render(figures, finished)
    in_parts = _render({**figures, "decision": {**figures["decision"], "place_threshold": 0.85}}, finished)
    assert "In wide frames all defects together must reach 0.85." in in_parts


def test_the_wrong_ones_are_shown_and_their_names_cannot_break_the_page(finished: Path, tmp_path: Path) -> None:
    name = "<script>&\udcff.png"
    cv2.imencode(".png", picture("Sc", 1))[1].tofile(tmp_path / name)
    wrong = [
        {"path": path, "label": "ok", "predicted": "patches", "score": 0.9}
        for path in (name, "gone.png", "simulated:scratches:7")
    ]

    html = _render(_figures(finished, wrong=wrong), tmp_path)

    assert html.count("data:image/jpeg") == 2
    assert "no longer readable" in html
    assert "<script>" not in html and "&lt;script&gt;&amp;" in html
    html.encode(errors="backslashreplace")


def test_of_many_wrong_ones_the_first_are_shown_and_it_says_so(finished: Path, tmp_path: Path) -> None:
    wrong = [{"path": f"{n}.png", "label": "ok", "predicted": "patches", "score": 0.9} for n in range(100)]
    html = _render(_figures(finished, wrong=wrong), tmp_path)
    assert html.count("<figure>") == html_report.SHOWN
    assert "100 pictures, the first 60 are shown" in html
