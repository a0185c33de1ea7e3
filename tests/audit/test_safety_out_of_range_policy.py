"""What to do with rows outside of the trained range has a price."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stages.audit.evidence import Evidence
from stages.audit.safety.out_of_range_policy import policy
from stages.core.params import AuditSafety, Params
from stages.core.ranges import clipped, outside

from .conftest import Make, table, truth
from .test_tasks import classes, numbers

__all__ = ["classes", "numbers"]


@pytest.fixture
def bounds(chosen: Params) -> Callable[[str], AuditSafety]:
    return lambda way: chosen.audit.safety.model_copy(update={"out_of_range": way})


def misjudged(seed: int) -> Any:
    """A fifth of the rows has an income in cents, and what happened knows nothing of it."""
    test = table(2000, 50 + seed, first=3000)
    test.loc[:399, "income"] *= 100
    return test


def in_euros(frame: Any) -> Any:
    income = frame["income"]
    return truth(frame.assign(income=income.where(income < 20_000, income / 100)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", ["refuse", "clip", "abstain"])
def test_a_policy_that_helps_passes_and_one_that_harms_fails(
    make: Make, bounds: Callable[[str], AuditSafety], way: str, seed: int
) -> None:
    test = misjudged(seed)
    # One model is thrown off by the unit, the other knows it: the policy takes that away.
    helped = policy(make(truth, test=test), bounds(way), ())
    assert helped.status == "pass"
    assert "(20" in helped.why
    sound = make(in_euros, test=test, rule_decisions=np.zeros(2000, dtype=np.int64))
    assert policy(sound, bounds(way), ()).status == "fail"


def test_rows_are_clipped_to_the_range_of_train(make: Make) -> None:
    e = make(test=misjudged(0))
    kept = clipped(e.rows, e.ranges)
    assert kept["income"].max() == e.train["income"].max()
    assert kept["town"].equals(e.rows["town"])
    assert outside(e.test, e.ranges).any(axis=1).sum() >= 400


def test_to_report_changes_nothing(make: Make, bounds: Callable[[str], AuditSafety]) -> None:
    verdict = policy(make(test=misjudged(0)), bounds("report"), ())
    assert verdict.status == "not_applicable"
    e = make()
    within = replace(e, test=e.train, predicted=e.ask(e.train))
    assert "no test row" in policy(within, bounds("clip"), ()).why


def test_classes_and_numbers_have_policies(
    classes: Callable[..., Evidence],
    numbers: Callable[..., Evidence],
    bounds: Callable[[str], AuditSafety],
) -> None:
    for e in (classes(), numbers()):
        narrow = replace(e, train=e.train[e.train["income"] < 3000])
        for way in ("refuse", "clip"):
            verdict = policy(narrow, bounds(way), ())
            assert verdict.status in ("pass", "fail")
            assert verdict.interval is not None
