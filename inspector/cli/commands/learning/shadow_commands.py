"""Owns the commands `model shadow` and `model agreement`: a model is tried on live frames, and what that shows."""

import argparse

from msgspec import json
from rich.text import Text

from inspector.answers.learning import shadow
from inspector.answers.learning.models import Model
from inspector.answers.learning.shadow import Flips
from inspector.cli.terminal import Grid, show
from inspector.host.printable import printable, printable_json
from inspector.settings.settings import Settings


def changed(options: argparse.Namespace, settings: Settings) -> Model:
    """Put a model in shadow, or end its trial; return what it is now."""
    change = shadow.end if options.stop else shadow.begin
    return change(settings, options.model, options.by, options.why)


def run_agreement(options: argparse.Namespace, settings: Settings) -> None:
    """Show how a model in shadow agrees with what decided."""
    found = shadow.agreement(settings, options.model)
    if options.json:
        print(printable_json(json.encode(found).decode()))
        return
    table = Grid("", "frames", "flips", "share", "95% interval")
    groups = [found.in_all, *found.outcomes, *found.severities, *found.labels]
    kinds = ["", *["outcome "] * len(found.outcomes), *["severity "] * len(found.severities)]
    kinds += ["label "] * len(found.labels)
    for kind, one in zip(kinds, groups, strict=True):
        table.add_row(Text(printable(f"{kind}{one.kind}")), *_cells(one))
    show(table)
    print(f"{found.missed} frames were not shown, as the model was busy")
    if found.live_ms is not None and found.cpu_ms is not None:
        print(f"live {found.live_ms:.1f} ms a frame in its batch, in shadow {found.cpu_ms:.1f} ms of CPU a frame alone")
    print(
        f"{found.reviewed} frames are labelled: {found.lost} right before and wrong now, {found.gained} the other way"
        f" round; by accident with a chance of {found.chance:.3g}"
    )


def _cells(one: Flips) -> tuple[str, str, str, str]:
    share = f"{one.flips / one.frames:.2%}" if one.frames else "-"
    return str(one.frames), str(one.flips), share, f"{one.low:.2%} to {one.high:.2%}"
