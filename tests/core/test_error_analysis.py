import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.core.error_analysis import ErrorAnalysis, analyse
from stages.core.figures import save
from stages.core.metrics import (
    AnyPredictions,
    ClassPredictions,
    NumberPredictions,
    Predictions,
    find_metric,
)
from stages.core.schema import Column, Schema
from stages.core.variables import Variable, read_variables

SCHEMA = Schema(
    columns={
        "id": Column(dtype="int64", kind="identifier", title="Id"),
        "delay": Column(dtype="int64", kind="ordinal", title="Months late"),
        "age": Column(dtype="float64", kind="numeric", title="Age"),
        "sex": Column(
            dtype="int64", kind="categorical", title="Sex", labels={"1": "male", "2": "female"}
        ),
    }
)
METRIC = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "mean_absolute_error"}


def table(n: int = 3000) -> tuple[pd.DataFrame, tuple[Variable, ...]]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": np.arange(n) + 50_000,
            "delay": rng.integers(0, 5, n),
            "age": rng.uniform(20, 70, n),
            "sex": rng.integers(1, 3, n),
        }
    )
    return frame, read_variables(frame, SCHEMA, "", "id")


def predictions(task: str, frame: pd.DataFrame, wrong: bool) -> AnyPredictions:
    """What is predicted knows the age; what is true is another thing for long delays."""
    rng, n = np.random.default_rng(4), len(frame)
    late = (frame["delay"] >= 3).to_numpy() & wrong
    base = (frame["age"].to_numpy() - 20) / 50
    if task == "regression":
        return NumberPredictions(base + 0.3 * rng.normal(size=n) + 0.5 * late, base)
    if task == "binary":
        y_prob = 0.1 + 0.5 * base
        y_true = (rng.random(n) < np.where(late, 0.9, y_prob)).astype(np.int64)
        return Predictions(y_true, y_prob, (y_prob > 0.4).astype(np.int64))
    y_prob = np.column_stack([0.6 - 0.4 * base, 0.2 + 0.4 * base, np.full(n, 0.2)])
    drawn = (rng.random((n, 1)) > np.cumsum(y_prob, axis=1)).sum(axis=1)
    y_true = np.where(late & (rng.random(n) < 0.8), 2, drawn)
    return ClassPredictions(y_true, y_prob, y_prob.argmax(axis=1), ("a", "b", "c"))


def analysed(task: str, wrong: bool = True, **more: Any) -> ErrorAnalysis:
    frame, variables = table()
    return analyse(
        frame,
        predictions(task, frame, wrong),
        variables,
        sliced=variables,
        metric=find_metric(METRIC[task], "test"),
        draws=100,
        random_state=0,
        key="id",
        leave_out=["sex"],
        **more,
    )


TASKS = tuple(METRIC)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_planted_is_said(task: str) -> None:
    said = " ".join(analysed(task).findings())
    assert "The model errs more in" in said and "delay" in said
    assert "predictions are too high or too low in the mean" in said
    assert "Months late would still explain" in said
    assert "not a count of wrong labels" in said
    if task == "multiclass":
        assert "is taken for" in said


@pytest.mark.parametrize("task", TASKS)
def test_of_a_right_model_nothing_is_said(task: str) -> None:
    found = analysed(task, wrong=False)
    said = " ".join(found.findings())
    assert "No column clearly explains" in said
    assert "In no part are predictions clearly too high or too low" in said
    if task == "regression":
        # outcomes of classes are harder to tell where they are even; numbers are not
        assert "In none of" in said
        assert found.recalibration is None and found.confused is None
    else:
        assert "ecalibration does not clearly lower the log loss" in said


@pytest.mark.parametrize("task", TASKS)
def test_it_is_ready_to_be_written(task: str, tmp_path: Path) -> None:
    frame, variables = table()
    found = analysed(task)
    text = json.dumps(found.document(), allow_nan=False)
    assert json.loads(text)["findings"] == found.findings()
    tables = found.tables()
    assert ("confused_pairs" in tables) == (task != "regression")
    assert "sex" not in tables["worst_predictions"].columns
    assert set(tables["worst_predictions"]["key"]) <= set(frame["id"])
    figures = found.draw(predictions(task, frame, True), variables)
    expected = {"slices", "residual_structure"}
    expected |= {"recalibration"} if task != "regression" else set()
    expected |= {"confused_pairs"} if task == "multiclass" else set()
    assert set(figures) == expected
    for name, fig in figures.items():
        save(fig, tmp_path / f"{name}.png")


def test_the_same_rows_give_the_same_words_and_numbers() -> None:
    first, again = analysed("binary"), analysed("binary")
    assert first.document() == again.document()
    for name, table_ in first.tables().items():
        pd.testing.assert_frame_equal(table_, again.tables()[name])


def test_entities_and_lists_are_bounded() -> None:
    found = analysed("binary", groups=np.arange(3000) // 3, listed=7)
    assert len(found.worst) == 7 and len(found.doubtful) <= 7
