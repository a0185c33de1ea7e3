from typing import get_args

import numpy as np
import pytest

from stages.core.errors import LoopwrightError
from stages.core.metrics import METRICS
from stages.core.params import Train
from stages.core.scoring import SCORES, check_classes, goodness, scores


def test_the_names_are_those_of_the_params_and_directions_those_of_the_metrics() -> None:
    assert set(SCORES) == set(get_args(Train.model_fields["scoring"].annotation))
    for name, (sign, _) in SCORES.items():
        assert METRICS[name].direction == ("higher" if sign > 0 else "lower")


def test_scores_by_hand() -> None:
    y_true, y_prob = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    chances = [0.9, 0.4, 0.4, 0.9]
    assert scores(y_true, y_prob) == {
        "log_loss": round(-np.log(chances).mean(), 6),
        "brier_score": round(np.mean([0.01, 0.36, 0.36, 0.01]), 6),
        "roc_auc": 0.75,  # 3 of 4 pairs in order
        "average_precision": round((1 + 2 / 3) / 2, 6),
    }
    assert list(scores(y_true, y_prob, ["roc_auc"])) == ["roc_auc"]


def test_a_certain_mistake_costs_much_but_not_everything() -> None:
    assert 30 < scores(np.array([1, 0]), np.array([0.0, 0.0]))["log_loss"] * 2 < 40


def test_higher_goodness_is_better() -> None:
    y_true = np.array([0, 0, 1, 1])
    good, bad = scores(y_true, np.array([0.1, 0.2, 0.7, 0.9])), scores(y_true, np.full(4, 0.5))
    for name in SCORES:
        assert goodness(name, good[name]) > goodness(name, bad[name])


def test_both_outcomes_are_needed() -> None:
    check_classes(np.array([0, 1]), "here")
    with pytest.raises(LoopwrightError, match="here: no row is positive among 3"):
        check_classes(np.array([0, 0, 0]), "here")
    with pytest.raises(LoopwrightError, match="here: every row is positive among 2"):
        check_classes(np.array([1, 1]), "here")
