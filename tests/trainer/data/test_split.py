"""Drawing splits: groups stay whole, labels get their shares, the seed decides and nothing else does."""

from collections import Counter

import numpy as np
import pytest

from trainer.data.split import draw

SHARES = (0.7, 0.1, 0.2)


def strips(seed: int, labels: int = 4, groups: int = 120) -> tuple[list[str], list[int]]:
    """Many groups of 1 to 12 pictures, some of them under two labels."""
    rng = np.random.default_rng(seed)
    names, numbers = [], []
    for group in range(groups):
        both = rng.integers(0, labels, 2) if group % 20 == 0 else [group % labels]
        for _ in range(int(rng.integers(1, 13))):
            names.append(f"label {rng.choice(both)}")
            numbers.append(group)
    return names, numbers


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shares", [SHARES, (0.2,) * 5, (0.95, 0.05)], ids=str)
def test_groups_stay_whole_and_every_label_is_in_every_part_in_its_share(seed: int, shares: tuple[float, ...]) -> None:
    labels, groups = strips(seed)

    parts = draw(labels, groups, shares, f"{seed}")

    assert len(set(zip(groups, parts, strict=True))) == len(set(groups))
    counts, total = Counter(zip(labels, parts, strict=True)), Counter(labels)
    for label in total:
        for part, share in enumerate(shares):
            assert counts[label, part] == pytest.approx(share * total[label], abs=6)


def test_pictures_without_a_group_are_split_as_the_shares_say() -> None:
    parts = draw(["a"] * 100 + ["b"] * 20, range(120), SHARES, "1")
    assert Counter(parts[:100]) == {0: 70, 1: 10, 2: 20}
    assert Counter(parts[100:]) == {0: 14, 1: 2, 2: 4}


def test_the_seed_draws_the_split_and_the_same_seed_the_same() -> None:
    labels, groups = strips(0)
    assert draw(labels, groups, SHARES, "1") == draw(labels, groups, SHARES, "1")
    assert draw(labels, groups, SHARES, "1") != draw(labels, groups, SHARES, "2")
    assert draw(labels, groups, SHARES, "1") != draw(labels, groups, SHARES, "11")


def test_a_group_that_outgrows_a_small_part_goes_to_the_large_one() -> None:
    parts = draw(["a"] * 60, [0] * 30 + list(range(1, 31)), (0.8, 0.2), "1")
    assert set(parts[:30]) == {0}
    assert Counter(parts) == {0: 48, 1: 12}


def test_one_group_alone_is_trained_on_and_a_part_without_a_share_gets_nothing() -> None:
    assert draw(["a"] * 9, [7] * 9, SHARES, "1") == [0] * 9
    assert set(draw(["a"] * 9, range(9), (0.8, 0.0, 0.2), "1")) == {0, 2}
    assert draw([], [], SHARES, "1") == []


@pytest.mark.parametrize("shares", [(0.5, 0.4), (1.5, -0.5)], ids=str)
def test_shares_that_are_none_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        draw(["a"], [0], shares, "1")
