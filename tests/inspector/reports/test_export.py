"""Holds what `inspector map` hands out: the format its name says, pictures of the right places, and no harm in it."""

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from inspector.cli import main
from inspector.protocol.verdicts import Region
from tests.fakes import Line
from tests.inspector import coils
from tests.inspector.coils import Page
from tests.inspector.pictures import strip
from tests.inspector.record.test_store import verdict

#: Nothing else shows that a page's own policy lets its style and its pictures pass.
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
HARM = "<script>alert(1)</script><img src=x onerror=alert(2)>\"' onclick='alert(3)"


def spotted(left: int, top: int, width: int, height: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """A frame of 800 x 200 px, gray, with something white in it."""
    pixels = np.full((200, 800), 90, np.uint8)
    pixels[top : top + height, left : left + width] = 250
    return pixels


def run(line: Line, *command: str) -> int:
    """An `inspector` command on this line."""
    return main.main([command[0], "-c", str(line.config), *command[1:]])


@pytest.fixture
def coil(tmp_path: Path) -> Line:
    """300 mm of a coil, the second frame lost; one defect in the first and one in the last."""
    line = coils.line(tmp_path)
    found = (
        [Region(x=500, y=60, width=100, height=40, label="scratches", score=0.9, severity="major")],
        [Region(x=0, y=150, width=40, height=50, label="patches", score=0.8, severity="minor")],
    )
    for n, at, regions in ((0, 0, found[0]), (2, 200, found[1])):
        box = regions[0]
        coils.record(
            line,
            verdict(n, "defect", name=f"c_{at}", width=800, regions=regions),
            pixels=spotted(box.x, box.y, box.width, box.height),
        )
    return line


def test_the_name_says_the_format_and_without_one_it_is_svg(
    coil: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(coil, "map", "c") == 0
    assert capsys.readouterr().out == "c.svg\n"
    assert len(list(ElementTree.parse("c.svg").iter("{http://www.w3.org/2000/svg}title"))) == 2 + 2  # and two bars
    for name, begins in (("m.png", b"\x89PNG"), ("m.SVG", b"<svg "), ("m.html", b"<!doctype html>")):
        assert run(coil, "map", "c", "--to", name) == 0
        assert Path(name).read_bytes().startswith(begins)
    capsys.readouterr()
    for name, said in (
        ("m.jpg", "must end with .svg or .png or .html"),
        ("m", "must end"),
        ("no/m.svg", "No such file"),
    ):
        assert run(coil, "map", "c", "--to", name) == 2
        assert said in capsys.readouterr().err
    assert run(coil, "map", "other") == 2
    assert "piece other: it is not on record; the last ones there: c" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "c.svg", "line.yaml", "m.SVG", "m.html", "m.png", "parameters", "program",
    ]  # fmt: skip


def test_the_png_shows_a_defect_in_its_colour_at_its_place_and_the_gap_hatched(coil: Line, tmp_path: Path) -> None:
    assert run(coil, "map", "c", "--to", str(tmp_path / "m.png")) == 0
    picture = cv2.imread(str(tmp_path / "m.png"))
    assert picture is not None
    svg = tmp_path / "m.svg"
    assert run(coil, "map", "c", "--to", str(svg)) == 0
    (mark,) = (
        one
        for one in ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}rect")
        if "scratches, major" in "".join(one.itertext())
    )
    x, y, width, height = (float(mark.get(side, "")) for side in ("x", "y", "width", "height"))

    blue_green_red = picture[round(2 * (y + height / 2)), round(2 * (x + width / 2))].tolist()
    fill = [int(mark.get("fill", "")[at : at + 2], 16) for at in (5, 3, 1)]
    assert np.abs(np.subtract(blue_green_red, np.add(np.multiply(fill, 0.85), 0.15 * 235))).max() < 5
    # The frame from 100 to 200 mm did not come: the middle third of the band.
    gap = picture[
        round(2 * (y - 20)) : round(2 * (y + 20)), round(2 * (76 + 1208 * 0.4)) : round(2 * (76 + 1208 * 0.6))
    ]
    assert (gap == 255).all(axis=2).mean() > 0.3 and (gap < 200).all(axis=2).mean() > 0.1


def test_the_page_shows_where_one_points_what_is_there(coil: Line, tmp_path: Path) -> None:
    assert run(coil, "map", "c", "--to", str(tmp_path / "m.html")) == 0
    page = Page((tmp_path / "m.html").read_text())

    assert page.asks_nobody()
    spots = [one for one in page.all("div") if "spot" in one.get("class", "").split()]
    assert [one["id"] for one in spots] == ["d1", "d2"] and {one["tabindex"] for one in spots} == {"0"}
    assert "1: scratches, major, 0.90, 0.030 m along, 250 mm across, 20 x 50 mm, drop: c_0" in spots[0]["aria-label"]
    # A square of 150 px around the white rectangle of 100 x 40, 210 px on the page, with a box around it.
    first, second = page.pictures
    assert first.shape == (210, 210, 3)
    inside, outside = first[105, 105], first[20, 20]
    assert inside.min() > 230 and 80 < outside.min() <= outside.max() < 100
    bright = np.argwhere(first.min(axis=2) > 200)
    assert np.abs(bright.min(axis=0) - [77, 35]).max() <= 3 and np.abs(bright.max(axis=0) - [133, 175]).max() <= 3
    # The second lies in the corner of its frame.
    assert second[-40:-15, 15:40].min() > 200 and second[:20, -20:].max() < 120


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_the_card_of_a_defect_that_has_the_focus(coil: Line, tmp_path: Path) -> None:
    assert run(coil, "map", "c", "--to", str(tmp_path / "m.html")) == 0
    (wanted, _), shot = Page((tmp_path / "m.html").read_text()).pictures, tmp_path / "shot.png"
    command = [
        str(BROWSER),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=1400,900",
        f"--user-data-dir={tmp_path}",
    ]
    address = f"{(tmp_path / 'm.html').as_uri()}#d1"
    subprocess.run([*command, f"--screenshot={shot}", address], check=True, capture_output=True, timeout=60)

    seen = cv2.imread(str(shot))
    assert seen is not None
    assert cv2.matchTemplate(seen, wanted, cv2.TM_CCOEFF_NORMED).max() > 0.98


def test_where_a_picture_is_gone_it_is_said(coil: Line, tmp_path: Path) -> None:
    worst = next(one for one in coil.records() if one.name == "c_0")
    Path(worst.evidence).unlink()
    assert run(coil, "map", "c", "--to", str(tmp_path / "m.html")) == 0
    page = Page((tmp_path / "m.html").read_text())
    assert len(page.pictures) == 1 and "its picture is not kept, or no longer" in page.text
    assert "the defects show their picture. Of 1 no picture is kept, or no longer." in page.text


def test_cards_are_those_of_the_worst_and_a_page_does_not_grow_beyond_a_few_megabytes(tmp_path: Path) -> None:
    line = coils.line(tmp_path, {"strip": {}})
    noise = np.random.default_rng(0).integers(0, 256, (200, 800), np.uint8)  # the most that a JPEG can be
    frames = [
        verdict(
            n,
            "defect",
            name=f"c_{n * 100}",
            width=800,
            regions=[
                Region(x=60 * k, y=20, width=50, height=50, label="scratches", score=0.9 - n / 1000, severity="major")
                for k in range(12)
            ],
        )
        for n in range(30)
    ]
    coils.record(line, *frames, pixels=noise)
    assert run(line, "map", "c", "--to", str(tmp_path / "m.html")) == 0
    page = Page((tmp_path / "m.html").read_text())

    cards = len(page.pictures)
    assert 50 < cards <= 300 and f"the worst {cards} of 360 defects show their picture." in page.text
    assert (tmp_path / "m.html").stat().st_size < 4_500_000


def test_whatever_piece_label_and_frame_are_called_the_page_stays_harmless(tmp_path: Path) -> None:
    line = coils.line(tmp_path)
    piece = HARM[:128]
    coils.record(
        line,
        verdict(
            1,
            "defect",
            name=HARM,
            piece=piece,
            at_mm=0.0,
            regions=[Region(x=1, y=1, width=50, height=50, label=HARM[:64], score=0.9, severity=HARM[:16])],
        ),
        verdict(2, "unsure", name=HARM, piece=piece, at_mm=100.0, reason=HARM),
        verdict(3, "error", name=HARM, piece=piece, at_mm=200.0, reason=HARM, width=0),
        pixels=strip(200, 200),
        model=HARM[:64],
    )
    for command in ("map", "report"):
        assert run(line, command, piece, "--to", str(tmp_path / "m.html")) == 0
        text = (tmp_path / "m.html").read_text()
        page = Page(text)
        assert page.asks_nobody() and "<script" not in text and HARM[:64] in page.text
        (policy,) = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
        assert page.elements[1][0] == "head" and page.elements[3][1].get("content") == policy  # before all it holds for
