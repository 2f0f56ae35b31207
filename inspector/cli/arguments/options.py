"""Owns what options of several commands share: their help, and moments as people write them."""

import argparse
import re
import time
from datetime import datetime
from typing import TypeAlias

#: A unit of time in seconds.
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
#: The help of options that several commands have.
SINCE, UNTIL = "from: 10m, 2h, 1d ago, or 2026-11-24T06:00", "up to, in the same forms"
ONE_SOURCE, JSON, JSON_LINES = "only of this source; may be repeated", "for machines", "one JSON object a line"
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def moment(text: str) -> float:
    """Return seconds since 1970 for "10m" (ago) or an ISO time, which is local unless it has a zone.

    Raise ArgumentTypeError if the text is neither.
    """
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return time.time() - float(match[1]) * _UNITS_S[match[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write 10m, 2h, 1d or 2026-11-24T06:00") from None
