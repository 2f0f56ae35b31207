"""Holds the report of a piece: one harmless page that agrees with the other commands and says what it does not show."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from inspector.cli import main
from inspector.protocol.verdicts import Region
from inspector.quality import piece_summary
from inspector.record.findings import Alarm, RollMark, save
from inspector.record.store import Store
from inspector.reports import coverage_section, defect_section
from inspector.reports.elements import moment
from inspector.vocabulary import Reason
from tests.fakes import LABELS, Line, make_bundle
from tests.inspector import coils
from tests.inspector.coils import Page
from tests.inspector.pictures import strip
from tests.inspector.record.test_store import tally, verdict

SEVERITIES = {"crazing": "critical", "patches": "minor", "scratches": "major"}


def page(line: Line, piece: str = "c", **settings: str) -> Page:
    """The report, as the command writes it."""
    target = line.folder / "report.html"
    overrides = [part for key, value in settings.items() for part in ("-o", f"{key.replace('__', '.')}={value}")]
    assert main.main(["report", "-c", str(line.config), *overrides, piece, "--to", str(target)]) == 0
    return Page(target.read_text())


def rows(text: Page, *heads: str) -> list[list[str]]:
    """The rows of the table with these heads."""
    return next(table[1:] for table in text.tables if table[0] == list(heads))


def regions(count: int, label: str, score: float = 0.9) -> list[Region]:
    """So many in a row, apart."""
    return [
        Region(x=120 * n, y=60, width=50, height=50, label=label, score=score - n / 100, severity=SEVERITIES[label])
        for n in range(count)
    ]


@pytest.fixture
def coil(tmp_path: Path) -> Line:
    """A metre of a coil in ten frames: 5 ok, 2 with defects, an unsure, an error, and one that did not come."""
    line = coils.line(tmp_path)
    frames = [
        verdict(0, name="c_0"),
        verdict(1, "defect", name="c_100", width=800, regions=regions(4, "scratches")),
        verdict(2, "defect", name="c_200", width=800, regions=[*regions(1, "crazing"), *regions(1, "patches")][::-1]),
        verdict(3, name="c_300"),
        verdict(4, "unsure", name="c_400", reason="score under 0.64", score=0.5),
        verdict(5, "error", name="c_500", reason="truncated"),
        *(verdict(n, name=f"c_{n}00") for n in (7, 8, 9)),
    ]
    coils.record(line, *frames, pixels=strip(200, 800), model="fake-1")
    book = Store(line.data)
    book.write([], [tally(9, ok=5, defect=2, unsure=1, error=1)])
    book.close()
    return line


def test_it_agrees_with_account_and_defects(coil: Line, capsys: pytest.CaptureFixture[str]) -> None:
    text = page(coil)
    capsys.readouterr()
    assert main.main(["account", "-c", str(coil.config), "--piece", "c", "--json"]) == 1
    (share,) = json.loads(capsys.readouterr().out)["sources"]
    assert main.main(["defects", "-c", str(coil.config), "--piece", "c", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    (row,) = rows(text, "source", "ok", "defect", "unsure", "error", "from, m", "to, m", "missed, m", "inspected",
                  "in doubt", "without a place")  # fmt: skip
    assert row == ["drop", *map(str, share["outcomes"].values()), "0.000", "1.000", "0.200", "80 %", "7.1 %", "0"]
    assert share["missing"] == [{"from_mm": 500.0, "to_mm": 700.0}]
    assert rows(text, "source", "from, m", "to, m", "length, m", "why") == [
        ["drop", "0.500", "0.700", "0.200", "truncated"]
    ]
    assert rows(text, "label", "critical", "major", "minor", "all") == [
        ["crazing", "1", "–", "–", "1"], ["scratches", "–", "4", "–", "4"], ["patches", "–", "–", "1", "1"],
        ["all", "1", "4", "1", "6"],
    ]  # fmt: skip
    listed = rows(text, "no.", "label", "severity", "score", "along, m", "across, mm", "length, mm", "width, mm",
                  "source", "frame")  # fmt: skip
    assert sorted((one[1], float(one[4]) * 1000, float(one[5])) for one in listed) == sorted(
        (one["label"], one["y_mm"], one["x_mm"]) for one in found
    )
    assert [one[2] for one in listed] == ["critical", *["major"] * 4, "minor"]
    assert "80 %" in text.text and "of 1.000 m, 0.200 m missed" in text.text
    assert "1 critical, 4 major, 1 minor; 60 in 10 m" in text.text
    assert "11.1 % of 9 frames" in text.text and "not graded" in text.text
    assert "No: 1 stretch missing; 1 frame that could not be inspected. The sums of the line balance" in text.text


def test_it_is_one_harmless_page_with_map_samples_and_unsure_frames(coil: Line) -> None:
    text = page(coil)
    assert text.asks_nobody() and len(text.all("svg")) == 1
    # A card for each of the six on the map, the worst four of a label as samples, and the unsure frame.
    assert [one["id"] for one in text.all("div") if "id" in one] == [f"d{n}" for n in range(1, 7)]
    assert [one["href"] for one in text.all("a")] == [f"#d{n}" for n in range(1, 7)]
    assert len(text.pictures) == 6 + (4 + 1 + 1) + 1
    assert text.pictures[-1].shape == (108, 430, 3)
    assert rows(text, "why", "frames") == [["score under …", "1"]]
    assert "score under 0.64" in text.text and "from 0.400 m" in text.text


def test_whatever_has_a_class_has_its_looks(coil: Line) -> None:
    Path(next(iter(coil.records(outcomes=["defect"]))).evidence).unlink()
    text = page(coil)
    assert main.main(["map", "-c", str(coil.config), "c", "--to", str(coil.folder / "m.html")]) == 0
    elements = [*text.elements, *Page((coil.folder / "m.html").read_text()).elements]
    used = {name for _, attributes in elements for name in attributes.get("class", "").split()}
    assert {"tiles", "spot", "card", "gone"} < used <= set(re.findall(r"\.([a-z]+)", text.style))


def test_a_whole_coil_without_defects_says_so(tmp_path: Path) -> None:
    line = coils.line(tmp_path)
    coils.record(line, *(verdict(n, name=f"c_{n}00") for n in range(3)))
    text = page(line)
    assert "Yes, from its first frame to its last." in text.text
    assert "100 %" in text.text and "None on record." in text.text and text.pictures == []


def test_a_piece_of_which_nothing_came_does_not_look_like_a_good_one(tmp_path: Path) -> None:
    line = coils.line(tmp_path)
    assert main.main(["piece", "-c", str(line.config), "start", "c"]) == 0
    text = page(line)
    assert "nothing" in text.words and "No: no frame of it is on record." in text.text
    assert "100 %" not in text.text
    coils.record(line, verdict(1, "error", name="d_0", reason="not an image", width=0, height=0))
    assert "0 %" in page(line, "d").words and "No: 1 frame that could not be inspected." in page(line, "d").text


def test_a_millimetre_that_was_missed_is_not_rounded_to_all(tmp_path: Path) -> None:
    line = coils.line(tmp_path)
    far = [verdict(n, name=f"c_{n * 100 + (20 if n > 500 else 0)}") for n in range(1000)]
    coils.record(line, *far)
    assert "99.9 %" in page(line).text and "100 %" not in page(line).text


def test_what_two_frames_tell_is_said(tmp_path: Path) -> None:
    line = coils.line(tmp_path)
    coils.record(line, verdict(1, name="c_0"), verdict(2, name="c_60"))
    assert "drop: 0.040 m are on record twice" in page(line).text


def test_a_source_that_saw_nothing_of_it_is_named(tmp_path: Path) -> None:
    coils.line(tmp_path)
    place = {"mm_per_px": 0.5}
    sources: list[dict[str, Any]] = [
        {"name": name, "type": "folder", "path": str(tmp_path / name), "place": place} for name in ("drop", "below")
    ]
    line = Line(tmp_path, sources)
    assert main.main(["piece", "-c", str(line.config), "start", "c"]) == 0
    coils.record(line, verdict(1, name="c_0", captured_at=time.time()), verdict(2, piece="d", at_mm=0.0))
    assert "No: below has no frame of it." in page(line).text
    named_by_frames = page(line, "d")  # the other may well have shown another piece meanwhile
    assert "Yes, from its first frame to its last." in named_by_frames.text
    assert "no frame" in [row[-1] for table in named_by_frames.tables for row in table if row[0] == "below"]


def test_evidence_that_is_gone_is_said_and_the_worst_that_is_left_is_shown(coil: Line) -> None:
    for one in coil.records(outcomes=["unsure", "defect"]):
        if one.name != "c_200":
            Path(one.evidence).unlink()
    text = page(coil)
    assert len(text.pictures) == 2 + 2
    assert "Of 4 of its worst 4 no picture is kept, or no longer." in text.text
    assert text.text.count("its picture is not kept, or no longer") == 4 + 1


def test_what_is_left_out_is_counted_and_the_command_that_lists_it_is_told(tmp_path: Path) -> None:
    line = coils.line(tmp_path)
    many = regions(6, "scratches")
    frames = [verdict(n, "defect", name=f"it's c_{n * 300}", width=800, regions=many) for n in range(60)]
    unsure = [
        verdict(60 + n, "unsure", name=f"it's c_{(60 + n) * 300}", reason=f"blank: contrast {n}.0 gray levels")
        for n in range(9)
    ]
    coils.record(line, *frames, *unsure)
    text = page(line, "it's c")
    assert (
        f"360 defects, the worst {defect_section.MOST_DEFECTS} of them shown; the rest: inspector defects" in text.text
    )
    assert """--piece 'it'"'"'s c' --csv""" in text.text
    assert f"68 stretches, the longest {coverage_section.MOST_STRETCHES} of them shown." in text.text
    assert rows(text, "why", "frames") == [["blank", "9"]]
    assert f"9 unsure frames, {piece_summary.MOST_DOUBTFUL} of them shown." in text.text
    assert "the worst 100 of 360 defects show their picture" in text.text


def test_unsure_frames_are_counted_by_what_their_reasons_have_in_common(tmp_path: Path) -> None:
    line = coils.line(tmp_path)
    reasons = [Reason("which_label", "defect it is: score under 0.50"), Reason("novel", "3.1 over 2.0"),
               *(Reason("low_score_of_kind", f"{kind} labels under 0.85") for kind in ("ok", "defect"))]  # fmt: skip
    coils.record(line, *(verdict(n, "unsure", name=f"c_{n}00", reason=one) for n, one in enumerate(reasons)))
    assert rows(page(line), "why", "frames") == [
        ["score of all ok or of all defect labels too low", "2"],
        ["unlike what the model knows", "1"],
        ["which label it is", "1"],
    ]


@pytest.mark.parametrize("by_frames", [True, False])
def test_a_piece_that_runs_is_told_from_one_that_ended(tmp_path: Path, by_frames: bool) -> None:
    line = coils.line(tmp_path, {"place": {"mm_per_px": 0.5}} if not by_frames else None)
    said = "more may follow" if by_frames else "Still on the line"
    if not by_frames:
        assert main.main(["piece", "-c", str(line.config), "start", "c"]) == 0
    coils.record(line, verdict(1, name="c_0", captured_at=time.time()))
    assert said in page(line).text
    if not by_frames:
        assert main.main(["piece", "-c", str(line.config), "stop"]) == 0
        assert said not in page(line).text and "places along are not known" in page(line).text
    coils.record(line, verdict(1, name="old_0"))
    if by_frames:
        assert said not in page(line, "old").text


def test_the_models_that_decided_are_named_and_only_the_one_in_force_has_figures(tmp_path: Path) -> None:
    evaluation = {"images": 200, "right": 199, "false_alarms": {"clean_images": 50, "called_defect": 1}, "escapes": 7}
    training = {"data_fingerprint": "f" * 64}
    line = coils.line(tmp_path, bundle=str(tmp_path / "b"))
    made = make_bundle(tmp_path / "b", evaluation=evaluation, training=training)
    coils.record(line, verdict(1, name="c_0"), verdict(2, name="c_100"), model=made.id)
    coils.record(line, verdict(3, name="c_200"), verdict(4, name="old_0"), model="fake-of-old")

    text = page(line)
    heads = ("bundle that decided", "frames", "in force now")
    assert rows(text, *heads) == [[made.id, "2", "yes"], ["fake-of-old", "1", "no"]]
    assert "199 of 200 (99.50 %)" in text.text and "1 of 50" in text.text and "f" * 64 in text.text
    old = page(line, "old")
    assert rows(old, *heads) == [["fake-of-old", "1", "no"]]
    assert f"In force now is {made.id}" in old.text and "199 of 200" not in old.text
    (tmp_path / "b" / "bundle.json").write_text("{}")
    assert "The bundle in force cannot be read" in page(line).text


def test_the_settings_in_force_are_those_of_config_and_bundle(coil: Line) -> None:
    text = page(coil, decision__thresholds="{scratches: 0.75}")
    thresholds = rows(text, *coils.DECIDED_BY)
    assert [row[0] for row in thresholds] == list(LABELS)
    assert ["scratches", "defect", "major", "0.75", "0.75", "the line's config"] in thresholds
    assert ["ok", "ok", "none", "0.50", "0.50", "the bundle"] in thresholds
    assert ["drop: place.mm_per_px", "0.5"] in rows(text, "setting", "value")


def test_the_numbers_of_a_piece_under_a_recipe_are_those_of_the_recipe(tmp_path: Path) -> None:
    recipe = {
        "name": "exposed",
        "thresholds": {"ok": 0.9},
        "severities": {"scratches": "critical"},
        "novelty_margin": -1,
    }
    line = coils.line(tmp_path, recipes=[recipe], decision={"thresholds": {"ok": 0.7, "patches": 0.8}})
    coils.record(line, verdict(0, name="c_0", grade="DX56D", recipe="exposed"))

    text = page(line)
    assert "; steel grade DX56D; recipe exposed." in text.text
    thresholds = rows(text, *coils.DECIDED_BY)
    assert [row[2:] for row in thresholds if row[0] in ("ok", "patches", "scratches", "inclusion")] == [
        ["none", "0.90", "0.90", "recipe exposed, the line's config"],
        ["major", "0.80", "0.80", "the line's config"],
        ["critical", "0.50", "0.50", "recipe exposed"],
        ["major", "0.50", "0.50", "the bundle"],
    ]
    assert ["recipes.exposed.novelty_margin", "-1"] in rows(text, "setting", "value")
    gone = page(line, recipes="[]")
    assert "It was inspected under recipe exposed, which is not among these settings." in gone.text


def test_sums_that_do_not_balance_are_told(coil: Line) -> None:
    book = Store(coil.data)
    book.write([], [tally(30, ok=5, defect=2, unsure=1, error=1)])
    book.close()
    assert "The sums of drop do not balance" in page(coil).text


def test_a_wrong_name_a_wrong_suffix_and_a_place_that_is_not_there_are_refused(
    coil: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, said in (
        (["other"], "piece other: it is not on record; the last ones there: c"),
        (["c", "--to", "c.pdf"], "its name must end with .html"),
        (["c", "--to", str(coil.folder / "no" / "c.html")], "No such file"),
    ):
        assert main.main(["report", "-c", str(coil.config), *arguments]) == 2
        assert said in capsys.readouterr().err


def test_without_a_name_it_is_called_by_its_piece(
    coil: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(coil.folder)
    assert main.main(["report", "-c", str(coil.config), "c"]) == 0
    assert capsys.readouterr().out == "c-report.html\n"
    assert (coil.folder / "c-report.html").read_bytes().startswith(b"<!doctype html>")


def test_the_grade_and_its_reasons_are_those_of_the_command(coil: Line, capsys: pytest.CaptureFixture[str]) -> None:
    limits = "[{grade: second, limit: 4, labels: [scratches]}, {grade: hold, limit: 1, min_severity: critical}]"
    text = page(coil, grading__limits=limits)
    capsys.readouterr()
    command = ["grade", "-c", str(coil.config), "-o", f"grading.limits={limits}", "c", "--json"]
    assert main.main(command) == 1
    answer = json.loads(capsys.readouterr().out)

    assert rows(text, "grade", "why") == [[one["grade"], one["text"]] for one in answer["reasons"]]
    assert [one["grade"] for one in answer["reasons"]] == ["hold"] * 3 + ["second"]
    assert "hold" in text.words and "for 3 reasons, below" in text.text and "Why hold?" in text.words
    assert "By the limits that the config has now." in text.text
    prime = page(coil, grading__limits="[{grade: second, limit: 99}]", grading__max_missing_percent="50",
                 grading__max_unsure_percent="50")  # fmt: skip
    assert "prime" in prime.words and "within all limits" in prime.text


def test_alarms_and_marks_of_rolls_are_told_and_marks_are_drawn(coil: Line) -> None:
    alarm = Alarm(
        id=0,
        source="drop",
        piece="c",
        rule="scratches",
        raised_at=1001.0,
        cleared_at=None,
        from_mm=100.0,
        to_mm=260.0,
        count=4,
        detail="scratches within 5 m",
        at=260.0,
    )
    mark = RollMark(
        id=0,
        source="drop",
        piece="c",
        label="scratches",
        found_at=1009.0,
        ended_at=1010.0,
        rolls=["work-1"],
        distance_mm=200.0,
        confidence=0.00012,
        repeats=5,
        x_mm=60.0,
        width_mm=25.0,
        first_mm=100.0,
        last_mm=900.0,
    )
    book = Store(coil.data)
    with book.transaction() as cursor:
        for one in (alarm, mark):
            save(cursor, one, 1)
    book.close()
    text = page(coil, rolls="[{name: work-1, diameter_mm: 63.7}]")
    assert rows(text, "alarm", "raised", "cleared", "from, m", "to, m", "defects", "rule", "source") == [
        ["scratches", moment(1001.0), "goes on", "0.100", "0.260", "4", "scratches within 5 m", "drop"]
    ]
    assert rows(
        text, "roll", "label", "every, mm", "confidence", "times", "from, m", "to, m", "across, mm", "source"
    ) == [["work-1", "scratches", "200", "0.00012", "5", "0.100", "0.900", "60", "drop"]]
    assert "mark of a roll: scratches every 200 mm, 5 times" in text.text and "work-1" in text.words
    assert "The rules have not seen all of it" in text.text
    target = coil.folder / "m.svg"
    assert main.main(["map", "-c", str(coil.config), "c", "--to", str(target)]) == 0
    assert "mark of a roll: scratches every 200 mm" in target.read_text()


def test_what_was_wrong_with_the_pictures_meanwhile_is_told(coil: Line) -> None:
    book = Store(coil.data)
    with book.transaction() as cursor:
        for began_at, ended_at, kind in ((1001.0, 1002.0, "low_contrast"), (2000.0, None, "dust")):
            cursor.execute(
                "INSERT INTO optics_troubles (source, kind, began_at, ended_at, figure, usual, detail)"
                " VALUES ('drop', ?, ?, ?, 0.1, 0.2, '')", (kind, began_at, ended_at),
            )  # fmt: skip
    book.close()
    assert rows(page(coil), "source", "from", "to", "trouble") == [
        ["drop", moment(1001.0), moment(1002.0), "low contrast"]
    ]
