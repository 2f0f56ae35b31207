"""Owns the commands `map` and `report`: a piece as a file."""

import argparse

from inspector.cli import config
from inspector.reports import export


def map_of_piece(options: argparse.Namespace) -> None:
    """Write the map of a piece, and print where."""
    print(export.write_map(config.settings(options), options.piece, options.to))


def report(options: argparse.Namespace) -> None:
    """Write the report of a piece, and print where."""
    print(export.write_report(config.settings(options), options.piece, options.to))
