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
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import Pipeline

from stages.audit.fairness import examine
from stages.audit.fairness.reweighing import reweighed
from stages.audit.fairness.thresholds import Aim, cross_fitted, fit_thresholds, halves
from stages.core.fairness import Grouping
from stages.core.metrics import Predictions
from stages.core.params import Costs

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


def test_a_half_is_decided_by_what_the_other_half_gave() -> None:
    p, grouping = biased(0)
    first = halves(2 * grouping.codes + p.y_true, None, 0)
    assert abs(first.sum() - len(p) / 2) <= 4
    fitted = cross_fitted(p, grouping, np.arange(2), first, "demographic_parity", 0.05)
    by = np.where(first, fitted.thresholds[1][grouping.codes], fitted.thresholds[0][grouping.codes])
    assert fitted.decisions.tolist() == (p.y_prob >= by).astype(int).tolist()
    # Outcomes of the first half have no say in its own decisions.
    changed = replace(p, y_true=np.where(first, 1 - p.y_true, p.y_true))
    again = cross_fitted(changed, grouping, np.arange(2), first, "demographic_parity", 0.05)
    assert again.thresholds[1].tolist() == fitted.thresholds[1].tolist()


def test_rows_of_one_entity_stay_in_one_half() -> None:
    entities = np.repeat(np.arange(50), 4)
    first = halves(np.zeros(200, dtype=np.intp), entities, 0).reshape(50, 4)
    assert (first.all(axis=1) | ~first.any(axis=1)).all()
    assert first[:, 0].sum() == 25


def test_a_group_that_cannot_be_judged_keeps_its_decisions() -> None:
    p, grouping = biased(0, n=600)
    codes = grouping.codes.copy()
    codes[:20] = 2
    first = halves(codes, None, 0)
    three = Grouping("g", ("a", "b", "c"), codes)
    fitted = cross_fitted(p, three, np.arange(2), first, "demographic_parity", 0.05)
    assert fitted.decisions[:20].tolist() == p.y_pred[:20].tolist()


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
    assert {row["Group"] for row in found.tables["Thresholds by group"]} == {"male", "female"}
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
    features = ColumnTransformer([("kept", "passthrough", ["income", "late"])])
    model = Pipeline([("scaled", features), ("estimator", LogisticRegression(max_iter=2000))]).fit(
        train, train["y"]
    )
    coefficients = model.named_steps["estimator"].coef_.copy()
    e = make(train=train, test=test, model=model, threshold=0.4, level="deep")
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
