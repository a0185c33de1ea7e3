import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association
from sklearn.metrics import mutual_info_score

from stages.core.contingency import cramers_v, cross_table, mutual_information


def dependent(rows: int, seed: int, strength: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, rows)
    second = np.where(rng.random(rows) < strength, first, rng.integers(0, 4, rows))
    return first, second


def test_the_table_is_pandas_and_keeps_no_empty_group() -> None:
    first, second = dependent(300, 0)
    found = cross_table(first * 3, second + 7)
    np.testing.assert_array_equal(found, pd.crosstab(first, second).to_numpy())


def test_of_many_rows_the_values_are_those_of_sklearn_and_scipy() -> None:
    first, second = dependent(50_000, 1)
    counts = cross_table(first, second)
    assert mutual_information(counts)["value"] == pytest.approx(
        mutual_info_score(first, second), abs=2e-4
    )
    assert cramers_v(counts)["value"] == pytest.approx(association(counts), abs=2e-3)


def test_independence_is_about_zero_however_many_groups() -> None:
    rng = np.random.default_rng(2)
    counts = cross_table(rng.integers(0, 30, 600), rng.integers(0, 10, 600))
    assert association(counts) > 0.2
    assert cramers_v(counts)["value"] < 0.1
    assert mutual_information(counts)["value"] < 0.05


@pytest.mark.parametrize("measure", [mutual_information, cramers_v])
def test_intervals_hold_the_truth_nineteen_times_in_twenty(measure: object) -> None:
    truth = measure(cross_table(*dependent(400_000, 99)))["value"]  # type: ignore[operator]
    inside = 0
    for seed in range(200):
        low, high = measure(cross_table(*dependent(800, seed)))["interval"]  # type: ignore[operator]
        inside += low <= truth <= high
    assert 176 <= inside <= 200


@pytest.mark.parametrize("measure", [mutual_information, cramers_v])
def test_one_group_tells_nothing(measure: object) -> None:
    assert measure(np.array([[3, 4, 5]]))["value"] is None  # type: ignore[operator]
    assert measure(np.empty((0, 0), dtype=int))["value"] is None  # type: ignore[operator]


def test_a_copy_is_one_and_its_entropy() -> None:
    counts = np.diag([250, 250, 250, 250])
    assert cramers_v(counts)["value"] == pytest.approx(1, abs=0.01)
    assert mutual_information(counts)["value"] == pytest.approx(np.log(4), abs=0.01)
