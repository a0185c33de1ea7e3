from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.audit.evidence import Evidence
from stages.audit.safety import examine
from stages.audit.safety.disturbances import far_out, with_unseen, without
from stages.audit.safety.noise import noisy
from stages.audit.safety.slices import slice_gaps, slices
from stages.core.errors import LoopwrightError
from stages.core.metrics import expected_value
from stages.core.params import AuditSafety
from stages.core.verdicts import Verdict

from .conftest import SCHEMA, Make, Scorer, table, truth

BOUNDS = AuditSafety(
    noise=0.01,
    significant_digits=2,
    max_flip_rate=0.05,
    max_code_flip_rate=0.25,
    worst_slice_gap=0.1,
    min_slice_size=200,
    max_out_of_range=0.01,
    out_of_range="report",
    coverage=0.9,
    min_slice_coverage=0.8,
)


def found(e: Evidence, bounds: AuditSafety = BOUNDS) -> dict[str, Verdict]:
    return {verdict.id.partition(".")[2]: verdict for verdict in examine(e, bounds).verdicts}


def test_a_sound_model_raises_no_alarm(make: Make) -> None:
    answers = found(make())
    assert not {name for name, verdict in answers.items() if verdict.status == "fail"}
    assert {name for name, verdict in answers.items() if verdict.status == "warn"} <= {
        "worst_slice"
    }
    assert "insufficient" not in {verdict.status for verdict in answers.values()}


# --- noise ------------------------------------------------------------------------------------


def knife_edge(frame: pd.DataFrame) -> Any:
    """What decides is the last digit of the income."""
    return np.where((frame["income"] * 100).round() % 2 == 0, 0.9, 0.1)


def test_a_knife_edge_model_turns_under_noise(make: Make) -> None:
    verdict = found(make(knife_edge))["noise"]
    assert verdict.status == "fail"
    assert isinstance(verdict.value, float)
    assert verdict.value == pytest.approx(0.5, abs=0.05)


def test_without_numbers_there_is_no_noise(make: Make) -> None:
    e = make(lambda frame: truth(frame.assign(income=0.0)), manifest={"inputs": ["late", "town"]})
    assert found(e)["noise"].status == "not_applicable"
    assert found(e)["extreme_values"].status == "not_applicable"


def test_noise_keeps_types_gaps_and_the_frame() -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 2**62], dtype="Int64"),
            "plain": [1, 2, 3],
            "real": [0.0, np.nan, 1.0],
            "other": [1.0, 2.0, 3.0],
        }
    )
    before = frame.copy()
    moved = noisy(frame, {"whole": 2.0**62, "plain": 5.0, "real": 1.0}, np.random.default_rng(0))
    pd.testing.assert_frame_equal(frame, before)
    assert moved.dtypes.to_dict() == frame.dtypes.to_dict()
    assert moved.isna().equals(frame.isna())
    assert (moved["plain"] != frame["plain"]).any()
    assert moved["other"].equals(frame["other"])


# --- disturbed inputs -------------------------------------------------------------------------


def crashes_without_late(frame: pd.DataFrame) -> Any:
    if frame["late"].isna().any():
        raise ValueError("late")
    return truth(frame)


def refuses_missing(frame: pd.DataFrame) -> Any:
    if frame[["late", "income"]].isna().any(axis=None):
        raise LoopwrightError("column 'late' row 1: a value is missing")
    return truth(frame)


def no_number_without_income(frame: pd.DataFrame) -> Any:
    return np.where(frame["income"].isna(), np.nan, truth(frame))


@pytest.mark.parametrize(
    ("function", "status", "value"),
    [
        (truth, "pass", 0),
        (refuses_missing, "pass", 0),
        (crashes_without_late, "fail", 1),
        (no_number_without_income, "fail", 1),
    ],
)
def test_a_missing_value_must_not_break_it(
    make: Make, function: Callable[[pd.DataFrame], Any], status: str, value: int
) -> None:
    verdict = found(make(function))["missing_values"]
    assert (verdict.status, verdict.value) == (status, value)


def test_a_declared_gap_must_not_be_refused(make: Make) -> None:
    columns = dict(SCHEMA.columns)
    columns["income"] = columns["income"].model_copy(update={"nullable": True})
    e = make(refuses_missing, schema=SCHEMA.model_copy(update={"columns": columns}))
    verdict = found(e)["missing_values"]
    assert (verdict.status, verdict.value) == ("fail", 1)
    assert "income" in verdict.why


def by_name(frame: pd.DataFrame) -> Any:
    """A lookup that knows three towns."""
    return [{"Ulm": 0.1, "Bonn": 0.2, "Kiel": 0.3}[town] for town in frame["town"]]


def by_name_or_else(frame: pd.DataFrame) -> Any:
    return [{"Ulm": 0.1, "Bonn": 0.3}.get(town, 0.15) for town in frame["town"]]


@pytest.mark.parametrize(("function", "status"), [(by_name, "fail"), (by_name_or_else, "pass")])
def test_a_new_code_must_not_break_it(
    make: Make, function: Callable[[pd.DataFrame], Any], status: str
) -> None:
    verdict = found(make(function, manifest={"inputs": ["town"]}))["unseen_category"]
    assert verdict.status == status


def test_a_number_without_bounds_breaks_far_out(make: Make) -> None:
    e = make(lambda frame: np.maximum(frame["income"] / 10_000, 0))
    verdict = found(e)["extreme_values"]
    assert verdict.status == "fail"
    assert "income (no sound answer)" in verdict.why
    assert "disturbed" in examine(e, BOUNDS).figures


def test_where_nothing_answers_there_is_no_picture(make: Make) -> None:
    assert "disturbed" not in examine(make(by_name, manifest={"inputs": ["town"]}), BOUNDS).figures


def test_disturbed_frames_keep_types_and_the_frame() -> None:
    train = table(50, 0)
    frame = train.head(6)
    before = frame.copy()
    assert without(frame, "late")["late"].isna().all()
    assert without(frame, "town")["town"].isna().all()
    assert (with_unseen(frame, "late", train)["late"] == 5).all()
    assert not set(with_unseen(frame, "town", train)["town"]) & set(train["town"])
    far = far_out(frame, "age", train)["age"]
    assert far.dtype == np.int64
    width = train["age"].max() - train["age"].min()
    assert far.max() == train["age"].max() + 10 * width
    assert far.min() == train["age"].min() - 10 * width
    pd.testing.assert_frame_equal(frame, before)


# --- out of range -----------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "status"), [(0, "pass"), (15, "warn"), (100, "fail")])
def test_rows_outside_of_the_trained_range_are_counted(
    make: Make, world: tuple[pd.DataFrame, pd.DataFrame], count: int, status: str
) -> None:
    test = world[1].copy()
    test["income"] = test["income"].clip(world[0]["income"].min(), world[0]["income"].max())
    test.loc[: count - 1, "income"] = 99_999.0
    verdict = found(make(test=test))["out_of_range"]
    assert verdict.status == status
    assert verdict.value == count / len(test)
    assert (f"Income ({count})" in verdict.why) is (count > 0)


def test_without_ordered_inputs_there_is_no_range(make: Make) -> None:
    e = make(by_name_or_else, manifest={"inputs": ["town"]})
    assert found(e)["out_of_range"].status == "not_applicable"


# --- one answer to one question ---------------------------------------------------------------


def in_a_crowd(frame: pd.DataFrame) -> Any:
    """It ranks each row among those that come with it."""
    return frame["income"].rank(pct=True)


def by_place(frame: pd.DataFrame) -> Any:
    return np.where(frame.iloc[:, 0].astype(str).str.len() > 3, 0.3, 0.1)


class Moody:
    """It answers differently every time."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        y_prob = self.rng.random(len(frame))
        return np.column_stack([1 - y_prob, y_prob])


def careless(frame: pd.DataFrame) -> Any:
    frame["income"] = frame["income"].fillna(0) * 2
    return truth(frame)


def test_a_row_alone_gets_another_answer(make: Make) -> None:
    answers = found(make(in_a_crowd))
    assert answers["row_by_row"].status == "fail"
    assert answers["row_by_row"].value == 64
    assert answers["column_order"].status == "pass"


def test_the_order_of_the_columns_matters(make: Make) -> None:
    answers = found(make(by_place))
    assert answers["column_order"].status == "fail"
    assert answers["repeatable"].status == "pass"


def test_a_moody_model_is_not_repeatable(make: Make) -> None:
    verdict = found(make(model=Moody()))["repeatable"]
    assert verdict.status == "fail"
    assert "largest difference" in verdict.why


def test_a_careless_model_changes_what_it_is_given(make: Make) -> None:
    verdict = found(make(careless))["repeatable"]
    assert verdict.status == "fail"
    assert "income" in verdict.why


@pytest.mark.parametrize(
    ("away", "threshold", "status"),
    [
        (0.0, 0.2, "pass"),
        (1e-15, 0.2, "warn"),  # a difference of rounding
        (1e-9, 0.2, "fail"),
        (1e-15, 0.3, "fail"),  # and one that turns decisions
    ],
)
def test_a_difference_of_rounding_is_told(
    make: Make, away: float, threshold: float, status: str
) -> None:
    def rounded(frame: pd.DataFrame) -> Any:
        return np.full(len(frame), 0.3 - away if len(frame) == 1 else 0.3)

    verdict = found(make(rounded, threshold=threshold))["row_by_row"]
    assert verdict.status == status
    assert verdict.value == (64 if away else 0)


# --- slices -----------------------------------------------------------------------------------


def hard_on_kiel(frame: pd.DataFrame) -> Any:
    return np.clip(truth(frame) + np.where(frame["town"] == "Kiel", 0.25, 0), 0, 1)


def test_a_part_of_the_population_that_is_misjudged_is_found(make: Make) -> None:
    answer = examine(make(hard_on_kiel), BOUNDS)
    verdict = {v.id: v for v in answer.verdicts}["safety.worst_slice"]
    assert verdict.status == "fail"
    assert "town = Kiel, too high" in verdict.why
    assert answer.tables["Slices"][0]["Slice"] == "Kiel"
    assert "slices" in answer.figures


def test_too_few_rows_make_no_slice(make: Make) -> None:
    answer = examine(make(), BOUNDS.model_copy(update={"min_slice_size": 1900}))
    verdict = {v.id: v for v in answer.verdicts}["safety.worst_slice"]
    assert verdict.status == "insufficient"
    assert "slices" not in answer.figures
    assert answer.tables["Slices"] == []


def test_slices_are_those_of_the_schema(
    make: Make, world: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    test = world[1].copy()
    test.loc[:299, "income"] = np.nan
    e = make(test=test)
    cut = slices(e, 200)
    columns = {column for column, _ in cut.names}
    assert columns == {"sex", "age", "town", "income", "late"}
    assert ("sex", "male") in cut.names
    assert ("income", "missing") in cut.names
    sizes = dict(zip(cut.names, cut.inside.sum(axis=0), strict=True))
    assert sizes["sex", "male"] == (test["sex"] == 1).sum()
    assert sizes["income", "missing"] == 300
    quarters = [size for (column, _), size in sizes.items() if column == "income"]
    assert sum(quarters) == len(test)


def test_the_gap_of_a_slice_is_probability_less_share(make: Make) -> None:
    e = make(hard_on_kiel)
    for row in examine(e, BOUNDS).tables["Slices"]:
        if row["Column"] == "Town":
            inside = (e.test["town"] == row["Slice"]).to_numpy()
            assert row["Rows"] == inside.sum()
            assert row["Gap"] == pytest.approx(e.predicted[inside].mean() - e.y_true[inside].mean())
            assert row["Wrong decisions"] == pytest.approx(
                (e.predictions.y_pred != e.y_true)[inside].mean()
            )


def worlds(count: int) -> Iterator[tuple[Any, Any, Any]]:
    """A calibrated model, and forty slices that mean nothing."""
    rng = np.random.default_rng(7)
    for _ in range(count):
        y_prob = rng.uniform(0.05, 0.6, 600)
        inside = (rng.random((600, 40)) < 0.3).astype(np.float64)
        yield (rng.random(600) < y_prob).astype(np.int64), y_prob, inside


def test_the_intervals_hold_for_all_slices_at_once() -> None:
    """With intervals for one slice each, nearly every world would show a false alarm."""
    together = alone = 0
    for y_true, y_prob, inside in worlds(60):
        gaps, half = slice_gaps(y_prob - y_true, inside, 200, 0)
        together += bool((np.abs(gaps) <= half).all())
        wrong = [(y_prob - y_true)[column == 1] for column in inside.T]
        error = np.array([np.std(w) / np.sqrt(len(w)) for w in wrong])
        alone += bool((np.abs(gaps) <= 1.96 * error).all())
        assert gaps == pytest.approx([w.mean() for w in wrong])
        assert (half > 1.96 * error).mean() > 0.9
    assert together >= 50  # 95 % of 60 is 57, less three standard errors and a little
    assert alone < 35


# --- harm -------------------------------------------------------------------------------------


def upside_down(frame: pd.DataFrame) -> Any:
    return 1 - truth(frame)


@pytest.mark.parametrize(("function", "status"), [(truth, "pass"), (upside_down, "fail")])
def test_decisions_must_not_cost_more_than_none(
    make: Make, function: Callable[[pd.DataFrame], Any], status: str
) -> None:
    verdict = found(make(function, threshold=0.2 if function is truth else 0.8))["expected_harm"]
    assert verdict.status == status


def test_the_cost_is_the_value_with_another_sign(make: Make) -> None:
    e = make()
    rows = {row["Policy"]: row for row in examine(e, BOUNDS).tables["Cost of deciding"]}
    once = np.ones((1, len(e.y_true)))
    cost = rows["the model"]["Cost per 1,000, EUR"]
    assert cost == pytest.approx(-expected_value(e.predictions, once)[0])
    assert rows["act on nobody"]["Cost per 1,000, EUR"] == pytest.approx(60_000 * e.y_true.mean())
    assert rows["act on everybody"]["Acts on"] == 1
    assert rows["the model"]["Low"] < cost < rows["the model"]["High"]


def test_a_model_of_nothing_is_asked_nothing(make: Make) -> None:
    e = make(lambda frame: np.full(len(frame), 0.3), manifest={"inputs": []})
    answers = found(e)
    for name in ("noise", "missing_values", "unseen_category", "extreme_values", "out_of_range"):
        assert answers[name].status == "not_applicable"
    assert isinstance(e.model, Scorer)
    assert answers["row_by_row"].status == "pass"
