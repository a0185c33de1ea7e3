import json
from pathlib import Path
from time import process_time
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


def test_it_is_fast() -> None:
    """6,000 rows, 25 columns, 1,000 draws: 0.6 s of one processor."""
    rng, n = np.random.default_rng(0), 6000
    columns = {
        f"x{i}": Column(dtype="float64", kind="numeric", title="X", nullable=True)
        for i in range(25)
    }
    frame = pd.DataFrame({name: rng.normal(size=n) for name in columns})
    variables = read_variables(frame, Schema(columns=columns), "", None)
    y_prob = rng.random(n)
    p = Predictions((rng.random(n) < y_prob).astype(np.int64), y_prob, np.zeros(n, np.int64))
    begun = process_time()
    more = {"metric": find_metric("roc_auc", "test"), "draws": 1000, "random_state": 0}
    analyse(frame, p, variables, sliced=variables, **more)
    assert process_time() - begun < 4


@pytest.mark.parametrize("seed", range(18))
@pytest.mark.filterwarnings("error")
def test_no_table_is_too_odd(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    n = (1, 2, 5, 60, 150, 400)[seed // 3]
    days = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 9, n), unit="D"))
    frame = pd.DataFrame(
        {
            "one": np.ones(n),
            "none": np.full(n, np.nan),
            "inf": np.where(rng.random(n) < 0.1, np.inf, rng.normal(size=n) * 1e12),
            "text": pd.Series(rng.choice(["a", "$x_1$", "<b>\n", "", None], n), dtype="str"),
            "day": days.astype("datetime64[ns]").where(rng.random(n) < 0.8),
            "yes": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "name": pd.Series([f"u{i}" for i in range(n)], dtype="str"),
        }
    )
    number = {"dtype": "float64", "kind": "numeric", "nullable": True}
    text = {"dtype": "str", "kind": "categorical", "nullable": True}
    kinds: dict[str, dict[str, Any]] = {
        "one": number,
        "none": number,
        "inf": number,
        "text": text,
        "day": {"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y", "nullable": True},
        "yes": {"dtype": "boolean", "kind": "categorical"},
        "name": text,
    }
    schema = Schema(columns={name: Column(title=name, **kind) for name, kind in kinds.items()})
    variables = read_variables(frame, schema, "", None)
    weight = np.where(np.arange(n) % 5 == 4, 0.0, 1.5) if seed % 2 else None
    groups = rng.integers(0, n // 3 + 1, n) if seed % 4 < 2 else None
    task = TASKS[seed % 3]
    p: AnyPredictions
    if task == "binary":
        # probabilities of 0 and 1 as well, and one class only
        y_prob = rng.random(n).round(1)
        y_true = rng.integers(0, 2, n) if n > 100 else np.zeros(n, np.int64)
        p = Predictions(y_true, y_prob, (y_prob > 0.5).astype(np.int64), sample_weight=weight)
    elif task == "multiclass":
        by_class = rng.dirichlet([0.2] * 3, n)
        place, names = by_class.argmax(axis=1), ("a", "b", "c")
        p = ClassPredictions(rng.integers(-1, 3, n), by_class, place, names, sample_weight=weight)
    else:
        truth = rng.normal(size=n) * 1e9
        p = NumberPredictions(truth, truth if n > 100 else 0 * truth, sample_weight=weight)
    found = analyse(
        frame,
        p,
        variables,
        sliced=variables,
        metric=find_metric("mean_absolute_error" if task == "regression" else "log_loss", "test"),
        draws=30,
        random_state=(seed, 1),
        groups=groups,
    )
    json.dumps(found.document(), allow_nan=False)
    for table_ in found.tables().values():
        table_.round(6).to_csv(index=False)
    if seed in (2, 3, 13):  # of each task, with few rows and with more: pictures take long
        for name, fig in found.draw(p, variables).items():
            save(fig, tmp_path / f"{name}.png")
