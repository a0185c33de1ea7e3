import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from stages.core.errors import LoopwrightError
from stages.core.metrics import (
    METRICS,
    Predictions,
    best_thresholds,
    calibration_by_chance,
    computable,
    cost_threshold,
    find_metric,
    measure_all,
    quantile_bins,
    row_log_loss,
    row_value,
)
from stages.core.params import Costs, Task
from stages.core.statistics import Estimate, bootstrap_weights, interval

COSTS = Costs(
    currency="NT$",
    true_positive=-8500.0,
    false_positive=-3000.0,
    true_negative=0.0,
    false_negative=-20000.0,
    source="test",
)

# The metrics of a binary task.
BINARY = {name: metric for name, metric in METRICS.items() if "binary" in metric.tasks}

SCORES = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier_score": sk.brier_score_loss,
}
DECISIONS = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
}


def predictions(n: int = 600, ties: bool = False, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    y_prob = rng.integers(0, 21, n) / 20 if ties else rng.random(n)
    y_true = (rng.random(n) < 0.1 + 0.6 * y_prob).astype(np.int64)
    return Predictions(
        y_true=y_true,
        y_prob=y_prob,
        y_pred=(y_prob >= 0.4).astype(np.int64),
        costs=COSTS,
        rule_decisions=rng.integers(0, 2, n),
    )


def measure(
    y_true: np.ndarray,
    y_prob: np.ndarray,
    threshold: float,
    costs: Costs | None,
    rule_decisions: np.ndarray | None,
    draws: int,
    random_state: int,
    groups: np.ndarray | None = None,
    calibration_bins: int = 10,
) -> dict[str, Estimate]:
    p = Predictions(
        y_true,
        y_prob,
        (y_prob >= threshold).astype(np.int64),
        costs,
        rule_decisions,
        calibration_bins,
    )
    measured = measure_all(p, draws, random_state, groups)
    return {name: drawn.estimate() for name, drawn in measured.items()}


def weights_of(p: Predictions, seed: int = 1) -> list[np.ndarray]:
    """Counts from the bootstrap, weights with many zeros, and weights that are no counts."""
    rng = np.random.default_rng(seed)
    return [
        next(bootstrap_weights(len(p), 8, rng)),
        rng.integers(0, 3, size=(8, len(p))),
        rng.random((8, len(p))) * 0.01,
    ]


# --- against scikit-learn ---------------------------------------------------------------


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("name", SCORES)
def test_scores_agree_with_sklearn(name: str, ties: bool) -> None:
    p = predictions(ties=ties)
    for weights in weights_of(p):
        expected = [SCORES[name](p.y_true, p.y_prob, sample_weight=w) for w in weights]
        assert METRICS[name].compute(p, weights) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions_agree_with_sklearn(name: str) -> None:
    p = predictions()
    for weights in weights_of(p):
        expected = [DECISIONS[name](p.y_true, p.y_pred, sample_weight=w) for w in weights]
        assert METRICS[name].compute(p, weights) == pytest.approx(expected, abs=1e-12)


def test_every_metric_of_sklearn_is_checked_against_it() -> None:
    own = {"expected_calibration_error", "expected_value", "value_over_rule"}
    assert set(BINARY) == set(SCORES) | set(DECISIONS) | own


def test_log_loss_of_a_certain_mistake_is_sklearns() -> None:
    y_true, y_prob = np.array([1, 0, 1, 0]), np.array([0.0, 1.0, 1.0, 0.0])
    assert row_log_loss(y_true, y_prob).mean() == pytest.approx(sk.log_loss(y_true, y_prob))


@pytest.mark.parametrize("ties", [False, True])
def test_calibration_error_agrees_with_sklearns_bins(ties: bool) -> None:
    p = predictions(ties=ties)
    share, probability = calibration_curve(p.y_true, p.y_prob, n_bins=10, strategy="quantile")
    sizes = np.bincount(quantile_bins(p.y_prob, 10))
    expected = np.average(np.abs(share - probability), weights=sizes[sizes > 0])
    found = METRICS["expected_calibration_error"].compute(p, np.ones((1, len(p))))
    assert found == pytest.approx([expected], abs=1e-12)


def test_calibration_error_by_brute_force_on_weights() -> None:
    p = predictions(n=120)
    weights = weights_of(p)[1]
    bins = quantile_bins(p.y_prob, 10)
    expected = []
    for w in weights:
        parts = []
        for b in np.unique(bins):
            inside = (bins == b) & (w > 0)
            if inside.any():
                share = np.average(p.y_true[inside], weights=w[inside])
                probability = np.average(p.y_prob[inside], weights=w[inside])
                parts.append(w[inside].sum() * abs(share - probability))
        expected.append(sum(parts) / w.sum())
    found = METRICS["expected_calibration_error"].compute(p, weights)
    assert found == pytest.approx(expected, abs=1e-12)


def test_two_probabilities_are_two_bins() -> None:
    bins = quantile_bins(np.array([0.17] * 90 + [0.7] * 10), 10)
    assert set(bins[:90]) & set(bins[90:]) == set()
    assert set(quantile_bins(np.full(50, 0.3), 10)) == {0}


# --- calibration ------------------------------------------------------------------------


def test_chance_explains_the_error_of_calibrated_probabilities_and_no_other() -> None:
    rng = np.random.default_rng(0)
    y_prob = rng.beta(1, 4, size=4000)
    y_true = (rng.random(4000) < y_prob).astype(np.int64)
    honest = Predictions(y_true, y_prob, y_true)
    bold = Predictions(y_true, np.clip(1.4 * y_prob, 0, 1), y_true)
    once = np.ones((1, 4000))
    for p, calibrated in ((honest, True), (bold, False)):
        error = METRICS["expected_calibration_error"].compute(p, once)[0]
        bound = np.quantile(calibration_by_chance(p, 400, 0), 0.95)
        assert (error <= bound) == calibrated


def test_chance_explains_calibration_in_nineteen_of_twenty_tables() -> None:
    rng = np.random.default_rng(0)
    y_prob = rng.beta(1, 3, size=300)
    inside = 0
    for seed in range(200):
        y_true = (rng.random(300) < y_prob).astype(np.int64)
        p = Predictions(y_true, y_prob, y_true)
        error = METRICS["expected_calibration_error"].compute(p, np.ones((1, 300)))[0]
        inside += error <= np.quantile(calibration_by_chance(p, 200, seed), 0.95)
    assert 0.90 <= inside / 200 <= 0.99


# --- money ------------------------------------------------------------------------------


def test_value_counts_each_outcome_once() -> None:
    y_true, decisions = np.array([1, 0, 0, 1]), np.array([1, 1, 0, 0])
    assert row_value(y_true, decisions, COSTS).tolist() == [-8500, -3000, 0, -20000]


def test_expected_value_is_by_thousand_decisions() -> None:
    p = Predictions(np.array([1, 0, 0, 1]), np.full(4, 0.5), np.array([1, 1, 0, 0]), COSTS)
    weights = np.array([[1, 1, 1, 1], [0, 2, 2, 0]])
    assert METRICS["expected_value"].compute(p, weights).tolist() == [-7_875_000, -1_500_000]


def test_value_over_rule_is_the_difference_of_the_values() -> None:
    p = predictions()
    assert p.rule_decisions is not None
    by_rule = Predictions(p.y_true, p.y_prob, p.rule_decisions, COSTS, p.rule_decisions)
    for weights in weights_of(p):
        values = [METRICS["expected_value"].compute(q, weights) for q in (p, by_rule)]
        found = METRICS["value_over_rule"].compute(p, weights)
        assert found == pytest.approx(values[0] - values[1], rel=1e-9)
        assert METRICS["value_over_rule"].compute(by_rule, weights) == pytest.approx(0)


@pytest.mark.parametrize("name", ["expected_value", "value_over_rule"])
def test_money_without_costs_is_refused(name: str) -> None:
    p = Predictions(np.array([0, 1]), np.array([0.1, 0.9]), np.array([0, 1]))
    with pytest.raises(ValueError, match="needs costs"):
        METRICS[name].compute(p, np.ones((1, 2)))


def test_cost_threshold_is_where_both_decisions_bring_the_same() -> None:
    threshold = cost_threshold(COSTS)
    assert threshold == pytest.approx(3000 / 14500)
    act = threshold * COSTS.true_positive + (1 - threshold) * COSTS.false_positive
    let_be = threshold * COSTS.false_negative + (1 - threshold) * COSTS.true_negative
    assert act == pytest.approx(let_be)
    # Elkan's example: equal costs of both errors, nothing for a right decision.
    equal = COSTS.model_copy(
        update={"true_positive": 0.0, "false_positive": -1.0, "false_negative": -1.0}
    )
    assert cost_threshold(equal) == 0.5


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"false_negative": -8500.0}, "true_positive"),
        ({"false_positive": 10.0}, "true_negative"),
    ],
)
def test_costs_that_decide_nothing_are_refused(changed: dict[str, float], named: str) -> None:
    with pytest.raises(LoopwrightError, match=rf"charter\.costs: {named} .* negative number"):
        cost_threshold(COSTS.model_copy(update=changed))


def test_threshold_by_the_costs_is_best_for_calibrated_probabilities() -> None:
    rng = np.random.default_rng(0)
    y_prob = rng.random(200_000)
    y_true = (rng.random(200_000) < y_prob).astype(np.int64)
    p = Predictions(y_true, y_prob, y_true, COSTS)
    best = best_thresholds(p, np.ones((1, 200_000), dtype=np.int64))[0]
    assert best == pytest.approx(cost_threshold(COSTS), abs=0.02)


@pytest.mark.parametrize("ties", [False, True])
def test_best_threshold_by_brute_force(ties: bool) -> None:
    p = predictions(n=150, ties=ties)
    weights = weights_of(p)[0]
    found = best_thresholds(p, weights)
    for threshold, w in zip(found, weights, strict=True):

        def value(t: float, w: np.ndarray = w) -> float:
            decided = (p.y_prob >= t).astype(np.int64)
            return float(w @ row_value(p.y_true, decided, COSTS))

        tried = [value(t) for t in [*np.unique(p.y_prob), 1.1]]
        assert value(threshold) == pytest.approx(max(tried))


def test_never_to_act_is_a_threshold_of_one() -> None:
    p = Predictions(np.zeros(5, np.int64), np.linspace(0, 0.9, 5), np.zeros(5, np.int64), COSTS)
    assert best_thresholds(p, np.ones((1, 5))).tolist() == [1.0]
    without = Predictions(p.y_true, p.y_prob, p.y_pred)
    with pytest.raises(ValueError, match="needs costs"):
        best_thresholds(without, np.ones((1, 5)))


# --- undefined --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y_true", "y_pred", "undefined"),
    [
        (0, 0, {"roc_auc", "average_precision", "balanced_accuracy", "precision", "recall", "f1"}),
        (0, 1, {"roc_auc", "average_precision", "balanced_accuracy", "recall"}),
        (1, 0, {"roc_auc", "balanced_accuracy", "precision"}),
        (1, 1, {"roc_auc", "balanced_accuracy"}),
    ],
)
def test_one_class_leaves_undefined_what_needs_both(
    y_true: int, y_pred: int, undefined: set[str]
) -> None:
    y_prob = np.linspace(0.1, 0.9, 20)
    p = Predictions(np.full(20, y_true), y_prob, np.full(20, y_pred), COSTS, np.zeros(20, np.int64))
    measured = measure_all(p, 100, 0)
    assert {name for name, drawn in measured.items() if np.isnan(drawn.value)} == undefined
    assert {
        name for name, drawn in measured.items() if drawn.estimate()["value"] is None
    } == undefined


def test_a_draw_without_rows_is_undefined_for_every_metric() -> None:
    p = predictions(n=30)
    nothing = np.zeros((2, 30), dtype=np.int64)
    for metric in BINARY.values():
        assert np.isnan(metric.compute(p, nothing)).all(), metric.name


def test_a_single_positive_has_a_value_but_no_honest_interval() -> None:
    y_true = np.zeros(50, np.int64)
    y_true[0] = 1
    found = measure(y_true, np.linspace(0.9, 0.1, 50), 0.5, COSTS, None, 500, 0)
    # More than a third of the draws miss the one positive.
    assert found["roc_auc"] == {"value": None, "interval": None}
    assert found["log_loss"]["value"] is not None


@pytest.mark.parametrize(
    ("y_true", "y_prob", "fault"),
    [
        ([], [], "no rows"),
        ([0, 2], [0.1, 0.2], "other values than 0 and 1"),
        ([0, 1], [0.1, np.nan], "outside 0 to 1"),
        ([0, 1], [0.1, 1.2], "outside 0 to 1"),
        ([0, 1], [0.1, 0.2, 0.3], "one row each"),
    ],
)
def test_predictions_that_cannot_be_are_refused(
    y_true: list[int], y_prob: list[float], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        Predictions(np.array(y_true), np.array(y_prob), np.array(y_true))


# --- measuring --------------------------------------------------------------------------


def test_measure_gives_every_metric_with_an_interval_around_it() -> None:
    p = predictions()
    found = measure(p.y_true, p.y_prob, 0.4, COSTS, p.rule_decisions, 500, 0)
    assert list(found) == list(BINARY)
    for name, estimate in found.items():
        assert estimate["value"] is not None and estimate["interval"] is not None
        low, high = estimate["interval"]
        assert low < high
        # The calibration error leans to the high side, and says so.
        assert low < estimate["value"] < high or name == "expected_calibration_error"


def test_measure_without_costs_or_rule_leaves_out_what_needs_them() -> None:
    p = predictions(n=60)
    bare = measure(p.y_true, p.y_prob, 0.4, None, None, 100, 0)
    assert set(BINARY) - set(bare) == {"expected_value", "value_over_rule"}
    without_rule = measure(p.y_true, p.y_prob, 0.4, COSTS, None, 100, 0)
    assert set(BINARY) - set(without_rule) == {"value_over_rule"}
    assert [metric.name for metric in computable(p)] == list(BINARY)


def test_measure_follows_its_seed_and_changes_nothing() -> None:
    p = predictions(n=200)
    given = [array.copy() for array in (p.y_true, p.y_prob, p.rule_decisions)]
    first, again, other = (
        measure(p.y_true, p.y_prob, 0.4, COSTS, p.rule_decisions, 200, seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first["roc_auc"]["interval"] != other["roc_auc"]["interval"]
    for before, now in zip(given, (p.y_true, p.y_prob, p.rule_decisions), strict=True):
        assert np.array_equal(before, now)


def test_bins_of_the_calibration_error_are_chosen() -> None:
    p = predictions(n=400)
    errors = {
        bins: measure(p.y_true, p.y_prob, 0.4, None, None, 100, 0, calibration_bins=bins)
        for bins in (1, 20)
    }
    name = "expected_calibration_error"
    assert errors[1][name]["value"] == pytest.approx(abs(p.y_prob.mean() - p.y_true.mean()))
    assert errors[20][name]["value"] > errors[1][name]["value"]


def test_interval_of_the_auc_covers_the_truth() -> None:
    # Scores of both classes are normal, one apart: the area is known.
    truth = stats.norm.cdf(1 / np.sqrt(2))
    rng = np.random.default_rng(0)
    covered = 0
    y_true = np.repeat([0, 1], [120, 80])
    for seed in range(200):
        raw = rng.normal(size=200) + y_true
        p = Predictions(y_true, 1 / (1 + np.exp(-raw)), y_true)
        found = measure_all(p, 300, seed, metrics=[METRICS["roc_auc"]])["roc_auc"]
        low, high = interval(found.samples)
        covered += low <= truth <= high
    assert 0.89 <= covered / 200 <= 0.985


def test_entities_that_repeat_widen_every_interval_of_shares() -> None:
    p = predictions(n=150)
    four = {
        "y_true": np.repeat(p.y_true, 4),
        "y_prob": np.repeat(p.y_prob, 4),
        "threshold": 0.4,
        "costs": COSTS,
        "rule_decisions": np.repeat(p.rule_decisions, 4),
        "draws": 800,
        "random_state": 0,
    }
    plain = measure(**four)
    grouped = measure(**four, groups=np.repeat(np.arange(150), 4))
    for name in ("roc_auc", "log_loss", "accuracy", "expected_value"):
        widths = [np.diff(found[name]["interval"])[0] for found in (plain, grouped)]
        assert widths[1] / widths[0] == pytest.approx(2, rel=0.15)


# --- the table --------------------------------------------------------------------------


def test_table_has_nineteen_metrics_with_a_name_and_a_range_each() -> None:
    assert len(METRICS) == 19
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.low < metric.high
        assert metric.tasks
        assert metric.compute.__doc__


def test_range_and_direction_hold_on_a_perfect_and_a_bad_model() -> None:
    y_true = np.repeat([0, 1], 50)
    rule = np.zeros(100, np.int64)
    perfect = Predictions(y_true, y_true.astype(float), y_true, COSTS, rule)
    bad = Predictions(y_true, 1.0 - y_true, 1 - y_true, COSTS, rule)
    once = np.ones((1, 100))
    for metric in BINARY.values():
        best, worst = (float(metric.compute(p, once)[0]) for p in (perfect, bad))
        assert metric.low <= min(best, worst) and max(best, worst) <= metric.high
        assert (best > worst) == (metric.direction == "higher"), metric.name


def test_error_turns_every_metric_so_that_lower_is_better() -> None:
    p = predictions()
    for metric in BINARY.values():
        drawn = measure_all(p, 100, 0, metrics=[metric])[metric.name]
        error = metric.error(drawn)
        sign = 1 if metric.direction == "lower" else -1
        assert np.diff(error.samples) == pytest.approx(sign * np.diff(drawn.samples))
    auc = measure_all(p, 100, 0, metrics=[METRICS["roc_auc"]])["roc_auc"]
    assert METRICS["roc_auc"].error(auc).value == pytest.approx(1 - auc.value)


def test_an_unknown_metric_names_the_closest_and_all() -> None:
    assert find_metric("f1", "x") is METRICS["f1"]
    with pytest.raises(LoopwrightError) as fault:
        find_metric("rocauc", "charter.success_criteria.0.metric")
    message = str(fault.value)
    assert "charter.success_criteria.0.metric" in message
    assert "did you mean 'roc_auc'?" in message
    assert all(name in message for name in METRICS)


def test_the_page_lists_every_metric_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]+) \| (\w+) \| ([^|]+) \| (\w+) \| ([^|]+) \|", page, re.MULTILINE
    )

    def bounds(low: float, high: float) -> str:
        words = {-np.inf: "any", np.inf: "any"}
        ends = [words.get(bound, f"{bound:g}") for bound in (low, high)]
        return (
            "any"
            if ends == ["any", "any"]
            else f"from {ends[0]}"
            if ends[1] == "any"
            else " to ".join(ends)
        )

    def tasks(served: frozenset[Task]) -> str:
        return "all" if len(served) == 3 else ", ".join(sorted(served))

    assert rows == [
        (m.name, m.title, m.direction, bounds(m.low, m.high), m.needs, tasks(m.tasks))
        for m in METRICS.values()
    ]
