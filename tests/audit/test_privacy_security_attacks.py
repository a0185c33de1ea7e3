"""Attacks on models that leak, by how they were made, and on models that do not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stages.audit.evidence import Evidence
from stages.audit.privacy_security import attributes, evasion, extraction, shadows
from stages.core.verdicts import Verdict

from .conftest import Make, Scorer, table, truth
from .test_privacy_security import BOUNDS
from .test_tasks import amount, chances, classes, numbers  # noqa: F401 - two are fixtures

Worlds = Callable[..., Evidence]


def only(verdicts: list[Verdict]) -> Verdict:
    (found,) = verdicts
    return found


def seeded(seed: int, n: int = 1500) -> tuple[pd.DataFrame, pd.DataFrame]:
    return table(n, 10 + seed), table(n, 50 + seed, first=n)


# --- attribute inference ------------------------------------------------------------------------


def by_sex(frame: pd.DataFrame) -> np.ndarray:
    return np.clip(truth(frame) + np.where(frame["sex"] == 1, 0.15, -0.15), 0.01, 0.99)


def test_a_model_that_hides_a_feature_in_its_answer_gives_it_away(make: Make) -> None:
    """Sex is drawn by lot: nothing but the answer can tell it."""
    e = make(by_sex, sensitive_features=("sex",), draws=100)
    verdict = only(attributes.examine(e, BOUNDS).verdicts)
    assert (verdict.id, verdict.status) == ("privacy_security.attribute_inference:sex", "fail")
    assert isinstance(verdict.value, float) and verdict.value > 0.2


def test_one_who_asks_with_each_group_in_turn_learns_it_exactly(make: Make) -> None:
    known = make().manifest
    e = make(
        by_sex,
        sensitive_features=("sex",),
        draws=100,
        manifest={**known, "inputs": ["income", "late", "sex"]},
    )
    found = attributes.attack(e, "sex")
    assert found is not None and found.answered > 0.98


@pytest.mark.parametrize("seed", range(4))
def test_a_model_without_the_feature_gives_nothing_away(make: Make, seed: int) -> None:
    train, test = seeded(seed, 2000)
    e = make(train=train, test=test, draws=100, random_state=seed)
    found = attributes.examine(e, BOUNDS)
    assert [v.status for v in found.verdicts if v.status == "fail"] == []
    assert [row["Feature"] for row in found.tables["Attribute inference"]] == ["Sex", "Age"]


def test_the_other_tasks_give_it_away_as_well(numbers: Worlds, classes: Worlds) -> None:  # noqa: F811
    def classes_by_sex(frame: pd.DataFrame) -> np.ndarray:
        return chances(frame.assign(late=frame["late"] + np.where(frame["sex"] == 1, 1, 0)))

    def numbers_by_sex(frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(amount(frame) + np.where(frame["sex"] == 1, 150, 0))

    for made, leaking in ((classes, classes_by_sex), (numbers, numbers_by_sex)):
        for e, status in ((made(leaking), {"fail"}), (made(), {"pass", "warn"})):
            e = replace(e, sensitive_features=("sex",), draws=100)
            assert only(attributes.examine(e, BOUNDS).verdicts).status in status


def test_groups_are_values_or_thirds_and_small_ones_are_joined() -> None:
    codes = pd.Series(["a"] * 150 + ["b"] * 120 + ["c"] * 60 + ["d"] * 60)
    assert np.bincount(attributes.groups_of(codes, codes)).tolist() == [150, 120, 120]
    few = pd.Series(["a"] * 150 + ["b"] * 20)
    assert sorted(set(attributes.groups_of(few, few))) == [-1, 0]
    years = pd.Series(np.tile(np.arange(30.0), 20))
    assert np.bincount(attributes.groups_of(years, years)).tolist() == [200, 200, 200]
    gaps = years.where(years > 9)
    assert np.bincount(attributes.groups_of(gaps, years))[-1] == 200


def test_what_cannot_be_guessed_is_said(make: Make) -> None:
    none = only(attributes.examine(make(sensitive_features=()), BOUNDS).verdicts)
    assert none.status == "not_applicable"
    test = table(300, 3).assign(sex=1)
    e = make(test=test, sensitive_features=("sex",))
    assert only(attributes.examine(e, BOUNDS).verdicts).status == "insufficient"


# --- shadow models ------------------------------------------------------------------------------


class Chosen(BaseEstimator):
    """A model that reads what a person can know; it can be fitted anew."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, X: pd.DataFrame, y: Any) -> "Chosen":
        self.model_ = self.model.fit(X[["income", "late", "age"]], y)
        if hasattr(self.model_, "classes_"):
            self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> Any:
        return self.model_.predict_proba(X[["income", "late", "age"]])

    def predict(self, X: pd.DataFrame) -> Any:
        return self.model_.predict(X[["income", "late", "age"]])


def deep(e: Evidence) -> Evidence:
    return replace(e, level="deep", draws=100)


def fitted(make: Make, model: Any, seed: int) -> Evidence:
    train, test = seeded(seed, 800)
    return deep(make(train=train, test=test, model=Chosen(model).fit(train, train["y"])))


@pytest.mark.parametrize("seed", range(3))
def test_shadows_tell_the_members_of_a_model_that_memorises(make: Make, seed: int) -> None:
    sound = shadows.examine(
        fitted(make, make_pipeline(StandardScaler(), LogisticRegression()), seed), BOUNDS
    )
    assert {v.status for v in sound.verdicts} <= {"pass", "warn"}
    tree = DecisionTreeClassifier(min_samples_leaf=2, random_state=0)
    leaking = shadows.examine(fitted(make, tree, seed), BOUNDS)
    assert leaking.verdicts[0].status == "fail"
    assert set(leaking.figures) == {"shadows"}


def test_shadows_of_the_other_tasks(numbers: Worlds, classes: Worlds) -> None:  # noqa: F811
    for made, leaking, sound in (
        (numbers, DecisionTreeRegressor(random_state=0), LinearRegression()),
        (
            classes,
            DecisionTreeClassifier(min_samples_leaf=2, random_state=0),
            make_pipeline(StandardScaler(), LogisticRegression()),
        ),
    ):
        e = made()
        for model, status in ((leaking, {"fail"}), (sound, {"pass", "warn"})):
            chosen = Chosen(model).fit(e.train, e.train["y"])
            auc, _ = shadows.examine(deep(replace(e, model=chosen)), BOUNDS).verdicts
            assert auc.status in status, auc


def test_a_shadow_that_has_not_seen_a_class_gives_it_nothing(classes: Worlds) -> None:  # noqa: F811
    e = classes()
    seen = e.train[e.train["y"] != "low"]
    shadow = Chosen(make_pipeline(StandardScaler(), LogisticRegression())).fit(seen, seen["y"])
    answers = shadows.shadow_answers(e, shadow, e.rows.head(5))
    assert answers[:, e.classes.index("low")].tolist() == [0.0] * 5
    assert answers.sum(axis=1) == pytest.approx(1)
    assert np.isfinite(shadows.confidence(e, e.y_true[:5], answers)).all()


def test_deep_checks_wait_for_deep_and_for_a_model_that_can_be_fitted(make: Make) -> None:
    waiting = [
        *shadows.examine(make(), BOUNDS).verdicts,
        *extraction.examine(make(), BOUNDS).verdicts,
    ]
    assert {(v.status, v.why) for v in waiting} == {("not_applicable", "runs at audit.level: deep")}
    stuck = shadows.examine(deep(make()), BOUNDS).verdicts
    assert all("cannot be fitted anew" in v.why for v in stuck)


def test_the_likelihood_ratio_is_that_of_two_normal_curves() -> None:
    rng = np.random.default_rng(0)
    inside = np.tile([[True], [False]], (4, 50))
    shown = rng.normal(np.where(inside, 2.0, 0.0), 1.0)
    ratio = shadows.likelihood_ratio(np.repeat([2.0, 0.0], 25), shown, inside)
    assert (ratio[:25] > 0).mean() > 0.8 and (ratio[25:] < 0).mean() > 0.8


# --- extraction ---------------------------------------------------------------------------------


def noise(frame: pd.DataFrame) -> np.ndarray:
    """An answer that follows no pattern: a number made from the digits of the income."""
    return np.asarray(np.modf(np.abs(np.sin(frame["income"] * 1e4)) * 1e3)[0])


@pytest.mark.parametrize("seed", range(2))
def test_a_simple_model_is_copied_and_one_without_pattern_is_not(make: Make, seed: int) -> None:
    train, test = seeded(seed)
    simple = extraction.examine(deep(make(train=train, test=test)), BOUNDS)
    assert only(simple.verdicts).status == "fail"
    shares = [row["Copied"] for row in simple.tables["Extraction"]]
    assert shares[-1] > max(0.9, shares[0])
    # Half of the rows are acted on: nothing but the pattern tells which.
    hard = make(noise, train=train, test=test, threshold=0.5)
    assert only(extraction.examine(deep(hard), BOUNDS).verdicts).status == "pass"


def test_copies_of_the_other_tasks(numbers: Worlds, classes: Worlds) -> None:  # noqa: F811
    for made in (numbers, classes):
        verdict = only(extraction.examine(deep(made()), BOUNDS).verdicts)
        assert isinstance(verdict.value, float) and verdict.value > 0.7


def test_there_is_nothing_to_copy_where_all_are_treated_alike(make: Make) -> None:
    flat = extraction.examine(deep(make(lambda f: np.full(len(f), 0.1))), BOUNDS)
    assert only(flat.verdicts).status == "insufficient"
    assert flat.figures == {}


def test_questions_grow_about_threefold() -> None:
    assert extraction.sizes(3000) == [111, 333, 1000, 3000]
    assert extraction.sizes(30) == [20, 30]


# --- evasion ------------------------------------------------------------------------------------


def cliff(frame: pd.DataFrame) -> np.ndarray:
    """Who earns a cent less than a round hundred is acted on: a small rise escapes."""
    return np.where(frame["income"] % 200 < 100, 0.9, 0.1)


def gentle(frame: pd.DataFrame) -> np.ndarray:
    return np.where(frame["late"] >= 2, 0.9, 0.1)


@pytest.mark.parametrize("seed", range(3))
def test_a_model_with_cliffs_is_evaded_and_a_gentle_one_is_not(make: Make, seed: int) -> None:
    train, test = seeded(seed)
    for function, status in ((cliff, "fail"), (gentle, "pass")):
        e = make(function, train=train, test=test, random_state=seed, draws=100)
        found = evasion.examine(e, BOUNDS)
        assert only(found.verdicts).status == status
        assert set(found.figures) == {"evasion"}
        assert [row["Column"] for row in found.tables["Evasion"]] == ["Income", "Months late"]


def test_changes_stay_in_the_box_and_keep_their_kind(make: Make) -> None:
    e = make(mutable={"income": "increase", "age": "decrease", "late": "any"})
    box = evasion.reach(e.rows, e.train, e.mutable, 0.5)
    rng = np.random.default_rng(0)
    moves = {name: rng.uniform(-1, 1, len(e.rows)) for name in box}
    new = evasion.changed(e.rows, box, moves)
    assert new.dtypes.equals(e.rows.dtypes)
    step = new[["income", "age", "late"]] - e.rows[["income", "age", "late"]]
    assert (step["income"] >= 0).all() and (step["income"] > 0).any()
    assert (step["age"] <= 0).all() and (step["age"] < 0).any()
    # 0.5 standard deviations of 0 to 4 are less than one whole month.
    assert (step["late"] == 0).all()
    for name in step:
        assert step[name].abs().max() <= 0.5 * e.train[name].std()
        # What lies outside of train already stays where it is.
        assert (new[name] >= np.minimum(e.rows[name], e.train[name].min())).all()
        assert (new[name] <= np.maximum(e.rows[name], e.train[name].max())).all()


def test_what_is_missing_stays_missing(make: Make) -> None:
    rows = pd.DataFrame({"income": [1.0, np.nan], "late": pd.array([1, None], dtype="Int64")})
    box = evasion.reach(rows, rows.assign(income=[0.0, 9.0]), {"income": "any", "late": "any"}, 1)
    new = evasion.changed(rows, box, {name: np.ones(2) for name in box})
    assert new.isna().to_numpy().tolist() == rows.isna().to_numpy().tolist()
    assert new.dtypes.equals(rows.dtypes)


def test_classes_turn_and_numbers_outrun_their_inputs(numbers: Worlds, classes: Worlds) -> None:  # noqa: F811
    def steep(frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(amount(frame) + 300 * (frame["income"] % 200 < 100))

    bounds = BOUNDS.model_copy(update={"evasion_distance": 0.2})
    assert only(evasion.examine(numbers(steep), bounds).verdicts).status == "fail"
    assert only(evasion.examine(numbers(), bounds).verdicts).status == "pass"
    assert only(evasion.examine(classes(), bounds).verdicts).status == "pass"


def test_nobody_evades_what_nobody_can_change(make: Make) -> None:
    for mutable in ({}, {"age": "any"}):
        verdict = only(evasion.examine(make(mutable=mutable), BOUNDS).verdicts)
        assert verdict.status == "not_applicable"
    few = make(lambda frame: np.full(len(frame), 0.1))
    assert only(evasion.examine(few, BOUNDS).verdicts).status == "insufficient"


def test_the_same_seed_gives_the_same_answer(make: Make) -> None:
    e = make(cliff)
    assert isinstance(e.model, Scorer)
    places = evasion.targets(e)
    box = evasion.reach(e.rows.iloc[places], e.train, e.mutable, 0.1)
    first, again = (evasion.search(e, places, box, BOUNDS) for _ in range(2))
    assert first.tolist() == again.tolist()
