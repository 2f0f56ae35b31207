"""Holds the inspection of frames from Python: the page's own text runs, and decides as a line does."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspector.vision import frame_inspector, image
from inspector.vision.frame_inspector import FrameInspector
from inspector.vision.predictor import FakePredictor
from inspector.vision.renderer.strip import render_strip
from tests.fakes import ROOT, Line, make_bundle, running
from tests.inspector.pictures import strip

LABELS = ("ok", "scratches", "patches")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Strip as NEU-CLS shows it, with a defect and without, and a frame of two views beside a blank one."""
    folder = tmp_path_factory.mktemp("of_python") / "pictures"
    folder.mkdir()
    for label in LABELS:
        cv2.imwrite(str(folder / f"{label}.bmp"), render_strip(5, 200, 200, [label] if label != "ok" else []).pixels)
    cv2.imwrite(str(folder / "wide.bmp"), render_strip(6, 600, 300, ["scratches"]).pixels)
    cv2.imwrite(str(folder / "blank.bmp"), np.full((200, 200), 90, np.uint8))
    return folder


def test_the_lines_of_the_page_print_what_each_picture_shows(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(pictures.parent)
    section = (ROOT / "inspector/README.md").read_text().split("## Score pictures from Python\n")[-1]
    (program,) = re.findall(r"```python\n(.*?)```", section.split("\n## ")[0], re.DOTALL)

    assert len(program.splitlines()) <= 10
    exec(program, {})

    shown = {line.split(".bmp ")[0]: line.split(".bmp ")[1] for line in capsys.readouterr().out.splitlines()}
    assert set(shown) == {*LABELS, "wide", "blank"}
    assert shown["ok"].startswith("ok ok ")
    assert shown["scratches"].startswith("defect scratches ") and shown["patches"].startswith("defect patches ")
    assert shown["blank"].startswith("unsure ") and "blank: contrast 0.0 gray levels" in shown["blank"]


def test_a_picture_is_decided_as_by_a_line_with_the_same_bundle(pictures: Path, tmp_path: Path) -> None:
    source = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "strip": {"overlap_px": 100}}
    line = Line(tmp_path, [source], bundle="default", workers={"engine": "paddle"})
    line.drop.mkdir()
    files = sorted(pictures.iterdir())
    for path in files:
        (line.drop / path.name).write_bytes(path.read_bytes())
    with running(line):
        records = {record.name: record for record in line.wait_for_records(len(files))}
        line.stop()

    inspector = frame_inspector.load(overlap_px=100)
    assert inspector.bundle.id == records["ok.bmp"].model
    for path in files:
        decision, record = inspector.inspect(image.read(path)).decision, records[path.name]
        assert (decision.outcome, decision.label, decision.severity) == (record.outcome, record.label, record.severity)
        assert decision.score == pytest.approx(record.score, abs=1e-4)


def test_places_of_a_wide_frame_are_told_with_their_decisions(tmp_path: Path) -> None:
    model = make_bundle(tmp_path / "b")
    frame = np.concatenate([strip(200, 200, seed=1), np.full((200, 200), 90, np.uint8)], axis=1)

    seen = FrameInspector(model, FakePredictor(model)).inspect(frame)

    assert [(place.x, place.width) for place in seen.places] == [(0, 200), (200, 200)]
    assert [one.outcome == "unsure" for one in seen.decisions] == [False, True]
    pooled = FrameInspector(model, FakePredictor(model), overlap_px=100).inspect(frame)
    assert [(place.x, place.width) for place in pooled.places] == [(0, 225), (175, 225)]
