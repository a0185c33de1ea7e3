"""A model that is surer where it is right can leave the rest to a person."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stages.audit.evidence import Evidence
from stages.audit.safety.abstention import examine
from stages.core.params import Params

from .conftest import Make, table, truth
from .test_tasks import classes, numbers

__all__ = ["classes", "numbers"]


def too_sure(frame: Any) -> Any:
    """It is surest where a coin would do, and unsure where it knows."""
    y_prob = truth(frame)
    flat = np.abs(y_prob - 0.5) < 0.3
    return np.where(flat, np.where(y_prob > 0.5, 0.99, 0.01), np.where(y_prob > 0.5, 0.6, 0.4))


@pytest.mark.parametrize("seed", range(3))
def test_who_knows_what_it_does_not_know_passes(make: Make, chosen: Params, seed: int) -> None:
    test = table(2000, 40 + seed, first=3000)
    (verdict,) = examine(make(truth, test=test, threshold=0.5), chosen.audit.safety).verdicts
    assert verdict.status == "pass"
    (wrong,) = examine(make(too_sure, test=test, threshold=0.5), chosen.audit.safety).verdicts
    assert wrong.status == "fail"


def test_the_fewer_are_answered_the_more_are_right(make: Make, chosen: Params) -> None:
    e = make(truth, threshold=0.5)
    found = examine(e, chosen.audit.safety)
    rows = found.tables["Left to a person"]
    assert rows[0]["Answered"] == 1
    assert rows[0]["Right decisions"] == pytest.approx((e.predictions.y_pred == e.y_true).mean())
    assert rows[0]["Value per 1,000 answered, EUR"] == pytest.approx(
        1000 * e.predictions.row_values().mean()
    )
    assert rows[-1]["Right decisions"] > rows[0]["Right decisions"] + 0.1
    assert "abstention" in found.figures


def test_classes_say_how_sure_they_are_and_numbers_do_not(
    classes: Callable[..., Evidence], numbers: Callable[..., Evidence], chosen: Params
) -> None:
    (verdict,) = examine(classes(), chosen.audit.safety).verdicts
    assert verdict.status == "pass"
    (verdict,) = examine(numbers(), chosen.audit.safety).verdicts
    assert verdict.status == "not_applicable"
