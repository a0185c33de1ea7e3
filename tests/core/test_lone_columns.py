import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from stages.core.lone_columns import lone_columns, skill
from stages.core.params import Task
from stages.core.sample import Sample
from stages.core.schema import Column, Schema

COLUMNS = ("level", "town", "noise", "told")
SCHEMA = Schema(
    columns={
        "level": Column(dtype="float64", kind="numeric", title="Level"),
        "town": Column(dtype="str", kind="categorical", title="Town"),
        "noise": Column(dtype="float64", kind="numeric", title="Noise", nullable=True),
        "told": Column(dtype="float64", kind="numeric", title="Told"),
    }
)


def rows(n: int, seed: int, task: Task) -> Sample:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"level": rng.normal(size=n)})
    frame["town"] = rng.choice(["north", "south"], n)
    frame["noise"] = np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))
    score = frame["level"] + (frame["town"] == "north") + rng.normal(size=n)
    y = score.to_numpy()
    frame["told"] = y + 0.05 * rng.normal(size=n)
    if task == "binary":
        y = (y > 0.5).astype(np.int64)
    elif task == "multiclass":
        y = np.array(["low", "middle", "high"], dtype=object)[np.digitize(y, [0, 1])]
    return Sample(frame, y, None, None, seed)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_was_told_stands_first_and_noise_last(task: Task) -> None:
    classes = ("high", "low", "middle") if task == "multiclass" else ()
    found = lone_columns(rows(3000, 1, task), rows(1500, 2, task), COLUMNS, SCHEMA, task, classes)
    assert [one.column for one in found] == ["told", "level", "town", "noise"]
    by_name = {one.column: one.skill for one in found}
    assert by_name["told"] > 0.8
    assert 0.1 < by_name["level"] < 0.6
    assert 0.01 < by_name["town"] < 0.2
    assert abs(by_name["noise"]) < 0.02


def test_of_a_category_it_is_the_gain_of_the_shares() -> None:
    train, validation = rows(3000, 1, "binary"), rows(1500, 2, "binary")
    (found,) = lone_columns(train, validation, ("town",), SCHEMA, "binary", ())
    shares = pd.Series(train.y).groupby(train.frame["town"]).mean()
    told = validation.frame["town"].map(shares)
    expected = 1 - log_loss(validation.y, told) / log_loss(
        validation.y, np.full(1500, train.y.mean())
    )
    assert found.skill == pytest.approx(expected, abs=1e-4)


def test_a_category_that_train_has_not_says_nothing() -> None:
    train, validation = rows(500, 1, "binary"), rows(500, 2, "binary")
    validation.frame["town"] = [f"town {i}" for i in range(500)]
    (found,) = lone_columns(train, validation, ("town",), SCHEMA, "binary", ())
    assert found.skill == pytest.approx(0)


def test_a_weight_counts_as_rows_do() -> None:
    train, validation = rows(800, 1, "regression"), rows(400, 2, "regression")
    weight = np.where(np.arange(800) < 400, 1.0, 0.0)
    half = train.part(np.arange(400))
    weighted = Sample(train.frame, train.y, weight)
    args = (COLUMNS[1:2], SCHEMA, "regression", ())
    (found,), (expected,) = (lone_columns(one, validation, *args) for one in (weighted, half))
    assert found.skill == pytest.approx(expected.skill)


def test_skill_is_the_share_of_the_loss_that_is_gone() -> None:
    assert skill(np.array([1.0, 1.0]), np.array([4.0, 4.0])) == 0.75
    assert skill(np.array([1.0, 3.0]), np.array([4.0, 4.0]), np.array([3.0, 1.0])) == 0.625
    assert skill(np.array([0.0]), np.array([0.0])) == 0
