"""Owns what a command opens of its line: the settings that its options select, and the line's record."""

import argparse
from contextlib import AbstractContextManager

from inspector.answers import line_record
from inspector.answers.line_record import LineRecord
from inspector.settings import loading
from inspector.settings.settings import Settings


def settings(options: argparse.Namespace) -> Settings:
    """Return the settings that `-c` and `-o` select. Raise ConfigError if they cannot be used."""
    return loading.load(options.config, options.override)


def record(options: argparse.Namespace) -> AbstractContextManager[LineRecord]:
    """Open the record of the line for reading."""
    return line_record.opened(settings(options))
