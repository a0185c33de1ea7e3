"""Better, worse or neither, on planted tables of predictions."""

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from operate.review.definition import Definition, differences, read_definition
from operate.review.difference import (
    Decision,
    decide,
    entities,
    measure_both,
    predictions,
    share,
    stretch,
)
from stages.core.metrics import METRICS, ClassPredictions, measure_all

N = 2000


def table(noise: float = 1.0, seed: int = 0, n: int = N) -> pd.DataFrame:
    """Probabilities whose logits carry so much noise beside what decides the truth."""
    rng = np.random.default_rng(7)
    signal = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * signal))).astype(int)
    logit = 2 * signal + noise * np.random.default_rng(seed).normal(size=n)
    y_prob = 1 / (1 + np.exp(-logit))
    return pd.DataFrame(
        {
            "key": np.arange(n),
            "y_true": y,
            "y_prob": y_prob,
            "y_pred": (y_prob > 0.5).astype(int),
            "rule": (signal > 1).astype(int),
        }
    )


def verdict(
    base: pd.DataFrame, head: pd.DataFrame, metric: str = "roc_auc", comparisons: int = 1
) -> Decision:
    shared = share(base, head)
    tables = [predictions(frame, None, 10) for frame in (shared.base, shared.head)]
    paired = measure_both(tables[0], tables[1], [METRICS[metric]], 300, 0)
    return decide(paired[metric], len(shared), 3 * len(shared), comparisons)


# --- the verdict ----------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_a_planted_gain_is_better_and_turned_around_worse(metric: str) -> None:
    good, bad = table(noise=0.2), table(noise=2.0)
    assert verdict(bad, good, metric).judgement == "better"
    assert verdict(good, bad, metric).judgement == "worse"


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_models_that_differ_by_chance_are_no_evidence(metric: str) -> None:
    told = [verdict(table(0.3, 2 * i), table(0.3, 2 * i + 1), metric).judgement for i in range(20)]
    assert told.count("no evidence of a difference") >= 18


def test_equal_predictions_are_no_evidence_and_said_to_be_equal() -> None:
    found = verdict(table(), table().sample(frac=1, random_state=0))
    assert found.judgement == "no evidence of a difference"
    assert found.decisive == (0, 0)
    assert "the same on every draw" in found.why[0]


def test_many_looks_ask_for_more_than_one() -> None:
    base, head = table(1.5, 0), table(0.5, 1)
    first = verdict(base, head)
    assert first.judgement == "better"
    assert verdict(base, head, comparisons=10**30).judgement == "no evidence of a difference"
    assert verdict(base, head, comparisons=10**30).difference == first.difference


def test_one_class_cannot_be_compared() -> None:
    frame = table().assign(y_true=0)
    assert verdict(frame, frame).judgement == "not comparable"


def test_the_stretch_is_that_of_the_source() -> None:
    # half of n / n_train twice over, and the normal quantile of Bonferroni
    assert stretch(100, 400, 1) == pytest.approx(sqrt(1.5))
    wanted = norm.ppf(1 - 0.025 / 8) / norm.ppf(0.975) * sqrt(1.5)
    assert stretch(100, 400, 8) == pytest.approx(wanted)


def test_the_pairs_are_those_of_measuring_each_alone() -> None:
    base, head = (predictions(table(1.0, seed), None, 10) for seed in (0, 1))
    metrics = [METRICS["roc_auc"], METRICS["brier_score"]]
    paired = measure_both(base, head, metrics, 50, 3)
    for name in ("roc_auc", "brier_score"):
        alone = [measure_all(p, 50, 3, metrics=[METRICS[name]])[name] for p in (base, head)]
        assert paired[name].difference["value"] == pytest.approx(alone[1].value - alone[0].value)
        assert paired[name].difference["interval"] == pytest.approx(
            (alone[1] - alone[0]).estimate()["interval"]
        )


def test_entities_that_repeat_widen_the_interval() -> None:
    base, head = (pd.concat([table(1.0, seed)] * 4) for seed in (0, 1))
    shared = share(base, head)
    assert len(shared) == 4 * N
    groups = entities(shared.head["key"], None)
    assert groups is not None
    tables = [predictions(frame, None, 10) for frame in (shared.base, shared.head)]
    width = {}
    for name, drawn in (("rows", None), ("entities", groups)):
        paired = measure_both(tables[0], tables[1], [METRICS["brier_score"]], 300, 0, drawn)
        low, high = paired["brier_score"].difference["interval"] or (0, 0)
        width[name] = high - low
    assert width["entities"] / width["rows"] == pytest.approx(2, rel=0.2)


def test_a_key_that_does_not_repeat_needs_no_entities() -> None:
    frame = table()
    assert entities(frame["key"], None) is None
    assert entities(frame["key"], frame["rule"]) is not None


# --- the rows -------------------------------------------------------------------------------


def test_rows_are_joined_by_key_whatever_their_order() -> None:
    base = table().sample(frac=1, random_state=1)
    shared = share(base, table(seed=1))
    assert shared.faults() == []
    assert (shared.base["key"].to_numpy() == shared.head["key"].to_numpy()).all()
    expected = base.set_index("key")["y_prob"].loc[shared.head["key"]].to_numpy()
    assert (shared.base["y_prob"].to_numpy() == expected).all()


def test_only_rows_in_both_with_one_truth_are_compared() -> None:
    base, head = table().iloc[:1500], table().iloc[300:].copy()
    head.loc[head.index[:10], "y_true"] ^= 1
    shared = share(base, head)
    assert (len(shared), shared.relabelled, shared.rows) == (1190, 10, (1500, 1700))
    assert (head["key"].to_numpy()[shared.places] == shared.head["key"].to_numpy()).all()
    assert shared.faults() == []


def test_too_few_common_rows_are_not_comparable() -> None:
    shared = share(table().iloc[:1100], table().iloc[900:])
    assert "only 200 are in both" in shared.faults()[0]


def test_another_meaning_of_the_target_is_not_comparable() -> None:
    head = table()
    head.loc[:199, "y_true"] ^= 1
    assert "another truth" in share(table(), head).faults()[0]


def test_nothing_in_common_is_told() -> None:
    assert share(table(), table().assign(key=lambda f: f["key"] + 10**6)).faults() != []


def test_keys_of_another_type_still_meet() -> None:
    head = table()
    head["key"] = head["key"].astype(str)
    assert len(share(table(), head)) == N


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="y_pred"):
        share(table().drop(columns="y_pred"), table())
    for task in ("binary", "multiclass"):
        with pytest.raises(ValueError, match="no column y_prob or prob_"):
            predictions(table().drop(columns="y_prob"), None, 10, task)


def test_the_columns_of_each_task_are_read() -> None:
    rng = np.random.default_rng(0)
    prob = rng.dirichlet([1, 1, 1], 60)
    labels = np.array(["a", "b", "c"], dtype=object)
    frame = pd.DataFrame({"key": np.arange(60), "y_true": labels[rng.integers(0, 3, 60)]})
    frame["y_pred"], frame["rule"] = labels[prob.argmax(axis=1)], "a"
    frame.loc[0, "y_true"] = None  # a class that train does not know
    frame[["prob_a", "prob_b", "prob_c"]] = prob
    read = predictions(frame, None, 10, "multiclass")
    assert isinstance(read, ClassPredictions)
    assert read.classes == ("a", "b", "c")
    assert read.y_true[0] == -1
    assert (read.y_pred == prob.argmax(axis=1)).all()
    numbers = frame.assign(y_true=1.5, y_pred=prob[:, 0], rule=1.0)
    paired = measure_both(
        *(predictions(numbers.assign(y_pred=p), None, 10, "regression") for p in prob.T[:2]),
        [METRICS["root_mean_squared_error"]],
        50,
        0,
    )
    expected = [np.sqrt(((p - 1.5) ** 2).mean()) for p in prob.T[:2]]
    difference = paired["root_mean_squared_error"].difference["value"]
    assert difference == pytest.approx(expected[1] - expected[0])


# --- the terms ------------------------------------------------------------------------------

PARAMS: dict[str, Any] = {
    "charter": {
        "target": {"column": "y", "positive": 1},
        "rule": {"expression": "a > 1"},
        "costs": {
            "currency": "EUR",
            "true_positive": -1,
            "false_positive": -2,
            "true_negative": 0,
            "false_negative": -9,
            "source": "us",
        },
        "success_criteria": [{"metric": "roc_auc"}, {"metric": "f1"}, {"metric": "roc_auc"}],
    },
    "evaluate": {"bootstrap": 200, "random_state": 3, "calibration_bins": 5},
}


def test_the_first_criterion_decides() -> None:
    found = read_definition(PARAMS)
    assert found.main == "roc_auc"
    assert found.criteria == ("roc_auc", "f1")
    assert (found.draws, found.seed, found.bins) == (200, 3, 5)
    assert found.costs is not None and found.costs.false_negative == -9


def test_params_without_anything_have_no_main_metric() -> None:
    found = read_definition({})
    assert found.main is None and found.costs is None


def terms(**changed: Any) -> Definition:
    return replace(read_definition(PARAMS), **changed)


@pytest.mark.parametrize(
    ("changed", "matters_to", "not_to"),
    [
        ({"target": ("z", "1")}, ["roc_auc", "f1", "expected_value"], []),
        ({"costs": None}, ["f1", "expected_value", "value_over_rule"], ["roc_auc", "log_loss"]),
        ({"rule": "a > 2"}, ["value_over_rule"], ["expected_value", "f1", "roc_auc"]),
        ({"bins": 10}, ["expected_calibration_error"], ["brier_score", "roc_auc"]),
        ({"seed": 9, "draws": 50}, [], list(METRICS)),
    ],
)
def test_a_changed_definition_matters_where_it_does(
    changed: dict[str, Any], matters_to: list[str], not_to: list[str]
) -> None:
    old, new = read_definition(PARAMS), terms(**changed)
    assert all(differences(old, new, METRICS[name]) for name in matters_to)
    assert not any(differences(old, new, METRICS[name]) for name in not_to)


def test_the_words_about_costs_do_not_change_what_is_measured() -> None:
    costs = read_definition(PARAMS).costs
    assert costs is not None
    other = terms(costs=costs.model_copy(update={"source": "other people"}))
    assert differences(read_definition(PARAMS), other, METRICS["expected_value"]) == []
