from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.audit.evidence import Evidence
from stages.audit.transparency import examine
from stages.audit.transparency.counterfactuals import (
    Counterfactuals,
    counterfactual_table,
    draw_counterfactuals,
    explained_rows,
    faults,
    look_for,
    recourse,
    search,
    valid,
)

from .conftest import Make
from .test_tasks import classes, numbers  # noqa: F401 - fixtures
from .test_transparency import BOUNDS

BOTH = ["income", "late"]


def sloped(frame: pd.DataFrame) -> Any:
    """Late raises it, income lowers it; the world lets both be changed for the better."""
    late = frame["late"].to_numpy(dtype=float, na_value=np.nan)
    income = frame["income"].to_numpy(dtype=float, na_value=np.nan)
    return np.clip(0.1 + 0.1 * np.nan_to_num(late) + 0.1 * (np.nan_to_num(income) < 3000), 0, 1)


def found(e: Evidence, most: int = 2, count: int = 30) -> Counterfactuals:
    return search(e, BOTH, explained_rows(e, count), most, 0.5)


def exhaustive(e: Evidence, place: int) -> tuple[int, float]:
    """The fewest changed inputs and the least distance, over all values of train."""
    row = e.rows.iloc[[place]]
    ways = [
        np.append(np.unique(e.train["income"][e.train["income"] > row["income"].iloc[0]]), np.nan),
        np.append(np.arange(row["late"].iloc[0]), np.nan),
    ]
    income, late = (side.ravel() for side in np.meshgrid(*ways))
    frame = row.loc[row.index.repeat(len(income))].reset_index(drop=True)
    own = frame[BOTH].astype(float).to_numpy()
    new = np.column_stack([income, late])
    scale = [np.subtract(*np.quantile(e.train[name], [0.75, 0.25])) for name in BOTH]
    frame["income"] = np.where(np.isnan(income), frame["income"], income)
    frame["late"] = np.where(np.isnan(late), frame["late"], late)
    turns = e.decide(e.ask(frame)) == 0
    if not turns.any():
        return 0, 0.0
    changed = (~np.isnan(new)).sum(axis=1)[turns]
    distance = np.nansum(np.abs(new - own) / scale, axis=1)[turns]
    fewest = int(changed.min())
    return fewest, float(distance[changed == fewest].min())


def test_the_fewest_and_smallest_changes_are_those_of_trying_everything(make: Make) -> None:
    e = make(sloped, threshold=0.25)
    e = replace(e, train=e.train[:400])
    told = found(e)
    assert told.found.any()
    for n, place in enumerate(told.places):
        fewest, distance = exhaustive(e, int(place))
        assert int((~np.isnan(told.given[n])).sum()) == fewest
        assert told.found[n] == (fewest > 0)
        # the last step back is to the nearest of some values of train
        assert told.distances[n] == pytest.approx(distance, abs=0.15)


def test_what_is_given_is_valid_and_tampering_is_caught(make: Make) -> None:
    e = make(sloped, threshold=0.25)
    told = found(e)
    assert valid(e, told, 0.5, ()).status == "pass"
    n = int(np.flatnonzero(told.found)[0])
    own = e.rows[BOTH].iloc[told.places[n]].to_numpy(dtype=float)

    def tampered(**given: float) -> list[str]:
        changed = told.given.copy()
        for name, new in given.items():
            changed[n, BOTH.index(name)] = new
        return faults(e, replace(told, given=changed), 0.5)

    assert "Months late can only decrease" in tampered(late=own[1] + 1)
    assert "Income never had this value in train" in tampered(income=own[0] + 0.001)
    assert "0 inputs change, not 1 to 2" in tampered(income=np.nan, late=np.nan)
    assert "the decision does not turn" in tampered(income=np.nan, late=np.nan)
    assert "Months late cannot be changed" in faults(
        replace(e, mutable={"income": "increase"}), told, 0.5
    )
    verdict = valid(e, replace(told, given=np.full_like(told.given, np.nan)), 0.5, ())
    assert verdict.status == "fail"
    assert isinstance(verdict.value, int)
    assert verdict.value >= told.found.sum()


def test_a_wrong_direction_finds_nothing(make: Make) -> None:
    e = make(sloped, threshold=0.25, mutable={"income": "decrease", "late": "increase"})
    told = found(e)
    assert not told.found.any()
    # What is not given cannot be true.
    assert valid(e, told, 0.5, ()).status == "not_applicable"
    verdict = recourse(e, told, 0.5, ())
    assert (verdict.status, verdict.value) == ("warn", 0.0)


def test_any_direction_helps_either_way(make: Make) -> None:
    e = make(
        lambda frame: np.where(frame["late"] == 2, 0.5, 0.1),
        mutable={"late": "any"},
        manifest={"inputs": ["late"]},
    )
    told = search(e, ["late"], explained_rows(e, 10), 1, 0.5)
    assert told.found.all()
    assert set(told.given[:, 0]) <= {1.0, 3.0}


def test_too_few_changes_allowed_leave_some_without(make: Make) -> None:
    def both(frame: pd.DataFrame) -> Any:
        return np.where((frame["late"] == 0) & (frame["income"] > 3500), 0.1, 0.5)

    e = make(both)
    one, two = found(e, most=1), found(e, most=2)
    assert two.found.all()
    assert not one.found.all()
    assert ((~np.isnan(one.given)).sum(axis=1) <= 1).all()


def test_missing_values_and_whole_numbers_stay_as_they_are(
    make: Make, world: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    train, test = (frame.astype({"late": "Int64"}) for frame in world)
    test.loc[::2, "income"] = np.nan
    e = make(sloped, train=train, test=test, threshold=0.25)
    told = found(e)
    gaps = e.rows["income"].iloc[told.places].isna().to_numpy()
    assert np.isnan(told.given[gaps, 0]).all()
    assert told.found[gaps].any()
    assert valid(e, told, 0.5, ()).status == "pass"


# --- when there is nothing to look for, and other tasks ---------------------------------------


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mutable": {}}, "charter.mutable names nothing"),
        ({"mutable": {"age": "increase"}}, "the model reads nothing that"),
        ({"threshold": 1.0}, "no test row is acted on"),
    ],
)
def test_where_nothing_can_be_looked_for_it_is_said(
    make: Make, changes: dict[str, Any], why: str
) -> None:
    told, answers = look_for(make(**changes), BOTH, BOUNDS)
    assert told is None
    assert {v.status for v in answers} == {"not_applicable"}
    assert all(why in v.why for v in answers)


def test_the_table_says_what_would_have_helped(make: Make) -> None:
    e = make(lambda frame: 0.1 + 0.1 * frame["late"], manifest={"inputs": ["late"]}, threshold=0.35)
    told = search(e, ["late"], explained_rows(e, 5), 2, 0.5)
    row = counterfactual_table(e, told)[0]
    assert row["Decision"] == "act"
    assert row["Decision then"] == "do not act"
    assert row["Had been otherwise"].startswith("Months late: 2 months and not ")
    assert row["Answer then"] == pytest.approx(0.3)
    assert draw_counterfactuals(e, told).axes


def test_another_class_and_a_move_of_the_number_count(
    classes: Any,  # noqa: F811
    numbers: Any,  # noqa: F811
) -> None:
    for made in (classes, numbers):
        e = made()
        told, answers = look_for(e, BOTH, BOUNDS)
        assert told is not None
        assert answers[0].status == "pass"
        assert told.found.any()
        if e.task == "multiclass":
            # who is not late at all cannot be less late
            assert not told.found[e.rows["late"].iloc[told.places] == 0].any()
        told_in_words = counterfactual_table(e, told)
        assert [row["Decision then"] is not None for row in told_in_words] == list(told.found)
    tried = search(e, BOTH, explained_rows(e, 20), 2, 50.0)
    assert not tried.found.any()


@pytest.mark.parametrize("seed", range(3))
def test_a_real_fit_is_served_alike_whatever_the_rows(make: Make, seed: int) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    e = make()
    inputs = make_pipeline(
        FunctionTransformer(lambda frame: frame[BOTH]),
        HistGradientBoostingClassifier(max_iter=20, random_state=seed),
    )
    e = make(model=inputs.fit(e.train.drop(columns="y"), e.train["y"]), random_state=seed)
    answers = {v.id: v for v in examine(e, BOUNDS).verdicts}
    assert answers["transparency.counterfactuals"].status == "pass"
    assert answers["transparency.reasons"].status == "pass"
    assert answers["transparency.recourse"].status in ("pass", "warn")
