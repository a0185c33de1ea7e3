from typing import get_args

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score

from stages.core.errors import LoopwrightError
from stages.core.metrics import METRICS
from stages.core.params import SCORINGS, Task, Train
from stages.core.scoring import SCORES, check_truth, goodness, predicted, scores

TRUTHS = {
    "binary": np.array([0, 0, 1, 1]),
    "multiclass": np.array(["a", "b", "c", "c"], dtype=object),
    "regression": np.array([1.0, 2.0, 4.0, 8.0]),
}
GOOD = {
    "binary": np.array([0.1, 0.2, 0.7, 0.9]),
    "multiclass": np.array([[0.8, 0.1, 0.1], [0.1, 0.7, 0.2], [0.1, 0.2, 0.7], [0.2, 0.2, 0.6]]),
    "regression": np.array([1.5, 2.0, 4.5, 7.0]),
}
BAD = {
    "binary": np.full(4, 0.5),
    "multiclass": np.full((4, 3), 1 / 3),
    "regression": np.full(4, 3.75),
}
LABELS = ("a", "b", "c")


def test_the_names_are_those_of_the_params_and_directions_those_of_the_metrics() -> None:
    assert {task: tuple(table) for task, table in SCORES.items()} == SCORINGS
    literals = [get_args(part) for part in get_args(Train.model_fields["scoring"].annotation)]
    assert {name for part in literals for name in part} == {n for t in SCORES.values() for n in t}
    for task, table in SCORES.items():
        for name, (sign, _) in table.items():
            assert METRICS[name].direction == ("higher" if sign > 0 else "lower")
            assert task in METRICS[name].tasks


def test_binary_scores_by_hand() -> None:
    y_true, y_prob = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    chances = [0.9, 0.4, 0.4, 0.9]
    assert scores("binary", y_true, y_prob) == {
        "log_loss": round(-np.log(chances).mean(), 6),
        "brier_score": round(np.mean([0.01, 0.36, 0.36, 0.01]), 6),
        "roc_auc": 0.75,  # 3 of 4 pairs in order
        "average_precision": round((1 + 2 / 3) / 2, 6),
    }
    assert list(scores("binary", y_true, y_prob, ["roc_auc"])) == ["roc_auc"]


def test_multiclass_scores_by_hand() -> None:
    y_true, y_prob = TRUTHS["multiclass"], GOOD["multiclass"]
    onehot = (y_true[:, None] == np.array(LABELS)).astype(float)
    found = scores("multiclass", y_true, y_prob, classes=LABELS)
    assert found == {
        "log_loss": round(-np.log([0.8, 0.7, 0.7, 0.6]).mean(), 6),
        "brier_score": round(float(((y_prob - onehot) ** 2).sum(axis=1).mean() / 2), 6),
        "roc_auc_ovr": round(roc_auc_score(onehot, y_prob, average="macro"), 6),
        "accuracy": 1.0,
    }


def test_a_class_that_does_not_occur_leaves_the_rest_defined() -> None:
    y_true, y_prob = TRUTHS["multiclass"][:2], GOOD["multiclass"][:2]
    found = scores("multiclass", y_true, y_prob, classes=LABELS)
    assert found["roc_auc_ovr"] == 1.0
    assert found["log_loss"] == round(-np.log([0.8, 0.7]).mean(), 6)


def test_regression_scores_by_hand() -> None:
    off = np.array([0.5, 0.0, 0.5, -1.0])
    spread = TRUTHS["regression"] - 3.75
    assert scores("regression", TRUTHS["regression"], GOOD["regression"]) == {
        "root_mean_squared_error": round(float(np.sqrt((off**2).mean())), 6),
        "mean_absolute_error": 0.5,
        "r2": round(float(1 - (off**2).sum() / (spread**2).sum()), 6),
    }


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_weight_is_a_repetition(task: Task) -> None:
    weight = np.array([1, 2, 3, 1])
    twice = np.repeat(np.arange(4), weight)
    y, found = TRUTHS[task], BAD[task] * 0.5 + GOOD[task] * 0.5
    weighted = scores(task, y, found, classes=LABELS, sample_weight=weight.astype(float))
    assert weighted == scores(task, y[twice], found[twice], classes=LABELS)


def test_a_certain_mistake_costs_much_but_not_everything() -> None:
    assert 30 < scores("binary", np.array([1, 0]), np.array([0.0, 0.0]))["log_loss"] * 2 < 40


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_higher_goodness_is_better(task: Task) -> None:
    good, bad = (scores(task, TRUTHS[task], found[task], classes=LABELS) for found in (GOOD, BAD))
    for name in SCORES[task]:
        assert goodness(name, good[name]) > goodness(name, bad[name])


def test_a_model_says_what_its_task_asks() -> None:
    X = np.arange(8.0).reshape(4, 2)
    for task, shape in (("binary", (4,)), ("multiclass", (4, 3))):
        model = LogisticRegression().fit(X, TRUTHS[task])
        assert predicted(model, X, task).shape == shape
    model = LogisticRegression().fit(X, TRUTHS["binary"])
    assert predicted(model, X, "binary").tolist() == model.predict_proba(X)[:, 1].tolist()
    line = LinearRegression().fit(X, TRUTHS["regression"])
    assert predicted(line, X, "regression").tolist() == line.predict(X).tolist()


def test_there_must_be_something_to_tell_apart() -> None:
    check_truth("binary", np.array([0, 1]), "here")
    with pytest.raises(LoopwrightError, match="here: no row is positive among 3"):
        check_truth("binary", np.array([0, 0, 0]), "here")
    with pytest.raises(LoopwrightError, match="here: every row is positive among 2"):
        check_truth("binary", np.array([1, 1]), "here")
    with pytest.raises(LoopwrightError, match="here: one class only among 2 rows"):
        check_truth("multiclass", np.array(["a", "a"], dtype=object), "here")
    with pytest.raises(LoopwrightError, match="here: one number only among 2 rows"):
        check_truth("regression", np.array([3.0, 3.0]), "here")
