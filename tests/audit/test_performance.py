from collections.abc import Callable
from dataclasses import replace
from math import hypot
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.audit.evidence import Evidence
from stages.audit.performance import examine, reflected, worsening
from stages.audit.performance.gains import better
from stages.core.metrics import METRICS, cost_threshold, measure_all
from stages.core.params import AuditPerformance, Criterion
from stages.core.statistics import Estimate
from stages.core.verdicts import Verdict

from .conftest import Make, table, truth

BOUNDS = AuditPerformance(min_events=100, max_gap=0.02, max_calibration_error=0.05, champion=None)


def found(e: Evidence, bounds: AuditPerformance = BOUNDS) -> dict[str, Verdict]:
    return {verdict.id.partition(".")[2]: verdict for verdict in examine(e, bounds).verdicts}


def noise(frame: pd.DataFrame) -> Any:
    return np.random.default_rng(5).random(len(frame))


def overconfident(frame: pd.DataFrame) -> Any:
    return np.clip(2.5 * (truth(frame) - 0.3) + 0.3, 0.01, 0.99)


# --- the size of test -------------------------------------------------------------------------


@pytest.mark.parametrize(("events", "status"), [(400, "pass"), (100_000, "insufficient")])
def test_an_answer_needs_rows_of_both_outcomes(make: Make, events: int, status: str) -> None:
    e = make()
    verdict = found(e, BOUNDS.model_copy(update={"min_events": events}))["test_size"]
    assert verdict.status == status
    assert verdict.value == min(e.y_true.sum(), len(e.y_true) - e.y_true.sum())


def test_one_outcome_alone_answers_nothing_and_breaks_nothing(make: Make) -> None:
    only = table(300, 3).assign(y=0)
    answers = found(make(test=only))
    assert answers["test_size"].status == "insufficient"
    assert answers["criterion:roc_auc"].status == "insufficient"


# --- the charter's promises -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "at_least", "status"),
    [(truth, 0.7, "pass"), (noise, 0.7, "fail"), (truth, 0.99, "fail")],
)
def test_a_promise_is_kept_or_not(
    make: Make, function: Callable[[pd.DataFrame], Any], at_least: float, status: str
) -> None:
    promise = Criterion(metric="roc_auc", at_least=at_least, why="it pays")
    verdict = found(make(function, criteria=(promise,)))["criterion:roc_auc"]
    assert verdict.status == status
    assert "it pays" in verdict.why


def test_a_promise_within_the_noise_warns(make: Make) -> None:
    auc = found(make())["criterion:roc_auc"].value
    assert isinstance(auc, float)
    promise = Criterion(metric="roc_auc", at_least=auc - 0.001, why="it pays")
    assert found(make(criteria=(promise,)))["criterion:roc_auc"].status == "warn"


def test_two_bounds_on_one_metric_are_two_answers(make: Make) -> None:
    both = (
        Criterion(metric="recall", at_least=0.2, why="find them"),
        Criterion(metric="recall", at_most=0.3, why="the desk is small"),
    )
    answers = found(make(criteria=both))
    assert answers["criterion:recall at least"].status == "pass"
    assert answers["criterion:recall at most"].status == "fail"


# --- calibration ------------------------------------------------------------------------------


@pytest.mark.parametrize(("function", "status"), [(truth, "pass"), (overconfident, "fail")])
def test_probabilities_are_shares_of_cases_or_not(
    make: Make, function: Callable[[pd.DataFrame], Any], status: str
) -> None:
    assert found(make(function))["calibration"].status == status


def test_few_rows_accuse_no_perfect_model(make: Make) -> None:
    few = [make(test=table(500, 60 + seed)) for seed in range(12)]
    found_in = [found(e, BOUNDS.model_copy(update={"max_calibration_error": 0.03})) for e in few]
    told = [answers["calibration"] for answers in found_in]
    assert sum(verdict.status == "fail" for verdict in told) <= 1
    beyond = [v for v in told if isinstance(v.value, float) and v.value > 0.03]
    assert beyond
    assert any("chance explains" in verdict.why for verdict in beyond)


def test_the_interval_of_a_calibration_error_is_reflected() -> None:
    estimate: Estimate = {"value": 0.1, "interval": (0.08, 0.15)}
    assert reflected(estimate)["interval"] == pytest.approx((0.05, 0.12))
    by_chance: Estimate = {"value": 0.02, "interval": (0.03, 0.06)}
    assert reflected(by_chance)["interval"] == (0.0, 0.02)
    undefined: Estimate = {"value": None, "interval": None}
    assert reflected(undefined) == undefined


# --- better than what there was ---------------------------------------------------------------


def test_a_good_model_beats_rule_and_dummy(make: Make) -> None:
    threshold = cost_threshold(make().costs)
    answers = found(make(threshold=threshold))
    assert answers["better_than_rule"].status == "pass"
    assert answers["better_than_dummy"].status == "pass"


def test_deciding_as_the_rule_does_is_not_better(make: Make) -> None:
    verdict = found(make(rule_decisions=make().predictions.y_pred))["better_than_rule"]
    assert (verdict.status, verdict.value, verdict.interval) == ("fail", 0.0, (0.0, 0.0))


def test_the_value_over_the_rule_is_the_metric_of_that_name(make: Make) -> None:
    e = make()
    verdict = found(e)["better_than_rule"]
    expected = measure_all(e.predictions, 200, 0)["value_over_rule"].estimate()
    assert verdict.value == pytest.approx(expected["value"])
    assert verdict.interval == pytest.approx(expected["interval"])


def test_an_ideal_rule_need_not_be_beaten(make: Make) -> None:
    e = make(rule_role="ideal")
    verdict = found(replace(e, rule_decisions=e.y_true))["better_than_rule"]
    assert verdict.status == "not_applicable"
    assert isinstance(verdict.value, float)
    assert verdict.value < 0


def test_the_share_of_positives_is_no_knowledge(make: Make) -> None:
    share = make().train["y"].mean()
    verdict = found(make(lambda frame: np.full(len(frame), share)))["better_than_dummy"]
    assert verdict.status == "fail"
    assert verdict.value == pytest.approx(0, abs=1e-12)


def test_worse_than_the_dummy_fails(make: Make) -> None:
    assert found(make(noise))["better_than_dummy"].status == "fail"


# --- validation and test ----------------------------------------------------------------------


def with_validation(e: Evidence, shift: float) -> Evidence:
    """Evidence whose validation was better than test by `shift`, in every metric."""
    moved: dict[str, Estimate] = {}
    for name, drawn in measure_all(e.predictions, 200, 0).items():
        estimate = drawn.estimate()
        value, interval = estimate["value"], estimate["interval"]
        assert value is not None
        assert interval is not None
        by = shift if METRICS[name].direction == "higher" else -shift
        moved[name] = {"value": value + by, "interval": (interval[0] + by, interval[1] + by)}
    return replace(e, evaluation={**e.evaluation, "metrics": {"validation": moved}})


@pytest.mark.parametrize(("shift", "status"), [(0.1, "fail"), (0.0, "warn"), (-0.1, "pass")])
def test_worse_on_test_than_where_it_was_chosen(make: Make, shift: float, status: str) -> None:
    answers = found(with_validation(make(), shift))
    for name in ("gap:roc_auc", "gap:log_loss"):
        assert answers[name].value == pytest.approx(shift)
        assert answers[name].status == status


def test_without_a_value_on_validation_the_gap_fails(make: Make) -> None:
    assert {found(make())[f"gap:{name}"].status for name in ("roc_auc", "log_loss")} == {"fail"}


def test_the_interval_of_a_worsening_squares_and_adds() -> None:
    before: Estimate = {"value": 0.8, "interval": (0.77, 0.82)}
    after: Estimate = {"value": 0.7, "interval": (0.66, 0.74)}
    higher = worsening(METRICS["roc_auc"], before, after)
    assert higher["value"] == pytest.approx(0.1)
    assert higher["interval"] == pytest.approx((0.1 - hypot(0.03, 0.04), 0.1 + hypot(0.02, 0.04)))
    lower = worsening(METRICS["log_loss"], before, after)
    assert lower["value"] == pytest.approx(-0.1)
    assert lower["interval"] == pytest.approx((-0.1 - hypot(0.02, 0.04), -0.1 + hypot(0.03, 0.04)))


def test_the_interval_of_a_worsening_is_that_of_two_independent_bootstraps() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(0.8, 0.01, 100_000), rng.normal(0.75, 0.02, 100_000)
    ends = [np.quantile(d, [0.025, 0.975]) for d in draws]
    estimates: list[Estimate] = [
        {"value": value, "interval": (float(low), float(high))}
        for value, (low, high) in zip((0.8, 0.75), ends, strict=True)
    ]
    found = worsening(METRICS["roc_auc"], *estimates)["interval"]
    assert found == pytest.approx(tuple(np.quantile(draws[0] - draws[1], [0.025, 0.975])), abs=5e-4)


def test_an_undefined_value_leaves_the_gap_undefined() -> None:
    known: Estimate = {"value": 0.8, "interval": (0.7, 0.9)}
    nothing: Estimate = {"value": None, "interval": None}
    for pair in ((known, nothing), (nothing, known)):
        assert worsening(METRICS["roc_auc"], *pair) == nothing


# --- the tables and pictures ------------------------------------------------------------------


def test_the_calibration_table_is_that_of_sklearn(make: Make) -> None:
    from sklearn.calibration import calibration_curve

    e = make()
    rows = examine(e, BOUNDS).tables["Calibration"]
    came_true, mean = calibration_curve(e.y_true, e.predicted, n_bins=10, strategy="quantile")
    assert [row["Came true"] for row in rows] == pytest.approx(came_true)
    assert [row["Mean probability"] for row in rows] == pytest.approx(mean)


def test_without_criteria_there_is_no_picture_of_them(make: Make) -> None:
    assert set(examine(make(criteria=()), BOUNDS).figures) == {"calibration"}
    assert set(examine(make(), BOUNDS).figures) == {"calibration", "criteria"}


def test_a_gain_that_is_undefined_answers_nothing() -> None:
    assert better("a.b", {"value": None, "interval": None}, (), "").status == "insufficient"
