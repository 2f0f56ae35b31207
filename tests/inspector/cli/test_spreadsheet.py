"""CSV as a spreadsheet reads it."""

import csv
import io
from typing import Any

from inspector.cli import spreadsheet
from inspector.record.records import Record


def record(**changes: Any) -> Record:
    values: dict[str, Any] = {
        "id": 1, "source": "drop", "frame": "f", "name": "a.bmp", "sequence": 1, "captured_at": 1000.0,
        "recorded_at": 1001.0, "outcome": "defect", "label": "scratches", "severity": "major", "score": 0.9,
        "reason": "", "width": 200, "height": 200, "regions": [], "model": "m", "attempt": 1, "latency_s": 0.1,
    }  # fmt: skip
    return Record(**values | changes)


def rows(*records: Record, bom: bool = False) -> list[dict[str, str]]:
    file = io.StringIO()
    spreadsheet.write(Record, records, file, bom)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def region(label: str, x: int) -> dict[str, Any]:
    return {"x": x, "y": 0, "width": 50, "height": 60, "label": label, "score": 0.9, "severity": "major",
            "x_mm": None, "y_mm": None, "width_mm": None, "length_mm": None}  # fmt: skip


def test_a_name_that_is_a_formula_is_text() -> None:
    for name in ("=HYPERLINK(1)", "+1", "-1", "@x", "\tx"):
        assert rows(record(name=name))[0]["name"] == f"'{name}"
    assert rows(record(name="coil=1.bmp"))[0]["name"] == "coil=1.bmp"


def test_each_region_and_each_doubt_has_a_row_of_its_own_with_a_column_for_each_number() -> None:
    doubt = {**region("patches", 120), "reason": "low score"}
    told = rows(record(regions=[region("scratches", 0), region("scratches", 60)], doubts=[doubt]), record(id=2))

    assert [(row["id"], row["part"], row["part_x"], row["part_label"]) for row in told] == [
        ("1", "region", "0", "scratches"),
        ("1", "region", "60", "scratches"),
        ("1", "doubt", "120", "patches"),
        ("2", "", "", ""),
    ]
    assert told[2]["part_reason"] == "low score"
    assert not any("{" in cell or "[" in cell for row in told for cell in row.values())


def test_local_time_stands_beside_the_seconds_since_1970() -> None:
    told = rows(record())[0]

    assert told["captured_at"] == "1000.0"
    assert told["captured_local"].startswith(("1970-01-01 ", "1969-12-31 "))
    assert list(told).index("captured_local") == list(told).index("captured_at") + 1


def test_the_mark_by_which_excel_knows_utf8_is_there_on_request_alone() -> None:
    with_mark, without = io.StringIO(), io.StringIO()
    spreadsheet.write(Record, [record(name="größe.bmp")], with_mark, bom=True)
    spreadsheet.write(Record, [record()], without)

    assert with_mark.getvalue().startswith("\ufeffid,")
    assert without.getvalue().startswith("id,")


def test_what_was_inspected_of_a_frame_has_columns_of_its_own() -> None:
    told = rows(record(area=[10, 0, 180, 200]), record(id=2))

    assert [told[0][name] for name in ("area_x", "area_y", "area_width", "area_height")] == ["10", "0", "180", "200"]
    assert told[1]["area_x"] == ""
