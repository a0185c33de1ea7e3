"""The metrics of several classes and of numbers, against scikit-learn and by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sk

from stages.core.errors import LoopwrightError
from stages.core.metrics import (
    METRICS,
    AnyPredictions,
    ClassPredictions,
    NumberPredictions,
    best_classes,
    calibration_by_chance,
    class_values,
    computable,
    decided,
    find_metric,
    measure_all,
)
from stages.core.params import ClassCosts, Costs, NumberCosts
from stages.core.statistics import bootstrap_weights

CLASSES = ("a", "b", "c")
CLASS_COSTS = ClassCosts.model_validate(
    {
        "currency": "EUR",
        "right": 1.0,
        "wrong": -2.0,
        "exceptions": ({"actual": "c", "decided": "a", "value": -50.0},),
        "source": "test",
    }
)
NUMBER_COSTS = NumberCosts(currency="EUR", per_unit_over=-1.0, per_unit_under=-3.0, source="test")


def classes(n: int = 400, seed: int = 0) -> ClassPredictions:
    rng = np.random.default_rng(seed)
    y_prob = rng.dirichlet([1.0, 2.0, 0.5], n)
    y_true = np.array([rng.choice(3, p=0.5 * row + 0.5 / 3) for row in y_prob])
    return ClassPredictions(
        y_true, y_prob, y_prob.argmax(axis=1), CLASSES, CLASS_COSTS, rng.integers(-1, 3, n)
    )


def numbers(n: int = 400, seed: int = 0) -> NumberPredictions:
    rng = np.random.default_rng(seed)
    y_true = 1e6 + rng.gamma(2, 100, n)
    return NumberPredictions(
        y_true, y_true + rng.normal(3, 60, n).round(), NUMBER_COSTS, np.full(n, y_true.mean())
    )


def once(name: str, p: AnyPredictions, weight: np.ndarray | None = None) -> float:
    weights = np.ones((1, len(p))) if weight is None else weight[None, :]
    return float(METRICS[name].compute(p, weights)[0])


WEIGHTS = [None, np.random.default_rng(1).random(400), np.random.default_rng(2).integers(0, 4, 400)]


@pytest.mark.parametrize("weight", WEIGHTS)
def test_metrics_of_classes_agree_with_sklearn(weight: np.ndarray | None) -> None:
    p = classes()
    labels = [0, 1, 2]
    expected = {
        "log_loss": sk.log_loss(p.y_true, p.y_prob, labels=labels, sample_weight=weight),
        "brier_score": sk.brier_score_loss(
            p.y_true, p.y_prob, labels=labels, sample_weight=weight, scale_by_half=True
        ),
        "accuracy": sk.accuracy_score(p.y_true, p.y_pred, sample_weight=weight),
        "balanced_accuracy": sk.balanced_accuracy_score(p.y_true, p.y_pred, sample_weight=weight),
        "f1_macro": sk.f1_score(p.y_true, p.y_pred, average="macro", sample_weight=weight),
        "roc_auc_ovr": np.mean(
            [sk.roc_auc_score(p.y_true == k, p.y_prob[:, k], sample_weight=weight) for k in labels]
        ),
    }
    for name, value in expected.items():
        assert once(name, p, weight) == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("weight", WEIGHTS)
def test_metrics_of_numbers_agree_with_sklearn(weight: np.ndarray | None) -> None:
    p = numbers()
    pair = (p.y_true, p.y_pred)
    expected = {
        "root_mean_squared_error": sk.root_mean_squared_error(*pair, sample_weight=weight),
        "mean_absolute_error": sk.mean_absolute_error(*pair, sample_weight=weight),
        "r2": sk.r2_score(*pair, sample_weight=weight),
        "mean_error": abs(np.average(p.residuals, weights=weight)),
    }
    for name, value in expected.items():
        assert once(name, p, weight) == pytest.approx(value, rel=1e-10), name


def test_the_median_error_is_that_of_the_rows_drawn() -> None:
    p = numbers()
    for draw in next(bootstrap_weights(len(p), 20, np.random.default_rng(0))):
        rows = np.repeat(np.arange(len(p)), draw)
        found = once("median_absolute_error", p, draw)
        assert found == np.median(np.abs(p.residuals[rows]))


def test_a_class_that_never_occurs_leaves_the_others_defined() -> None:
    p = classes()
    rows = p.y_true != 2
    some = ClassPredictions(p.y_true[rows], p.y_prob[rows], p.y_pred[rows], CLASSES)
    measured = measure_all(some, 100, 0)
    assert all(np.isfinite(drawn.value) for drawn in measured.values())
    areas = [sk.roc_auc_score(some.y_true == k, some.y_prob[:, k]) for k in (0, 1)]
    assert measured["roc_auc_ovr"].value == pytest.approx(np.mean(areas))


def test_one_class_only_leaves_undefined_what_ranks() -> None:
    p = ClassPredictions(np.zeros(9, int), np.full((9, 3), 1 / 3), np.zeros(9, int), CLASSES)
    assert np.isnan(once("roc_auc_ovr", p))
    assert once("accuracy", p) == 1


def test_a_class_that_the_model_never_met_gets_no_probability() -> None:
    p = classes()
    strange = replace(p, y_true=np.full(len(p), -1))
    assert once("log_loss", strange) == pytest.approx(-np.log(np.finfo(float).eps))
    assert once("accuracy", strange) == 0
    assert once("expected_value", strange) == -2000


def test_the_values_of_classes_are_those_of_the_costs() -> None:
    values = class_values(CLASS_COSTS, CLASSES)
    assert values.tolist() == [
        [1, -2, -2, -2],
        [-2, 1, -2, -2],
        [-50, -2, 1, -2],
        [-2, -2, -2, -2],
    ]
    p = classes()
    expected = [
        1.0 if a == d else -50.0 if (a, d) == (2, 0) else -2.0
        for a, d in zip(p.y_true, p.y_pred, strict=True)
    ]
    assert once("expected_value", p) == pytest.approx(1000 * np.mean(expected))
    unknown = CLASS_COSTS.model_dump() | {
        "exceptions": ({"actual": "c", "decided": "d", "value": 0.0},)
    }
    with pytest.raises(LoopwrightError, match=r"exceptions.0.decided: no class 'd'"):
        class_values(ClassCosts.model_validate(unknown), CLASSES)


def test_the_decision_among_classes_is_that_with_the_greatest_expected_value() -> None:
    y_prob = classes().y_prob
    values = class_values(CLASS_COSTS, CLASSES)
    by_hand = [
        max(range(3), key=lambda d: sum(row[a] * values[a, d] for a in range(3))) for row in y_prob
    ]
    assert best_classes(y_prob, CLASS_COSTS, CLASSES).tolist() == by_hand
    assert by_hand != y_prob.argmax(axis=1).tolist()


def test_the_value_of_a_number_is_what_its_error_costs() -> None:
    p = NumberPredictions(
        np.array([10.0, 10.0]), np.array([12.0, 7.0]), NUMBER_COSTS, np.array([10.0, 10.0])
    )
    assert p.row_values().tolist() == [-2, -9]
    assert once("expected_value", p) == -5500
    assert once("value_over_rule", p) == -5500


def test_the_calibration_error_of_classes_is_that_of_the_likeliest() -> None:
    p = classes()
    top, hit = p.y_prob.max(axis=1), p.y_prob.argmax(axis=1) == p.y_true
    one = replace(p, calibration_bins=1)
    assert once("expected_calibration_error", one) == pytest.approx(abs(top.mean() - hit.mean()))
    chance = calibration_by_chance(p, 200, 0)
    assert chance.shape == (200,)
    assert np.quantile(chance, 0.95) < once("expected_calibration_error", p)


@pytest.mark.parametrize(("p", "metrics"), [(classes(), 9), (numbers(), 7)])
def test_every_metric_of_a_task_is_measured_with_an_interval(
    p: AnyPredictions, metrics: int
) -> None:
    measured = measure_all(p, 200, 0)
    assert len(measured) == metrics
    assert list(measured) == [metric.name for metric in computable(p)]
    for name, drawn in measured.items():
        estimate = drawn.estimate()
        assert estimate["interval"] is not None, name
        assert estimate["interval"][0] < estimate["interval"][1]
        metric = METRICS[name]
        assert p.task in metric.tasks
        assert metric.low <= drawn.value <= metric.high


def test_a_row_with_a_weight_counts_as_often() -> None:
    p, weight = numbers(), np.random.default_rng(3).integers(1, 4, 400).astype(float)
    weighted = measure_all(replace(p, sample_weight=weight), 50, 0)
    for name, drawn in weighted.items():
        assert drawn.value == pytest.approx(once(name, p, weight))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"y_prob": np.full((400, 2), 0.5)}, "a column a class"),
        ({"y_prob": np.full((400, 3), np.nan)}, "outside 0 to 1"),
        ({"y_pred": np.zeros(3, int)}, "one row each"),
    ],
)
def test_predictions_of_classes_that_cannot_be_are_refused(
    change: dict[str, np.ndarray], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        replace(classes(), **change)


def test_predictions_of_numbers_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="no finite numbers"):
        NumberPredictions(np.array([1.0]), np.array([np.inf]))
    with pytest.raises(ValueError, match="a value needs costs"):
        NumberPredictions(np.array([1.0]), np.array([1.0])).row_values()


def test_a_metric_of_another_task_is_refused() -> None:
    assert find_metric("r2", "x", "regression") is METRICS["r2"]
    with pytest.raises(LoopwrightError, match=r"'r2' is for regression tasks, and charter.task is"):
        find_metric("r2", "x", "binary")
    with pytest.raises(LoopwrightError, match="did you mean 'r2'"):
        find_metric("r", "x", "regression")


# --- decisions ----------------------------------------------------------------------------


def test_decisions_follow_from_the_costs() -> None:
    costs = Costs(
        currency="EUR",
        true_positive=-1.0,
        false_positive=-1.0,
        true_negative=0.0,
        false_negative=-4.0,
        source="test",
    )
    y, y_prob = np.array([0, 1, 0]), np.array([0.2, 0.25, 0.9])
    p = decided(y, y_prob, costs, rule_decisions=np.array([True, False, True]))
    assert p.y_pred.tolist() == [0, 1, 1]
    assert p.rule_decisions is not None and p.rule_decisions.tolist() == [1, 0, 1]
    assert decided(y, y_prob, costs, threshold=0.5).y_pred.tolist() == [0, 0, 1]


def test_decisions_among_classes_are_told_by_label() -> None:
    y_prob = classes(3).y_prob
    truth = np.array(["c", "a", "new"], dtype=object)
    rule = np.array(["b", None, "a"], dtype=object)
    p = decided(truth, y_prob, CLASS_COSTS, classes=CLASSES, rule_decisions=rule)
    assert isinstance(p, ClassPredictions)
    assert p.y_true.tolist() == [2, 0, -1]
    assert p.rule_decisions is not None and p.rule_decisions.tolist() == [1, -1, 0]
    assert p.y_pred.tolist() == best_classes(y_prob, CLASS_COSTS, CLASSES).tolist()


def test_a_number_that_the_rule_does_not_know_is_the_mean_of_the_others() -> None:
    y = np.array([1.0, 2.0, 3.0])
    p = decided(y, y, NUMBER_COSTS, rule_decisions=np.array([4.0, np.nan, 8.0]))
    assert p.rule_decisions is not None and p.rule_decisions.tolist() == [4, 6, 8]
    nothing = decided(y, y, NUMBER_COSTS, rule_decisions=np.full(3, np.nan))
    assert nothing.rule_decisions is not None and nothing.rule_decisions.tolist() == [0, 0, 0]
