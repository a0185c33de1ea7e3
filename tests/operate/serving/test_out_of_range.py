"""Rows outside of the trained range are treated as the audit priced it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from operate.serving.answer import Answers, answer
from operate.serving.rows import Rows
from operate.serving.served import load
from stages.core.params import Task
from stages.core.ranges import clipped
from stages.core.scoring import predicted
from tests.operate.serving.project import table, write_project

OUTSIDE = [1, 3]


def rows() -> Rows:
    frame = table()[100:105][["a", "b", "o", "c"]].reset_index(drop=True)
    frame.loc[1, "a"], frame.loc[3, "o"] = 1e6, -5
    return Rows(frame, None, {}, {})


def ask(
    root: Path, monkeypatch: pytest.MonkeyPatch, task: Task, policy: str
) -> tuple[Answers, Any, Any]:
    kind = "ridge" if task == "regression" else "logistic_regression"
    model = write_project(root, monkeypatch, task, kind, policy)
    served = load(root)
    return answer(served, rows()), model, served


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize(
    ("policy", "status"),
    [("report", "answered"), ("clip", "answered"), ("refuse", "refused"), ("abstain", "abstained")],
)
def test_each_policy_treats_the_rows_outside_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: Task, policy: str, status: str
) -> None:
    found, model, served = ask(tmp_path, monkeypatch, task, policy)
    assert list(found.status) == ["answered", status, "answered", status, "answered"]
    assert [[fault.column for fault in notes] for notes in found.notes] == [
        [], ["a"], [], ["o"], [],
    ]  # fmt: skip
    frame = rows().frame
    seen = clipped(frame, served.ranges) if policy == "clip" else frame
    right = predicted(model, seen, task)
    first = found.said.iloc[:, 0].to_numpy(dtype=np.float64, na_value=np.nan)
    asked = np.array([True, policy != "refuse"] * 2 + [True])
    if task == "regression" and policy == "abstain":
        asked = ~np.isin(np.arange(5), OUTSIDE)
    says = right[:, 0] if right.ndim == 2 else right
    assert np.array_equal(first[asked], says[asked])
    assert np.isnan(first[~asked]).all()
    decides = found.said["y_pred"].notna().tolist()
    assert decides == [status == "answered" or row not in OUTSIDE for row in range(5)]
    assert served.ranges["o"] == (0, 3)


def test_what_is_refused_says_why_and_no_bound_of_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _, served = ask(tmp_path, monkeypatch, "binary", "refuse")
    document = found.documents()[1]
    assert document == {
        "status": "refused",
        "y_prob": None,
        "y_pred": None,
        "notes": [
            {
                "column": "a",
                "what": "a value outside of the trained range: refused",
                "possible": "a value in the range of train",
            }
        ],
    }
    assert str(served.ranges["a"][1]) not in str(document)
    assert found.table()["notes"].iloc[3].startswith("column 'o': a value outside")


def test_rows_that_are_all_refused_are_answered_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, monkeypatch, "multiclass", "random_forest", "refuse")
    served = load(tmp_path)
    frame = rows().frame.iloc[[1]].reset_index(drop=True)
    found = answer(served, Rows(frame, pd.Series([7]), {}, {}))
    assert found.status == ("refused",)
    assert found.documents()[0]["key"] == 7
    assert found.said.isna().all(axis=None)
