"""Owns the demonstration: a real line in a process of its own, shown for a while, then stopped, with its sums."""

import argparse
import json
import math
import signal
import subprocess
import sys
import time
from contextlib import closing, nullcontext
from pathlib import Path

from rich.console import Console
from rich.live import Live

from inspector.cli import config
from inspector.cli.commands.account import sums
from inspector.cli.live import Screen
from inspector.errors import StoreError
from inspector.host import parent_death
from inspector.record.store import Store
from inspector.record.sums.accounts import Account, since
from inspector.settings import config_file
from inspector.settings.settings import Settings

#: Duration of a demo without a terminal, where nobody can press Ctrl-C, in seconds.
UNATTENDED_S = 30.0
#: Upper bound on the time from the line's start until it is ready, in seconds.
START_S = 300.0
_REFRESH_S, _LINE_S = 0.5, 5.0
_LOG_LINES = 50


def shipped(folder: Path) -> tuple[Path, list[str]]:
    """Return the config of the shipped demonstration, and the overrides that keep its files in `folder`/demo."""
    own = folder / "demo"
    files = {"data": own / "data", "sources.drop.path": own / "drop", "record.defect_log": own / "defects.jsonl"}
    return config_file.examples() / "demo.yaml", [f"{key}={json.dumps(str(path))}" for key, path in files.items()]


def run(options: argparse.Namespace) -> int:
    """Run and show the line of a config; without one, the shipped demonstration. Return the exit code, see `show`."""
    if options.config is None:
        options.config, own = shipped(Path.cwd())
        options.override = [*own, *options.override]
    return show(options.config, options.override, config.settings(options), options.seconds, Console())


def show(path: Path, overrides: list[str], settings: Settings, seconds: float | None, console: Console) -> int:
    """Run and show the line of the config at `path` until `seconds` after it is ready (None: until Ctrl-C).

    Return 0 if the line did its work, otherwise its exit code or 1.
    """
    before = _accounts(settings)
    seconds = UNATTENDED_S if seconds is None and not console.is_terminal else seconds
    settings.data.mkdir(parents=True, exist_ok=True)
    log_path = settings.data / "inspector.log"
    command = [sys.executable, "-m", "inspector", "run", "-c", str(path)]
    for override in overrides:
        command += ["-o", override]
    console.print(f"starting the line of {path}; its log is {log_path}", soft_wrap=True)
    with log_path.open("a") as log:
        # Its own session: Ctrl-C reaches the demo alone, which stops the line the way systemd does.
        line = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, preexec_fn=parent_death.bound(signal.SIGTERM)
        )
    try:
        _watch(line, Screen(settings, before), seconds, console)
    except KeyboardInterrupt:
        console.print("stopping")
    finally:
        exit_code = _stop(line, settings)
    return _sum_up(settings, before, exit_code, log_path, console)


def _watch(line: "subprocess.Popen[bytes]", screen: Screen, seconds: float | None, console: Console) -> None:
    """Show the line until it ends, until `seconds` after it is ready, or until START_S if it is not ready by then."""
    clock = time.monotonic
    ends_at = clock() + START_S
    started = False
    with Live(console=console, refresh_per_second=4) if console.is_terminal else nullcontext() as live:
        while line.poll() is None and clock() < ends_at:
            time.sleep(min(_REFRESH_S if live or not started else _LINE_S, max(0.0, ends_at - clock())))
            if live:
                live.update(screen.look())
            else:
                console.print(screen.line(), soft_wrap=True)
            if screen.ready and not started:
                started, ends_at = True, math.inf if seconds is None else clock() + seconds


def _stop(line: "subprocess.Popen[bytes]", settings: Settings) -> int:
    if line.poll() is None:
        line.terminate()
    try:
        return line.wait(settings.delivery.drain_s + 60)
    except KeyboardInterrupt:
        line.terminate()  # a second signal forces
        return line.wait()
    except subprocess.TimeoutExpired:
        line.kill()
        return line.wait()


def _accounts(settings: Settings) -> list[Account]:
    """Return the sums on record; none if nothing was recorded yet."""
    try:
        store = Store(settings.data, read_only=True)
    except StoreError:
        return []
    with closing(store):
        return store.accounts()


def _sum_up(settings: Settings, before: list[Account], exit_code: int, log_path: Path, console: Console) -> int:
    if exit_code:
        console.print(f"the line ended with exit code {exit_code}; from {log_path}:", soft_wrap=True)
        lines = log_path.read_text().splitlines()[-_LOG_LINES:]
        telling = [line for line in lines if " ERROR " in line or line.startswith("inspector: ")] or lines[-5:]
        console.print("\n".join(telling), markup=False, highlight=False, soft_wrap=True)
        return exit_code
    accounts = _accounts(settings)
    own = since(accounts, before)
    console.print(sums(own))
    balanced = all(account.balanced for account in accounts)
    inspected = sum(sum(account.recorded.values()) for account in own)
    console.print("every frame accounted for" if balanced else "the sums do not balance: see `inspector account`")
    return 0 if balanced and inspected else 1
