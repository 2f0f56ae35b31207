"""Owns the demonstration: a real line in a process of its own, watched for a while, then stopped and summed up."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.live import Live

from inspector import bond
from inspector.config import Settings
from inspector.errors import StoreError
from inspector.screen import Screen, sums
from inspector.store import Store

#: Without a terminal nobody can press Ctrl-C: the demo ends by itself after so long.
UNATTENDED_S = 30.0
_REFRESH_S, _LINE_S = 0.5, 5.0
_LOG_LINES = 50


def run(config: Path, overrides: list[str], settings: Settings, seconds: float | None, console: Console) -> int:
    """Run the line of `config` for `seconds` (None: until Ctrl-C), showing it; 0 if it did its work."""
    seconds = UNATTENDED_S if seconds is None and not console.is_terminal else seconds
    settings.data.mkdir(parents=True, exist_ok=True)
    log_path = settings.data / "inspector.log"
    command = [sys.executable, "-m", "inspector", "run", "-c", str(config)]
    for override in overrides:
        command += ["-o", override]
    console.print(f"starting the line of {config}; its log is {log_path}", soft_wrap=True)
    with log_path.open("a") as log:
        # Its own session: Ctrl-C is ours, and we stop the line the way systemd would.
        line = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, preexec_fn=bond.bound(signal.SIGTERM)
        )
    try:
        _watch(line, Screen(settings), seconds, console)
    except KeyboardInterrupt:
        console.print("stopping")
    finally:
        exit_code = _stop(line, settings)
    return _sum_up(settings, exit_code, log_path, console)


def _watch(line: "subprocess.Popen[bytes]", screen: Screen, seconds: float | None, console: Console) -> None:
    ends_at = time.monotonic() + (seconds if seconds is not None else float("inf"))
    if not console.is_terminal:
        while line.poll() is None and (left := ends_at - time.monotonic()) > 0:
            time.sleep(min(_LINE_S, left))
            console.print(screen.line(), soft_wrap=True)
        return
    with Live(screen.look(), console=console, refresh_per_second=4) as live:
        while line.poll() is None and time.monotonic() < ends_at:
            time.sleep(_REFRESH_S)
            live.update(screen.look())


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


def _sum_up(settings: Settings, exit_code: int, log_path: Path, console: Console) -> int:
    if exit_code:
        console.print(f"the line ended with exit code {exit_code}; from {log_path}:", soft_wrap=True)
        lines = log_path.read_text().splitlines()[-_LOG_LINES:]
        telling = [line for line in lines if " ERROR " in line or line.startswith("inspector: ")] or lines[-5:]
        console.print("\n".join(telling), markup=False, highlight=False, soft_wrap=True)
        return exit_code
    try:
        store = Store(settings.data, read_only=True)
    except StoreError as error:
        console.print(f"nothing was recorded: {error}")
        return 1
    accounts = store.accounts()
    store.close()
    console.print(sums(accounts))
    balanced = all(account.balanced for account in accounts)
    inspected = sum(sum(account.recorded.values()) for account in accounts)
    console.print("every frame accounted for" if balanced else "the sums do not balance: see `inspector account`")
    return 0 if balanced and inspected else 1
