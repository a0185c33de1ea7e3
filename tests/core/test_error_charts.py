from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.core import error_charts
from stages.core.confused import confused_pairs
from stages.core.figures import save
from stages.core.metrics import ClassPredictions, Predictions
from stages.core.recalibration import Recalibration
from stages.core.residuals import residual_structure
from stages.core.schema import Column, Schema
from stages.core.variables import Variable, read_variables


def part(words: str, value: float, flagged: bool, within: str | None = None) -> dict[str, object]:
    return {
        "definition": words,
        "rows": 1200,
        "difference": {"value": value, "interval": (value - 0.02, value + 0.02)},
        "excess": 0.031,
        "flagged": flagged,
        "within": within,
    }


def texts(fig: object) -> str:
    return " | ".join(
        text.get_text() for text in fig.findobj(match=lambda a: hasattr(a, "get_text"))
    )


def test_slices_that_stand_out_lead_and_parts_of_them_are_left_out(tmp_path: Path) -> None:
    found = [
        part("delay > 1 and town = bath", 0.3, True),
        part("delay > 1", 0.2, True, "delay > 1 and town = bath"),
        part("age <= 20", 0.05, False),
        part("age > 20", -0.05, False),
    ]
    fig = error_charts.slices(found, "binary")
    ax = fig.axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        "delay > 1 and town = bath",
        "age <= 20",
    ]
    assert ax.get_title() == "Parts in which the model errs more: 1 of 4 looked at"
    assert "1,200 rows, 3.1\u00a0% of all loss" in texts(fig)
    assert "log loss" in ax.get_xlabel()
    save(fig, tmp_path / "a.png")
    save(error_charts.slices(found, "binary"), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert Image.open(tmp_path / "a.png").width > 1000


@pytest.mark.parametrize("found", [[], [part("age <= 20", 0.05, False)]])
def test_no_slice_that_stands_out_is_said(found: list[dict[str, object]]) -> None:
    title = error_charts.slices(found, "regression").axes[0].get_title()
    assert title == f"In none of {len(found)} parts of the table does the model clearly err more"


def test_pairs_are_named_with_their_rows(tmp_path: Path) -> None:
    y_true = np.array([0, 0, 0, 1, 1, 2])
    p = ClassPredictions(
        y_true, np.full((6, 3), 1 / 3), np.array([1, 1, 0, 1, 2, 2]), ("a", "b", "c")
    )
    fig = error_charts.confused(confused_pairs(p))
    ax = fig.axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a as b", "b as c"]
    assert "2 rows, 67\u00a0% of errors" in texts(fig) and "1 row, 33\u00a0% of errors" in texts(
        fig
    )
    assert "most often a as b" in ax.get_title()
    save(fig, tmp_path / "pairs.png")
    none = error_charts.confused(confused_pairs(replace(p, y_pred=y_true)))
    assert none.axes[0].get_title() == "What is taken for what: nothing"


def columns(n: int = 1500) -> tuple[pd.DataFrame, tuple[Variable, ...]]:
    schema = Schema(
        columns={
            "town": Column(
                dtype="str", kind="categorical", title="The town in which one lives", nullable=True
            ),
            "day": Column(dtype="datetime64[ns]", kind="datetime", title="Day", format="%Y-%m-%d"),
            **{
                f"x{i}": Column(dtype="float64", kind="numeric", title=f"X{i}", nullable=True)
                for i in range(6)
            },
        }
    )
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "town": rng.choice([f"a long name of a town {i}" for i in range(12)], n),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
            **{f"x{i}": rng.normal(size=n) for i in range(6)},
        }
    )
    frame.loc[:200, "x1"] = np.nan
    return frame, read_variables(frame, schema, "", None)


def test_columns_that_still_explain_residuals_are_drawn_first(tmp_path: Path) -> None:
    frame, variables = columns()
    noise = np.random.default_rng(1).normal(size=len(frame))
    residuals = noise + frame["x1"].fillna(2).to_numpy()
    structure, means = residual_structure(residuals, variables, 50, 0)
    fig = error_charts.residuals(structure, means, variables, "regression")
    assert len(fig.axes) == 6
    assert fig.axes[0].get_xlabel() == "X1"
    assert fig.axes[0].get_ylabel() == "Predicted - true"
    assert fig.axes[0].get_xticklabels()[-1].get_text() == "missing"
    title = fig.get_suptitle().replace("\n", " ")
    assert title.startswith("1 of 8 columns would still explain") and title.endswith("X1")
    save(fig, tmp_path / "residuals.png")


def test_no_column_that_explains_is_said(tmp_path: Path) -> None:
    frame, variables = columns()
    quiet = np.zeros(len(frame))
    for given in (variables, variables[:2], ()):
        found = residual_structure(quiet, given, 20, 0)
        fig = error_charts.residuals(*found, given, "binary")
        assert fig.get_suptitle().startswith(f"None of {len(given)} columns clearly explains")
        save(fig, tmp_path / "quiet.png")


@pytest.mark.parametrize(
    ("advice", "title"),
    [
        ("none", "Recalibration would bring nothing clear"),
        ("isotonic", "Recalibration would help: isotonic"),
        ("insufficient", "Too few rows to tell whether recalibration would help"),
    ],
)
def test_recalibration_is_drawn_beside_what_is(advice: str, title: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y_prob = rng.random(500)
    p = Predictions((rng.random(500) < y_prob).astype(np.int64), y_prob, np.zeros(500, np.int64))
    tried = Recalibration(advice, "", 0.5, {}, {"sigmoid": y_prob**2, "isotonic": y_prob})
    fig = error_charts.recalibrated(p, tried)
    assert fig.axes[0].get_title() == title
    legend = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    own = "isotonic, advised" if advice == "isotonic" else "isotonic"
    assert legend == ["perfect calibration", "as it is", "sigmoid", own]
    save(fig, tmp_path / "recalibration.png")


def test_of_several_classes_the_likeliest_is_drawn() -> None:
    y_prob = np.random.default_rng(0).dirichlet([1, 1, 1], 300)
    place = y_prob.argmax(axis=1)
    p = ClassPredictions(place, y_prob, place, ("a", "b", "c"))
    fig = error_charts.recalibrated(p, Recalibration("none", "", 1.0, {}, {"temperature": y_prob}))
    assert fig.axes[0].get_xlabel() == "Predicted probability of the likeliest class"
    lines = [line for line in fig.axes[0].lines if line.get_label() == "as it is"]
    assert (lines[0].get_ydata() == 1).all()
