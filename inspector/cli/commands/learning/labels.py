"""Owns the commands `label` and `labels`."""

import argparse
import sys

from msgspec import Struct, json
from rich.text import Text

from inspector.answers import labels
from inspector.answers.labels import GivenLabel, LabelRequest, LabelsQuestion
from inspector.cli import config, spreadsheet
from inspector.cli.terminal import Grid, moment, show
from inspector.errors import ConfigError
from inspector.host.printable import printable, printable_json


class _Row(Struct, frozen=True, kw_only=True):
    """A label as a row of CSV: the region in pixels, empty for a whole frame, and what the model had said."""

    id: int
    given_at: float
    source: str
    frame: str
    name: str
    x: int | None
    y: int | None
    width: int | None
    height: int | None
    label: str
    kind: str
    person: str
    note: str
    undoes: int | None
    picture: str
    outcome: str
    model_label: str
    model_score: float
    model: str


def label(options: argparse.Namespace) -> None:
    """Label frames, or take a label back, and show what is kept now."""
    settings = config.settings(options)
    if options.undo is not None:
        if options.frames or options.label:
            raise ConfigError("label: write `label --undo NUMBER --by NAME`, or `label FRAME… --as LABEL --by NAME`")
        given = [labels.undo(settings, options.undo, options.by, options.note)]
    else:
        if not options.frames or not options.label:
            raise ConfigError("label: write `label FRAME… --as LABEL --by NAME`, or `label --undo NUMBER --by NAME`")
        request = LabelRequest(
            frames=options.frames,
            label=options.label,
            person=options.by,
            region=options.region,
            note=options.note,
            new_label=options.new_label,
            adjudicates=options.adjudicate,
        )
        given = labels.add(settings, request)
    for one in given:
        print(_json(one) if options.json else _sentence(one))


def listing(options: argparse.Namespace) -> bool:
    """List labels; return whether each is as it was written."""
    question = LabelsQuestion(
        since=options.since, until=options.until, sources=options.source, labels=options.label, persons=options.by
    )
    answer = labels.every(config.settings(options), question)
    if options.json:
        for one in answer.labels:
            print(_json(one))
    elif options.csv:
        spreadsheet.write(_Row, map(_row, answer.labels), sys.stdout, options.bom)
    else:
        show(_table(answer.labels))
    if not answer.labels:
        print("no label matches", file=sys.stderr)
    if answer.edited is not None:
        print(f"inspector: label {answer.edited} was changed by hand: restore the file from a backup", file=sys.stderr)
    return answer.edited is None


def _row(label: GivenLabel) -> _Row:
    x, y, width, height = label.box or (None,) * 4
    said = label.record
    return _Row(
        id=label.id, given_at=label.at, source=label.source, frame=label.frame, name=said["name"], x=x, y=y,
        width=width, height=height, label=label.label, kind=label.kind, person=label.person, note=label.note,
        undoes=label.undoes, picture=label.picture, outcome=said["outcome"], model_label=said["label"],
        model_score=said["score"], model=said["model"],
    )  # fmt: skip


def _json(label: GivenLabel) -> str:
    return printable_json(json.encode(label).decode())


def _sentence(label: GivenLabel) -> str:
    what = f"label {label.undoes} is taken back" if label.kind == "undo" else f"labelled {label.label}"
    kept = "" if label.picture or label.kind == "undo" else "; no picture of it is kept: nothing can learn from it"
    return printable(f"{label.id}: {label.source}: {label.record['name']}: {what} by {label.person}{kept}")


def _table(found: list[GivenLabel]) -> Grid:
    table = Grid("number", "time", "source", "frame", "region", "label", "kind", "by", "model said", "note")
    for one in found:
        region = "" if one.box is None else "{},{} {}x{}".format(*one.box)
        said = f"{one.record['outcome']} {one.record['label']}".strip()
        label = f"undo of {one.undoes}" if one.kind == "undo" else one.label
        cells = (one.source, one.record["name"], region, label, one.kind, one.person, said, one.note)
        table.add_row(str(one.id), moment(one.at), *(Text(printable(cell)) for cell in cells))
    return table
