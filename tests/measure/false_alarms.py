"""Counts how often the watch on optics takes a changed product for a bad lens, and how soon it sees one that is bad.

`python -m tests.measure.false_alarms` takes some 10 minutes; it draws every picture. The limits in
inspector/sources/optics/baseline.py and inspector/sources/optics/dirt.py were chosen by what it prints.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import Generator

from inspector.vision.renderer.surface import FINISHES
from tests.measure.lens import Eye, picture, spot

#: What is learned and judged in, as many pictures a coil. The shipped settings learn from 3,600.
LEARN, COIL = 300, 60
BAD_LENSES: dict[str, dict[str, object]] = {
    "spot of 40 px, 15% darker": {"dirt": spot(300, 60, 20, 0.15)},
    "spot of 20 px, 30% darker": {"dirt": spot(300, 60, 10, 0.3)},
    "spot of 12 px, 20% darker": {"dirt": spot(300, 60, 6, 0.2)},
    "defocus, 1.5 px": {"blur_px": 1.5},
    "defocus, 2 px": {"blur_px": 2.0},
    "defocus, 3 px": {"blur_px": 3.0},
    "a third of the light": {"gain": 0.33},
    "85% haze": {"haze": 0.85},
}


def one_finish(finish: str, rng: Generator) -> Iterator[Eye]:
    """Coils of one finish, brighter and darker by 12% (deviation), with no, few, many and only defects."""
    eye = Eye(learn_pictures=LEARN, after_s=60, streak_after_s=3600)
    for _ in range(LEARN):
        eye.see(picture(rng, finish))
    for coil in range(8):
        gain, defects = math.exp(rng.normal(0, 0.12)), (0.0, 0.1, 0.5, 1.0)[coil % 4]
        for _ in range(COIL):
            eye.see(picture(rng, finish, defects=defects, gain=gain))
    yield eye


def all_finishes(rng: Generator) -> Iterator[Eye]:
    """Coils of all finishes in turn, learned from as many."""
    eye = Eye(learn_pictures=LEARN, after_s=60, streak_after_s=3600)
    for number in range(LEARN + 16 * COIL):
        if number % (COIL // 4 if number < LEARN else COIL) == 0:
            finish, gain = str(rng.choice(list(FINISHES))), math.exp(rng.normal(0, 0.12))
        eye.see(picture(rng, finish, gain=gain))
    yield eye


def never_seen(rng: Generator) -> Iterator[Eye]:
    """Learned from one finish, then each other one: as if another mill began to send its steel."""
    for known in FINISHES:
        for other in FINISHES:
            eye = Eye(learn_pictures=60, after_s=60, streak_after_s=3600)
            for number in range(60 + 150):
                eye.see(picture(rng, known if number < 60 else other))
            yield eye


def main() -> None:
    rng = np.random.default_rng(0)
    cases: dict[str, Callable[[], Iterator[Eye]]] = {
        **{f"coils of {finish}": lambda finish=finish: one_finish(finish, rng) for finish in FINISHES},  # type: ignore[misc]
        "coils of all finishes": lambda: all_finishes(rng),
        "finishes never seen": lambda: never_seen(rng),
    }
    for name, eyes in cases.items():
        seen, told = 0, Counter[str]()
        for eye in eyes():
            seen += eye.pictures
            told.update(trouble.kind for _, trouble in eye.began)
        print(f"{name}: {seen} pictures, false alarms: {dict(told) or 'none'}", flush=True)
    for finish in FINISHES:
        for lens, bad in BAD_LENSES.items():
            eye = Eye(learn_pictures=150, after_s=60, streak_after_s=3600)
            for number in range(150 + 300):
                eye.see(picture(rng, finish, **(bad if number >= 150 else {})))  # type: ignore[arg-type]
            told_after = {trouble.kind: at - 150 for at, trouble in eye.began}
            print(f"{finish}, {lens}: told after {told_after or 'never'} pictures", flush=True)


if __name__ == "__main__":
    main()
