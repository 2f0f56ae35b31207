"""Owns the command `defects`: records of frames, or the defects of a piece, as a table, JSON lines or CSV."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from inspector.answers import defects
from inspector.answers.defects import Defect, DefectsQuestion, Record, RecordsQuestion
from inspector.cli import config, spreadsheet
from inspector.cli.terminal import COLOURS, Grid, counted, fits, moment, show
from inspector.errors import ConfigError
from inspector.host.printable import printable
from inspector.record.records import to_json

#: Largest number of rows of a table without `--limit`.
_TABLE_ROWS = 50


def run(options: argparse.Namespace) -> None:
    """Show the records in question; those of a piece are joined to defects, unless `--verdict` asks for its frames."""
    is_table = not (options.json or options.csv)
    limit = _TABLE_ROWS if is_table and options.limit is None else options.limit
    if options.piece and not options.verdict:
        _of_piece(options, limit)
        return
    verdicts = options.verdict or ["defect"]
    question = RecordsQuestion(
        since=options.since,
        until=options.until,
        sources=options.source,
        labels=options.label,
        outcomes=[] if "all" in verdicts else verdicts,
        models=options.model,
        piece=options.piece or "",
        limit=limit,
    )
    with config.record(options) as line:
        records = _Counted(defects.records(line, question))
        shown = _drawn(records, options.draw) if options.draw else records
        if options.json:
            for record in shown:
                print(to_json(record))
        elif options.csv:
            spreadsheet.write(Record, shown, sys.stdout, options.bom)
        else:
            show(_listing(list(shown)))
    if not records.count:
        print("no record matches", file=sys.stderr)


def _of_piece(options: argparse.Namespace, limit: int | None) -> None:
    if any((options.since, options.until, options.model, options.draw)):
        raise ConfigError("defects: --piece takes --source, --label and --limit; for its frames add --verdict defect")
    question = DefectsQuestion(piece=options.piece, sources=options.source, labels=options.label, limit=limit)
    with config.record(options) as line:
        answer = defects.of_piece(line, question)
    if options.json:
        for one in answer.defects:
            print(msgspec.json.encode(one).decode())
    elif options.csv:
        spreadsheet.write(Defect, answer.defects, sys.stdout, options.bom)
    else:
        show(_defect_table(answer.defects))
        shown = len(answer.defects)
        print(f"{counted(answer.total, 'defect')}{f', {shown} of them shown' if shown < answer.total else ''}")


def _drawn(records: Iterable[Record], folder: Path) -> Iterator[Record]:
    """Yield the records, and draw each whose picture is kept into the folder; print their number at the end."""
    from inspector.reports import annotate

    drawn, without = 0, 0
    for record in records:
        path = annotate.save(record, folder)
        drawn, without = drawn + (path is not None), without + (path is None)
        yield record
    print(f"{counted(drawn, 'picture')} in {folder}, {counted(without, 'record')} without one", file=sys.stderr)


class _Counted(Iterator[Record]):
    """Counts the records of a stream, which has no length."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records
        self.count = 0

    def __next__(self) -> Record:
        record = next(self._records)
        self.count += 1
        return record


def _listing(records: Sequence[Record]) -> RenderableType:
    """Return records with a row each if the terminal is wide enough, otherwise with a paragraph each."""
    table = record_table(records, full=True)
    return table if fits(table) else Group(*map(_paragraph, records))


def record_table(records: Iterable[Record], full: bool = False) -> Table:
    """Return records as a table, a row each; if `full`, with the date and with the place of the worst region."""
    table = Grid()
    region = ["region"] if full else []
    for column in ("time", "source", "frame", "verdict", "label", "severity", "score", *region, "reason"):
        table.column(column, right=column == "score")
    for record in records:
        captured = moment(record.captured_at)[0 if full else 11 :]
        verdict = Text(record.outcome, style=COLOURS[record.outcome])
        where = [_where(record)] if full else []
        cells = (record.label, record.severity, f"{record.score:.3f}", *where, record.reason)
        # Text: a file may be called [red].bmp, or carry a line break.
        table.add_row(
            captured, record.source, Text(printable(record.name)), verdict, *(Text(printable(cell)) for cell in cells)
        )
    return table


def _paragraph(record: Record) -> RenderableType:
    """Return a record as lines for a narrow terminal: time, source and frame; outcome and place; reason."""
    head = Text(printable(f"{moment(record.captured_at)}  {record.source}  {record.name}"), overflow="fold")
    figures = (record.label, record.severity, f"{record.score:.3f}", _where(record))
    told = "".join(f"  {one}" for one in figures if one)
    what = Text.assemble((record.outcome, COLOURS[record.outcome]), printable(told))
    reason = [Padding(Text(printable(record.reason)), (0, 0, 0, 2))] if record.reason else []
    return Group(head, Padding(what, (0, 0, 0, 2)), *reason)


def _where(record: Record) -> str:
    """Return place and size of the worst region, otherwise of the largest doubt, and how many more there are.

    In mm, or in pixels if mm are not known.
    """
    parts = record.regions or record.doubts
    if not parts:
        return ""
    worst, *others = parts
    more = f" +{len(others)}" if others else ""
    if worst["x_mm"] is None or worst["y_mm"] is None:
        return f"{worst['x']},{worst['y']} {worst['width']}x{worst['height']}{more}"
    x_mm, y_mm, width_mm, length_mm = (worst[name] for name in ("x_mm", "y_mm", "width_mm", "length_mm"))
    return f"{x_mm:.0f} mm, {y_mm / 1000:.3f} m: {width_mm:.0f}x{length_mm:.0f} mm{more}"


def _defect_table(found: Sequence[Defect]) -> Table:
    """Return the defects of a piece as a table, a row each: place along and across, size, and first frame."""
    table = Grid()
    for column in ("source", "along, m", "across, mm", "length, mm", "width, mm", "label", "severity", "score",
                   "frames", "first frame"):  # fmt: skip
        table.column(column, right=column not in ("source", "label", "severity", "first frame"))
    for one in found:
        along = "?" if one.y_mm is None else f"{one.y_mm / 1000:.3f}"
        sides = ("?" if side is None else f"{side:.0f}" for side in (one.x_mm, one.length_mm, one.width_mm))
        name = Text(printable(one.name))
        cells = (one.label, one.severity, f"{one.score:.3f}", str(one.frames))
        table.add_row(one.source, along, *sides, *map(Text, cells), name)
    return table
