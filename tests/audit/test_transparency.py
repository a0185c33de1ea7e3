from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from stages.audit.evidence import Evidence
from stages.audit.transparency import (
    curve,
    documented,
    examine,
    explain_examples,
    fit_surrogate,
    permutation_importance,
    reasons,
    surrogate_table,
    typical_row,
    unexplained,
)
from stages.core.params import AuditTransparency
from stages.core.schema import Schema
from stages.core.verdicts import Verdict

from .conftest import SCHEMA, Make, table, truth

BOUNDS = AuditTransparency(
    permutation_repeats=3, min_rank_correlation=0.8, max_surrogate_gap=0.1, top_features=2
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
    assert [verdict.status for verdict in answer.verdicts] == ["pass"] * 4
    assert set(answer.figures) == {"importance", "partial_dependence", "reasons"}


def test_a_model_of_nothing_is_asked_nothing_more(make: Make) -> None:
    answers = found(make(lambda frame: np.full(len(frame), 0.3), manifest={"inputs": []}))
    assert answers["documented"].status == "pass"
    assert {answers[n].status for n in ("importance", "surrogate", "reasons")} == {"not_applicable"}


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


def test_a_constant_model_has_one_leaf(make: Make) -> None:
    e = make(lambda frame: np.full(len(frame), 0.3))
    rows = surrogate_table(e, fit_surrogate(e, ["late"]))
    assert [(row["Who"], row["Share of test"]) for row in rows] == [("everybody", 1.0)]


def test_a_number_between_two_questions_is_told_as_a_range(make: Make) -> None:
    e = make(lambda frame: np.where(frame["late"].between(2, 3), 0.8, 0.1))
    who = [row["Who"] for row in surrogate_table(e, fit_surrogate(e, ["late"]))]
    assert who[0] == "Months late 1.5 to 3.5"


# --- reasons ----------------------------------------------------------------------------------


def rows_and_reference() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = table(6, 4).drop(columns="y")
    return rows, typical_row(table(500, 5).drop(columns="y"))


def test_the_reasons_of_a_sum_are_its_parts() -> None:
    rows, reference = rows_and_reference()
    found = reasons(
        lambda f: np.asarray(linear(f)), rows, reference, INPUTS, np.random.default_rng(0)
    )
    start = reference.iloc[0]
    assert found[:, 0] == pytest.approx(0.05 * (rows["income"] - start["income"]) / 10_000)
    assert found[:, 1] == pytest.approx(0.6 * (rows["late"] - start["late"]) / 5)
    assert found[:, 2] == pytest.approx(0.3 * (rows["age"] - start["age"]) / 62)
    assert (found[:, 3] == 0).all()


def test_two_that_act_together_share_as_shapley_says() -> None:
    def product(frame: pd.DataFrame) -> Any:
        return frame["late"] / 10 * (frame["age"] / 100)

    rows, reference = rows_and_reference()
    found = reasons(
        lambda f: np.asarray(product(f)), rows, reference, ["late", "age"], np.random.default_rng(0)
    )
    a0, b0 = reference["late"].iloc[0] / 10, reference["age"].iloc[0] / 100
    a1, b1 = rows["late"] / 10, rows["age"] / 100
    assert found[:, 0] == pytest.approx((a1 - a0) * (b0 + b1) / 2)
    assert found[:, 1] == pytest.approx((b1 - b0) * (a0 + a1) / 2)


def test_reasons_add_up(make: Make) -> None:
    e = make(manifest={"inputs": ["income", "late"]})
    explained = explain_examples(e, ["income", "late"])
    way = explained.told - explained.start
    assert explained.contributions.sum(axis=1) == pytest.approx(way, abs=1e-12)
    assert found(e)["reasons"].status == "pass"


def secretive(frame: pd.DataFrame) -> Any:
    """It also looks at what its manifest does not name."""
    return np.clip(truth(frame) + 0.1 * (frame["sex"] == 1), 0, 1)


def test_a_hidden_input_breaks_the_sum(make: Make) -> None:
    verdict = found(make(secretive))["reasons"]
    assert verdict.status == "fail"
    assert "something else moves the model" in verdict.why


def test_a_moody_model_has_no_reasons(make: Make) -> None:
    assert found(make(model=Moody()))["reasons"].status == "fail"


def test_the_examples_are_the_clearest_and_the_narrowest(make: Make) -> None:
    e = make()
    places = explain_examples(e, ["income", "late"]).places
    y_prob = e.predicted[places]
    assert y_prob[0] == e.predicted.max()
    assert y_prob[-1] == e.predicted.min()
    assert y_prob[1] == e.predicted[e.predicted >= 0.2].min()
    assert y_prob[2] == e.predicted[e.predicted < 0.2].max()


def test_where_all_are_acted_on_there_are_fewer_examples(make: Make) -> None:
    assert len(explain_examples(make(threshold=0.0), ["late"]).places) == 2


def test_the_typical_row_is_in_the_middle_and_of_the_same_types() -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([5, 1, None, 9, 2], dtype="Int64"),
            "real": [0.5, np.nan, 0.1, 0.2, 0.9],
            "text": pd.array(["a", "b", "b", None, "c"], dtype="str"),
            "kind": pd.Categorical(["x", "y", "y", "y", None]),
            "yes": [True, True, False, True, False],
            "day": pd.to_datetime(["2024-01-02"] * 5),
            "none": [np.nan] * 5,
        }
    )
    row = typical_row(frame)
    assert len(row) == 1
    assert row.dtypes.to_dict() == frame.dtypes.to_dict()
    assert row.iloc[0, :6].tolist() == [2, 0.2, "b", "y", True, pd.Timestamp("2024-01-02")]
    assert pd.isna(row["none"].iloc[0])


# --- curves and tables ------------------------------------------------------------------------


def test_a_curve_is_the_mean_with_the_input_set(make: Make) -> None:
    e = make(linear)
    grid, means = curve(e, "late")
    assert grid == [0, 1, 2, 3, 4]
    places = np.unique(np.linspace(0, len(e.rows) - 1, 300).astype(int))
    for value, mean in zip(grid, means, strict=True):
        assert mean == pytest.approx(linear(e.rows.iloc[places].assign(late=value)).mean())
    numbers, _ = curve(e, "income")
    assert len(numbers) == 12
    assert set(numbers) <= set(e.train["income"])


def test_curves_of_texts_and_gaps_are_drawn(
    make: Make, world: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    train, test = (frame.copy() for frame in world)
    for frame in (train, test):
        frame.loc[::7, "town"] = pd.NA
        frame.loc[::9, "income"] = np.nan
    e = make(by_code, train=train, test=test, manifest={"inputs": ["town", "sex", "income"]})
    answer = examine(e, BOUNDS.model_copy(update={"top_features": 3}))
    labels = [t.get_text() for t in answer.figures["partial_dependence"].axes[0].get_xticklabels()]
    assert labels == ["Bonn", "Kiel", "Ulm"]
    values = {row["Value"] for row in answer.tables["Reasons"] if row["Input"] == "Sex"}
    assert values <= {"male", "female"}
