"""What is measured, and what it is held against."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.tree import DecisionTreeClassifier

from stages.core.errors import LoopwrightError
from stages.core.metrics import ClassPredictions, NumberPredictions
from stages.core.params import BaselineElsewhere, BaselineHere, Criterion, NumberCosts, Params, Task
from stages.core.sample import Sample
from stages.core.statistics import UNDEFINED, Drawn, Estimate
from stages.core.worth import return_on_investment
from stages.evaluate import verdicts as checks
from stages.evaluate.document import headline
from stages.evaluate.measurement import missed_criteria
from stages.evaluate.subjects import best_number
from tests.evaluate.project import (
    CLASSES,
    TASKS,
    by_rule,
    no_signal,
    sigmoid,
    signal,
    table,
)

Judged = Callable[..., Any]
LINE: dict[Task, Callable[[], Any]] = {
    "binary": LogisticRegression,
    "multiclass": LogisticRegression,
    "regression": Ridge,
}


@pytest.mark.parametrize("task", TASKS)
def test_a_good_model_passes_everything_and_goes_on(judged: Judged, task: Task) -> None:
    m, status, step = judged(signal, LINE[task](), task=task)
    assert set(status.values()) == {"pass"}
    assert m.diagnosis.verdict == "good_fit"
    assert (step["step"], step["situation"]) == ("audit", "ready")


@pytest.mark.parametrize("task", TASKS)
def test_without_a_signal_nothing_beats_the_dummy(judged: Judged, task: Task) -> None:
    m, status, step = judged(no_signal, LINE[task](), task=task)
    assert status["beats_dummy"] in ("fail", "warn")
    assert m.diagnosis.verdict == "high_bias"
    assert (step["step"], step["situation"]) == ("define", "nothing_to_learn")


def test_a_tree_that_knows_the_rows_by_heart_is_high_variance(judged: Judged) -> None:
    m, status, step = judged(signal, DecisionTreeClassifier(random_state=0))
    assert m.metrics["train"]["roc_auc"].value == 1
    assert status["overfitting"] == "fail"
    assert status["calibrated"] == "fail"
    assert status["beats_dummy"] == "fail"
    assert m.diagnosis.verdict == "high_variance"
    assert (step["step"], step["situation"]) == ("train", "simpler_model")


def test_a_bounded_tree_of_the_same_rows_does_not_overfit(judged: Judged) -> None:
    tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=40, random_state=0)
    m, status, _ = judged(signal, tree, n=4000)
    assert status["overfitting"] == "pass"
    assert m.diagnosis.verdict == "good_fit"


def test_a_model_that_knows_only_the_rule_does_not_beat_it(judged: Judged) -> None:
    m, status, step = judged(by_rule, DecisionTreeClassifier(max_depth=1, random_state=0))
    assert m.metrics["validation"]["value_over_rule"].value == pytest.approx(0, abs=100)
    assert status["beats_rule"] in ("fail", "warn")
    assert status["beats_dummy"] == "pass"
    assert m.diagnosis.verdict == "high_bias"
    assert step["situation"] == "baseline_suffices"


def test_probabilities_that_are_too_high_are_seen_and_priced(judged: Judged) -> None:
    def rare(frame: pd.DataFrame) -> Any:
        return frame["level"] + frame["trend"] - 3

    _, honest, _ = judged(rare, LogisticRegression(), n=3000)
    assert honest["calibrated"] == "pass"
    assert honest["threshold"] == "pass"
    m, status, _ = judged(rare, LogisticRegression(class_weight="balanced"), n=3000)
    assert status["calibrated"] == "fail"
    assert status["threshold"] == "warn"
    assert m.searched["threshold"]["value"] > m.terms.threshold
    assert status["roc_auc"] == honest["roc_auc"]


def test_numbers_that_are_too_high_are_seen(judged: Judged) -> None:
    class TooHigh(Ridge):
        def predict(self, X: Any) -> Any:
            return super().predict(X) + 0.5

    m, status, _ = judged(signal, TooHigh(), task="regression")
    assert status["calibrated"] == "fail"
    assert m.bias.value == pytest.approx(0.5, abs=0.1)
    assert m.by_chance is None and m.searched is None


@pytest.mark.parametrize(
    ("value", "chance", "status"),
    [
        (0.01, 0.02, "pass"),
        (0.03, 0.02, "warn"),
        (0.06, 0.02, "fail"),
        # So few rows that chance alone hides an error that matters.
        (0.06, 0.08, "insufficient"),
        (0.09, 0.08, "fail"),
        (None, 0.02, "insufficient"),
    ],
)
def test_calibration_is_held_against_chance(
    value: float | None, chance: float, status: str
) -> None:
    error: Estimate = UNDEFINED if value is None else {"value": value, "interval": (0.0, 0.1)}
    found = checks.calibrated(error, np.full(100, chance), [Path("e")])
    assert (found.status, found.threshold) == (status, f"<= {chance:.6f}")


@pytest.mark.parametrize(
    ("mean", "width", "status"),
    [(0.01, 0.02, "pass"), (0.03, 0.01, "warn"), (-0.2, 0.01, "fail"), (np.nan, 1, "insufficient")],
)
def test_a_bias_is_held_against_the_spread_of_the_target(
    mean: float, width: float, status: str
) -> None:
    y = np.tile([-1.0, 1.0], 50)
    bias = Drawn(mean, mean + width * np.linspace(-1, 1, 101))
    found = checks.right_in_the_mean(bias, NumberPredictions(y, y), [Path("e")])
    assert found.status == status
    assert ("low" in found.why) == (mean == -0.2)


def test_an_ideal_is_not_to_be_beaten(judged: Judged) -> None:
    m, status, _ = judged(signal, LogisticRegression(), role="ideal")
    assert status["beats_rule"] == "not_applicable"
    assert m.diagnosis.verdict == "good_fit"


@pytest.mark.parametrize("task", TASKS)
def test_one_outcome_in_validation_answers_nothing(judged: Judged, task: Task) -> None:
    one = table(400, 2).assign(late=1, colour="red", price=3.0)
    m, status, step = judged(signal, LINE[task](), held_out=one, task=task)
    assert set(status.values()) == {"insufficient"}
    assert (step["step"], step["also"]) == ("ingest", [])
    assert headline(m)["value_over_rule"] is not None


def test_repeated_entities_widen_the_intervals(judged: Judged) -> None:
    frame = table(400, 2)
    four = frame.loc[np.repeat(frame.index, 4)].reset_index(drop=True)
    widths = []
    for groups in (None, four["row"].to_numpy()):
        m, _, _ = judged(signal, LogisticRegression(), held_out=four, groups=groups)
        for estimate in (
            m.metrics["validation"]["roc_auc"].estimate(),
            m.gain_over("rule"),
        ):
            widths.append(np.diff(estimate["interval"])[0])
    assert np.array(widths[2:]) / np.array(widths[:2]) == pytest.approx(2, rel=0.35)


def test_binary_subjects_are_what_they_say(judged: Judged) -> None:
    m, _, _ = judged(signal, LogisticRegression())
    dummy, rule = m.subjects["dummy"], m.subjects["rule"]
    assert len(set(dummy.y_prob)) == 1
    assert m.metrics["dummy"]["roc_auc"].value == 0.5
    assert len(set(rule.y_prob)) == 2
    assert np.array_equal(rule.y_pred, rule.rule_decisions)
    assert m.metrics["rule"]["value_over_rule"].value == 0
    assert m.terms.threshold == pytest.approx(5 / 25)
    assert np.array_equal(m.model.y_pred == 1, m.model.y_prob >= m.terms.threshold)
    assert m.constant == "always"
    difference = m.metrics["validation"]["log_loss"] - m.metrics["rule"]["log_loss"]
    # Paired: what makes a row hard for both cancels out.
    assert difference.samples.std() < 0.8 * np.hypot(
        m.metrics["validation"]["log_loss"].samples.std(),
        m.metrics["rule"]["log_loss"].samples.std(),
    )


def test_multiclass_subjects_are_what_they_say(judged: Judged) -> None:
    m, _, _ = judged(signal, LogisticRegression(), task="multiclass")
    train, validation = table(1500, 1), table(1500, 2)
    shares = [np.mean(train["colour"] == name) for name in CLASSES]
    dummy, rule = m.subjects["dummy"], m.subjects["rule"]
    assert isinstance(dummy, ClassPredictions) and isinstance(rule, ClassPredictions)
    assert dummy.y_prob[0].tolist() == pytest.approx(shares)
    says_red = (validation["level"] > 0.5).to_numpy()
    assert (rule.y_pred == np.where(says_red, 2, 0)).all()
    of_red = train[train["level"] > 0.5]["colour"]
    told = [np.mean(of_red == name) for name in CLASSES]
    assert rule.y_prob[says_red][0].tolist() == pytest.approx(told)
    expected = log_loss(validation["colour"], dummy.y_prob, labels=list(CLASSES))
    assert m.metrics["dummy"]["log_loss"].value == pytest.approx(expected)
    # A red that is called blue costs four times another mistake.
    assert m.constant == "one_for_all"
    assert m.constant_words == "always deciding for red"


def test_regression_subjects_are_what_they_say(judged: Judged) -> None:
    m, _, _ = judged(signal, Ridge(), task="regression")
    train, validation = table(1500, 1), table(1500, 2)
    dummy, rule = m.subjects["dummy"], m.subjects["rule"]
    assert isinstance(dummy, NumberPredictions) and isinstance(rule, NumberPredictions)
    assert dummy.y_pred == pytest.approx(np.full(1500, train["price"].mean()))
    assert rule.y_pred == pytest.approx(2 + validation["level"])
    expected = root_mean_squared_error(validation["price"], 2 + validation["level"])
    assert m.metrics["rule"]["root_mean_squared_error"].value == pytest.approx(expected)
    assert m.decisions["one_for_all"].value > m.metrics["dummy"]["expected_value"].value


def test_the_best_number_for_all_brings_most() -> None:
    rng = np.random.default_rng(0)
    y = rng.exponential(size=501)
    train = Sample(pd.DataFrame(index=range(501)), y, None)
    costs = NumberCosts(currency="EUR", per_unit_over=-1.0, per_unit_under=-4.0, source="x")
    best = best_number(train, costs)

    def brings(number: float) -> float:
        off = number - y
        return float(np.where(off > 0, -off, 4 * off).sum())

    assert brings(best) == max(brings(number) for number in y)
    free = NumberCosts(currency="EUR", per_unit_over=0.0, per_unit_under=0.0, source="x")
    assert best_number(train, free) == pytest.approx(y.mean())


def test_missed_criteria_are_those_on_scores(judged: Judged) -> None:
    wanted = [
        Criterion(metric="roc_auc", at_least=0.99, why="x"),
        Criterion(metric="log_loss", at_most=0.9, why="x"),
        Criterion(metric="value_over_rule", at_least=1e9, why="x"),
    ]
    m, status, step = judged(signal, LogisticRegression(), criteria=wanted)
    missed = missed_criteria(wanted, m.metrics["train"], m.metrics["validation"])
    assert missed == {"roc_auc": True}
    assert (status["roc_auc"], status["value_over_rule"]) == ("fail", "fail")
    assert (m.diagnosis.verdict, step["step"]) == ("high_bias", "featurize")


# --- the baseline -----------------------------------------------------------------------


def people(**source: Any) -> BaselineElsewhere:
    blank: dict[str, Any] = {"column": None, "error": None}
    return BaselineElsewhere(kind="human", role="ideal", **{**blank, **source})


def test_the_dummy_may_be_the_baseline(judged: Judged) -> None:
    m, _, _ = judged(signal, LogisticRegression(), baseline=BaselineHere(kind="dummy"))
    assert m.diagnosis.baseline["value"] == m.metrics["dummy"]["log_loss"].value
    assert m.standard.role == "start"


def test_what_people_said_is_measured_row_by_row(judged: Judged) -> None:
    m, _, _ = judged(signal, LogisticRegression(), baseline=people(column="people"))
    train, validation = table(1500, 1), table(1500, 2)
    shares = train.groupby("people")["late"].mean()
    expected = log_loss(validation["late"], validation["people"].map(shares))
    assert m.diagnosis.baseline["value"] == pytest.approx(expected)
    # People are right more often than any line through these columns.
    assert m.diagnosis.verdict == "high_bias"


def test_probabilities_of_another_model_are_taken_as_they_are(judged: Judged) -> None:
    held_out = table(1500, 2)
    held_out["people"] = sigmoid(signal(held_out)).where(held_out.index % 10 > 0)
    m, _, _ = judged(
        signal, LogisticRegression(), baseline=people(column="people"), held_out=held_out
    )
    known = held_out["people"].fillna(table(1500, 1)["late"].mean())
    assert m.diagnosis.baseline["value"] == pytest.approx(log_loss(held_out["late"], known))


def test_a_number_that_people_said_is_one(judged: Judged) -> None:
    held_out = table(1500, 2)
    held_out["people"] = held_out["price"] + 0.5
    m, _, _ = judged(
        signal, Ridge(), task="regression", baseline=people(column="people"), held_out=held_out
    )
    assert m.diagnosis.baseline["value"] == pytest.approx(0.5)
    assert m.diagnosis.verdict == "high_bias"


def test_a_known_error_is_as_uncertain_as_its_study(judged: Judged) -> None:
    known = {"metric": "log_loss", "value": 0.3, "low": 0.25, "high": 0.35, "source": "a study"}
    m, _, _ = judged(signal, LogisticRegression(), baseline=people(error=known))
    assert m.diagnosis.baseline["value"] == 0.3
    low, high = m.diagnosis.baseline["interval"]
    assert (low, high) == pytest.approx((0.25, 0.35), abs=0.01)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"column": "poeple"}, "no column 'poeple'"),
        ({"column": "noise"}, "no probability"),
        (
            {"error": {"metric": "roc_auc", "value": 0.5, "low": 0.4, "high": 0.6, "source": "x"}},
            "not train.scoring, which is 'log_loss'",
        ),
    ],
)
def test_a_baseline_that_cannot_be_compared_is_one_clear_error(
    judged: Judged, source: dict[str, Any], message: str
) -> None:
    with pytest.raises(LoopwrightError, match=message):
        judged(signal, LogisticRegression(), baseline=people(**source))


# --- leaks and drift --------------------------------------------------------------------


def test_a_column_that_was_told_is_suspected(judged: Judged) -> None:
    # The column that people filled in afterwards stands in the table, and is read.
    leak = signal_of_people
    m, status, step = judged(leak, LogisticRegression(), inputs=["level", "trend"])
    assert m.lone[0].column == "level" and m.lone[0].skill > 0.8
    assert (status["leak"], step["situation"]) == ("fail", "leak_suspected")
    assert "column 'level'" in step["why"]


def signal_of_people(frame: pd.DataFrame) -> Any:
    return 40 * np.sign(frame["level"] - 0.3)


def test_better_than_possible_is_suspected(judged: Judged) -> None:
    def run(possible: float | None) -> tuple[str, str]:
        wanted = [Criterion(metric="roc_auc", at_least=0.7, possible=possible, why="x")]
        _, status, step = judged(signal, LogisticRegression(), criteria=wanted)
        return status["leak"], step["situation"]

    assert run(0.8) == ("fail", "leak_suspected")
    assert run(0.95) == run(None) == ("pass", "ready")


def test_validation_from_elsewhere_is_seen_and_decides_only_where_it_harms(
    judged: Judged,
) -> None:
    elsewhere = table(1500, 2)
    elsewhere["noise"] += 1
    _, status, step = judged(signal, LogisticRegression(), held_out=elsewhere)
    assert (status["drift"], step["situation"]) == ("warn", "ready")
    assert "drift" in step["why"]
    elsewhere["late"] = 1 - elsewhere["late"]
    _, status, step = judged(signal, LogisticRegression(), held_out=elsewhere)
    assert (step["step"], step["situation"]) == ("split", "splits_differ")
    assert "noise" in step["why"]


def test_a_model_that_costs_nothing_has_no_return(small: Params) -> None:
    free = small.charter.return_on_investment.model_copy(
        update={"build_cost": 0.0, "run_cost_per_year": 0.0}
    )
    investment = return_on_investment({"value": 1.0, "interval": (0.5, 2.0)}, free)
    assert checks.pays_back(investment, 2, [Path("e")]).status == "not_applicable"
