from pathlib import Path

import pytest

from stages.core.criteria import judge, status_of, strictest
from stages.core.errors import LoopwrightError
from stages.core.params import Criterion
from stages.core.statistics import Estimate

EVIDENCE = [Path("data/evaluate/evaluation.json")]


def criterion(metric: str, **bound: float) -> Criterion:
    return Criterion(metric=metric, why="the reason", **bound)


def measured(value: float, low: float, high: float) -> Estimate:
    return {"value": value, "interval": (low, high)}


@pytest.mark.parametrize(
    ("estimate", "status"),
    [
        (measured(0.80, 0.77, 0.83), "pass"),
        (measured(0.77, 0.74, 0.80), "warn"),
        (measured(0.75, 0.72, 0.78), "fail"),
        ({"value": None, "interval": None}, "insufficient"),
    ],
)
def test_a_lower_bound_is_held_by_the_whole_interval(estimate: Estimate, status: str) -> None:
    asked = criterion("roc_auc", at_least=0.76)
    assert status_of(asked, estimate) == status
    verdict = judge(asked, estimate, "evaluate", "validation", EVIDENCE)
    assert (verdict.id, verdict.status) == ("evaluate.roc_auc", status)
    assert verdict.threshold == ">= 0.76"
    assert verdict.evidence == ("data/evaluate/evaluation.json",)
    assert verdict.why.startswith("ROC AUC on validation") and "the reason" in verdict.why


@pytest.mark.parametrize(
    ("estimate", "status"),
    [
        (measured(0.01, 0.005, 0.02), "pass"),
        (measured(0.02, 0.01, 0.04), "warn"),
        (measured(0.04, 0.02, 0.06), "fail"),
    ],
)
def test_an_upper_bound_is_held_by_the_whole_interval(estimate: Estimate, status: str) -> None:
    asked = criterion("expected_calibration_error", at_most=0.03)
    verdict = judge(asked, estimate, "performance", "test", EVIDENCE)
    assert (verdict.id, verdict.status) == ("performance.expected_calibration_error", status)
    assert verdict.threshold == "<= 0.03"


def test_a_verdict_is_rounded_after_it_is_decided() -> None:
    verdict = judge(
        criterion("roc_auc", at_least=0.76),
        measured(0.7600000004, 0.7599999996, 0.81),
        "evaluate",
        "validation",
        EVIDENCE,
    )
    assert verdict.status == "warn"
    assert (verdict.value, verdict.interval) == (0.76, (0.76, 0.81))


def test_a_large_bound_is_written_in_full() -> None:
    asked = criterion("value_over_rule", at_least=1_500_000)
    verdict = judge(asked, measured(2e6, 1.9e6, 2.1e6), "evaluate", "validation", EVIDENCE)
    assert verdict.threshold == ">= 1500000"


def test_the_strictest_of_two_bounds_decides() -> None:
    criteria = [
        criterion("roc_auc", at_least=0.7),
        criterion("log_loss", at_most=0.5),
        criterion("roc_auc", at_least=0.8),
        criterion("log_loss", at_most=0.4),
        criterion("roc_auc", at_least=0.75),
    ]
    found = strictest(criteria)
    assert [(c.metric, c.at_least, c.at_most) for c in found] == [
        ("roc_auc", 0.8, None),
        ("log_loss", None, 0.4),
    ]


def test_an_unknown_metric_is_refused_with_its_place() -> None:
    criteria = [criterion("roc_auc", at_least=0.7), criterion("log_los", at_most=0.5)]
    with pytest.raises(LoopwrightError) as fault:
        strictest(criteria)
    assert "charter.success_criteria.1.metric" in str(fault.value)
    assert "did you mean 'log_loss'?" in str(fault.value)
