from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from stages.core.errors import LoopwrightError
from stages.core.learning_curve import (
    LearningCurve,
    at_most,
    errors_by_draw,
    learning_curve,
    nested_order,
)
from stages.core.metrics import METRICS
from stages.core.sample import Sample, said

SHARES = (0.1, 0.5, 1.0)


def rows(n: int, seed: int, share: float = 0.3, groups: np.ndarray | None = None) -> Sample:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < share).astype(np.int64)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    frame["a"] += 1.5 * y
    return Sample(frame, y, None, groups, seed)


def learned(
    model: object,
    train: Sample,
    validation: Sample,
    shares: tuple[float, ...] = SHARES,
    repeats: int = 1,
    metric: str = "log_loss",
    refit_rows: int = 10_000,
) -> LearningCurve:
    whole = said(model, train.frame, "binary", ())
    where = (METRICS[metric], "binary", (), 200, 0)
    return learning_curve(model, train, validation, shares, repeats, *where, refit_rows, whole)


def curve(
    model: object, train: Sample, validation: Sample, metric: str = "log_loss"
) -> pd.DataFrame:
    return learned(model, train, validation, metric=metric).points


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5])
def test_each_beginning_has_the_shares_of_the_whole(share: float) -> None:
    train = rows(1000, 0, share)
    order = nested_order(train, 0)
    assert sorted(order) == list(range(1000))
    for size in (100, 250, 900):
        positives = train.y[order[:size]].sum()
        assert positives == pytest.approx(size * train.y.mean(), abs=1.01)


def test_order_follows_its_seed_and_is_no_row_order() -> None:
    train = rows(500, 0)
    assert np.array_equal(nested_order(train, 1), nested_order(train, 1))
    assert not np.array_equal(nested_order(train, 1), nested_order(train, 2))
    positives = nested_order(train, 1)[train.y[nested_order(train, 1)] == 1]
    assert not np.array_equal(positives, np.sort(positives))


def test_rows_of_one_entity_stand_together() -> None:
    groups = np.arange(600) % 150
    order = nested_order(rows(600, 0, groups=groups), 0)
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    assert len(starts) == 150


def test_points_are_the_losses_of_the_refitted_model() -> None:
    train, validation = rows(800, 0), rows(400, 1)
    model = LogisticRegression().fit(train.frame, train.y)
    points = curve(model, train, validation)
    assert points["rows"].tolist() == [80, 400, 800]
    assert (points["validation_low"] < points["validation"]).all()
    assert (points["validation"] < points["validation_high"]).all()
    part = np.sort(nested_order(train, 0)[:400])
    refitted = LogisticRegression().fit(train.frame.iloc[part], train.y[part])
    expected = [
        log_loss(train.y[part], refitted.predict_proba(train.frame.iloc[part])[:, 1]),
        log_loss(validation.y, refitted.predict_proba(validation.frame)[:, 1]),
    ]
    assert points[["train", "validation"]].iloc[1].tolist() == pytest.approx(expected)
    whole = log_loss(validation.y, model.predict_proba(validation.frame)[:, 1])
    assert points["validation"].iloc[-1] == pytest.approx(whole)


def test_error_of_a_metric_whose_higher_is_better() -> None:
    train, validation = rows(400, 0), rows(300, 1)
    model = LogisticRegression().fit(train.frame, train.y)
    points = curve(model, train, validation, "roc_auc")
    expected = 1 - roc_auc_score(validation.y, model.predict_proba(validation.frame)[:, 1])
    assert points["validation"].iloc[-1] == pytest.approx(expected)


def test_parts_of_one_size_share_no_row_and_show_what_is_chance() -> None:
    train, validation = rows(900, 0), rows(600, 1)
    model = LogisticRegression().fit(train.frame, train.y)
    found = learned(model, train, validation, (0.1, 0.25, 1.0), repeats=3)
    assert found.parts.tolist() == [3, 3, 1]
    assert found.points["parts"].tolist() == [3, 3, 1]
    order = nested_order(train, 0)
    values = []
    for number in range(3):
        part = np.sort(order[number * 90 : (number + 1) * 90])
        refitted = LogisticRegression().fit(train.frame.iloc[part], train.y[part])
        values.append(log_loss(validation.y, refitted.predict_proba(validation.frame)[:, 1]))
    assert found.errors[0].value == pytest.approx(np.mean(values))
    assert found.spread is not None and found.spread > 0
    assert learned(model, train, validation).spread is None


def test_chance_in_the_rows_learned_from_widens_the_draws() -> None:
    train, validation = rows(900, 0), rows(600, 1)
    model = LogisticRegression().fit(train.frame, train.y)
    found = learned(model, train, validation, (0.05, 0.25, 1.0), repeats=3)
    drawn = errors_by_draw(found, np.random.default_rng(0))
    plain = errors_by_draw(replace(found, spread=None), np.random.default_rng(0))
    assert drawn.shape == plain.shape == (200, 3)
    assert (drawn.std(axis=0) > plain.std(axis=0)).all()
    noise = (drawn - plain).std(axis=0)
    assert found.spread is not None
    assert noise == pytest.approx(np.sqrt(found.spread / (found.rows * found.parts)), rel=0.2)


def test_a_number_is_dealt_by_its_tenths() -> None:
    rng = np.random.default_rng(0)
    y = rng.exponential(size=1000)
    train = Sample(pd.DataFrame({"x": y}), y, None)
    order = nested_order(train, 0)
    for place in (0, 400, 900):
        part = y[order[place : place + 100]]
        assert np.quantile(part, 0.5) == pytest.approx(np.quantile(y, 0.5), rel=0.15)
        assert (part > np.quantile(y, 0.9)).sum() == pytest.approx(10, abs=1)


def test_train_error_of_a_tree_is_nothing_and_validation_shows_it() -> None:
    train, validation = rows(400, 0), rows(400, 1)
    points = curve(
        DecisionTreeClassifier(random_state=0).fit(train.frame, train.y), train, validation
    )
    assert points["train"].max() == pytest.approx(0, abs=1e-9)
    assert points["validation"].min() > 1


def test_a_part_with_one_class_is_left_out() -> None:
    train, validation = rows(60, 0, share=0.5), rows(100, 1)
    train.y[:] = 0
    train.y[7] = 1
    model = LogisticRegression().fit(train.frame, train.y)
    found = learned(model, train, validation, (0.05, 1.0), repeats=2)
    assert found.points["rows"].tolist() == found.rows.tolist() == [60]


def test_model_and_rows_are_not_changed() -> None:
    train, validation = rows(200, 0), rows(100, 1)
    model = LogisticRegression().fit(train.frame, train.y)
    before = (model.coef_.copy(), train.frame.copy(), train.y.copy())
    curve(model, train, validation)
    assert np.array_equal(model.coef_, before[0])
    assert train.frame.equals(before[1])
    assert np.array_equal(train.y, before[2])


def test_a_model_that_cannot_learn_from_few_rows_is_one_clear_error() -> None:
    class Demanding(LogisticRegression):
        def fit(self, X: pd.DataFrame, y: np.ndarray) -> "Demanding":
            if len(X) < 100:
                raise ValueError("100 rows are needed")
            return super().fit(X, y)

    train, validation = rows(500, 0), rows(100, 1)
    model = Demanding().fit(train.frame, train.y)
    with pytest.raises(LoopwrightError, match=r"evaluate\.learning_curve.* 50 rows .*larger share"):
        curve(model, train, validation)


def test_a_large_table_is_cut_to_shares_of_what_may_be_refitted() -> None:
    train, validation = rows(3000, 0), rows(2000, 1)
    fits: list[int] = []

    class Counted(LogisticRegression):
        def fit(self, X: pd.DataFrame, y: np.ndarray) -> "Counted":
            fits.append(len(X))
            return super().fit(X, y)

    model = Counted().fit(train.frame, train.y)
    fits.clear()
    found = learned(model, train, validation, (0.1, 0.5, 1.0), repeats=2, refit_rows=1000)
    assert fits == [100, 100, 500, 500, 1000, 1000]
    assert found.rows.tolist() == [100, 500, 1000, 3000]
    assert found.parts.tolist() == [2, 2, 2, 1]
    some = at_most(validation, 1000, 0)
    assert found.errors[-1].value == pytest.approx(
        log_loss(some.y, model.predict_proba(some.frame)[:, 1])
    )
    assert found.points["train"].iloc[-1] == pytest.approx(
        log_loss(train.y, model.predict_proba(train.frame)[:, 1])
    )


def test_a_sample_is_fair_whole_where_it_may_be_and_keeps_entities_together() -> None:
    table = rows(2000, 0, share=0.05)
    some = at_most(table, 400, 3)
    assert at_most(table, 2000, 3) is table
    assert len(some) == 400 and some.y.sum() == pytest.approx(0.2 * table.y.sum(), abs=1)
    assert some.frame.index.is_monotonic_increasing
    assert np.array_equal(some.frame.index, at_most(table, 400, 3).frame.index)
    assert not np.array_equal(some.frame.index, at_most(table, 400, 4).frame.index)
    groups = np.repeat(np.arange(500), 4)
    some = at_most(rows(2000, 0, groups=groups), 400, 3)
    assert some.groups is not None and len(np.unique(some.groups)) == 100
