from dataclasses import replace
from itertools import combinations, permutations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from stages.audit.evidence import Evidence
from stages.audit.transparency import examine
from stages.audit.transparency.reasons import (
    add_up,
    background,
    examples,
    explain,
    reason_table,
    shapley_table,
    stable_reasons,
    swarm,
    told_reasons,
)
from stages.audit.transparency.shapley import antithetic_orders, shapley_values
from stages.core.scoring import predicted
from stages.core.verdicts import Verdict

from .conftest import Make, table, truth
from .test_tasks import chances, classes, numbers  # noqa: F401 - fixtures
from .test_transparency import BOUNDS, INPUTS, Moody, linear


def found(e: Evidence) -> dict[str, Verdict]:
    return {v.id.partition(".")[2]: v for v in examine(e, BOUNDS).verdicts}


def rows_and_background() -> tuple[pd.DataFrame, pd.DataFrame]:
    return table(6, 4).drop(columns="y"), table(5, 5).drop(columns="y")


def every_order(b: int, k: int) -> Any:
    orders = np.array(list(permutations(range(k))))
    return np.broadcast_to(orders, (b, *orders.shape))


def tangled(frame: pd.DataFrame) -> Any:
    """Inputs that act only together, a number, a text and a threshold among them."""
    town = (frame["town"] == "Ulm").to_numpy(dtype=float)
    late = frame["late"].to_numpy(dtype=float)
    age = frame["age"].to_numpy(dtype=float) / 80
    rich = frame["income"].to_numpy() > 3000
    return late * age * (1 + town) / 10 + rich * age**2 * town


def exact(rows: pd.DataFrame, behind: pd.DataFrame, inputs: list[str]) -> Any:
    """Shapley's formula over all subsets, one row and one background row at a time."""
    k = len(inputs)
    values = np.zeros((len(rows), k))
    for n in range(len(rows)):

        def worth(known: tuple[str, ...], n: int = n) -> float:
            mixed = behind.copy()
            for name in known:
                mixed[name] = rows[name].iloc[n]
            return float(np.mean(tangled(mixed)))

        for j, name in enumerate(inputs):
            others = [other for other in inputs if other != name]
            for size in range(k):
                weight = factorial(size) * factorial(k - size - 1) / factorial(k)
                for known in combinations(others, size):
                    values[n, j] += weight * (worth((*known, name)) - worth(known))
    return values


def test_with_all_orders_the_values_are_shapleys() -> None:
    rows, behind = rows_and_background()
    values = shapley_values(tangled, rows, behind, INPUTS, every_order(5, 4))
    assert values.shape == (6, 4, 1)
    assert values[:, :, 0] == pytest.approx(exact(rows, behind, INPUTS), abs=1e-12)


def test_sampled_orders_come_near_and_add_up_exactly() -> None:
    rows, behind = rows_and_background()
    orders = antithetic_orders(5, 4, np.random.default_rng(0), pairs=40)
    values = shapley_values(tangled, rows, behind, INPUTS, orders)[:, :, 0]
    assert values == pytest.approx(exact(rows, behind, INPUTS), abs=0.03)
    way = tangled(rows) - tangled(behind).mean()
    assert values.sum(axis=1) == pytest.approx(way, abs=1e-12)


def test_each_order_stands_beside_its_reverse() -> None:
    orders = antithetic_orders(3, 5, np.random.default_rng(0), pairs=2)
    assert orders.shape == (3, 4, 5)
    assert (np.sort(orders, axis=2) == np.arange(5)).all()
    assert (orders[:, :2] == orders[:, 2:, ::-1]).all()
    assert len({tuple(order) for order in orders.reshape(-1, 5)}) > 4


def test_the_values_of_a_sum_are_its_parts_whatever_the_order() -> None:
    rows, behind = rows_and_background()
    orders = antithetic_orders(5, 4, np.random.default_rng(1))
    found = shapley_values(lambda f: np.asarray(linear(f)), rows, behind, INPUTS, orders)[:, :, 0]
    assert found[:, 1] == pytest.approx(0.6 * (rows["late"] - behind["late"].mean()) / 5)
    assert found[:, 2] == pytest.approx(0.3 * (rows["age"] - behind["age"].mean()) / 62)
    assert (found[:, 3] == 0).all()


def test_types_survive_the_mixing() -> None:
    kinds = pd.DataFrame(
        {
            "whole": pd.array([5, 1, None], dtype="Int64"),
            "kind": pd.Categorical(["x", "y", "y"], categories=["x", "y", "z"]),
            "day": pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04"]),
            "yes": [True, False, True],
        },
        index=[7, 8, 9],
    )
    seen = []

    def ask(frame: pd.DataFrame) -> Any:
        seen.append(frame.dtypes.to_dict())
        return frame["yes"].to_numpy(dtype=float)

    shapley_values(ask, kinds[:1], kinds[1:], list(kinds), every_order(2, 4)[:, :2])
    assert seen == [kinds.dtypes.to_dict()]


def test_rows_in_parts_give_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, behind = rows_and_background()
    orders = antithetic_orders(5, 4, np.random.default_rng(0))
    whole = shapley_values(tangled, rows, behind, INPUTS, orders)
    monkeypatch.setattr("stages.audit.transparency.shapley.CHUNK_ROWS", 120)
    assert (shapley_values(tangled, rows, behind, INPUTS, orders) == whole).all()


# --- the checks -------------------------------------------------------------------------------


def test_reasons_add_up_for_every_row(make: Make) -> None:
    e = make(manifest={"inputs": ["income", "late"]})
    explained = explain(e, ["income", "late"])
    assert explained.base + explained.values.sum(axis=1) == pytest.approx(
        e.predicted[explained.places], abs=1e-12
    )
    assert found(e)["reasons"].status == "pass"


class Reading(BaseEstimator):
    """A real fit on texts, numbers and gaps."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(self, X: pd.DataFrame, y: Any) -> "Reading":
        self.model_ = self.model.fit(self.numbers(X), y)
        if hasattr(self.model_, "classes_"):
            self.classes_ = self.model_.classes_
        return self

    def numbers(self, X: pd.DataFrame) -> Any:
        town = X["town"].map({"Ulm": 0.0, "Bonn": 1.0, "Kiel": 2.0}).to_numpy(dtype=float)
        return np.column_stack([X["income"], X["late"], X["age"], town])

    def predict_proba(self, X: pd.DataFrame) -> Any:
        return self.model_.predict_proba(self.numbers(X))

    def predict(self, X: pd.DataFrame) -> Any:
        return self.model_.predict(self.numbers(X))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("task", ["binary", "classes", "numbers"])
def test_the_reasons_of_real_fits_add_up_in_each_task(
    task: str, seed: int, make: Make, request: pytest.FixtureRequest
) -> None:
    e = make() if task == "binary" else request.getfixturevalue(task)()
    rng = np.random.default_rng(seed)
    train, test = (
        rows.assign(income=rows["income"].where(rng.random(len(rows)) < 0.9))
        for rows in (e.train, e.test)
    )
    kind = HistGradientBoostingRegressor if task == "numbers" else HistGradientBoostingClassifier
    model = Reading(kind(max_iter=15, random_state=seed)).fit(train, train["y"])
    e = replace(
        e,
        train=train,
        test=test,
        model=model,
        predicted=predicted(model, test, e.task),
        manifest={"inputs": INPUTS},
        random_state=seed,
    )
    explained = explain(e, INPUTS)
    missed = explained.base + explained.values.sum(axis=1) - explained.told
    assert len(missed) > 100
    assert np.abs(missed).max() <= 1e-9 * e.spread_of_target
    assert add_up(e, explained, ()).status == "pass"


def secretive(frame: pd.DataFrame) -> Any:
    """It also looks at what its manifest does not name."""
    return np.clip(truth(frame) + 0.1 * (frame["sex"] == 1), 0, 1)


def test_a_hidden_input_breaks_the_sum(make: Make) -> None:
    verdict = found(make(secretive))["reasons"]
    assert verdict.status == "fail"
    assert "something else moves the model" in verdict.why


def test_a_moody_model_has_no_reasons(make: Make) -> None:
    answers = found(make(model=Moody(), manifest={"inputs": INPUTS}))
    assert answers["reasons"].status == "fail"
    assert answers["stable_reasons"].status == "fail"


@pytest.mark.parametrize("seed", range(5))
def test_the_reasons_of_a_plain_model_are_stable(make: Make, seed: int) -> None:
    e = make(linear, random_state=seed)
    explained = explain(e, INPUTS)
    assert explained.order == [1, 2, 0, 3]
    assert stable_reasons(explained, 0.8, ()).status == "pass"


def test_two_inputs_have_no_order_to_be_stable(make: Make) -> None:
    assert found(make())["stable_reasons"].status == "not_applicable"


# --- what is told -----------------------------------------------------------------------------


def test_the_background_stands_for_all(make: Make) -> None:
    e = make()
    bases = [truth(background(e, np.random.default_rng(seed))).mean() for seed in range(30)]
    assert np.mean(bases) == pytest.approx(truth(e.train).mean(), abs=0.01)
    assert np.std(bases) < 0.03


def test_the_examples_are_the_clearest_and_the_narrowest(make: Make) -> None:
    e = make()
    y_prob = e.predicted[examples(e)]
    assert y_prob[0] == e.predicted.max()
    assert y_prob[-1] == e.predicted.min()
    assert y_prob[1] == e.predicted[e.predicted >= 0.2].min()
    assert y_prob[2] == e.predicted[e.predicted < 0.2].max()


def test_where_all_are_acted_on_there_are_fewer_examples(make: Make) -> None:
    assert len(examples(make(threshold=0.0))) == 2


def test_reasons_are_told_in_words_and_on_their_side(make: Make) -> None:
    e = make(lambda frame: 0.1 + 0.15 * frame["late"], manifest={"inputs": ["late", "income"]})
    explained = explain(e, ["late", "income"])
    rows = reason_table(e, explained)
    most, least = rows[0], rows[-1]
    assert (most["Decision"], least["Decision"]) == ("act", "do not act")
    by = 100 * (most["Answer"] - most["Mean of the background"])
    assert most["For"] == f"Months late: 4 months raised the probability by {by:.1f} points"
    assert "Months late: 0 months lowered the probability by" in least["For"]
    assert most["Against"] == least["Against"] == "nothing"


def test_of_several_classes_the_decided_one_is_explained(classes: Any) -> None:  # noqa: F811
    e = classes(manifest={"inputs": ["late"]})
    explained = explain(e, ["late"])
    decided = e.decide(e.predicted[explained.places])
    every = chances(e.rows.iloc[explained.places])
    assert explained.told == pytest.approx(every[np.arange(len(every)), decided])
    assert explained.base + explained.values[:, 0] == pytest.approx(explained.told)
    speak, _ = told_reasons(e, explained, 0)
    assert f"probability of {e.classes[decided[0]]}" in speak[0]


def test_a_number_is_explained_in_its_unit(numbers: Any) -> None:  # noqa: F811
    e = numbers()
    explained = explain(e, ["late", "income"])
    speak, oppose = told_reasons(e, explained, 0)
    assert speak[0].startswith("Months late: 4 months raised the prediction by")
    assert speak[0].endswith("EUR")
    assert list(shapley_table(e, explained)[0])[2] == "EUR, mean size"
    assert len(speak) + len(oppose) == 2


def test_points_of_one_value_stand_side_by_side() -> None:
    heights = swarm(np.array([0.0, 0.0, 0.0, 1.0]))
    assert heights.tolist() == pytest.approx([-0.05, 0, 0.05, 0])
    assert np.abs(swarm(np.zeros(100))).max() == pytest.approx(0.4)
