"""What is offered against a disparity: thresholds by group, reweighed train."""

from dataclasses import replace
from typing import Any

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score
from sklearn.pipeline import Pipeline

from bench.audit_faults.world import LEVELS, Classifier, Regressor, described
from stages.audit.fairness import examine
from stages.audit.fairness.mitigation import ERRORS, Asked, by_group
from stages.audit.fairness.offsets import by_offsets, fit_offsets
from stages.audit.fairness.reweighing import reweighed
from stages.audit.fairness.thresholds import Aim, by_thresholds, fit_thresholds
from stages.core.fairness import Grouping
from stages.core.metrics import ClassPredictions, Predictions
from stages.core.params import (
    ClassCosts,
    Costs,
    MulticlassTarget,
    NumberCosts,
    RegressionTarget,
)

from .conftest import Make, table
from .test_fairness import BOUNDS, hard_on_men

RIGHT = Costs(
    currency="EUR",
    true_positive=1.0,
    false_positive=0.0,
    true_negative=1.0,
    false_negative=0.0,
    source="a right decision counts 1",
)


def biased(seed: int, n: int = 4000) -> tuple[Predictions, Grouping]:
    """Two groups of different base rates, the score of one of them too high."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, n)
    risk = rng.beta(2, np.where(codes == 1, 2, 4))
    y_prob = np.clip(risk + 0.1 * codes, 0, 1)
    y_true = (rng.random(n) < risk).astype(np.int64)
    p = Predictions(y_true, y_prob, (y_prob >= 0.5).astype(np.int64), costs=RIGHT)
    return p, Grouping("g", ("a", "b"), codes)


class Given(BaseEstimator):
    """An estimator that gives the score that it is given."""

    def fit(self, X: Any, y: Any) -> "Given":
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: pd.DataFrame) -> Any:
        return X["score"].to_numpy()


@pytest.mark.parametrize("aim", ["demographic_parity", "equalized_odds"])
@pytest.mark.parametrize("seed", range(3))
def test_one_threshold_a_group_is_about_as_good_as_fairlearns_draws_of_lots(
    seed: int, aim: Aim
) -> None:
    p, grouping = biased(seed)
    thresholds = fit_thresholds(p, grouping.codes, np.arange(2), aim, 0.05)
    ours = (p.y_prob >= thresholds[grouping.codes]).astype(int)
    optimizer = ThresholdOptimizer(
        estimator=Given(), constraints=aim, prefit=True, predict_method="predict"
    )
    X = pd.DataFrame({"score": p.y_prob})
    optimizer.fit(X, p.y_true, sensitive_features=grouping.codes)
    theirs = optimizer.predict(X, sensitive_features=grouping.codes, random_state=0)
    assert accuracy_score(p.y_true, ours) >= accuracy_score(p.y_true, theirs) - 0.01
    measure = getattr(fl, f"{aim}_difference")
    assert measure(p.y_true, ours, sensitive_features=grouping.codes) <= 0.05 + 1e-9
    assert measure(p.y_true, p.y_pred, sensitive_features=grouping.codes) > 0.2


def test_thresholds_are_the_best_of_all_that_are_alike() -> None:
    """By hand: every pair of thresholds, of those that select alike the one that brings most."""
    p, grouping = biased(4, n=60)
    (first, second) = fit_thresholds(p, grouping.codes, np.arange(2), "demographic_parity", 0.05)
    scores = [np.append(np.unique(p.y_prob[grouping.codes == g]), np.inf) for g in (0, 1)]
    best = -np.inf
    for one in scores[0]:
        for two in scores[1]:
            act = p.y_prob >= np.where(grouping.codes == 0, one, two)
            rates = [act[grouping.codes == g].mean() for g in (0, 1)]
            if abs(rates[0] - rates[1]) <= 0.05:
                best = max(best, float(np.mean(act == p.y_true)))
    act = p.y_prob >= np.where(grouping.codes == 0, first, second)
    assert float(np.mean(act == p.y_true)) == pytest.approx(best, abs=0.035)


def test_a_group_that_cannot_be_judged_keeps_its_decisions() -> None:
    p, grouping = biased(0, n=600)
    codes = grouping.codes.copy()
    codes[:20] = 2
    decisions = by_thresholds(p, codes, np.arange(2), np.array([0.0, np.inf]))
    assert decisions[:20].tolist() == p.y_pred[:20].tolist()
    assert decisions[codes == 0].all()
    assert not decisions[codes == 1].any()


# --- reweighing -------------------------------------------------------------------------------


def test_under_the_weights_group_and_outcome_are_independent() -> None:
    rng = np.random.default_rng(0)
    codes, own = rng.integers(0, 3, 500), rng.random(500) + 0.5
    y = (rng.random(500) < 0.2 + 0.2 * codes).astype(int)
    weights = reweighed(codes, y, own)
    shares = [np.average(y[codes == g], weights=weights[codes == g]) for g in range(3)]
    assert shares == pytest.approx([np.average(y, weights=own)] * 3)
    assert weights.sum() == pytest.approx(own.sum())


def test_kamiran_and_calders_example() -> None:
    """Their table 1: ten persons; a woman who is refused gets 0.67, a man who is taken 0.75."""
    female = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    taken = np.array([1, 1, 1, 1, 0, 0, 0, 1, 0, 1])
    weights = reweighed(female, taken, None)
    assert weights[0] == pytest.approx(0.75)
    assert weights[4] == pytest.approx(2)
    assert weights[5] == pytest.approx(0.67, abs=0.01)
    assert weights[7] == pytest.approx(1.5)


# --- the offer --------------------------------------------------------------------------------


def test_a_fair_model_needs_nothing(make: Make) -> None:
    found = examine(
        make(lambda frame: np.full(len(frame), 0.5), sensitive_features=("sex",)), BOUNDS
    )
    verdict = next(v for v in found.verdicts if v.id == "fairness.mitigation:sex")
    # Acting on all, no rates differ.
    assert verdict.status == "pass"


def test_a_biased_model_is_offered_something_and_left_as_it_is(make: Make) -> None:
    e = make(hard_on_men, sensitive_features=("sex",))
    before = e.predicted.copy()
    found = examine(e, BOUNDS)
    verdict = next(v for v in found.verdicts if v.id == "fairness.mitigation:sex")
    assert verdict.status == "pass"
    assert "offered, and not done" in verdict.why
    assert "audit.level: deep" in verdict.why
    rows = {row["Done"]: row for row in found.tables["Mitigation"]}
    name = "Demographic parity difference"
    assert rows["as it is"][name] > 0.15
    assert rows["thresholds for demographic parity"][name] < 0.1
    assert rows["thresholds for equalized odds"]["Equalized odds difference"] < 0.15
    gain = rows["thresholds for demographic parity"]
    assert (
        gain["Value gained per 1,000, low"]
        <= gain["Value gained per 1,000"]
        <= (gain["Value gained per 1,000, high"])
    )
    assert {row["Group"] for row in found.tables["Set by group"]} == {"male", "female"}
    assert (e.predicted == before).all()


def discriminating(n: int, seed: int, first: int = 0) -> pd.DataFrame:
    frame = table(n, seed, first)
    rng = np.random.default_rng(seed + 100)
    # Income stands for sex, and past decisions were hard on men.
    income = frame["income"] - 1500 * (frame["sex"] == 1)
    z = 0.5 * frame["late"] - 1.5 + 1.2 * (frame["sex"] == 1)
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(np.int64)
    return frame.assign(income=income, y=y)


def test_deep_a_model_fitted_on_reweighed_rows_treats_groups_more_alike(make: Make) -> None:
    train, test = discriminating(2000, 1), discriminating(1500, 2, first=5000)
    validation = discriminating(1500, 3, first=8000)
    features = ColumnTransformer([("kept", "passthrough", ["income", "late"])])
    model = Pipeline([("scaled", features), ("estimator", LogisticRegression(max_iter=2000))]).fit(
        train, train["y"]
    )
    coefficients = model.named_steps["estimator"].coef_.copy()
    e = make(
        train=train,
        validation=validation,
        test=test,
        model=model,
        threshold=0.4,
        level="deep",
    )
    found = examine(replace(e, sensitive_features=("sex",)), BOUNDS)
    rows = {row["Done"]: row for row in found.tables["Mitigation"]}
    name = "Demographic parity difference"
    assert rows["reweighing of train"][name] < rows["as it is"][name] - 0.1
    assert (model.named_steps["estimator"].coef_ == coefficients).all()


def test_a_model_that_cannot_be_fitted_anew_is_told(make: Make) -> None:
    e = make(hard_on_men, sensitive_features=("sex",), level="deep")
    found = examine(e, BOUNDS)
    verdict = next(v for v in found.verdicts if v.id == "fairness.mitigation:sex")
    assert "could not be fitted anew on reweighed rows" in verdict.why


# --- several classes, and numbers -----------------------------------------------------------


def of_levels(late: Any) -> Any:
    odds = np.exp(np.stack([late - 3, 1 - late, np.zeros(len(late))], axis=1))
    return odds / odds.sum(axis=1, keepdims=True)


def levelled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    chance = of_levels(frame["late"].to_numpy(dtype=float))
    drawn = (rng.random((len(frame), 1)) > chance.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    return frame.assign(y=pd.array(np.array(LEVELS)[drawn], dtype="str"))


def hard_on_men_by_level(frame: pd.DataFrame) -> Any:
    return of_levels(frame["late"].to_numpy(dtype=float) + 1.2 * (frame["sex"] == 1).to_numpy())


def classes(make: Make, function: Any, **changes: Any) -> Any:
    train, test, validation = (
        levelled(table(n, seed, first=10_000 * seed), seed)
        for n, seed in ((1500, 1), (3000, 2), (3000, 3))
    )
    model = Classifier(function)
    e = replace(
        make(sensitive_features=("sex",)),
        schema=described(dtype="str", kind="categorical", title="Risk", checks={"isin": LEVELS}),
        target=MulticlassTarget(column="y", meaning="the level of risk"),
        costs=ClassCosts(currency="EUR", right=0.0, wrong=-10.0, exceptions=(), source="m"),
        threshold=None,
        train=train,
        validation=validation,
        test=test,
        model=model,
        predicted=model.predict_proba(test),
        rule_decisions=np.full(len(test), "low", dtype=object),
    )
    return replace(e, **changes)


def of_amounts(frame: pd.DataFrame) -> Any:
    return 100 * frame["late"].to_numpy(dtype=float) + 0.05 * frame["income"].to_numpy()


def numbers(make: Make, function: Any, **changes: Any) -> Any:
    frames = []
    for n, seed in ((1500, 1), (2500, 2), (2500, 3)):
        frame = table(n, seed, first=10_000 * seed)
        noise = np.random.default_rng(seed).normal(0, 40, n)
        frames.append(frame.assign(y=of_amounts(frame) + noise))
    train, test, validation = frames
    model = Regressor(function)
    known = make(sensitive_features=("sex",))
    e = replace(
        known,
        schema=described(dtype="float64", kind="numeric", title="Amount", unit="EUR"),
        target=RegressionTarget(column="y", meaning="the amount owed"),
        costs=NumberCosts(currency="EUR", per_unit_over=-1.0, per_unit_under=-2.0, source="m"),
        manifest=dict(known.manifest) | {"scoring": "root_mean_squared_error"},
        threshold=None,
        train=train,
        validation=validation,
        test=test,
        model=model,
        predicted=model.predict(test),
        rule_decisions=np.full(len(test), float(train["y"].mean())),
    )
    return replace(e, **changes)


def low_on_women(frame: pd.DataFrame) -> Any:
    return of_amounts(frame) - 60 * (frame["sex"] == 2).to_numpy()


def offered(found: Any) -> tuple[Any, dict[str, Any]]:
    verdict = next(v for v in found.verdicts if v.id == "fairness.mitigation:sex")
    return verdict, {row["Done"]: row for row in found.tables.get("Mitigation", ())}


def test_of_classes_the_gap_of_the_worst_one_is_closed_at_a_stated_price(make: Make) -> None:
    e = classes(make, hard_on_men_by_level)
    found = examine(e, BOUNDS)
    verdict, rows = offered(found)
    name = "Demographic parity difference"
    by_class = [v for v in found.verdicts if v.id == "fairness.demographic_parity_difference:sex"]
    # What is mitigated is what the verdict is about.
    assert rows["as it is"][name] == pytest.approx(by_class[0].value)
    assert by_class[0].status == "fail"
    parity = rows["offsets for demographic parity"]
    assert parity[name] < 0.35 * rows["as it is"][name]
    # The bias was a fault: to take it off brings something.
    assert parity["Value gained per 1,000, low"] > 0
    odds = rows["offsets for equalized odds"]
    assert odds["Equalized odds difference"] < 0.5 * rows["as it is"]["Equalized odds difference"]
    assert "(less) for +" in verdict.why
    assert {row["Class"] for row in found.tables["Set by group"]} == set(LEVELS)
    assert verdict.value == parity["Value gained per 1,000"]


def test_of_numbers_the_mean_error_is_taken_off_at_a_stated_price(make: Make) -> None:
    e = numbers(make, low_on_women)
    found = examine(e, BOUNDS)
    _, rows = offered(found)
    name = "Mean error difference"
    assert rows["as it is"][name] > 0.3
    shifted = rows["mean error of each group off"]
    assert shifted[name] < 0.1 * rows["as it is"][name] + 0.02
    assert shifted["Value gained per 1,000, low"] > 0
    assert shifted["RMSE"] < rows["as it is"]["RMSE"]
    taken = {row["Group"]: row for row in found.tables["Set by group"]}
    assert taken["female"]["Taken off"] == pytest.approx(-60, abs=5)
    assert taken["female"]["Taken off, high"] - taken["female"]["Taken off, low"] < 10
    assert taken["male"]["Taken off, low"] < 0 < taken["male"]["Taken off, high"]


@pytest.mark.parametrize("seed", range(3))
def test_in_a_fair_world_nothing_is_offered(make: Make, seed: int) -> None:
    """Sex has no part in it: what differs is chance, whatever the rows."""
    rng = np.random.default_rng(seed)

    def dealt(e: Any) -> Any:
        sides = (e.train, e.validation, e.test)
        train, validation, test = (f.assign(sex=rng.integers(1, 3, len(f))) for f in sides)
        return replace(e, train=train, validation=validation, test=test)

    for e in (
        classes(make, lambda frame: of_levels(frame["late"].to_numpy(dtype=float))),
        numbers(make, of_amounts),
    ):
        verdict, rows = offered(examine(dealt(e), BOUNDS))
        assert not rows
        assert verdict.status == "pass"
        assert verdict.why.startswith("nothing to do")


def test_what_is_set_does_not_look_at_the_outcomes_of_test(make: Make) -> None:
    for e, other in (
        (classes(make, hard_on_men_by_level), "low"),
        (numbers(make, low_on_women), 0.0),
    ):
        ours = examine(e, BOUNDS).tables["Set by group"]
        half = np.arange(len(e.test)) % 2 == 0
        test = e.test.assign(y=e.test["y"].mask(half, other))
        a = Asked.of(e.grouping("sex", ()), replace(e, test=test), BOUNDS)
        theirs = [row for way in by_group(a, [ERRORS]) for row in way.set]
        assert [{**row, "Feature": "", "For": ""} for row in ours] == [
            {**row, "Feature": "", "For": ""} for row in theirs
        ]


def test_a_group_that_validation_lacks_is_left_as_it_is(make: Make) -> None:
    e = numbers(make, low_on_women)
    men = e.validation["sex"] == 1
    rare = pd.concat([e.validation[men], e.validation[~men].head(20)], ignore_index=True)
    a = Asked.of(e.grouping("sex", ()), replace(e, validation=rare), BOUNDS)
    assert a.large.tolist() == [0]
    found = examine(replace(e, validation=rare), BOUNDS)
    verdict, rows = offered(found)
    assert list(rows) == ["as it is"]
    assert "nothing is to be set by group" in verdict.why
    assert verdict.value is None


def two_classes(seed: int) -> tuple[ClassPredictions, Any]:
    """Two groups, two classes worth 1 each, the second likelier in the second group."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, 4000)
    yes = np.clip(rng.beta(2, 3, 4000) + 0.2 * codes, 0, 1)
    truth = (rng.random(4000) < yes).astype(np.int64)
    prob = np.stack([1 - yes, yes], axis=1)
    costs = ClassCosts(currency="EUR", right=1.0, wrong=0.0, exceptions=(), source="m")
    return ClassPredictions(truth, prob, prob.argmax(axis=1), ("no", "yes"), costs), codes


def test_offsets_meet_the_shares_of_all_and_nothing_with_these_shares_is_worth_more() -> None:
    p, codes = two_classes(0)
    offsets = fit_offsets(p, codes, np.arange(2), "demographic_parity", 0.0, 10)
    assert np.abs(offsets.sum(axis=1)).max() < 1e-9
    decided = by_offsets(p, codes, np.arange(2), offsets)
    rates = [decided[codes == g].mean() for g in range(2)]
    assert rates == pytest.approx([p.y_pred.mean()] * 2, abs=0.01)
    for g in range(2):
        inside = p.y_prob[codes == g, 1]
        acted = decided[codes == g] == 1
        assert inside[acted].min() >= inside[~acted].max()


def test_weights_of_rows_count_in_what_is_taken_off(make: Make) -> None:
    e = numbers(make, low_on_women)
    late = e.validation["late"] > 2
    twice = pd.concat([e.validation, e.validation[late]], ignore_index=True)
    fitted = []
    for validation, weight in ((twice, None), (e.validation.assign(town=1 + late), "town")):
        test = e.test.assign(town=1)
        other = replace(e, validation=validation, test=test, weight=weight)
        (way,) = by_group(Asked.of(other.grouping("sex", ()), other, BOUNDS), [ERRORS])
        fitted.append([row["Taken off"] for row in way.set])
    assert fitted[0] == pytest.approx(fitted[1])


def test_weights_of_rows_count_in_offsets() -> None:
    p, codes = two_classes(0)
    heavy = p.y_prob[:, 1] > 0.6
    weight = np.where(heavy, 3.0, 1.0)
    weighed = fit_offsets(
        replace(p, sample_weight=weight), codes, np.arange(2), "demographic_parity", 0.0, 10
    )
    decided = by_offsets(p, codes, np.arange(2), weighed)
    rates = [np.average(decided[codes == g], weights=weight[codes == g]) for g in range(2)]
    assert rates == pytest.approx([np.average(p.y_pred, weights=weight)] * 2, abs=0.015)


def test_deep_reweighing_answers_for_classes_and_numbers(make: Make) -> None:
    """Income stands for sex, and past outcomes were hard on men."""
    rng = np.random.default_rng(0)

    def hard(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(income=frame["income"] - 1500 * (frame["sex"] == 1))

    def delay(frame: pd.DataFrame) -> Any:
        return 0.5 * frame["late"].to_numpy(dtype=float) + 1.5 * (frame["sex"] == 1).to_numpy()

    def levels(frame: pd.DataFrame) -> pd.DataFrame:
        chance = of_levels(delay(frame))
        drawn = (rng.random((len(frame), 1)) > chance.cumsum(axis=1)).sum(axis=1).clip(0, 2)
        return frame.assign(y=pd.array(np.array(LEVELS)[drawn], dtype="str"))

    def sums(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(y=100 * delay(frame) + rng.normal(0, 40, len(frame)))

    for build, truths, estimator in (
        (classes, levels, LogisticRegression(max_iter=2000)),
        (numbers, sums, Ridge()),
    ):
        e = build(make, hard_on_men_by_level if build is classes else low_on_women)
        train, validation, test = (truths(hard(f)) for f in (e.train, e.validation, e.test))
        features = ColumnTransformer([("kept", "passthrough", ["income", "late"])])
        model = Pipeline([("scaled", features), ("estimator", estimator)])
        model.fit(train, train["y"])
        ask = model.predict if build is numbers else model.predict_proba
        e = replace(
            e,
            train=train,
            validation=validation,
            test=test,
            model=model,
            predicted=ask(test),
            level="deep",
        )
        _, rows = offered(examine(e, BOUNDS))
        name = "Demographic parity difference"
        assert rows["reweighing of train"][name] < 0.85 * rows["as it is"][name]
