"""A champion is held against the model on the same rows, in money."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stages.audit.evidence import Evidence
from stages.audit.performance.champion import over_champion
from stages.core.errors import LoopwrightError
from stages.core.params import AuditPerformance, Champion, Params
from stages.core.verdicts import Verdict

from .conftest import Make, table, truth
from .test_tasks import amount, chances, classes, numbers

__all__ = ["classes", "numbers"]


@pytest.fixture
def bounds(chosen: Params) -> AuditPerformance:
    return chosen.audit.performance.model_copy(update={"champion": Champion(predictions="told")})


def held(e: Evidence, bounds: AuditPerformance) -> Verdict:
    return over_champion(e, bounds, ())


def flat(frame: Any) -> Any:
    return np.full(len(frame), 0.3)


@pytest.mark.parametrize("seed", range(3))
def test_the_better_of_two_wins(make: Make, bounds: AuditPerformance, seed: int) -> None:
    test = table(2000, 30 + seed, first=3000)
    assert held(make(truth, test=test.assign(told=flat(test))), bounds).status == "pass"
    loses = held(make(flat, test=test.assign(told=truth(test))), bounds)
    assert loses.status == "fail"
    assert "2,000 rows of 2,000" in loses.why


def test_the_same_model_is_no_better(make: Make, bounds: AuditPerformance) -> None:
    test = table(2000, 2, first=3000)
    # Costs put the threshold at 0.2, where the model decides too.
    verdict = held(make(truth, test=test.assign(told=truth(test))), bounds)
    assert (verdict.status, verdict.value) == ("fail", 0)


def test_rows_of_which_it_says_nothing_are_left_out(make: Make, bounds: AuditPerformance) -> None:
    test = table(2000, 2, first=3000)
    told = np.where(np.arange(2000) < 500, flat(test), np.nan)
    e = make(truth, test=test.assign(told=told))
    values = e.predictions.row_values() - e.predictions.row_values(np.ones(2000, dtype=np.int64))
    verdict = held(e, bounds)
    assert verdict.value == pytest.approx(1000 * values[:500].mean())
    assert "500 rows of 2,000" in verdict.why
    told[50:] = np.nan
    assert held(make(truth, test=test.assign(told=told)), bounds).status == "insufficient"


def test_without_a_champion_nothing_is_asked(make: Make, chosen: Params) -> None:
    assert held(make(), chosen.audit.performance).status == "not_applicable"


@pytest.mark.parametrize(
    ("values", "inputs", "fault"),
    [
        (None, ["late"], "no column 'told'"),
        (0.5, ["late", "told"], "the model reads 'told'"),
        (1.5, ["late"], "no probability"),
        ("yes", ["late"], "no number"),
    ],
)
def test_what_is_no_prediction_is_an_error(
    make: Make, bounds: AuditPerformance, values: Any, inputs: list[str], fault: str
) -> None:
    test = table(2000, 2, first=3000)
    test = test if values is None else test.assign(told=values)
    with pytest.raises(LoopwrightError, match=fault):
        held(make(test=test, manifest={"inputs": inputs}), bounds)


def test_classes_and_numbers_have_champions_too(
    classes: Callable[..., Evidence], numbers: Callable[..., Evidence], bounds: AuditPerformance
) -> None:
    e = classes()
    best = np.array(e.classes, dtype=object)[e.decide(chances(e.test))]
    same = replace(e, test=e.test.assign(told=best))
    assert held(same, bounds).value == 0
    assert held(replace(e, test=e.test.assign(told="high")), bounds).status == "pass"
    e = numbers()
    assert held(replace(e, test=e.test.assign(told=amount(e.test))), bounds).value == 0
    assert held(replace(e, test=e.test.assign(told=amount(e.test) + 90)), bounds).status == "pass"
