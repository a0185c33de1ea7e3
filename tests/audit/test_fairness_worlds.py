"""A planted bias is found in each of twenty worlds, and a fair one raises no alarm."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import fairlearn.metrics as fl
import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from stages.audit.evidence import Evidence
from stages.audit.fairness.numbers import compare_numbers, mean_error_difference
from stages.core.fairness import BOUNDED, DISPARITIES, Draws, Grouping, compare, measures, sums
from stages.core.fairness.verdicts import intersections, worst
from stages.core.metrics import NumberPredictions, Predictions
from stages.core.verdicts import Verdict

from .test_fairness import BOUNDS
from .test_tasks import amount, classes, numbers  # noqa: F401 - fixtures

SEEDS = range(20)
ROWS, GROUPS, LEAST = 500, 3, 100
HOW = Draws(200, 0)
STRICT = BOUNDS.model_copy(update={"min_group_size": LEAST, "max_group_calibration_error": 0.05})

Sides = list[tuple[str, Predictions]]


def grouped(rng: np.random.Generator) -> Grouping:
    return Grouping("g", ("a", "b", "c"), rng.permutation(np.arange(ROWS) % GROUPS))


def binary(seed: int, bias: float) -> tuple[Grouping, Sides]:
    """Risks alike in all groups; `bias` is put on top of what is said of the first."""
    rng = np.random.default_rng(seed)
    grouping = grouped(rng)
    risk = rng.beta(1.5, 3, ROWS)
    said = np.clip(risk + bias * (grouping.codes == 0), 0, 1)
    p = Predictions(
        (rng.random(ROWS) < risk).astype(np.int64), said, (said >= 0.3).astype(np.int64)
    )
    return grouping, [("yes", p)]


def several(seed: int, bias: float) -> tuple[Grouping, Sides]:
    """Three classes; of the first group the second class is said to be likelier by `bias`."""
    rng = np.random.default_rng(seed)
    grouping = grouped(rng)
    risk = rng.dirichlet((1.5, 1.5, 1.5), ROWS)
    said = risk + bias * (grouping.codes == 0)[:, None] * (0, 1, 0)
    said /= said.sum(axis=1, keepdims=True)
    happened = (rng.random((ROWS, 1)) > risk.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    decided = said.argmax(axis=1)
    return grouping, [
        (
            name,
            Predictions(
                (happened == place).astype(np.int64),
                said[:, place],
                (decided == place).astype(np.int64),
            ),
        )
        for place, name in enumerate(("low", "middle", "high"))
    ]


def judged(world: tuple[Grouping, Sides]) -> dict[str, Verdict]:
    grouping, sides = world
    compared = [compare(grouping, side, HOW, LEAST) for side in sides]
    return {name: worst(compared, name, STRICT, name, HOW, ()) for name in BOUNDED}


@pytest.mark.parametrize("world", [binary, several])
def test_a_fair_world_raises_no_alarm(world: Callable[[int, float], Any]) -> None:
    alarms = Counter(
        name for seed in SEEDS for name, v in judged(world(seed, 0)).items() if v.status == "fail"
    )
    # One in twenty is what chance may do to each.
    assert max(alarms.values(), default=0) <= 2
    assert sum(alarms.values()) <= 0.05 * len(SEEDS) * len(BOUNDED)


@pytest.mark.parametrize(("world", "bias"), [(binary, 0.35), (several, 1.0)])
def test_a_planted_bias_is_found_each_time(world: Callable[[int, float], Any], bias: float) -> None:
    for seed in SEEDS:
        found = judged(world(seed, bias))
        for name in set(BOUNDED) - {"error_rate_difference"}:
            assert found[name].status == "fail", (seed, found[name])


def test_of_several_classes_the_worst_is_named() -> None:
    found = judged(several(0, 1.0))["calibration_error"]
    assert "of 3 outcomes the worst, middle:" in found.why
    assert "the mean probability of a lies" in found.why
    assert "above the share of positives" in found.why


def test_decisions_that_are_wrong_for_one_group_are_found() -> None:
    missed = []
    for seed in SEEDS:
        grouping, [(name, p)] = binary(seed, 0)
        rng = np.random.default_rng(seed + 100)
        lots = (grouping.codes == 0) & (rng.random(ROWS) < 0.9)
        turned = Predictions(p.y_true, p.y_prob, np.where(lots, 1 - p.y_true, p.y_pred))
        found = judged((grouping, [(name, turned)]))["error_rate_difference"]
        missed += [seed] * (found.status != "fail")
        assert "(a)" in found.why
    assert not missed


def test_pairs_of_a_fair_world_raise_no_alarm_and_of_a_biased_one_do() -> None:
    alarms = 0
    for seed in SEEDS:
        fair, biased = (
            compare(*(lambda w: (w[0], w[1][0]))(binary(seed, bias)), HOW, LEAST)
            for bias in (0, 0.35)
        )
        names = ["demographic_parity_difference", "calibration_error"]
        alarms += any(v.status == "fail" for v in intersections([fair], names, STRICT, HOW, ()))
        assert all(v.status == "fail" for v in intersections([biased], names, STRICT, HOW, ()))
    assert alarms <= 2


# --- numbers ------------------------------------------------------------------------------------


def test_a_number_too_high_for_one_group_is_found_and_one_that_is_right_is_not(
    numbers: Callable[..., Evidence],  # noqa: F811 - the fixture
) -> None:
    e = numbers(sensitive_features=("sex",))
    alarms = 0
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        grouping = Grouping("g", ("a", "b", "c"), rng.permutation(np.arange(len(e.test)) % GROUPS))

        def verdict(shift: float, grouping: Grouping = grouping) -> Verdict:
            said = e.predicted + shift * e.spread_of_target * (grouping.codes == 1)
            c = compare_numbers(grouping, with_answers(e, said), LEAST)
            return mean_error_difference(c, STRICT, HOW, ())

        alarms += verdict(0).status == "fail"
        found = verdict(0.4)
        assert found.status == "fail"
        assert "(b)" in found.why
    assert alarms <= 1


def with_answers(e: Evidence, said: Any) -> Evidence:
    return replace(e, predicted=said, draws=200)


def test_the_mean_error_is_that_of_the_residuals_by_hand(
    numbers: Callable[..., Evidence],  # noqa: F811 - the fixture
) -> None:
    e = numbers(lambda frame: amount(frame) + 30 * (frame["sex"] == 1), draws=50)
    weight = np.random.default_rng(0).random(len(e.test)) + 0.5
    e = with_answers(e, e.predicted)
    object.__setattr__(e, "sample_weight", weight)
    assert isinstance(e.predictions, NumberPredictions)
    grouping = e.grouping("sex", ())
    c = compare_numbers(grouping, e, LEAST)
    off = (e.predicted - e.test["y"].to_numpy()) / e.spread_of_target
    for place in range(2):
        own = grouping.codes == place
        expected = (
            np.average(e.predicted[own], weights=weight[own]),
            np.average(off[own], weights=weight[own]),
            np.average(np.abs(off[own]), weights=weight[own]),
        )
        assert c.once[place] == pytest.approx(expected, abs=1e-9)


# --- weights ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_with_weights_the_numbers_are_fairlearns(seed: int) -> None:
    grouping, [(name, p)] = binary(seed, 0.2)
    weight = np.random.default_rng(seed).random(ROWS) * 3 + 0.1
    weighted = Predictions(p.y_true, p.y_prob, p.y_pred, sample_weight=weight)
    c = compare(grouping, (name, weighted), HOW, 1)
    titles = ("Selection rate", "True positive rate", "False positive rate", "Right")
    frame = fl.MetricFrame(
        metrics={
            "Selection rate": fl.selection_rate,
            "True positive rate": fl.true_positive_rate,
            "False positive rate": fl.false_positive_rate,
            "Right": accuracy_score,
        },
        y_true=p.y_true,
        y_pred=p.y_pred,
        sensitive_features=grouping.codes,
        sample_params={title: {"sample_weight": weight} for title in titles},
    ).by_group
    for title in titles[:-1]:
        np.testing.assert_allclose(c.once[title], frame[title], atol=1e-12, rtol=0)
    np.testing.assert_allclose(1 - c.once["Error rate"], frame["Right"], atol=1e-12, rtol=0)
    for disparity in (
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "equalized_odds_difference",
        "equalized_odds_ratio",
    ):
        expected = getattr(fl, disparity)(
            p.y_true, p.y_pred, sensitive_features=grouping.codes, sample_weight=weight
        )
        assert c.disparity(disparity)["value"] == pytest.approx(expected, abs=1e-12, rel=0)


def test_a_row_that_counts_twice_is_two_rows() -> None:
    grouping, [(_, p)] = binary(0, 0.2)
    weight = np.random.default_rng(0).integers(1, 4, ROWS)
    twice = np.repeat(np.arange(ROWS), weight)
    more = Grouping("g", grouping.labels, grouping.codes[twice])
    repeated = Predictions(p.y_true[twice], p.y_prob[twice], p.y_pred[twice])
    one = measures(sums(grouping, p, weight[None].astype(float)))
    two = measures(sums(more, repeated, np.ones((1, len(twice)))))
    for name, measure in DISPARITIES.items():
        assert measure(one)[0] == pytest.approx(measure(two)[0], abs=1e-12), name


def test_by_hand_eight_rows() -> None:
    """Group a: TP TP FN FP, group b: TP FN TN TN."""
    y_true = np.array([1, 1, 1, 0, 1, 1, 0, 0])
    y_pred = np.array([1, 1, 0, 1, 1, 0, 0, 0])
    p = Predictions(y_true, np.full(8, 0.5), y_pred)
    rates = measures(sums(Grouping("g", ("a", "b"), np.arange(8) // 4), p, np.ones((1, 8))))
    assert rates["Selection rate"].tolist() == [[0.75, 0.25]]
    assert rates["Error rate"].tolist() == [[0.5, 0.25]]
    assert rates["Calibration"].tolist() == [[-0.25, 0.0]]
    found = {name: float(measure(rates)[0]) for name, measure in DISPARITIES.items()}
    assert found == pytest.approx(
        {
            "demographic_parity_difference": 0.5,
            "demographic_parity_ratio": 1 / 3,
            "equalized_odds_difference": 1.0,
            "equalized_odds_ratio": 0.0,
            "error_rate_difference": 0.25,
            "calibration_error": 0.25,
        }
    )
