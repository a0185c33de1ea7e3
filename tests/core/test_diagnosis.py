import numpy as np
import pytest

from stages.core.diagnosis import Diagnosis, diagnose
from stages.core.metrics import METRICS
from stages.core.params import Role
from stages.core.statistics import Drawn


def drawn(value: float, spread: float = 0.005, seed: int = 0) -> Drawn:
    noise = np.random.default_rng(seed).normal(size=500)
    return Drawn(value, value + spread * (noise - noise.mean()))


def told(
    train: float,
    validation: float,
    rule: float = 0.46,
    dummy: float = 0.53,
    missed: dict[str, bool] | None = None,
    role: Role = "start",
    metric: str = "log_loss",
) -> Diagnosis:
    # One seed for what is paired.
    return diagnose(
        METRICS[metric],
        train=drawn(train, seed=1),
        validation=drawn(validation, seed=2),
        baseline=drawn(rule, seed=2),
        dummy=drawn(dummy, seed=1),
        missed=missed or {},
        role=role,
    )


def test_a_small_error_that_holds_is_a_good_fit() -> None:
    found = told(train=0.40, validation=0.42)
    assert found.verdict == "good_fit"
    assert found.gap["value"] == pytest.approx(0.02)
    assert found.gain["value"] == pytest.approx(0.04)
    assert found.lost_share["value"] == pytest.approx(0.02 / 0.13)


def test_learning_the_rows_by_heart_is_high_variance() -> None:
    found = told(train=0.05, validation=0.45)
    assert found.verdict == "high_variance"
    assert "83%" in found.why


def test_half_of_what_was_learned_is_the_bound() -> None:
    assert told(train=0.33, validation=0.42).verdict == "good_fit"
    assert told(train=0.33, validation=0.44).verdict == "high_variance"


def test_a_gap_that_chance_explains_is_no_variance() -> None:
    found = told(train=0.520, validation=0.527)
    assert found.lost_share["value"] is None or found.lost_share["value"] > 0.5
    assert found.verdict == "high_bias"


def test_no_better_than_the_rule_is_high_bias() -> None:
    assert told(train=0.455, validation=0.4599, rule=0.46).verdict == "good_fit"
    assert told(train=0.455, validation=0.47, rule=0.46).verdict == "high_bias"
    assert told(train=0.455, validation=0.46, rule=0.46).verdict == "high_bias"


def test_a_criterion_missed_on_train_too_is_high_bias() -> None:
    found = told(train=0.40, validation=0.42, missed={"roc_auc": True})
    assert found.verdict == "high_bias"
    assert "roc_auc" in found.why


def test_a_criterion_that_train_meets_is_high_variance() -> None:
    found = told(train=0.38, validation=0.42, missed={"roc_auc": False})
    assert found.verdict == "high_variance"
    mixed = told(train=0.38, validation=0.42, missed={"roc_auc": False, "log_loss": True})
    assert mixed.verdict == "high_bias"


def test_an_ideal_may_be_better_but_not_clearly() -> None:
    near = told(train=0.41, validation=0.42, rule=0.42, role="ideal")
    assert near.verdict == "good_fit"
    far = told(train=0.41, validation=0.42, rule=0.30, role="ideal")
    assert far.verdict == "high_bias"


def test_a_metric_whose_higher_is_better_is_turned_into_an_error() -> None:
    found = told(train=0.84, validation=0.78, rule=0.65, dummy=0.5, metric="roc_auc")
    assert found.verdict == "good_fit"
    assert found.validation["value"] == pytest.approx(0.22)
    assert found.gap["value"] == pytest.approx(0.06)
    assert found.lost_share["value"] == pytest.approx(0.06 / 0.34)


def test_an_undefined_error_says_nothing() -> None:
    nothing = Drawn(np.nan, np.full(500, np.nan))
    found = diagnose(
        METRICS["roc_auc"],
        train=drawn(0.8),
        validation=nothing,
        baseline=nothing,
        dummy=drawn(0.5),
        missed={},
        role="start",
    )
    assert found.verdict == "insufficient"
    assert found.gap == {"value": None, "interval": None}


def test_nothing_learned_is_nothing_to_lose() -> None:
    found = told(train=0.53, validation=0.54, dummy=0.53)
    assert found.lost_share == {"value": None, "interval": None}
