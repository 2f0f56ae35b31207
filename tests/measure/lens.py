"""Simulated strip through a lens that may be dirty, dim or out of focus, and the eye on it: a picture a second."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspector.protocol.optics import OpticsState, Trouble
from inspector.settings.settings import OpticsSettings
from inspector.settings.sources.strip import StripSettings
from inspector.sources.optics.monitor import OpticsMonitor
from inspector.vision.renderer.defects import PAINTERS
from inspector.vision.renderer.strip import DEFECTS
from inspector.vision.renderer.surface import FINISHES, clean_surface, expose

Field = NDArray[np.float32]
#: When the first picture of an Eye is captured, seconds since 1970.
START = 1.7e9


def picture(
    rng: Generator,
    finish: str = "crazing",
    height: int = 128,
    width: int = 512,
    defects: float = 0.1,
    gain: float = 1.0,
    dirt: Field | None = None,
    blur_px: float = 0.0,
    haze: float = 0.0,
) -> NDArray[np.uint8]:
    """Strip of a finish, `defects` of the pictures with a defect somewhere, so bright, and what the lens makes of it.

    `dirt`: the share of light that gets through, float32 (height, width). `blur_px`: the deviation of a blur. `haze`:
    which share of the light is scattered.
    """
    surface = clean_surface(rng, height, width, FINISHES[finish])
    if rng.random() < defects:
        size = min(height, width, 200)
        x, y = rng.integers(width - size + 1), rng.integers(height - size + 1)
        PAINTERS[str(rng.choice(DEFECTS))](surface[y : y + size, x : x + size], rng)
    surface = np.asarray(surface * gain * (1 if dirt is None else dirt), np.float32)
    if blur_px:
        surface = np.asarray(cv2.GaussianBlur(surface, (0, 0), blur_px), np.float32)
    return expose(surface * (1 - haze) + haze * 150, rng, FINISHES[finish])


def spot(x: int, y: int, radius: int, depth: float, height: int = 128, width: int = 512) -> Field:
    """A speck of dust: `depth` darker within the radius, its edge soft."""
    rows, columns = np.mgrid[:height, :width]
    away = np.hypot(columns - x, rows - y)
    return np.asarray(1 - depth / (1 + np.exp((away - radius) / 2)), np.float32)


def streak(x: int, wide: int, depth: float, height: int = 128, width: int = 512) -> Field:
    """Dirt on a line-scan sensor: columns that are darker in every line."""
    through = np.ones((height, width), np.float32)
    through[:, x : x + wide] -= depth
    return through


class Eye:
    """A watch that sees a picture a second, and what it told: which troubles began and ended with which picture."""

    def __init__(
        self, strip: StripSettings | None = None, resumes: OpticsState | None = None, **settings: float
    ) -> None:
        """Settings of optics; learns from 60 pictures and tells after 10 s unless they say otherwise."""
        chosen = OpticsSettings.model_validate({"learn_pictures": 60, "after_s": 10, "streak_after_s": 60, **settings})
        self.pictures = 0
        self.began: list[tuple[int, Trouble]] = []
        self.ended: list[tuple[int, str]] = []
        self.watch = OpticsMonitor(chosen, strip or StripSettings(), lambda: float(self.pictures))
        self.watch.resume(resumes)
        self._before: set[str] = {trouble.kind for trouble in resumes.troubles} if resumes else set()

    def see(self, pixels: NDArray[np.uint8], saved: bool = True) -> None:
        """The next picture; what it tells is on record at once, or not."""
        self.pictures += 1
        self.watch.see(pixels, START + self.pictures)
        troubles = self.state.troubles
        if saved:
            self.watch.on_record(self.pictures, 0.0)
        now = {trouble.kind for trouble in troubles}
        self.began += [(self.pictures, trouble) for trouble in troubles if trouble.kind not in self._before]
        self.ended += [(self.pictures, kind) for kind in sorted(self._before - now)]
        self._before = now

    @property
    def state(self) -> OpticsState:
        """What is told now."""
        state = self.watch.state(self.pictures)
        assert state is not None, "no picture was seen"
        return state

    @property
    def wrong(self) -> set[str]:
        """The troubles of now."""
        return {trouble.kind for trouble in self.state.troubles}
