from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from stages.core.metrics import ClassPredictions, Predictions
from stages.core.recalibration import FOLDS, fitted, fold_of, recalibration

N = 2000


def binary(seed: int, n: int = N, slope: float = 1.0, bend: bool = False) -> Predictions:
    """Probabilities that are right, or too sure by `slope`, or bent."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-1.2, 1.3, n)
    y_true = (rng.random(n) < expit(odds)).astype(np.int64)
    y_prob = expit(slope * odds)
    if bend:
        y_prob = np.where(y_prob < 0.25, y_prob * 0.2, 0.05 + y_prob * 0.2)
    return Predictions(y_true, y_prob, (y_prob > 0.5).astype(np.int64))


def classes(seed: int, n: int = N, slope: float = 1.0) -> ClassPredictions:
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.5, (n, 3))
    drawn = (scores + rng.gumbel(size=(n, 3))).argmax(axis=1)
    y_prob = softmax(slope * scores, axis=1)
    return ClassPredictions(drawn, y_prob, y_prob.argmax(axis=1), ("a", "b", "c"))


@pytest.mark.parametrize("make", [binary, classes])
def test_a_calibrated_model_is_left_alone(make: object) -> None:
    advice = [recalibration(make(seed), 100, seed).advice for seed in range(20)]
    assert advice.count("none") >= 19


@pytest.mark.parametrize(
    ("make", "slope", "advised"),
    [(binary, 2.5, "sigmoid"), (binary, 0.4, "sigmoid"), (classes, 2.0, "temperature")],
)
def test_a_distorted_model_is_recalibrated(make: object, slope: float, advised: str) -> None:
    for seed in range(5):
        found = recalibration(make(seed, slope=slope), 100, seed)
        assert found.advice == advised
        assert found.gains[advised]["interval"][0] > 0
        assert "clearly lowers the log loss" in found.why
        assert f"train.calibration: {{method: {advised}, folds: 5}}" in found.why


def test_isotonic_is_advised_where_a_line_does_not_do() -> None:
    rng = np.random.default_rng(0)
    y_prob = rng.random(4000)
    truth = np.where(y_prob < 0.5, 0.1, np.where(y_prob < 0.8, 0.15, 0.95))
    y_true = (rng.random(4000) < truth).astype(np.int64)
    p = Predictions(y_true, y_prob, y_true)
    assert recalibration(p, 100, 0).advice == "isotonic"


def test_few_rows_are_insufficient() -> None:
    few = recalibration(binary(0, 150, 3.0), 50, 0)
    assert few.advice == "insufficient" and "50 rows of each class" in few.why
    assert recalibration(classes(0, 150), 50, 0).advice == "insufficient"
    # enough to try, and too few to tell
    unsure = recalibration(binary(3, 220), 100, 0)
    assert unsure.advice == "insufficient" and "cannot tell" in unsure.why


def test_gains_are_measured_on_rows_that_the_map_did_not_see() -> None:
    p = binary(1, slope=2.0)
    found = recalibration(p, 50, 7)
    folds = fold_of(p.y_true, 7)
    by_hand = np.empty(N)
    for fold in range(FOLDS):
        own = folds == fold
        line = fitted("sigmoid", p.y_true[~own], p.y_prob[~own])
        by_hand[own] = line(p.y_prob[own])
    assert found.y_prob["sigmoid"] == pytest.approx(by_hand)
    gain = log_loss(p.y_true, p.y_prob) - log_loss(p.y_true, by_hand)
    assert found.log_loss == pytest.approx(log_loss(p.y_true, p.y_prob))
    assert found.gains["sigmoid"]["value"] == pytest.approx(gain)


def test_the_line_is_that_of_a_logistic_regression() -> None:
    p = binary(2, 20_000, slope=2.0)
    plain = LogisticRegression(C=np.inf).fit(logit(p.y_prob)[:, None], p.y_true)
    grid = np.linspace(0.01, 0.99, 50)
    expected = plain.predict_proba(logit(grid)[:, None])[:, 1]
    # Platt's targets are a little off 0 and 1
    assert fitted("sigmoid", p.y_true, p.y_prob)(grid) == pytest.approx(expected, abs=1e-3)


def test_temperature_is_that_of_scikit_learn() -> None:
    p = classes(0, slope=2.0)

    class Known(LogisticRegression):
        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            return np.asarray(X)

        def decision_function(self, X: np.ndarray) -> np.ndarray:
            return np.log(X)

    model = Known().fit(p.y_prob, p.y_true)
    expected = CalibratedClassifierCV(FrozenEstimator(model), method="temperature")
    found = fitted("temperature", p.y_true, p.y_prob)(p.y_prob)
    expected_prob = expected.fit(p.y_prob, p.y_true).predict_proba(p.y_prob)
    assert found == pytest.approx(expected_prob, abs=1e-3)
    # by its definition: the mean log probability of what happened is greatest
    best = max(
        log_softmax(np.log(p.y_prob) / t, axis=1)[np.arange(N), p.y_true].mean()
        for t in np.linspace(0.5, 5, 200)
    )
    assert -log_loss(p.y_true, found) == pytest.approx(best, abs=1e-4)


def test_isotonic_never_says_0_or_1() -> None:
    p = binary(0)
    found = fitted("isotonic", p.y_true, p.y_prob)(np.linspace(0, 1, 100))
    assert (np.diff(found) >= 0).all() and found.min() > 0 and found.max() < 1


def test_entities_stay_in_one_fold_and_classes_are_shared_out() -> None:
    groups = np.repeat(np.arange(400), 5)
    folds = fold_of(binary(0).y_true, 0, groups).reshape(400, 5)
    assert (folds == folds[:, :1]).all() and np.bincount(folds[:, 0]).tolist() == [80] * 5
    y_true = binary(0).y_true
    counts = [np.bincount(fold_of(y_true, 0)[y_true == c]) for c in (0, 1)]
    assert all(np.ptp(count) <= 1 for count in counts)


def test_copies_of_rows_are_no_evidence() -> None:
    """A gain that 300 rows cannot show is not shown by copying each of them."""
    rows, advised = np.repeat(np.arange(300), 8), [0, 0]
    for seed in range(10):
        p = binary(seed, 300)
        q = Predictions(p.y_true[rows], p.y_prob[rows], p.y_pred[rows])
        for place, groups in enumerate((rows, None)):
            found = recalibration(q, 50, seed, groups)
            advised[place] += found.advice not in ("none", "insufficient")
    assert advised[0] == 0
    assert advised[1] >= 5


def test_weights_count() -> None:
    p = binary(0, slope=2.0)
    plain, ones = (
        recalibration(p, 50, 0),
        recalibration(replace(p, sample_weight=np.full(N, 2.0)), 50, 0),
    )
    assert ones.gains["sigmoid"]["value"] == pytest.approx(
        plain.gains["sigmoid"]["value"], abs=1e-6
    )
    weight = np.where(p.y_true == 1, 5.0, 1.0)
    heavier = fitted("sigmoid", p.y_true, p.y_prob, weight)(p.y_prob).mean()
    assert heavier > fitted("sigmoid", p.y_true, p.y_prob)(p.y_prob).mean() + 0.1
