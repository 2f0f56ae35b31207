"""A coil's defects as a line would record them: cut into frames and tiles of 60 mm, merged, one verdict a frame."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.verdicts import Verdict
from inspector.record.position import Locator
from inspector.settings.sources.place import PlaceSettings
from inspector.vision.decision import TileDecision
from inspector.vision.tiling import Tile, cut
from inspector.worker.regions import merge
from tests.inspector.record.test_store import verdict

WIDTH_PX, LINES, TILE_PX, MM_PER_PX = 4000, 1024, 200, 0.3
WIDTH_MM, FRAME_MM = WIDTH_PX * MM_PER_PX, LINES * MM_PER_PX
PLACE = {"mm_per_px": MM_PER_PX, "pattern": r"^(?P<piece>[^_]+)_(?P<at_mm>[0-9.]+)$"}
LOCATORS = {"drop": Locator(PlaceSettings.model_validate(PLACE))}
LABELS = ("crazing", "patches", "pitted_surface", "rolled-in_scale", "scratches", "inclusion")


@dataclass(frozen=True)
class Spot:
    """A defect on the strip, 20 mm large, at its middle."""

    label: str
    x_mm: float
    y_mm: float
    score: float = 0.95


def clutter(draw: np.random.Generator, count: int, length_mm: float, labels: tuple[str, ...] = LABELS) -> list[Spot]:
    """Defects anywhere."""
    places = zip(draw.uniform(20, WIDTH_MM - 20, count), draw.uniform(20, length_mm - 20, count), strict=True)
    return [Spot(str(draw.choice(labels)), float(x), float(y)) for x, y in places]


def of_roll(
    draw: np.random.Generator, distance_mm: float, x_mm: float, begins_mm: float, ends_mm: float,
    missed: float = 0.0, jitter_mm: float = 0.0, label: str = "scratches",
) -> list[Spot]:  # fmt: skip
    """The marks of a roll; a share of them is missed or, as often, called something else."""
    places = np.arange(begins_mm, ends_mm, distance_mm)
    places = places + draw.normal(0, jitter_mm, len(places))
    names = [label if draw.random() >= missed else "patches" if draw.random() < 0.5 else "" for _ in places]
    wanders = draw.normal(0, jitter_mm, len(places))
    return [Spot(name, x_mm + off, float(y)) for name, y, off in zip(names, places, wanders, strict=True) if name]


def frames(spots: Iterable[Spot], length_mm: float, piece: str = "c", first: int = 1) -> Iterator[Verdict]:
    """The verdicts of the whole coil, in the order of its frames; the frames are numbered from `first` on."""
    inside: defaultdict[int, list[Spot]] = defaultdict(list)
    for spot in spots:
        for number in {math.floor((spot.y_mm + edge) / FRAME_MM) for edge in (-10, 10)}:
            inside[number].append(spot)
    for number in range(math.ceil(length_mm / FRAME_MM)):
        name = f"{piece}_{number * FRAME_MM:.1f}"
        regions = merge(_tiles(), _decisions(inside[number], number * FRAME_MM)) if inside[number] else []
        yield verdict(
            first + number, "defect" if regions else "ok", frame=name, name=name, width=WIDTH_PX, height=LINES,
            regions=regions, label=regions[0].label if regions else "ok",
        )  # fmt: skip


def shuffled(draw: np.random.Generator, verdicts: Iterable[Verdict], by: float) -> list[Verdict]:
    """As several workers decide them: each up to `by` places later than it was captured."""
    ordered = list(verdicts)
    late = np.arange(len(ordered)) + draw.uniform(0, by, len(ordered))
    return [ordered[index] for index in np.argsort(late)]


@lru_cache
def _tiles() -> tuple[Tile, ...]:
    return cut(LINES, WIDTH_PX, TILE_PX)


@lru_cache
def _corners() -> NDArray[np.float64]:
    return np.array([(tile.x, tile.y) for tile in _tiles()], np.float64)


def _decisions(spots: list[Spot], at_mm: float) -> list[TileDecision]:
    """A tile shows a defect of which it has a quarter at least."""
    decided = [TileDecision("ok", "ok", "none", 0.9)] * len(_tiles())
    for spot in spots:
        size = 20 / MM_PER_PX
        begin = np.array([spot.x_mm - 10, spot.y_mm - 10 - at_mm]) / MM_PER_PX
        sides = np.minimum(begin + size, _corners() + TILE_PX) - np.maximum(begin, _corners())
        for tile in np.flatnonzero(sides.clip(0).prod(axis=1) >= 0.25 * size**2):
            decided[tile] = TileDecision("defect", spot.label, "major", spot.score)
    return decided
