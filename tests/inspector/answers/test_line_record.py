"""Holds the door from Python: the text of the README runs against a record, and only reads it."""

import re
from pathlib import Path

import pytest

from inspector.answers import open_record
from inspector.errors import ConfigError
from inspector.settings import loading, running_settings
from tests.fakes import ROOT, Line
from tests.inspector import coils
from tests.inspector.record.test_store import verdict


@pytest.fixture
def coil(tmp_path: Path) -> Line:
    """A line that has run, with two frames of a coil on record, and a metre missing between them."""
    made = coils.line(tmp_path)
    coils.record(made, verdict(1, "defect", name="c-1_0.bmp", regions=[coils.SCRATCH]),
                 verdict(2, name="c-1_1100.bmp"))  # fmt: skip
    running_settings.save(loading.load(made.config))
    return made


def test_the_lines_of_the_readme_run_against_a_record(coil: Line, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code.count("/var/lib/inspector") == 1
    before = sorted(path.name for path in coil.data.iterdir())

    exec(compile(code.replace("/var/lib/inspector", str(coil.data)), "README.md", "exec"), {})

    told = capsys.readouterr().out.splitlines()
    assert told[0] == "sums that do not balance: [] gaps: 0"
    assert told[1] == "drop c-1_0.bmp scratches none 0.9"
    assert told[2].startswith("c-1 drop inspected whole: False missing: [Stretch(from_mm=100.0, to_mm=1100.0)]")
    assert told[3] == "scratches major at 10.0 5.0 mm, long 20.0"
    assert sorted(path.name for path in coil.data.iterdir() if not path.name.endswith(("-wal", "-shm"))) == before


def test_a_folder_in_which_no_line_has_run_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no line of this version has run here"), open_record(tmp_path / "none"):
        pass
    assert not (tmp_path / "none").exists()


def test_a_record_cannot_be_written_through_the_door(coil: Line) -> None:
    with open_record(coil.data) as line, pytest.raises(Exception, match="readonly"), line.store.transaction() as cursor:
        cursor.execute("DELETE FROM records")
