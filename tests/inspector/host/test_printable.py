"""Holds that what a file is called forges no line, steers no terminal and hides nothing of itself."""

import json
import logging
from pathlib import Path

import pytest

from inspector.host import log
from inspector.host.printable import printable, printable_json
from tests.fakes import Line, running, wait_until
from tests.inspector.folders import GOOD

#: Line breaks, an escape sequence in both spellings, a mark that turns the direction, half a character.
EVIL = "a\nb\rc\u2028d\x85e\x1b[2Jf\x9b2Jg\u202eh\udc80i\U000e0041j"


def test_what_does_not_print_is_shown_as_python_writes_it() -> None:
    assert printable(EVIL) == r"a\nb\rc\u2028d\x85e\x1b[2Jf\x9b2Jg\u202eh\udc80i\U000e0041j"
    assert printable("walzwerk-öß-鋼.bmp") == "walzwerk-öß-鋼.bmp"


def test_json_says_the_same_and_prints_as_it_is() -> None:
    line = printable_json(json.dumps({"name": EVIL + "öß鋼"}, ensure_ascii=False))

    assert line.isprintable() and "öß鋼" in line
    assert json.loads(line) == {"name": EVIL + "öß鋼"}


def test_a_name_forges_no_line_of_the_log_and_a_traceback_is_indented(capsys: pytest.CaptureFixture[str]) -> None:
    log.setup("drop")
    try:
        raise ValueError(f"{EVIL}\n2026-01-01T00:00:00.000Z INFO    supervisor: stopped")
    except ValueError:
        logging.exception("cannot read %s", EVIL)
    finally:
        logging.basicConfig(handlers=[], force=True)
    first, *rest = capsys.readouterr().err.splitlines()

    assert first.endswith(f"ERROR   drop: cannot read {printable(EVIL)}")
    assert rest and all(line.startswith("    ") for line in rest)


def test_a_files_name_forges_nothing_wherever_it_is_shown(tmp_path: Path) -> None:
    # Given a picture and a file that is none, with such names, of a piece that is called so, too
    place = {"pattern": r"(?P<piece>(?s:.)+)_", "mm_per_px": 0.3}
    forged = "\n2026-01-01T00:00:00.000Z INFO    supervisor: stopped, exit code 0"
    line = Line(
        tmp_path,
        [{"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 50, "place": place,
          "incomplete_wait_s": 0}],
        record={"defect_log": str(tmp_path / "defects.jsonl")},
        decision={"thresholds": {"ok": 1.0}},
    )  # fmt: skip
    line.drop.mkdir()
    for number in range(30):
        (line.drop / f"p\x1b[2J\u202e{forged}_{number}.bmp").write_bytes(GOOD)
    (line.drop / f"q\x1b[2J\u202e{forged}_.bmp").write_bytes(b"none")
    # When all of it was inspected and asked for
    with running(line):
        line.wait_for_records(31)
        wait_until(lambda: (tmp_path / "defects.jsonl").exists(), line.explain)
        assert line.stop() == 0
    asked = [("defects", "--verdict", "all"), ("defects", "--verdict", "all", "--json"), ("piece",), ("account",),
             ("alarms",), ("status",), ("grade", f"p\x1b[2J\u202e{forged}")]  # fmt: skip
    shown = [line.log, (tmp_path / "defects.jsonl").read_text(), *(line.run(*one).stdout for one in asked)]
    # Then no line is forged, and nothing is in it that does not print
    for text in shown:
        assert not [one for one in text.split("\n") if one.startswith("2026-01-01") or not one.isprintable()]
    assert "Traceback" not in "".join(line.run(*one).stderr for one in asked)
