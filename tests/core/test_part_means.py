import numpy as np
import pytest
from scipy.stats import norm

from stages.core.part_means import entity_sums, part_means


def test_means_and_errors_are_the_textbooks() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=300)
    inside = (rng.random((300, 2)) < 0.4).astype(float)
    found = part_means(values, inside)
    for k in range(2):
        own = values[inside[:, k] == 1]
        assert found.mean[k] == pytest.approx(own.mean())
        assert found.variance[k] == pytest.approx(own.var(ddof=1) / len(own))
        error = own.std(ddof=1) / np.sqrt(len(own))
        low, high = norm.interval(0.95, own.mean(), error)
        assert (found.interval()[0][k], found.interval()[1][k]) == pytest.approx((low, high))


def test_an_entity_counts_once() -> None:
    values = np.random.default_rng(1).normal(size=100)
    once = part_means(values, np.ones((100, 1)))
    groups = np.repeat(np.arange(100), 3)
    thrice = part_means(np.repeat(values, 3), np.ones((300, 1)), groups)
    assert thrice.mean == pytest.approx(once.mean)
    assert thrice.variance == pytest.approx(once.variance)
    assert thrice.units == 100


def test_an_empty_part_has_no_mean_and_one_entity_no_variance() -> None:
    found = part_means(np.arange(4.0), np.array([[0, 1], [0, 1], [0, 0], [0, 0]]), [7, 7, 8, 9])
    assert np.isnan(found.mean[0]) and found.mean[1] == 0.5
    assert np.isnan(found.variance).all()


def test_sums_by_entity_stand_by_first_appearance() -> None:
    columns = np.arange(10.0).reshape(5, 2)
    sums = entity_sums(columns, ["b", "a", "b", None, None])
    assert sums.tolist() == [[4.0, 6.0], [2.0, 3.0], [6.0, 7.0], [8.0, 9.0]]
