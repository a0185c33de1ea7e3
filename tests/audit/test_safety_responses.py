"""What the charter promises of a column: one way only, or not at all."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.audit.evidence import Evidence
from stages.audit.safety.responses import examine
from stages.core.figures import save
from stages.core.params import Params
from stages.core.verdicts import Verdict

from .conftest import Make, truth
from .test_tasks import amount, chances, classes, numbers

__all__ = ["classes", "numbers"]


def answers(e: Evidence, chosen: Params) -> dict[str, Verdict]:
    return {v.id.partition(".")[2]: v for v in examine(e, chosen.audit.safety).verdicts}


def dips(frame: Any) -> Any:
    """Two months late are better than one."""
    return np.clip(truth(frame) - 0.4 * (frame["late"] == 2), 0, 1)


def sags(frame: Any) -> Any:
    """It falls a little at every step, and only for the rich."""
    return np.where(frame["income"] > 3500, 0.5 - 0.001 * frame["late"], truth(frame))


WAYS = {"late": "increasing", "income": "decreasing"}


def test_a_response_that_keeps_its_way_passes(make: Make, chosen: Params) -> None:
    found = answers(make(monotonic=WAYS), chosen)
    assert {name: v.status for name, v in found.items()} == {
        "monotonic:late": "pass",
        "monotonic:income": "pass",
        "invariant": "not_applicable",
    }


def test_a_response_that_turns_back_is_counted_and_measured(make: Make, chosen: Params) -> None:
    found = answers(make(dips, monotonic=WAYS), chosen)
    assert found["monotonic:income"].status == "pass"
    verdict = found["monotonic:late"]
    assert (verdict.status, verdict.value) == ("fail", 300)
    assert "by up to 0.3" in verdict.why or "by up to 0.2" in verdict.why
    some = answers(make(sags, monotonic={"late": "increasing"}), chosen)["monotonic:late"]
    assert some.status == "fail"
    assert isinstance(some.value, int)
    assert 30 < some.value < 150
    assert "0.004" in some.why
    upside = answers(make(monotonic={"late": "decreasing"}), chosen)["monotonic:late"]
    assert upside.status == "fail"


def reads_town(frame: Any) -> Any:
    return np.clip(truth(frame) + 0.001 * (frame["town"] == "Kiel"), 0, 1)


@pytest.mark.parametrize(("function", "status"), [(truth, "pass"), (reads_town, "fail")])
def test_what_must_not_matter_does_not_move_the_answer(
    make: Make, chosen: Params, tmp_path: Path, function: Callable[..., Any], status: str
) -> None:
    e = make(function, invariant=("town", "sex", "age"))
    found = answers(e, chosen)
    assert found["invariant:town"].status == status
    assert found["invariant:sex"].status == found["invariant:age"].status == "pass"
    assert found["monotonic"].status == "not_applicable"
    save(examine(e, chosen.audit.safety).figures["responses"], tmp_path / "responses.png")


def test_numbers_and_classes_keep_promises_too(
    numbers: Callable[..., Evidence], classes: Callable[..., Evidence], chosen: Params
) -> None:
    ways = {"late": "increasing", "income": "increasing"}
    found = answers(replace(numbers(), monotonic=ways, invariant=("town",)), chosen)
    assert {v.status for v in found.values()} == {"pass"}
    falls = numbers(lambda frame: amount(frame) - 150 * (frame["late"] == 3))
    verdict = answers(replace(falls, monotonic=ways), chosen)["monotonic:late"]
    assert verdict.status == "fail"
    assert "standard deviations" in verdict.why
    assert answers(replace(classes(), invariant=("income",)), chosen)[
        "invariant:income"
    ].status == ("pass")
    hasty = classes(lambda frame: chances(frame.assign(late=(frame["income"] > 3000) * 4.0)))
    assert answers(replace(hasty, invariant=("income",)), chosen)["invariant:income"].status == (
        "fail"
    )


def test_a_column_without_values_answers_nothing(make: Make, chosen: Params) -> None:
    e = make(invariant=("town",))
    empty = replace(e, train=e.train.assign(town=e.train["town"].mask(e.train["town"].notna())))
    assert answers(empty, chosen)["invariant:town"].status == "insufficient"
