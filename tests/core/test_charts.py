from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core import charts
from stages.core.curves import calibration_points, precision_recall_points, roc_points
from stages.core.extrapolation import Extrapolation
from stages.core.metrics import METRICS, Predictions
from stages.core.statistics import UNDEFINED, Estimate

MEASURED: Estimate = {"value": 0.7812, "interval": (0.7654, 0.7923)}


@pytest.fixture
def p() -> Predictions:
    rng = np.random.default_rng(0)
    y_prob = rng.random(300)
    y_true = (rng.random(300) < y_prob).astype(np.int64)
    return Predictions(y_true, y_prob, (y_prob >= 0.4).astype(np.int64))


def labels(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def line(fig: Figure, label: str) -> tuple[list[float], list[float]]:
    drawn = next(found for found in fig.axes[0].lines if found.get_label() == label)
    return list(drawn.get_xdata()), list(drawn.get_ydata())


def test_roc_shows_the_curve_its_area_and_the_decisions(p: Predictions) -> None:
    points = roc_points(p)
    fig = charts.roc(points, MEASURED, {"at the threshold": (0.2, 0.7), "a$b$": (0.1, 0.3)})
    shown = "model, area 0.781 [0.765, 0.792]"
    assert labels(fig.axes[0]) == ["chance", shown, "at the threshold", "a$b$"]
    assert line(fig, shown) == (points["fpr"].tolist(), points["tpr"].tolist())
    assert line(fig, "at the threshold") == ([0.2], [0.7])


def test_an_undefined_area_says_so(p: Predictions) -> None:
    fig = charts.roc(roc_points(p).head(0), UNDEFINED, {})
    assert "model, area undefined" in labels(fig.axes[0])


def test_precision_recall_shows_what_chance_gives(p: Predictions) -> None:
    fig = charts.precision_recall(precision_recall_points(p), MEASURED, 0.221, {})
    chance = next(label for label in labels(fig.axes[0]) if label.startswith("chance"))
    assert "22.1" in chance
    assert set(line(fig, chance)[1]) == {0.221}


def test_confusion_counts_every_case_and_names_it(p: Predictions) -> None:
    fig = charts.confusion(p, 0.4, "paid", "late")
    texts = [text.get_text() for text in fig.axes[0].texts]
    counts = [int(text.split("\n")[0]) for text in texts]
    tp, fp, tn, fn = p.outcomes.sum(axis=0)
    assert counts == [tn, fp, fn, tp]
    assert [text.split(" of ")[1] for text in texts] == ["paid", "paid", "late", "late"]


def test_calibration_shows_each_bin_and_all_rows(p: Predictions) -> None:
    points = calibration_points(p)
    fig = charts.calibration(points, p, MEASURED)
    drawn = fig.axes[0].lines[1]
    assert list(drawn.get_ydata()) == pytest.approx(points["prob_true"].tolist())
    assert sum(bar.get_height() for bar in fig.axes[1].patches) == 300


def test_learning_curve_shows_both_subsets_and_the_baselines() -> None:
    points = pd.DataFrame(
        {
            "rows": [10, 20],
            "train": [0.1, 0.2],
            "validation": [0.5, 0.4],
            "validation_low": [0.4, 0.3],
            "validation_high": [0.6, 0.5],
        }
    )
    expected = Extrapolation(
        "falls", 40, {"value": 0.35, "interval": (0.3, 0.4)}, UNDEFINED, UNDEFINED, 0.01
    )
    baselines = {"dummy": 0.6, "rule": 0.55}
    fig = charts.learning_curve(points, METRICS["log_loss"], baselines, expected)
    shown = ["dummy", "rule", "train", "validation", "twice the rows, expected"]
    assert labels(fig.axes[0]) == shown
    assert line(fig, "validation") == ([10, 20], [0.5, 0.4])
    assert fig.axes[0].get_ylabel() == "Log loss"
    unknown = replace(expected, error=UNDEFINED)
    turned = charts.learning_curve(points, METRICS["roc_auc"], {}, unknown)
    assert turned.axes[0].get_ylabel() == "1 \N{MINUS SIGN} ROC AUC"
    assert labels(turned.axes[0]) == ["train", "validation"]


def test_validation_curve_stands_from_simple_to_rich() -> None:
    points = pd.DataFrame(
        {
            "direction": ["simpler", "richer", "simpler"],
            "parameter": ["max_leaf_nodes", "max_leaf_nodes", "estimator"],
            "value": ["2", "32", "logistic_regression"],
            "train": [0.5, 0.2, 0.6],
            "validation": [0.55, 0.5, 0.65],
            "gain": [-0.1, -0.05, -0.2],
            "gain_low": [-0.15, -0.1, -0.25],
            "gain_high": [-0.05, 0.0, -0.15],
        }
    )
    fig = charts.validation_curve(points, METRICS["log_loss"], 0.45, 0.3)
    names = [label.get_text() for label in fig.axes[0].get_xticklabels()]
    assert names == [
        "simpler:\nmax_leaf_nodes 2",
        "simpler:\nlogistic regression",
        "the model",
        "richer:\nmax_leaf_nodes 32",
    ]
    assert list(line(fig, "validation")[1]) == [0.55, 0.65, 0.45, 0.5]
    assert list(line(fig, "train")[1]) == [0.5, 0.6, 0.3, 0.2]
    assert not fig.axes[0].get_xlabel()
    some = charts.validation_curve(points, METRICS["log_loss"], 0.45, 0.3, 50_000)
    assert "50,000 rows of train" in some.axes[0].get_xlabel()


@pytest.mark.parametrize("best", [(0.2, 0.3), None])
def test_threshold_shows_the_one_in_use_and_the_others(best: tuple[float, float] | None) -> None:
    grid = np.linspace(0, 1, 11)
    points = pd.DataFrame({"threshold": grid, "value": -grid, "low": -grid - 1, "high": 1 - grid})
    fig = charts.threshold(points, (0.25, -0.25), best, {"the rule": -0.5}, "NT$")
    ax = fig.axes[0]
    assert line(fig, "in use, by the costs: 0.250") == ([0.25], [-0.25])
    assert set(line(fig, "the rule")[1]) == {-0.5}
    assert ("best on these rows, 95 %" in labels(ax)) == (best is not None)
    assert ax.get_ylabel() == "Value of 1,000 decisions (NT$)"


def test_scores_show_each_class_by_its_name(p: Predictions) -> None:
    fig = charts.scores(p, 0.4, "paid", "late")
    assert labels(fig.axes[0]) == [
        f"paid, {np.sum(p.y_true == 0)} rows",
        f"late, {np.sum(p.y_true == 1)} rows",
        "threshold 0.400",
    ]
    outlines = [patch.get_data().values for patch in fig.axes[0].patches]
    assert [height.sum() for height in outlines] == pytest.approx([1] * 4)
