"""The figures of a classifier: how it ranks, how it is calibrated, what a threshold brings."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.core.extrapolation import Extrapolation
from stages.core.figures import (
    BLACK,
    BLUE,
    GREEN,
    INK,
    LARGE,
    MUTED,
    NEGATIVE,
    ORANGE,
    POSITIVE,
    SEQUENTIAL,
    VERMILION,
    elide,
    figure,
)
from stages.core.metrics import PER_DECISIONS, Metric, Predictions
from stages.core.numbers import MINUS, measured, number, percent
from stages.core.statistics import Estimate

# Where a decision stands on a curve: its label, then its place.
Points = Mapping[str, tuple[float, float]]

# Sizes of parts from one to so many times as many are read on a logarithmic axis.
FAR_APART = 50

_MARKS = ("o", "s", "D", "^")
_MARK_COLOURS = (INK, VERMILION, GREEN, ORANGE)


def roc(points: pd.DataFrame, area: Estimate, decisions: Points) -> Figure:
    """Draw the ROC curve, chance, and the decisions on it."""
    fig, ax = figure(5.2, 5.0)
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1, label="chance")
    ax.plot(points["fpr"], points["tpr"], color=BLUE, label=f"model, area {_shown(area)}")
    _mark(ax, decisions)
    ax.set(
        title="How the model ranks: ROC curve",
        xlabel="False positive rate (negatives acted on)",
        ylabel="True positive rate (positives acted on)",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
        aspect="equal",
    )
    ax.legend(loc="lower right")
    return fig


def precision_recall(
    points: pd.DataFrame, area: Estimate, share: float, decisions: Points
) -> Figure:
    """Draw precision against recall, chance (the share of positives), and the decisions."""
    fig, ax = figure(5.2, 5.0)
    label = f"chance, {percent(share)} positive"
    ax.axhline(share, color=MUTED, linestyle="--", linewidth=1, label=label)
    label = f"model, average {_shown(area)}"
    ax.plot(points["recall"], points["precision"], color=BLUE, label=label)
    _mark(ax, decisions)
    ax.set(
        title="How sure a flag is: precision and recall",
        xlabel="Recall (positives acted on)",
        ylabel="Precision (positives among those acted on)",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
        aspect="equal",
    )
    ax.legend(loc="upper right")
    return fig


def _mark(ax: Any, decisions: Points) -> None:
    for (label, (x, y)), shape, colour in zip(
        decisions.items(), _MARKS, _MARK_COLOURS, strict=False
    ):
        ax.plot(
            x, y, shape, color=colour, markersize=7, markeredgecolor="white", label=label, zorder=3
        )


def confusion(p: Predictions, threshold: float, negative: str, positive: str) -> Figure:
    """Draw the four outcomes: how many, and which share of those that are so in truth."""
    counts = np.array([[np.sum((p.y_true == a) & (p.y_pred == d)) for d in (0, 1)] for a in (0, 1)])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [elide(negative, 22), elide(positive, 22)]
    fig, ax = figure(5.4, 4.4)
    ax.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    for (actual, decided), share in np.ndenumerate(shares):
        ax.text(
            decided,
            actual,
            f"{number(int(counts[actual, decided]))}\n"
            f"{percent(float(share))} of {elide(names[actual], 16)}",
            ha="center",
            va="center",
            fontsize=LARGE,
            color="white" if share < 0.55 else BLACK,
        )
    ax.set(
        title=f"What is decided at a threshold of {number(threshold)}",
        xlabel="Predicted",
        ylabel="Actual",
    )
    ax.set_xticks([0, 1], names)
    ax.set_yticks([0, 1], names, rotation=90, va="center")
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return fig


def calibration(points: pd.DataFrame, p: Predictions, error: Estimate) -> Figure:
    """Draw the share of positives against the probability, with how many rows stand where."""
    fig, (ax, below) = figure(5.6, 6.0, nrows=2, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1, label="perfect calibration")
    ax.errorbar(
        points["prob_pred"],
        points["prob_true"],
        yerr=[points["prob_true"] - points["low"], points["high"] - points["prob_true"]],
        color=BLUE,
        marker="o",
        markersize=5,
        capsize=3,
        linewidth=1.4,
        label=f"model, error {_shown(error)}",
    )
    top = max(points["high"].max(), points["prob_pred"].max()) * 1.04
    ax.set(
        title="Is a probability what it says? Calibration",
        ylabel="Share of positives",
        ylim=(-0.02, min(top, 1.02)),
    )
    ax.legend(loc="upper left")
    below.hist(p.y_prob, bins=np.linspace(0, 1, 51).tolist(), color=BLUE)
    below.set(xlabel="Predicted probability", ylabel="Rows", xlim=(-0.02, 1.02))
    return fig


def learning_curve(
    points: pd.DataFrame,
    metric: Metric,
    baselines: Mapping[str, float],
    more_rows: Extrapolation,
) -> Figure:
    """Draw the error against the rows learned from, and what twice as many would give."""
    fig, ax = figure()
    for (label, value), style in zip(baselines.items(), (":", "--"), strict=False):
        ax.axhline(value, color=MUTED, linestyle=style, linewidth=1.2, label=label)
    ends = points["validation_low"], points["validation_high"]
    ax.fill_between(points["rows"], *ends, color=BLUE, alpha=0.2, lw=0)
    for subset, colour, shape in (("train", ORANGE, "s"), ("validation", BLUE, "o")):
        ax.plot(points["rows"], points[subset], color=colour, marker=shape, label=subset)
    expected, bounds = more_rows.error["value"], more_rows.error["interval"]
    if expected is not None and bounds is not None:
        off = [[expected - bounds[0]], [bounds[1] - expected]]
        ax.errorbar(
            [more_rows.rows],
            [expected],
            yerr=np.maximum(off, 0),
            color=BLUE,
            marker="o",
            markerfacecolor="white",
            capsize=4,
            linewidth=1.4,
            label="twice the rows, expected",
        )
    ax.set(
        title="Would more rows help? Learning curve",
        xlabel="Rows learned from",
        ylabel=_error_title(metric),
    )
    if points["rows"].max() > FAR_APART * points["rows"].min():
        ax.set_xscale("log")
    else:
        ax.set_xlim(left=0)
    ax.legend(loc="best")
    return fig


def _error_title(metric: Metric) -> str:
    if metric.direction == "lower":
        return metric.title
    return f"{metric.high:g} {MINUS} {metric.title}"


def validation_curve(
    points: pd.DataFrame,
    metric: Metric,
    error: float,
    on_train: float,
    refit_rows: int | None = None,
) -> Figure:
    """Draw the error of the model made simpler and richer, beside its own.

    Args:
        points: what `stages.core.probes.table` gives.
        metric: by which the error is measured.
        error: the model's on validation.
        on_train: the model's on train.
        refit_rows: gains are of fits on so many rows; None: on all of train.
    """
    simpler, richer = (points[points["direction"] == d] for d in ("simpler", "richer"))
    names = [
        *(f"simpler:\n{_spelt(row)}" for _, row in simpler.iterrows()),
        "the model",
        *(f"richer:\n{_spelt(row)}" for _, row in richer.iterrows()),
    ]
    places = np.arange(len(names))
    fig, ax = figure()
    for subset, own, colour, shape in (
        ("train", on_train, ORANGE, "s"),
        ("validation", error, BLUE, "o"),
    ):
        values = [*simpler[subset], own, *richer[subset]]
        ax.plot(
            places, values, color=colour, marker=shape, linestyle="", markersize=8, label=subset
        )
    gains = np.array([*simpler["gain_low"], np.nan, *richer["gain_low"]])
    most = np.array([*simpler["gain_high"], np.nan, *richer["gain_high"]])
    middle = np.array([*simpler["validation"], error, *richer["validation"]])
    there = ~np.isnan(gains)
    ax.vlines(
        places[there],
        error - most[there],
        error - gains[there],
        color=BLUE,
        linewidth=1.4,
        label="what its gain leaves open, 95 %",
    )
    ax.axhline(middle[len(simpler)], color=MUTED, linestyle="--", linewidth=1)
    ax.set(title="Would a simpler or a richer model do better?", ylabel=_error_title(metric))
    if refit_rows is not None:
        ax.set_xlabel(f"gains and errors on train: of fits on {refit_rows:,} rows of train")
    ax.set_xticks(places, names)
    ax.set_xlim(-0.6, len(names) - 0.4)
    fig.legend(loc="outside lower center", ncols=3)
    return fig


def _spelt(row: Any) -> str:
    if row["parameter"] == "estimator":
        return str(row["value"]).replace("_", " ")
    return f"{row['parameter']} {row['value']}"


def threshold(
    points: pd.DataFrame,
    chosen: tuple[float, float],
    best: tuple[float, float] | None,
    others: Mapping[str, float],
    currency: str,
) -> Figure:
    """Draw what decisions bring at each threshold.

    Args:
        points: threshold, value, low, high.
        chosen: the threshold in use, and its value.
        best: the interval of the threshold that looks best on these rows.
        others: the value of those who decide without the model.
        currency: the currency of all values.
    """
    fig, ax = figure()
    if best is not None:
        ax.axvspan(*best, color=ORANGE, alpha=0.18, lw=0, label="best on these rows, 95 %")
    ax.fill_between(points["threshold"], points["low"], points["high"], color=BLUE, alpha=0.2, lw=0)
    ax.plot(points["threshold"], points["value"], color=BLUE, label="model")
    for (label, value), style, colour in zip(
        others.items(), ("--", ":"), (VERMILION, MUTED), strict=False
    ):
        ax.axhline(value, color=colour, linestyle=style, linewidth=1.4, label=label)
    label = f"in use, by the costs: {number(chosen[0])}"
    ax.plot(*chosen, "o", color=INK, markersize=7, markeredgecolor="white", zorder=3, label=label)
    ax.set(
        title="What a threshold brings",
        xlabel="Threshold: act from this probability on",
        ylabel=f"Value of {PER_DECISIONS:,} decisions ({currency})",
        xlim=(0, 1),
    )
    ax.legend(loc="best")
    return fig


def scores(p: Predictions, threshold: float, negative: str, positive: str) -> Figure:
    """Draw how the probabilities of each class are spread."""
    fig, ax = figure()
    edges = np.linspace(0, 1, 51)
    classes = ((negative, 0, NEGATIVE), (positive, 1, POSITIVE))
    for label, value, colour in classes:
        of_class = p.y_prob[p.y_true == value]
        height = np.histogram(of_class, edges)[0] / max(len(of_class), 1)
        name = f"{elide(label)}, {number(len(of_class))} rows"
        ax.stairs(height, edges, fill=True, color=colour, alpha=0.25)
        ax.stairs(height, edges, color=colour, linewidth=1.6, label=name, zorder=3)
    label = f"threshold {number(threshold)}"
    ax.axvline(threshold, color=INK, linestyle="--", linewidth=1.2, label=label)
    ax.set(
        title="How far the classes are apart: scores",
        xlabel="Predicted probability",
        ylabel="Share of the class in each bin",
        xlim=(0, 1),
    )
    ax.legend(loc="upper right")
    return fig


def _shown(estimate: Estimate) -> str:
    """Return an estimate for a legend."""
    if estimate["value"] is None:
        return "undefined"
    return measured(estimate["value"], estimate["interval"])
