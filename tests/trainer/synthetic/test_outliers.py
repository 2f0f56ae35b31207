"""What is not strip: every kind and texture can be drawn, again for the same seed, and is not the strip it spoils."""

import numpy as np
import pytest

from tests.trainer.conftest import picture
from trainer.synthetic import outlier_textures, outliers
from trainer.synthetic.outliers import KINDS, Kind

STRIP = picture("Sc", 1, 200)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_is_the_same_for_the_same_seed_and_is_not_strip(kind: Kind) -> None:
    first, again = kind.picture(5, STRIP), kind.picture(5, STRIP)
    assert first.dtype == np.uint8 and first.shape == (200, 200)
    assert (first == again).all()
    assert np.abs(first.astype(int) - STRIP).mean() > 5


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.name not in ("negative", "blinded")], ids=lambda kind: kind.name
)
def test_another_seed_draws_another(kind: Kind) -> None:
    assert (kind.picture(5, STRIP) != kind.picture(6, STRIP)).any()


@pytest.mark.parametrize("name", ["half covered", "out of focus", "blinded", "dark", "negative"])
def test_a_spoilt_picture_keeps_its_shape_and_the_strip_is_left_as_it_is(name: str) -> None:
    wide = picture("Sc", 2, 200)[:120]
    before = wide.copy()
    kind = next(kind for kind in KINDS if kind.name == name)
    assert kind.picture(3, wide).shape == wide.shape
    assert (wide == before).all()


@pytest.mark.parametrize("family", range(len(outlier_textures.FAMILIES)))
def test_a_texture_has_contrast_at_any_size(family: int) -> None:
    for size in (48, 200):
        pixels = outlier_textures.draw(family, np.random.default_rng(family), size)
        assert pixels.shape == (size, size) and pixels.dtype == np.uint8
        assert pixels.std() > 1


def test_two_thirds_to_learn_from_are_materials_of_every_family_and_the_rest_of_every_other_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[str] = []

    def noted(kind: Kind, seed: int, strip: np.ndarray) -> np.ndarray:
        drawn.append(f"material {seed % 12}" if kind is KINDS[0] else kind.name)
        return strip

    monkeypatch.setattr(Kind, "picture", noted)
    assert len(outliers.some(288, [STRIP], seed=0)) == 288
    assert sum(name.startswith("material") for name in drawn) == 192
    assert {f"material {family}" for family in range(12)} | {kind.name for kind in KINDS[1:]} == set(drawn)
