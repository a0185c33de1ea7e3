"""Conformal sets: they hold the truth as often as promised, and who is left out is found."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stages.audit.evidence import Evidence
from stages.audit.safety.prediction_sets import (
    by_chance,
    exact_interval,
    examine,
    limit,
    prediction_sets,
    strangeness,
)
from stages.core.params import Params
from stages.core.verdicts import Verdict

from .conftest import Make, table, truth
from .test_tasks import amount, classes, numbers

__all__ = ["classes", "numbers"]


def answers(e: Evidence, chosen: Params) -> dict[str, Verdict]:
    return {v.id.partition(".")[2]: v for v in examine(e, chosen.audit.safety).verdicts}


def test_the_limit_is_the_quantile_of_finite_samples() -> None:
    strange = np.arange(1.0, 20.0)
    assert limit(strange, 0.9) == 18  # the 18th of 19: ceil(20 * 0.9)
    assert limit(strange[:8], 0.9) == np.inf


def test_adaptive_strangeness_is_what_is_likelier_and_a_part_of_the_own() -> None:
    y_prob = np.array([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1]])
    u = np.array([0.5, 1.0])
    found = strangeness(y_prob, "adaptive sets", u)
    assert found == pytest.approx(np.array([[0.25, 0.9, 0.65], [0.9, 0.8, 1.0]]))
    assert strangeness(y_prob, "least sets", u) == pytest.approx(1 - y_prob)


def test_chance_counts_the_rows_that_made_the_sets_and_those_they_are_for() -> None:
    rng = np.random.default_rng(0)
    covered = [(rng.random(400) <= limit(rng.random(200), 0.9)).sum() for _ in range(4000)]
    for few in (330, 345, 360):
        expected = np.mean(np.array(covered) <= few)
        assert by_chance(few, 400, 200, 0.9) == pytest.approx(expected, abs=0.02)


def test_the_interval_is_exact() -> None:
    low, high = exact_interval(np.array([0.0, 9.0, 10.0]), np.array([10.0, 10.0, 10.0]), 0.95)
    # Clopper and Pearson for 0, 9 and 10 of 10.
    assert low == pytest.approx([0, 0.5550, 0.6915], abs=1e-4)
    assert high == pytest.approx([0.3085, 0.9975, 1], abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_sets_of_a_true_model_hold_for_all(make: Make, chosen: Params, seed: int) -> None:
    e = make(test=table(2000, 20 + seed, first=3000), random_state=seed)
    found = answers(e, chosen)
    assert found["coverage"].value == pytest.approx(0.9, abs=0.03)
    assert {v.status for v in found.values()} == {"pass"}


def sure_of_kiel(frame: Any) -> Any:
    """About Kiel it is sure without a reason."""
    return np.where(frame["town"] == "Kiel", np.where(truth(frame) > 0.5, 0.02, 0.98), truth(frame))


@pytest.mark.parametrize("seed", range(3))
def test_a_part_that_is_promised_too_much_is_named(make: Make, chosen: Params, seed: int) -> None:
    e = make(sure_of_kiel, test=table(2000, 20 + seed, first=3000))
    verdict = answers(e, chosen)["slice_coverage"]
    assert verdict.status == "fail"
    assert "Town = Kiel" in verdict.why
    found = examine(e, chosen.audit.safety)
    assert found.tables["Coverage by slice"][0]["Slice"] == "Kiel"
    assert "coverage" in found.figures


def test_least_sets_are_the_smaller(make: Make) -> None:
    least, adaptive = prediction_sets(make(), 0.9)
    assert least.size.mean() < adaptive.size.mean()


def test_classes_have_sets(classes: Callable[..., Evidence], chosen: Params) -> None:
    assert answers(classes(), chosen)["slice_coverage"].status == "pass"


def test_a_number_has_an_interval(numbers: Callable[..., Evidence], chosen: Params) -> None:
    found = answers(numbers(), chosen)
    assert {v.status for v in found.values()} == {"pass"}
    (sets,) = prediction_sets(numbers(), 0.9)
    # The noise of the world has a deviation of 40: 1.645 of them to either side.
    assert sets.size.mean() == pytest.approx(2 * 1.645 * 40, rel=0.1)
    hard = numbers(lambda frame: amount(frame) + 120 * (frame["town"] == "Kiel"))
    verdict = answers(hard, chosen)["slice_coverage"]
    assert verdict.status == "fail"
    assert "Kiel" in verdict.why


def test_a_model_that_has_seen_validation_promises_too_much(make: Make, chosen: Params) -> None:
    seen = table(2000, 19, first=9000)

    def told(frame: Any) -> Any:
        known = frame["id"].map(seen.set_index("id")["y"])
        return truth(frame).clip(0.05, 0.95) * known.isna() + known.fillna(0) * 0.9 + 0.02

    for validation, status in ((table(2000, 18, first=6000), "pass"), (seen, "fail")):
        verdict = answers(make(told, validation=validation), chosen)["coverage"]
        assert verdict.status == status


def test_too_few_rows_make_no_sets(make: Make, chosen: Params) -> None:
    e = make(validation=table(8, 4))
    assert {v.status for v in answers(e, chosen).values()} == {"insufficient"}
