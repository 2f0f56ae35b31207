"""Owns the commands `pin` and `unpin`."""

import argparse
import sys

import msgspec

from inspector.answers import pins
from inspector.answers.pins import HeldPin, PinRequest
from inspector.cli import config
from inspector.cli.terminal import counted, moment


def pin(options: argparse.Namespace) -> None:
    """Add a pin and show it, or list all of them."""
    request = PinRequest(source=options.source, since=options.since, until=options.until, name=options.name)
    if request == PinRequest():
        with config.record(options) as line:
            shown = pins.every(line)
    else:
        shown = [pins.add(config.settings(options), request)]
    for one in shown:
        print(msgspec.json.encode(one).decode() if options.json else _sentence(one))
    if not shown:
        print("nothing is pinned", file=sys.stderr)


def unpin(options: argparse.Namespace) -> None:
    """Remove a pin."""
    pins.remove(config.settings(options), options.pin)
    print(f"pin {options.pin} is gone: what it held goes when its turn comes")


def _sentence(pin: HeldPin) -> str:
    since, until = (at and moment(at) for at in (pin.since, pin.until))
    parts = zip(("source ", "from ", "until ", "named "), (pin.source, since, until, pin.name), strict=True)
    what = ", ".join(f"{word}{value}" for word, value in parts if value is not None)
    return f"pin {pin.id}: {what}; {counted(pin.pictures, 'picture')}, {pin.bytes / 1e6:.1f} MB by now"
