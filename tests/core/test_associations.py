import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from stages.core.associations import (
    MIN_ROWS,
    cluster_order,
    correlations,
    pair_separation,
    roc_auc,
    roc_auc_of_categories,
    separation,
    spearman,
    telling_and_unlike,
)
from stages.core.schema import Column
from stages.core.variables import Variable

NUMBER = Column(dtype="float64", kind="numeric", title="Number")


def variable(values: object, ordered: bool = True) -> Variable:
    return Variable("x", NUMBER, np.asarray(values, dtype=float), (), ordered)


@pytest.fixture
def matrix() -> np.ndarray:
    rng = np.random.default_rng(1)
    base = rng.normal(size=(400, 1))
    found = base * [1, -0.5, 0.2, 0, 3] + rng.normal(size=(400, 5))
    found[:, 3] = rng.integers(0, 4, 400)  # ties
    found[:, 4] = found[:, 4] * 1e9 + 1e12
    return found


def gaps(matrix: np.ndarray) -> np.ndarray:
    return np.where(np.random.default_rng(2).random(matrix.shape) < 0.2, np.nan, matrix)


# --- correlation --------------------------------------------------------------------------


def test_pearson_is_numpys(matrix: np.ndarray) -> None:
    np.testing.assert_allclose(correlations(matrix), np.corrcoef(matrix.T), atol=1e-12)


def test_pearson_over_gaps_is_pandas(matrix: np.ndarray) -> None:
    holes = gaps(matrix)
    np.testing.assert_allclose(correlations(holes), pd.DataFrame(holes).corr(), atol=1e-9)


def test_spearman_is_scipys(matrix: np.ndarray) -> None:
    np.testing.assert_allclose(spearman(matrix), stats.spearmanr(matrix).statistic, atol=1e-12)


def test_spearman_over_gaps_ranks_each_column_once(matrix: np.ndarray) -> None:
    holes = gaps(matrix)
    ranks = pd.DataFrame(holes).rank()
    np.testing.assert_allclose(spearman(holes), ranks.corr(), atol=1e-9)
    # Ranking anew for each pair changes little.
    np.testing.assert_allclose(spearman(holes), pd.DataFrame(holes).corr("spearman"), atol=0.02)


def test_a_column_that_does_not_vary_has_no_correlation(matrix: np.ndarray) -> None:
    for fill in (0.0, 7.0, 1e300, np.nan):
        still = np.column_stack([matrix, np.full(len(matrix), fill)])
        with np.errstate(all="raise", under="ignore"):
            found = correlations(still)
        assert np.isnan(found[-1]).all()
        np.testing.assert_allclose(found[:-1, :-1], np.corrcoef(matrix.T), atol=1e-12)


def test_few_common_rows_have_no_correlation() -> None:
    values = np.full((100, 2), np.nan)
    values[:50, 0] = np.arange(50)
    values[50 - MIN_ROWS + 1 :, 1] = np.arange(50 + MIN_ROWS - 1)
    assert np.isnan(correlations(values)[0, 1])
    values[50 - MIN_ROWS, 1] = -1
    assert correlations(values)[0, 1] == pytest.approx(1)


def test_no_column_gives_an_empty_matrix() -> None:
    assert correlations(np.empty((5, 0))).shape == (0, 0)


# --- ROC AUC ------------------------------------------------------------------------------


@pytest.mark.parametrize("levels", [3, 50, 10_000])
def test_roc_auc_is_scikit_learns(levels: int) -> None:
    rng = np.random.default_rng(3)
    y = (rng.random(700) < 0.2).astype(np.int64)
    scores = rng.integers(0, levels, 700) + y * levels * 0.2
    assert roc_auc(scores, y) == pytest.approx(roc_auc_score(y, scores), abs=1e-12)


def test_too_few_rows_of_a_class_have_no_roc_auc() -> None:
    y = np.r_[np.ones(MIN_ROWS - 1), np.zeros(50)].astype(np.int64)
    assert roc_auc(y.astype(float), y) is None
    assert roc_auc_of_categories(y, y, 0) is None
    assert separation(variable(y), y, 0).roc_auc == 0.5
    more = np.r_[y, 1]
    assert roc_auc(more.astype(float), more) == 1.0
    assert roc_auc_of_categories(more, more, 0) == 1.0


def test_the_direction_does_not_matter() -> None:
    y = np.repeat([0, 1], 100)
    up = separation(variable(np.arange(200)), y, 0)
    down = separation(variable(-np.arange(200)), y, 0)
    assert up == down
    assert (up.roc_auc, up.by) == (1.0, "value")


def test_many_categories_without_meaning_tell_nothing() -> None:
    """Rates of the same rows would rank them perfectly: each row has its own category."""
    rng = np.random.default_rng(4)
    y = (rng.random(4000) < 0.3).astype(np.int64)
    own = np.arange(4000)
    assert roc_auc_of_categories(own, y, 0) == pytest.approx(0.5, abs=0.02)
    assert roc_auc_of_categories(rng.integers(0, 1500, 4000), y, 0) == pytest.approx(0.5, abs=0.04)


def test_categories_with_meaning_tell() -> None:
    rng = np.random.default_rng(5)
    y = (rng.random(4000) < 0.3).astype(np.int64)
    codes = np.where(rng.random(4000) < 0.9, y * 3 + 1, rng.integers(0, 7, 4000))
    rate = pd.Series(y).groupby(codes).transform("mean")
    assert roc_auc_of_categories(codes, y, 0) == pytest.approx(roc_auc_score(y, rate), abs=0.01)
    assert separation(variable(codes, ordered=False), y, 0).by == "category"


def test_the_halves_hold_both_classes_whatever_made_the_target() -> None:
    """The target here comes from the very numbers that would deal the rows."""
    y = (np.random.default_rng(0).random(600) < 0.08).astype(np.int64)
    assert roc_auc_of_categories(y, y, 0) == 1.0


def test_being_missing_can_tell_most() -> None:
    rng = np.random.default_rng(6)
    y = (rng.random(1000) < 0.3).astype(np.int64)
    found = separation(variable(np.where(y == 1, np.nan, rng.random(1000))), y, 0)
    assert (found.roc_auc, found.by) == (1.0, "missing")
    half = separation(variable(np.where(rng.random(1000) < 0.5, np.nan, y + 0.0)), y, 0)
    assert (half.roc_auc, half.by) == (1.0, "value")


def test_a_pair_can_tell_what_neither_tells_alone() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(2, 5000))
    y = (a * b > 0).astype(np.int64)
    first, second = variable(np.where(rng.random(5000) < 0.1, np.nan, a)), variable(b)
    assert separation(first, y, 0).roc_auc < 0.55
    assert pair_separation(first, second, y, 6, 0) > 0.85
    assert pair_separation(first, second, rng.permutation(y), 6, 0) < 0.54


# --- choice and order ---------------------------------------------------------------------


def test_of_two_twins_one_is_chosen() -> None:
    correlation = np.array([[1.0, 0.99, 0.0], [0.99, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert telling_and_unlike([0.8, 0.79, 0.6], correlation, 2) == [0, 2]
    assert telling_and_unlike([0.8, 0.79, 0.6], np.eye(3), 2) == [0, 1]


def test_the_choice_takes_what_there_is_and_the_earlier_on_a_tie() -> None:
    nothing = np.full((3, 3), np.nan)
    assert telling_and_unlike([0.5, 0.5, 0.5], nothing, 5) == [0, 1, 2]
    assert telling_and_unlike([], np.empty((0, 0)), 2) == []


def test_columns_that_go_together_stand_together() -> None:
    rng = np.random.default_rng(8)
    base = rng.normal(size=(300, 3))
    groups = np.array([0, 1, 2, 0, 1, 2, 0])
    order = cluster_order(correlations(base[:, groups] + 0.1 * rng.normal(size=(300, 7))))
    assert sorted(order) == list(range(7))
    runs = 1 + np.count_nonzero(np.diff(groups[order]))
    assert runs == 3


def test_few_or_still_columns_have_an_order() -> None:
    assert cluster_order(np.eye(2)) == [0, 1]
    assert sorted(cluster_order(np.full((4, 4), np.nan))) == [0, 1, 2, 3]
