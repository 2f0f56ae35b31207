"""The pictures of the pages: `make screenshots` draws deploy/screenshots again, of lines that really run.

    python -m tests.measure.screenshots [--metres N] [--folder FOLDER]

demo.svg is the screen of `inspector demo`; map.svg is the map of a simulated coil, and report.png the first screen of
its report, which needs Chromium. What was left in FOLDER by an earlier call is drawn without inspecting it again.
"""

import argparse
import contextlib
import io
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
from rich.console import Console

from inspector.cli.demo import shipped
from inspector.cli.live import Screen
from inspector.settings.loading import load
from inspector.vision.renderer.strip import render_strip
from tests.fakes import ROOT, Line, inspector, running, wait_until
from tests.measure import coil

SCREENSHOTS = ROOT / "deploy" / "screenshots"
PIECE = "coil-4711"
LIMITS = [{"grade": "second", "limit": 40}, {"grade": "hold", "limit": 30, "min_severity": "critical"}]
DEMO_S = 32.0
BROWSERS = ("chromium", "google-chrome")
REPORT_PX = 1100, 1000


def demo(folder: Path, target: Path) -> None:
    """Run the line of the demonstration, drop a picture into its folder, and draw its screen."""
    os.chdir(folder)  # the screen names the drop folder as the config does
    config, overrides = shipped(Path("."))
    options = [part for override in overrides for part in ("-o", override)]
    drop, log = folder / "demo/drop", folder / "line.log"
    drop.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        command = [sys.executable, "-m", "inspector", "run", "-c", str(config), *options]
        line = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        screen = Screen(load(config, overrides))
        wait_until(lambda: bool(screen.look()) and screen.ready, log.read_text)
        cv2.imwrite(str(drop / "scratch.bmp"), render_strip(7, 200, 200, ["scratches"]).pixels)
        ends_at = time.monotonic() + DEMO_S
        while time.monotonic() < ends_at:
            picture = screen.look()
            time.sleep(0.5)
    finally:
        line.terminate()
        line.wait()
    console = Console(record=True, width=118, file=io.StringIO(), force_terminal=True)
    console.print(picture)
    target.write_text(without_fonts(console.export_svg(title="make demo")))


def without_fonts(svg: str) -> str:
    """Return it without the web fonts that Rich asks a foreign host for; the next font of the same list is shown."""
    return re.sub(r"@font-face \{.*?\}\n\s*", "", svg, flags=re.DOTALL)


def inspected_coil(folder: Path, metres: float) -> Line:
    """Return a line that has inspected a coil with defects and the mark of a roll, a frame of it being lost."""
    place = {"mm_per_px": coil.MM_PER_PX, "pattern": r"^(?P<piece>[^_]+)_(?P<at_mm>[0-9.]+)\.bmp$"}
    source = {"name": "top-side", "type": "folder", "path": str(folder / "drop"), "place": place,
              "strip": {"overlap_px": 100}}  # fmt: skip
    line = Line(
        folder, [source], bundle="default", workers={"engine": "paddle", "count": 2},
        rolls=[{"name": "table-roll", "diameter_mm": coil.ROLL_MM}],
        grading={"limits": LIMITS},
    )  # fmt: skip
    if line.recorded:
        return line
    line.drop.mkdir(parents=True, exist_ok=True)
    drawings = math.ceil(metres * 1000 / (coil.FRAMES_A_DRAWING * coil.LINES * coil.MM_PER_PX))
    drawn = folder / "drawn"
    drawn.mkdir(exist_ok=True)
    list(coil.roll(drawn, drawings, round(2.5 * metres), seed=3))
    frames = sorted(drawn.iterdir(), key=lambda path: float(path.stem.split("_")[1]))
    del frames[len(frames) // 3]
    with running(line):
        for path in frames:
            path.rename(line.drop / path.name.replace("coil_", f"{PIECE}_"))
        wait_until(lambda: line.recorded >= len(frames), line.explain, 3600)
        line.stop()
    return line


def report(line: Line, target: Path) -> bool:
    """Take the first screen of the report of the coil; return whether there is a browser that can."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    page = line.folder / "report.html"
    done = line.run("report", PIECE, "--to", str(page))
    if done.returncode:
        raise RuntimeError(done.stderr)
    if browser is None:
        return False
    size = ",".join(map(str, REPORT_PX))
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={size}"]
    profile = f"--user-data-dir={line.folder / 'browser'}"
    command += [profile, f"--screenshot={target}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)  # it complains of a desktop that is not there
    picture = cv2.imread(str(target))
    cv2.imwrite(str(target), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return True


def main() -> None:
    """Entry of the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metres", type=float, default=25.0, help="length of the coil")
    parser.add_argument("--folder", type=Path, help="work here; default: a temporary folder")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(options.folder or stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
        of_demo, of_coil = folder / "of_demo", folder / "of_coil"
        for one in (of_demo, of_coil):
            one.mkdir(parents=True, exist_ok=True)
        line = inspected_coil(of_coil, options.metres)
        done = inspector("map", "-c", str(line.config), PIECE, "--to", str(SCREENSHOTS / "map.svg"))
        if done.returncode:
            raise RuntimeError(done.stderr)
        if not report(line, SCREENSHOTS / "report.png"):
            print("report.png is left as it is: no Chromium is found here")
        demo(of_demo, SCREENSHOTS / "demo.svg")


if __name__ == "__main__":
    main()
