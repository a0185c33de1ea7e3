import numpy as np
import pytest

from stages.core.explained import MIN_ROWS, explained


def columns(classes: np.ndarray) -> np.ndarray:
    return np.eye(int(classes.max()) + 1)[classes]


def test_of_known_means_it_is_the_squared_correlation_ratio() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 20_000)
    y = np.array([0.0, 1.0, 3.0, 0.5])[codes] + rng.normal(size=20_000)
    between = np.array([0.0, 1.0, 3.0, 0.5])[codes].var()
    found = explained(codes, y[:, None], 0)
    assert found["value"] == pytest.approx(between / y.var(), abs=0.01)


def test_of_classes_it_is_goodman_and_kruskals_tau() -> None:
    rng = np.random.default_rng(1)
    shares = np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.3, 0.3, 0.4]])
    codes = rng.integers(0, 3, 30_000)
    y = np.array([rng.choice(3, p=shares[code]) for code in codes])
    p = shares / 3
    tau = ((p**2 / p.sum(axis=1, keepdims=True)).sum() - (p.sum(axis=0) ** 2).sum()) / (
        1 - (p.sum(axis=0) ** 2).sum()
    )
    assert explained(codes, columns(y), 0)["value"] == pytest.approx(tau, abs=0.01)


def test_a_category_of_its_own_for_each_row_explains_nothing() -> None:
    rng = np.random.default_rng(2)
    assert explained(np.arange(500), rng.normal(size=(500, 1)), 0)["value"] < 0.01


def test_a_copy_explains_all() -> None:
    codes = np.arange(2000) % 4
    found = explained(codes, codes[:, None].astype(float), 0)
    assert found["value"] > 0.999


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, 3, 600)
        y = np.array([0.0, 1.0, 2.0])[codes] + rng.normal(size=600)
        low, high = explained(codes, y[:, None], 0)["interval"]
        inside += low <= (2 / 3) / (2 / 3 + 1) <= high
    assert 178 <= inside <= 200


def test_too_few_rows_and_a_constant_say_nothing() -> None:
    few = MIN_ROWS - 1
    assert explained(np.zeros(few, dtype=int), np.arange(few)[:, None] * 1.0, 0)["value"] is None
    assert explained(np.arange(40) % 2, np.ones((40, 1)), 0)["value"] is None
