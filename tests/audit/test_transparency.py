from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from stages.audit.evidence import Evidence
from stages.audit.transparency import CHECKS, examine
from stages.audit.transparency.documentation import documented
from stages.audit.transparency.importance import permutation_importance
from stages.audit.transparency.surrogate import fit_surrogate, surrogate_table, unexplained
from stages.core.params import AuditTransparency
from stages.core.schema import Schema
from stages.core.verdicts import Verdict

from .conftest import SCHEMA, Make

BOUNDS = AuditTransparency(
    permutation_repeats=3,
    min_rank_correlation=0.8,
    max_surrogate_gap=0.1,
    top_features=2,
    counterfactual_rows=20,
    max_changed_inputs=2,
    counterfactual_change=0.5,
    min_recourse=0.1,
)
INPUTS = ["income", "late", "age", "town"]


def found(e: Evidence, bounds: AuditTransparency = BOUNDS) -> dict[str, Verdict]:
    return {verdict.id.partition(".")[2]: verdict for verdict in examine(e, bounds).verdicts}


def linear(frame: pd.DataFrame) -> Any:
    """Late matters most, then age, then income; town does not."""
    income = frame["income"].clip(0, 10_000).fillna(0) / 10_000
    return (0.6 * frame["late"] / 5 + 0.3 * (frame["age"] - 18) / 62 + 0.05 * income).clip(0, 1)


class Moody:
    """It answers differently every time."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        y_prob = self.rng.random(len(frame))
        return np.column_stack([1 - y_prob, y_prob])


def test_a_plain_model_raises_no_alarm(make: Make) -> None:
    e = make(linear, manifest={"inputs": INPUTS})
    answer = examine(e, BOUNDS)
    assert {verdict.status for verdict in answer.verdicts} == {"pass"}
    assert {verdict.id for verdict in answer.verdicts} == {check.id for check in CHECKS}
    assert {"importance", "shapley_values", "reasons", "partial_dependence"} <= set(answer.figures)


def test_a_model_of_nothing_is_asked_nothing_more(make: Make) -> None:
    answers = found(make(lambda frame: np.full(len(frame), 0.3), manifest={"inputs": []}))
    assert answers["documented"].status == "pass"
    assert {v.status for n, v in answers.items() if n != "documented"} == {"not_applicable"}


# --- documentation ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "gap"),
    [
        ({"kind": "numeric", "title": "N", "unit": "EUR"}, None),
        ({"kind": "numeric", "title": " ", "unit": "EUR"}, "the title of n"),
        ({"kind": "numeric", "title": "N"}, "the unit of n"),
        ({"kind": "ordinal", "title": "N", "unit": "months"}, None),
        ({"kind": "ordinal", "title": "N"}, "the label of n = 1"),
        ({"kind": "categorical", "title": "N", "labels": {"1": "a", "2": "b"}}, None),
        ({"kind": "categorical", "title": "N", "labels": {"1": "a"}}, "the label of n = 2"),
    ],
)
def test_an_input_needs_words(column: dict[str, Any], gap: str | None) -> None:
    schema = Schema.model_validate({"columns": {"n": {"dtype": "int64", **column}}})
    verdict = documented(["n"], schema, pd.DataFrame({"n": [1, 2, 1]}), ())
    assert verdict.status == ("fail" if gap else "pass")
    assert gap is None or gap in verdict.why


def test_text_and_answers_are_their_own_words(world: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    columns = {
        "town": {"dtype": "str", "kind": "categorical", "title": "Town"},
        "yes": {"dtype": "boolean", "kind": "categorical", "title": "Yes"},
    }
    frame = world[0].assign(yes=True)
    verdict = documented(["town", "yes"], Schema.model_validate({"columns": columns}), frame, ())
    assert verdict.status == "pass"


def test_an_input_that_the_schema_does_not_know_has_no_words() -> None:
    verdict = documented(["ghost"], SCHEMA, pd.DataFrame(), ())
    assert (verdict.status, verdict.value) == ("fail", 1)


# --- importance -------------------------------------------------------------------------------


def test_the_order_is_that_of_the_weights(make: Make) -> None:
    e = make(linear, manifest={"inputs": INPUTS})
    importance = permutation_importance(e, INPUTS, 3)
    assert importance.order == ["late", "age", "income", "town"]
    assert (importance.moved[:, INPUTS.index("town")] == 0).all()
    assert (importance.lost[:, INPUTS.index("late")] > 0).all()
    assert np.ptp(importance.moved[:, INPUTS.index("late")]) > 0


def test_shuffling_moves_a_linear_model_by_the_mean_distance_of_pairs(make: Make) -> None:
    e = make(linear)
    importance = permutation_importance(e, ["late"], 2, size=2000)
    late = e.rows["late"].to_numpy()
    distance = np.abs(late[:, None] - late[None, :]).mean() * 0.6 / 5
    assert importance.moved.mean() == pytest.approx(distance, rel=0.03)


def test_an_order_that_changes_with_the_seed_fails(make: Make) -> None:
    verdict = found(make(model=Moody(), manifest={"inputs": INPUTS}))["importance"]
    assert verdict.status == "fail"
    assert verdict.interval is not None
    assert isinstance(verdict.value, float)
    assert verdict.interval[0] <= verdict.value <= verdict.interval[1]


def test_two_inputs_have_no_order_to_speak_of(make: Make) -> None:
    assert found(make())["importance"].status == "not_applicable"


def test_inputs_that_do_nothing_have_no_order(make: Make) -> None:
    e = make(lambda frame: np.full(len(frame), 0.3), manifest={"inputs": INPUTS})
    assert found(e)["importance"].status == "not_applicable"
    assert found(e)["surrogate"].status == "insufficient"


# --- surrogate --------------------------------------------------------------------------------


def test_what_is_unexplained_is_one_less_r2() -> None:
    rng = np.random.default_rng(0)
    y_prob = rng.random(300)
    retold = np.clip(y_prob + rng.normal(0, 0.1, 300), 0, 1)
    weights = np.vstack([np.ones(300, dtype=np.int64), rng.integers(0, 3, 300)])
    for row, value in zip(weights, unexplained(y_prob, retold, weights), strict=True):
        assert value == pytest.approx(1 - r2_score(y_prob, retold, sample_weight=row))


def steps(frame: pd.DataFrame) -> Any:
    old = frame["age"] >= 45
    return np.where(frame["late"] >= 3, 0.8, np.where(old, 0.3, 0.1))


def wave(frame: pd.DataFrame) -> Any:
    return 0.5 + 0.4 * np.sin(frame["income"].fillna(0) / 10)


@pytest.mark.parametrize(("function", "status"), [(steps, "pass"), (wave, "fail")])
def test_a_few_questions_retell_some_models(
    make: Make, function: Callable[[pd.DataFrame], Any], status: str
) -> None:
    verdict = found(make(function, manifest={"inputs": INPUTS}))["surrogate"]
    assert verdict.status == status
    if function is steps:
        assert verdict.value == pytest.approx(0, abs=1e-9)


def test_the_leaves_tell_the_rule_in_words(make: Make) -> None:
    e = make(steps, manifest={"inputs": INPUTS})
    rows = surrogate_table(e, fit_surrogate(e, INPUTS))
    assert [(row["Who"], row["Tree's probability"]) for row in rows] == [
        ("Months late above 2.5", pytest.approx(0.8)),
        ("Months late at most 2.5; Age above 44.5", pytest.approx(0.3)),
        ("Months late at most 2.5; Age at most 44.5", pytest.approx(0.1)),
    ]
    assert sum(row["Share of test"] for row in rows) == pytest.approx(1)
    assert rows[0]["Share of test"] == pytest.approx((e.test["late"] >= 3).mean())


def by_code(frame: pd.DataFrame) -> Any:
    men = frame["sex"] == 1
    return np.where(frame["town"] == "Kiel", 0.8, np.where(men, 0.4, 0.1))


def test_codes_and_texts_are_told_by_name(make: Make) -> None:
    e = make(by_code, manifest={"inputs": ["sex", "town"]})
    rows = surrogate_table(e, fit_surrogate(e, ["sex", "town"]))
    told = {frozenset(row["Who"].split("; ")) for row in rows}
    assert told == {
        frozenset({"Town: Kiel"}),
        *(
            frozenset({f"Town: {town}", f"Sex: {sex}"})
            for town in ("Bonn", "Ulm")
            for sex in ("male", "female")
        ),
    }


def test_of_thousands_of_codes_a_few_are_named(make: Make) -> None:
    e = make(lambda frame: np.where(frame["town"].astype(str) > "town_1000", 0.8, 0.1))
    codes = pd.Series([f"town_{i % 2000:04}" for i in range(max(len(e.train), len(e.test)))])
    train, test = (rows.assign(town=codes[: len(rows)].to_numpy()) for rows in (e.train, e.test))
    e = replace(e, train=train, test=test)
    rows = surrogate_table(e, fit_surrogate(e, ["town"]))
    assert [len(row["Who"]) < 200 for row in rows] == [True, True]
    assert rows[1]["Who"].startswith("Town: town_0000, town_0001, ")
    assert rows[1]["Who"].endswith("town_0011, 989 more")


def test_a_constant_model_has_one_leaf(make: Make) -> None:
    e = make(lambda frame: np.full(len(frame), 0.3))
    rows = surrogate_table(e, fit_surrogate(e, ["late"]))
    assert [(row["Who"], row["Share of test"]) for row in rows] == [("everybody", 1.0)]


def test_a_number_between_two_questions_is_told_as_a_range(make: Make) -> None:
    e = make(lambda frame: np.where(frame["late"].between(2, 3), 0.8, 0.1))
    who = [row["Who"] for row in surrogate_table(e, fit_surrogate(e, ["late"]))]
    assert who[0] == "Months late 1.5 to 3.5"
