"""Owns the commands `run` and `check`."""

import argparse

from inspector.cli import config
from inspector.host import log
from inspector.settings.settings import Settings
from inspector.supervisor import preflight
from inspector.supervisor.factory import supervisor


def run(options: argparse.Namespace) -> int:
    """Run the line until SIGTERM; return the supervisor's exit code."""

    def load() -> Settings:
        settings = config.settings(options)
        preflight.check_keys(settings)
        return settings

    settings = load()
    log.setup("supervisor", settings.log_level)
    return supervisor(settings, load).run()


def check(options: argparse.Namespace) -> None:
    """Show what would run. Raise InspectorError with everything that would keep the line from starting."""
    settings = config.settings(options)
    model, tried = preflight.usable(settings)
    print(f"{options.config}: good")
    for line in [*preflight.describe(settings, model, tried), *preflight.samples(settings, options.sample)]:
        print(f"  {line}")
