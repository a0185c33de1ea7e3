import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from stages.core.curves import (
    POINTS,
    calibration_points,
    confusion_cases,
    decision_point,
    precision_recall_points,
    roc_points,
    value_points,
)
from stages.core.metrics import METRICS, Predictions, measure_all
from stages.core.params import Costs
from stages.core.statistics import interval, wilson_interval

COSTS = Costs(
    currency="EUR",
    true_positive=10.0,
    false_positive=-3.0,
    true_negative=0.0,
    false_negative=-5.0,
    source="test",
)


def predictions(n: int, seed: int = 0, ties: bool = False) -> Predictions:
    rng = np.random.default_rng(seed)
    y_prob = rng.integers(0, 11, n) / 10 if ties else rng.random(n)
    y_true = (rng.random(n) < 0.1 + 0.6 * y_prob).astype(np.int64)
    return Predictions(y_true, y_prob, (y_prob >= 0.4).astype(np.int64), COSTS)


@pytest.mark.parametrize("ties", [False, True])
def test_small_curves_are_sklearns(ties: bool) -> None:
    p = predictions(60, ties=ties)
    fpr, tpr, _ = sk.roc_curve(p.y_true, p.y_prob, drop_intermediate=False)
    points = roc_points(p)
    assert points["fpr"].to_numpy() == pytest.approx(fpr)
    assert points["tpr"].to_numpy() == pytest.approx(tpr)
    precision, recall, _ = sk.precision_recall_curve(p.y_true, p.y_prob)
    # scikit-learn ends at an invented point (0, 1).
    theirs = set(zip(recall[:-1].round(9), precision[:-1].round(9), strict=True))
    own = precision_recall_points(p)
    assert set(zip(own["recall"].round(9), own["precision"].round(9), strict=True)) <= theirs
    assert len(own) >= len(set(recall)) - 1
    assert own["recall"].iloc[-1] == 1
    assert own["precision"].iloc[-1] == pytest.approx(p.y_true.mean())


def test_long_curves_are_thinned_without_losing_their_shape() -> None:
    p = predictions(20_000)
    points = roc_points(p)
    assert len(points) <= POINTS
    assert points.iloc[0].tolist() == [0, 0]
    assert points.iloc[-1].tolist() == [1, 1]
    area = np.trapezoid(points["tpr"], points["fpr"])
    assert area == pytest.approx(sk.roc_auc_score(p.y_true, p.y_prob), abs=1e-3)
    both = precision_recall_points(p)
    assert len(both) <= POINTS
    assert both["recall"].is_monotonic_increasing
    area = np.trapezoid(both["precision"], both["recall"])
    assert area == pytest.approx(sk.average_precision_score(p.y_true, p.y_prob), abs=0.01)


def test_curves_of_one_class_are_empty_and_typed() -> None:
    y_prob = np.linspace(0, 1, 9)
    negative = Predictions(np.zeros(9, np.int64), y_prob, np.zeros(9, np.int64))
    positive = Predictions(np.ones(9, np.int64), y_prob, np.ones(9, np.int64))
    for p in (negative, positive):
        assert roc_points(p).empty
        assert list(roc_points(p).columns) == ["fpr", "tpr"]
    assert precision_recall_points(negative).empty
    assert (precision_recall_points(positive)["precision"] == 1).all()


def test_decisions_stand_on_the_curves() -> None:
    p = predictions(300)
    found = decision_point(p)
    assert found["recall"] == pytest.approx(sk.recall_score(p.y_true, p.y_pred))
    assert found["precision"] == pytest.approx(sk.precision_score(p.y_true, p.y_pred))
    assert found["fpr"] == pytest.approx(1 - sk.recall_score(p.y_true, p.y_pred, pos_label=0))
    nobody = Predictions(p.y_true, p.y_prob, np.zeros_like(p.y_true))
    assert np.isnan(decision_point(nobody)["precision"])


def test_confusion_has_a_row_a_case_and_tells_no_order() -> None:
    p = predictions(200)
    cases = confusion_cases(p, ["paid", "late"])
    found = pd.crosstab(cases["actual"], cases["predicted"])
    expected = sk.confusion_matrix(p.y_true, p.y_pred)
    assert found.loc[["paid", "late"], ["paid", "late"]].to_numpy().tolist() == expected.tolist()
    order = np.random.default_rng(0).permutation(200)
    shuffled = Predictions(p.y_true[order], p.y_prob[order], p.y_pred[order])
    assert confusion_cases(shuffled, ["paid", "late"]).equals(cases)


def test_calibration_points_are_sklearns_with_wilsons_interval() -> None:
    p = predictions(1000)
    points = calibration_points(p)
    share, probability = calibration_curve(p.y_true, p.y_prob, n_bins=10, strategy="quantile")
    assert points["prob_true"].to_numpy() == pytest.approx(share)
    assert points["prob_pred"].to_numpy() == pytest.approx(probability)
    assert points["count"].tolist() == [100] * 10
    low, high = wilson_interval(share * 100, np.full(10, 100))
    assert points["low"].to_numpy() == pytest.approx(low)
    assert points["high"].to_numpy() == pytest.approx(high)
    assert ((points["low"] < points["prob_true"]) & (points["prob_true"] < points["high"])).all()
    error = np.average((points["prob_true"] - points["prob_pred"]).abs(), weights=points["count"])
    metric = METRICS["expected_calibration_error"]
    assert metric.compute(p, np.ones((1, 1000)))[0] == pytest.approx(error)


def test_value_at_each_threshold_is_the_metric_there() -> None:
    p = predictions(150)
    points = value_points(p, COSTS, 200, 3).set_index("threshold")
    assert len(points) == 101
    metric = METRICS["expected_value"]
    for threshold in (0.0, 0.4, 0.77, 1.0):
        decided = (p.y_prob >= threshold).astype(np.int64)
        there = Predictions(p.y_true, p.y_prob, decided, COSTS)
        value = metric.compute(there, np.ones((1, 150)))[0]
        assert points.loc[threshold, "value"] == pytest.approx(value)
    at = Predictions(p.y_true, p.y_prob, (p.y_prob >= 0.4).astype(np.int64), COSTS)
    drawn = measure_all(at, 200, 3, metrics=[metric])["expected_value"].samples
    assert points.loc[0.4, ["low", "high"]].tolist() == pytest.approx(interval(drawn))
