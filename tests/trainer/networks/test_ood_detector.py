"""The reject model: it knows what it was shown, flags what it was not, and loses no more of the known than allowed."""

import numpy as np
import pytest

from trainer import paddle_runtime

FEATURES = 12


@pytest.fixture(scope="module", autouse=True)
def _paddle() -> None:
    paddle_runtime.start(0)


def clusters(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` pictures of each of two labels, in two clouds, and the label of each."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((2, FEATURES))
    centres[0, 0], centres[1, 0] = 4, -4
    targets = np.repeat([0, 1], count)
    return (centres[targets] + rng.normal(size=(2 * count, FEATURES))).astype(np.float32), targets


def around(count: int, seed: int) -> np.ndarray:
    """Features on a shell about the known ones."""
    directions = np.random.default_rng(seed).normal(size=(count, FEATURES))
    return (9 * directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)


def known(features: np.ndarray, targets: np.ndarray, per_group: int = 2, **changes: object):  # type: ignore[no-untyped-def]
    from trainer.networks.ood_detector import Known

    numbers = np.arange(len(targets))
    values = {"groups": numbers // per_group, "sources": ["a"] * len(targets)} | changes
    return Known(features, numbers, targets, **values)  # type: ignore[arg-type]


def scores(learned, features: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    from trainer.networks import mlp

    return mlp.outputs(mlp.restored(learned.weights), features)[:, 0]


def test_it_flags_what_lies_about_the_known_and_loses_what_it_may_of_the_unseen() -> None:
    from trainer.networks import ood_detector

    learned = ood_detector.learn(known(*clusters(300, 0)), around(600, 1), lost=0.05, seed=0)

    unseen, targets = clusters(500, 2)
    limits = np.array(learned.limits)
    assert (scores(learned, around(500, 3)) > limits.max()).mean() > 0.98
    assert 0.02 < (scores(learned, unseen) > limits[targets]).mean() < 0.09


def test_the_same_input_and_seed_give_the_same_weights_whatever_paddle_drew_before() -> None:
    import paddle

    from trainer.networks import ood_detector

    first = ood_detector.learn(known(*clusters(40, 0)), around(60, 1), 0.05, seed=7)
    paddle.rand([3])
    again = ood_detector.learn(known(*clusters(40, 0)), around(60, 1), 0.05, seed=7)
    assert first.limits == again.limits
    assert all(np.array_equal(array, again.weights[name]) for name, array in first.weights.items())


def test_drawn_strip_does_not_decide_what_is_known_of_real_strip() -> None:
    from trainer.networks import ood_detector

    # Given real pictures that spread, among many drawn ones that do not
    features, targets = clusters(60, 0)
    tight = np.repeat(np.array([[4.0] + [0.0] * (FEATURES - 1)], np.float32), 400, axis=0)
    both = np.concatenate([features, tight])
    labels = np.concatenate([targets, np.zeros(400, np.int64)])
    sources = ["camera"] * len(targets) + ["drawn"] * 400

    # When
    learned = ood_detector.learn(known(both, labels, sources=sources), around(300, 1), 0.05, seed=0)

    # Then
    unseen, truth = clusters(300, 2)
    assert (scores(learned, unseen) > np.array(learned.limits)[truth]).mean() < 0.2


def test_a_label_of_one_group_gets_its_limit_from_what_was_learned() -> None:
    from trainer.networks import ood_detector

    features, targets = clusters(40, 0)
    groups = np.where(targets == 0, 0, np.arange(len(targets)))
    learned = ood_detector.learn(known(features, targets, groups=groups), around(100, 1), 0.05, seed=0)
    assert np.isfinite(learned.limits).all()
    assert (scores(learned, around(200, 3)) > learned.limits[0]).mean() > 0.7  # held back whole, it would be one
