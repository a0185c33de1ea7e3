"""Rankings for all draws at once, against the definition row by row."""

import numpy as np
import numpy.typing as npt
import pytest

from stages.core.metrics import METRICS, Predictions
from stages.core.metrics.ranking import Ranking, cumulated_down
from stages.core.statistics import Floats, Weights


def some(n: int, decimals: int, seed: int = 0) -> tuple[npt.NDArray[np.int64], Floats]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(np.int64)
    score = np.clip(0.3 + 0.3 * y + 0.2 * rng.standard_normal(n), 0, 1)
    return y, np.round(score, decimals).astype(np.float64)


def area(y: npt.NDArray[np.int64], score: Floats, weight: Floats) -> float:
    """Each positive against each negative, ties counting half."""
    pairs = np.outer(weight[y == 1], weight[y == 0])
    difference = score[y == 1][:, None] - score[y == 0]
    return float((pairs * ((difference > 0) + (difference == 0) / 2)).sum() / pairs.sum())


def average(y: npt.NDArray[np.int64], score: Floats, weight: Floats) -> float:
    """The precision at the score of each positive, by the positive's weight."""
    positive = (y == 1) & (weight > 0)
    above = [score >= s for s in score[positive]]
    precision = [weight[rows & (y == 1)].sum() / weight[rows].sum() for rows in above]
    return float(np.average(precision, weights=weight[positive]))


@pytest.mark.parametrize("decimals", [1, 2, 12])
@pytest.mark.parametrize("whole", [True, False])
def test_draws_are_measured_as_the_definition_says(decimals: int, whole: bool) -> None:
    y, score = some(150, decimals)
    rng = np.random.default_rng(1)
    weights: Weights = rng.poisson(1.0, (4, 150)) if whole else rng.random((4, 150))
    p = Predictions(y, score, y)
    for name, brute in (("roc_auc", area), ("average_precision", average)):
        expected = [brute(y, score, weight) for weight in weights]
        assert METRICS[name].compute(p, weights) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_many_draws_at_once_are_as_few_and_in_any_layout(name: str) -> None:
    y, score = some(300, 2)
    weights = np.random.default_rng(2).poisson(1.0, (450, 300))
    compute = METRICS[name].compute
    wide = compute(Predictions(y, score, y), weights.astype(np.float64, order="F"))
    narrow = [compute(Predictions(y, score, y), part) for part in np.split(weights, 9)]
    assert (wide == np.concatenate(narrow)).all()


def test_without_ties_nothing_is_kept_for_them() -> None:
    y, score = some(100, 12)
    assert Ranking.of(y, score).tied is None
    assert Ranking.of(*some(100, 1)).tied is not None


@pytest.mark.parametrize("columns", [3, 500])
def test_sums_run_down(columns: int) -> None:
    rows = np.random.default_rng(3).integers(0, 9, (40, columns)).astype(np.float64)
    assert (cumulated_down(rows.copy()) == np.cumsum(rows, axis=0)).all()
    assert cumulated_down(rows[:0]).shape == (0, columns)
