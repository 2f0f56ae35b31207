"""Holds that the record is quick and right at 200,000 rows: the short form of tests/measure/many_records.py."""

import sqlite3
from pathlib import Path

from inspector.record.queries import Query, statements, within
from inspector.record.schema import FILE
from inspector.record.store import Store
from tests.measure.many_records import RATE, write


def test_an_hour_of_defects_and_a_day_of_sums_are_found_by_index_among_many_records(tmp_path: Path) -> None:
    now = 1_700_000_000.0
    write(tmp_path, 200_000, now)
    hour, day = Query(since=now - 3600, outcomes=("defect",)), Query(since=now - 10_000, until=now - 10)

    store = Store(tmp_path, read_only=True)
    assert abs(sum(1 for _ in store.records(hour)) - 3600 * RATE / 100) <= 2
    counted = sum(sum(outcomes.values()) for outcomes in store.recorded_within(day).values())
    assert abs(counted - 9_990 * RATE) <= 2
    assert [account.balanced for account in store.accounts()] == [True, True]
    store.close()
    # Of the day, all but its first and its last minute come from sums
    database = sqlite3.connect(tmp_path / FILE)
    middle, *rims = within(day)
    for (statement, values), index in [
        *((one, "USING INDEX records_by_outcome (outcome=? AND captured_at>") for one in (*statements(hour), *rims)),
        (middle, "SEARCH minutes USING PRIMARY KEY (began_at>? AND began_at<?)"),
    ]:
        plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
        assert index in plan[0], plan
    read = sum(row[2] for rim in rims for row in database.execute(*rim))
    assert 0 < read <= 120 * RATE
    database.close()
