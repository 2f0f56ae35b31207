"""The head: finds what separates the labels, chooses its L2 on groups held back, and gives the same twice."""

import numpy as np
import pytest

from trainer.networks import logistic_head


def clouds(per_label: int, spread: float = 1.0, seed: int = 0, labels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Rows of 12 features around one centre a label, the centres about 4 apart; float32 and targets."""
    centres = np.random.default_rng(99).normal(size=(labels, 12)) * 0.9
    targets = np.repeat(np.arange(labels), per_label)
    noise = np.random.default_rng(seed).normal(size=(len(targets), 12)) * spread
    return (centres[targets] + noise).astype(np.float32), targets


def right(fitted: logistic_head.Head, features: np.ndarray, targets: np.ndarray) -> float:
    return float((fitted.logits(features).argmax(1) == targets).mean())


def test_separable_labels_are_told_apart_on_rows_never_seen() -> None:
    fitted = logistic_head.fit(*clouds(40, 0.3), labels=4)
    assert fitted.weight.shape == (12, 4) and fitted.weight.dtype == np.float32
    assert right(fitted, *clouds(200, 0.3, seed=1)) == 1.0


def test_it_is_as_good_as_the_best_rule_there_is() -> None:
    train, test = clouds(500, 1.0), clouds(2000, 1.0, seed=1)
    centres = np.stack([train[0][train[1] == label].mean(0) for label in range(4)])
    nearest = np.square(test[0][:, None] - centres).sum(2).argmin(1)  # optimal for equal round clouds
    assert abs(right(logistic_head.fit(*train, labels=4), *test) - (nearest == test[1]).mean()) < 0.01


def test_units_and_offsets_of_the_features_do_not_matter() -> None:
    features, targets = clouds(50)
    plain = logistic_head.fit(features, targets, 4)
    scaled = features * np.float32([1e-3, 1e3] * 6) + np.float32([5, -300] * 6)
    other = logistic_head.fit(scaled, targets, 4)
    assert other.l2 == plain.l2
    assert np.abs(other.logits(scaled) - plain.logits(features)).max() < 0.01


def test_a_feature_that_never_changes_has_no_say() -> None:
    features, targets = clouds(30)
    features[:, 3] = 1234.5
    fitted = logistic_head.fit(features, targets, 4)
    assert (fitted.weight[3] == 0).all() and np.isfinite(fitted.weight).all()


def test_the_loss_is_least_where_it_stops() -> None:
    features, targets = clouds(50)
    fitted = logistic_head.fit(features, targets, 4, tried=[0.01])

    def loss(weight: np.ndarray) -> float:
        logits = features.astype(float) @ weight + fitted.bias
        logits -= logits.max(1, keepdims=True)
        surprise = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(targets)), targets]
        return float(surprise.mean() + 0.005 * np.square(weight * features.std(0)[:, None]).sum())

    best = loss(fitted.weight.astype(float))
    rng = np.random.default_rng(0)
    assert all(best <= loss(fitted.weight + rng.normal(size=(12, 4)) * size) for size in (1e-3, 0.01, 0.1) * 30)


def test_the_same_input_and_seed_give_the_same_weights() -> None:
    features, targets = clouds(40)
    first, second = (logistic_head.fit(features, targets, 4, seed=5) for _ in range(2))
    assert (first.weight == second.weight).all() and (first.bias == second.bias).all()
    assert first.losses == second.losses


def test_noise_asks_for_a_stronger_penalty_than_clear_labels() -> None:
    clear, noisy = clouds(40, 0.3), clouds(8, 3.0)
    assert logistic_head.fit(*noisy, labels=4).l2 > logistic_head.fit(*clear, labels=4).l2


def test_copies_of_a_row_are_held_back_with_it() -> None:
    rng = np.random.default_rng(1)
    features, targets = rng.normal(size=(40, 30)).astype(np.float32), np.arange(40) % 2  # nothing to learn
    copies, groups = np.tile(features, (5, 1)), np.tile(np.arange(40), 5)
    fooled = logistic_head.fit(copies, np.tile(targets, 5), 2)
    honest = logistic_head.fit(copies, np.tile(targets, 5), 2, groups)
    assert min(fooled.losses.values()) < 0.3  # learned by heart and asked again
    assert min(honest.losses.values()) > 0.6 and honest.l2 > fooled.l2


def test_a_label_of_one_group_still_gives_a_head() -> None:
    features, targets = clouds(5, 0.3)
    groups = np.where(targets == 2, 0, np.arange(len(targets)) + 1)
    fitted = logistic_head.fit(features, targets, 4, groups)
    assert fitted.losses == {} and right(fitted, features, targets) == 1.0


@pytest.mark.parametrize("per_label", [1, 2, 5])
def test_a_handful_of_rows_is_enough_for_clear_labels(per_label: int) -> None:
    assert right(logistic_head.fit(*clouds(per_label, 0.2), labels=4), *clouds(100, 0.2, seed=1)) > 0.97


def test_what_cannot_be_fitted_is_refused_with_the_reason() -> None:
    features, targets = clouds(5)
    with pytest.raises(ValueError, match=r"missing: \[4\]"):
        logistic_head.fit(features, targets, 5)
    with pytest.raises(ValueError, match=r"0 to 2"):
        logistic_head.fit(features, targets, 3)
    with pytest.raises(ValueError, match=r"at least 2 labels"):
        logistic_head.fit(features, targets * 0, 1)
    with pytest.raises(ValueError, match=r"features \(20, 12\), targets \(19,\)"):
        logistic_head.fit(features, targets[1:], 4)
    with pytest.raises(ValueError, match=r"groups \(3,\)"):
        logistic_head.fit(features, targets, 4, targets[:3])
    features[3, 3] = np.nan
    with pytest.raises(ValueError, match=r"not finite"):
        logistic_head.fit(features, targets, 4)
