"""What the stages found, side by side: verdicts, slices, metrics, the model."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from operate.review.results import (
    MetricRow,
    compare_slices,
    flips,
    measured_of,
    model_rows,
    verdicts_of,
)
from stages.core.metrics import row_log_loss
from tests.operate.project import verdict


def test_verdicts_that_changed_are_told_the_worst_first() -> None:
    base = [verdict("a.same"), verdict("a.better", "fail"), verdict("a.worse"), verdict("a.gone")]
    head = [verdict("a.same"), verdict("a.better"), verdict("a.worse", "warn"), verdict("a.new")]
    found = [(flip.id, flip.old, flip.new, flip.direction) for flip in flips(base, head)]
    assert found == [
        ("a.worse", "pass", "warn", "worse"),
        ("a.gone", "pass", None, "gone"),
        ("a.new", None, "pass", "new"),
        ("a.better", "fail", "pass", "better"),
    ]
    assert flips(base, base) == []


def test_what_is_no_verdict_is_passed_over() -> None:
    assert verdicts_of({"verdicts": [verdict("a.b"), {"id": "x"}, 3]}) == [verdict("a.b")]
    assert verdicts_of(None) == verdicts_of({"verdicts": None}) == []


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray, list]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 1200)
    base = np.clip(0.5 + 0.2 * (2 * y - 1) + rng.normal(0, 0.15, 1200), 0.02, 0.98)
    head = np.clip(base + rng.normal(0, 0.02, 1200), 0.02, 0.98)
    place = np.arange(1200) // 300
    parts = [("part", str(i), place == i) for i in range(4)]
    return y, base, head, [*parts, ("part", "small", np.arange(1200) < 99)]


def compared(parts, y, base, head, groups):  # type: ignore[no-untyped-def]
    """Compare the slices of two columns of probabilities."""
    return compare_slices(parts, row_log_loss(y, base), row_log_loss(y, head), groups)


def test_a_planted_slice_is_found_and_the_others_are_not(rows) -> None:  # type: ignore[no-untyped-def]
    y, base, head, parts = rows
    worse = head.copy()
    worse[300:600] = np.where(y[300:600] == 1, 0.5, 0.5)
    found = {row.value: row for row in compared(parts, y, base, worse, None)}
    assert found["1"].reading == "worse"
    assert [row.reading for value, row in found.items() if value != "1"] == ["not clear"] * 3
    assert "small" not in found
    turned = {row.value: row for row in compared(parts, y, worse, base, None)}
    assert turned["1"].reading == "better"


def test_a_slice_is_tested_as_a_paired_t_test_does(rows) -> None:  # type: ignore[no-untyped-def]
    y, base, head, parts = rows
    (row,) = compared(parts[:1], y, base, head, None)
    losses = [row_log_loss(y, p)[:300] for p in (base, head)]
    assert row.head - row.base == pytest.approx(losses[1].mean() - losses[0].mean())
    assert row.p == pytest.approx(ttest_rel(losses[1], losses[0]).pvalue, abs=0.01)


def test_repeated_entities_count_once(rows) -> None:  # type: ignore[no-untyped-def]
    y, base, head, parts = rows
    once = compared(parts[:4], y, base, head, None)
    y4, base4, head4 = (np.tile(column, 4) for column in (y, base, head))
    parts4 = [(name, value, np.tile(inside, 4)) for name, value, inside in parts[:4]]
    again = compared(parts4, y4, base4, head4, np.tile(np.arange(len(y)), 4))
    assert [row.p for row in again] == pytest.approx([row.p for row in once])


def test_equal_predictions_are_not_clear(rows) -> None:  # type: ignore[no-untyped-def]
    y, base, _, parts = rows
    assert {row.reading for row in compared(parts, y, base, base, None)} == {"not clear"}
    assert compared([], y, base, base, None) == []


@pytest.mark.parametrize(
    ("interval", "direction", "reading"),
    [
        ((0.1, 0.2), "higher", "better"),
        ((0.1, 0.2), "lower", "worse"),
        ((-0.2, -0.1), "lower", "better"),
        ((-0.1, 0.1), "higher", "not clear"),
    ],
)
def test_a_metric_is_read_by_its_direction(
    interval: tuple[float, float], direction: str, reading: str
) -> None:
    row = MetricRow("m", None, None, {"value": 0.1, "interval": interval}, direction)
    assert row.reading == reading


def test_a_metric_that_cannot_be_compared_says_why() -> None:
    assert MetricRow("m", None, None, None, None, "no metric of this version").reading
    assert MetricRow("m", None, None, {"value": None, "interval": None}, "lower").reading == (
        "undefined"
    )


def test_measured_metrics_are_read_from_any_evaluation() -> None:
    document = {"metrics": {"validation": {"a": {"value": 1, "interval": [0, 2]}, "b": 3}}}
    assert measured_of(document) == {"a": {"value": 1, "interval": (0.0, 2.0)}}
    assert measured_of(None) == measured_of({"metrics": None}) == {}


def test_the_model_is_counted() -> None:
    rows = {
        row.name: (row.old, row.new)
        for row in model_rows({"features": ["a"], "rows": 5}, {"features": ["a", "b"]}, (10, None))
    }
    assert rows["features"] == (1, 2)
    assert rows["training rows"] == (5, None)
    assert rows["size, bytes"] == (10, None)
