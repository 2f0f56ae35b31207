"""Holds `inspector review`: what people should look at next, each frame once, near copies together."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.cli.main import main
from inspector.record import candidates
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.vision.renderer.strip import render_image
from tests.fakes import Line
from tests.inspector import coils
from tests.inspector.record.test_store import verdict


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A line that does not run, whose ok frames all keep their pictures."""
    return coils.line(tmp_path, evidence={"ok_share": 1.0})


def picture(seed: int, kind: str = "crazing") -> NDArray[np.uint8]:
    """Strip like no other seed's."""
    return render_image(kind, seed).pixels


def record(line: Line, number: int, outcome: str, seed: int | None = None, **fields: Any) -> None:
    """Put a frame on record with a picture, that of the seed or one of its own."""
    coils.record(line, verdict(number, outcome, **fields), pixels=picture(number if seed is None else seed))


def run(line: Line, *words: str) -> int:
    """The exit code of a command on the line."""
    return main([words[0], "-c", str(line.config), *words[1:]])


def queued(line: Line, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    """The queue as JSON lines."""
    capsys.readouterr()
    assert run(line, "review", "--json", *words) == 0
    return [json.loads(row) for row in capsys.readouterr().out.splitlines()]


def reasons(items: list[dict[str, Any]]) -> list[tuple[str, list[int]]]:
    """Why each is asked about, and the numbers of its frames."""
    return [(one["why"], one["frames"]) for one in items]


def test_the_queue_begins_with_what_people_dispute_and_ends_with_passed_frames_at_random(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    record(line, 1, "ok")
    record(line, 2, "defect", severity="critical")
    record(line, 3, "unsure", reason="unlike what the model knows: novelty 9.0 over 5.0")
    record(line, 4, "unsure", label="scratches", score=0.2, reason="score under 0.90")
    record(line, 5, "unsure", label="scratches", score=0.4, reason="score under 0.90")
    record(line, 6, "defect", severity="minor")
    record(line, 7, "unsure", reason="blank: contrast 0.1 gray levels")
    for name in ("ok", "scratches"):
        run(line, "label", "6", "--as", name, "--by", f"who says {name}")
    found = queued(line, capsys)
    assert reasons(found) == [
        ("disputed", [6]), ("near_threshold", [5]), ("near_threshold", [4]), ("novel", [3]), ("critical", [2]),
        ("sample", [1]),
    ]  # fmt: skip
    assert found[2]["missed_by"] - found[1]["missed_by"] == pytest.approx(0.2)
    assert found[3]["record"]["reason_code"] == "novel" and Path(found[3]["record"]["evidence"]).is_file()


def test_a_labelled_frame_is_left_out_until_its_label_is_taken_back(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    record(line, 1, "ok")
    record(line, 2, "ok")
    run(line, "label", "1", "--as", "ok", "--by", "Ann")
    assert reasons(queued(line, capsys)) == [("sample", [2])]
    run(line, "label", "--undo", "1", "--by", "Ann")
    assert {one["frames"][0] for one in queued(line, capsys)} == {1, 2}


def test_a_dispute_that_is_decided_is_over(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    record(line, 1, "unsure", regions=[])
    run(line, "label", "1", "--as", "ok", "--by", "Ann", "--region", "0,0,90,90")
    run(line, "label", "1", "--as", "scratches", "--by", "Bob", "--region", "0,0,90,90")
    (dispute,) = queued(line, capsys)
    assert dispute["box"] == [0, 0, 90, 90]
    assert run(line, "review") == 0
    assert "inspector label 1 --region 0,0,90,90 --adjudicate" in capsys.readouterr().out
    run(line, "label", "1", "--as", "ok", "--by", "Eve", "--region", "0,0,90,90", "--adjudicate")
    assert queued(line, capsys) == []


def test_near_copies_are_one_look_with_the_command_that_labels_them_all(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, seed in ((1, 1), (2, 1), (3, 3), (4, 1)):
        record(line, number, "unsure", seed, label="scratches", score=0.1 * number, reason="score under 0.90")
    assert reasons(queued(line, capsys)) == [
        ("near_threshold", [4]),  # another frame came between
        ("near_threshold", [3]),
        ("near_threshold", [2, 1]),
    ]
    assert run(line, "review") == 0
    shown = capsys.readouterr().out
    assert "2 near copies" in shown and "  inspector label 2 1  " in shown


def test_near_copies_of_two_reasons_stand_where_the_more_urgent_one_does(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    record(line, 1, "ok", 1)
    record(line, 2, "defect", 1, severity="critical")
    record(line, 3, "ok", 1, source="other")
    assert reasons(queued(line, capsys)) == [("critical", [2, 1]), ("sample", [3])]


def test_a_frame_without_a_picture_is_listed_by_itself(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    coils.record(line, verdict(1, "defect", severity="critical"), verdict(2, "defect", severity="critical"))
    record(line, 3, "defect", severity="critical")
    Path(queued(line, capsys)[0]["record"]["evidence"]).unlink()
    assert reasons(queued(line, capsys)) == [("critical", [number]) for number in (3, 2, 1)]
    assert run(line, "review") == 0
    assert "none is kept" in capsys.readouterr().out


def test_the_queue_is_of_a_time_and_of_sources_and_no_longer_than_asked(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, 31):
        record(line, number, "unsure", label="scratches", score=0.01 * number, reason="score under 0.90")
    assert len(queued(line, capsys)) == 30
    assert reasons(queued(line, capsys, "--limit", "1")) == [("near_threshold", [30])]
    assert len(queued(line, capsys, "--since", "1970-01-01T00:17:00+00:00")) == 11
    assert run(line, "review") == 0
    assert "10 more wait: --limit" in capsys.readouterr().out
    assert run(line, "review", "--source", "nobody") == 2
    assert run(line, "review", "--limit", "-1") == 2


def test_a_disputed_frame_whose_record_is_gone_is_still_listed(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    record(line, 1, "defect")
    for name in ("ok", "scratches"):
        run(line, "label", "1", "--as", name, "--by", f"who says {name}")
    for file in line.data.glob("records.sqlite*"):
        file.unlink()
    coils.record(line, verdict(9, name="another"))
    (dispute,) = queued(line, capsys)
    assert dispute["frames"] == [] and Path(dispute["record"]["evidence"]).is_file()
    assert run(line, "review") == 0
    assert "its record is gone" in capsys.readouterr().out


def test_passed_frames_that_the_source_chose_at_random_come_before_others(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, 21):
        record(line, number, "ok", sampled=number in (7, 13))
    first = queued(line, capsys, "--limit", "2")
    assert sorted(one["frames"] for one in first) == [[7], [13]]
    assert all(one["record"]["sampled"] for one in first)


def test_an_empty_queue_says_so(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    coils.record(line, verdict(1))
    assert run(line, "review") == 0
    assert "nothing waits for a look" in capsys.readouterr().err


def test_the_newest_frames_are_looked_at_however_many_there_are(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "LOOKED_AT", 3)
    for number in range(1, 11):
        record(line, number, "unsure" if number % 2 else "ok", 1)
    store = Store(line.data, read_only=True)
    try:
        assert [one.record for one in candidates.decided(store, "unsure", Query())] == [9, 7, 5]
        assert [one.record for one in candidates.passed(store, Query())] == [10, 8, 6]
        plan = [row[3] for statement in _asked(store) for row in store.read(f"EXPLAIN QUERY PLAN {statement}")]
    finally:
        store.close()
    assert any("records USING COVERING INDEX records_by_outcome (outcome=? AND captured_at>?)" in step for step in plan)
    assert any("evidence USING COVERING INDEX evidence_by_tier (tier=?)" in step for step in plan)
    assert not [step for step in plan if step.startswith("SCAN records") or "TEMP B-TREE" in step]


def _asked(store: Store) -> list[str]:
    """The statements by which candidates are read, with their values in them."""
    statements: list[str] = []
    store._db.set_trace_callback(statements.append)
    list(candidates.decided(store, "unsure", Query(since=1.0)))
    list(candidates.passed(store, Query(since=1.0)))
    store._db.set_trace_callback(None)
    return statements
