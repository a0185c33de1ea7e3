import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from stages.core.confused import COLUMNS, confused_pairs, confusion
from stages.core.metrics import ClassPredictions, Predictions
from stages.core.statistics import bootstrap, interval, ratio, wilson_interval

CLASSES = ("ash", "beech", "cedar", "elm")


def predictions(seed: int = 0, n: int = 600) -> ClassPredictions:
    """Beeches are often taken for cedars."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 4, n)
    y_pred = np.where(rng.random(n) < 0.15, rng.integers(0, 4, n), y_true)
    y_pred = np.where((y_true == 1) & (rng.random(n) < 0.4), 2, y_pred)
    return ClassPredictions(y_true, np.full((n, 4), 0.25), y_pred, CLASSES)


def test_the_pairs_that_are_confused_most_come_first() -> None:
    p = predictions()
    counts = confusion(p)
    assert (counts == confusion_matrix(p.y_true, p.y_pred)).all()
    found = confused_pairs(p)
    first = found.iloc[0]
    assert (first["actual"], first["decided"]) == ("beech", "cedar")
    assert first["rows"] == counts[1, 2]
    assert first["share_of_actual"] == pytest.approx(counts[1, 2] / counts[1].sum())
    low, high = wilson_interval(counts[1, 2], counts[1].sum())
    assert (first["low"], first["high"]) == pytest.approx((low, high))
    assert found["rows"].is_monotonic_decreasing
    assert found["share_of_errors"].sum() == pytest.approx(1)


def test_two_classes_are_two_pairs() -> None:
    p = Predictions(np.array([0, 0, 1, 1, 1]), np.full(5, 0.5), np.array([0, 1, 1, 0, 0]))
    found = confused_pairs(p, ("paid", "late"))
    assert found[["actual", "decided", "rows"]].values.tolist() == [
        ["late", "paid", 2],
        ["paid", "late", 1],
    ]


def test_unknown_classes_are_left_out() -> None:
    p = ClassPredictions(
        np.array([0, -1, 1]), np.full((3, 2), 0.5), np.array([1, 0, -1]), ("a", "b")
    )
    assert confused_pairs(p)[["actual", "decided", "rows"]].values.tolist() == [["a", "b", 1]]


def test_nothing_confused_is_an_empty_table() -> None:
    y = np.array([0, 1, 2])
    found = confused_pairs(ClassPredictions(y, np.full((3, 4), 0.25), y, CLASSES))
    assert list(found.columns) == list(COLUMNS) and not len(found)


def test_repeated_entities_widen_the_interval_as_the_bootstrap_does() -> None:
    once = predictions()
    rows = np.repeat(np.arange(600), 4)
    p = ClassPredictions(once.y_true[rows], once.y_prob[rows], once.y_pred[rows], CLASSES)
    alone, entities = confused_pairs(once).iloc[0], confused_pairs(p, groups=rows).iloc[0]
    assert (entities["low"], entities["high"]) == pytest.approx(
        (alone["low"], alone["high"]), abs=2e-3
    )
    hit, own = (p.y_true == 1) & (p.y_pred == 2), p.y_true == 1
    drawn = bootstrap(lambda w: ratio(w @ hit, w @ own), 2400, 500, 0, rows)
    assert (entities["low"], entities["high"]) == pytest.approx(interval(drawn), abs=0.02)
    naive = confused_pairs(p).iloc[0]
    assert naive["high"] - naive["low"] < 0.6 * (entities["high"] - entities["low"])


def test_a_class_that_is_always_confused_is_worth_its_entities() -> None:
    y_true = np.repeat([0, 1], [40, 60])
    p = ClassPredictions(y_true, np.full((100, 2), 0.5), np.ones(100, dtype=np.int64), ("a", "b"))
    found = confused_pairs(p, groups=np.arange(100) // 10).iloc[0]
    low, high = wilson_interval(4, 4)
    assert (found["low"], found["high"]) == pytest.approx((low, high))
