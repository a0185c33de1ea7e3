"""The figures of predicted numbers: how far off, where, and which way."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import norm

from stages.core.figures import BLUE, INK, MUTED, ORANGE, SEQUENTIAL, VERMILION, figure
from stages.core.metrics import NumberPredictions
from stages.core.numbers import MINUS, number
from stages.core.statistics import Floats

# So few values lie outside the frame at each end that a single one cannot set the scale.
TRIMMED = 0.001

OFF = f"Predicted {MINUS} true (above 0: too high)"


def _frame(*values: Floats) -> tuple[float, float]:
    both = np.concatenate(values)
    low, high = np.quantile(both, [TRIMMED, 1 - TRIMMED])
    room = (high - low) * 0.04 or 1.0
    return float(low - room), float(high + room)


def predicted_against_true(p: NumberPredictions) -> Figure:
    """Draw how often each pair of true and predicted number occurs."""
    ends = _frame(p.y_true, p.y_pred)
    fig, ax = figure(5.8, 5.0)
    cells = ax.hexbin(
        p.y_true,
        p.y_pred,
        gridsize=40,
        extent=(*ends, *ends),
        bins="log",
        mincnt=1,
        cmap=SEQUENTIAL,
        linewidths=0.2,
    )
    ax.plot(ends, ends, color=INK, linestyle="--", linewidth=1.2, label="right")
    fig.colorbar(cells, ax=ax, label="Rows in a cell (logarithmic)")
    low, high = np.minimum(p.y_true, p.y_pred), np.maximum(p.y_true, p.y_pred)
    outside = int(np.sum((low < ends[0]) | (high > ends[1])))
    note = f"; {number(outside)} rows lie outside" if outside else ""
    ax.set(
        title="What is predicted, and what is true",
        xlabel=f"True{note}",
        ylabel="Predicted",
        xlim=ends,
        ylim=ends,
        aspect="equal",
    )
    ax.legend(loc="upper left")
    return fig


def residuals_by_prediction(p: NumberPredictions) -> Figure:
    """Draw how far predictions are off, by what is predicted."""
    across, up = _frame(p.y_pred), _frame(p.residuals)
    fig, ax = figure()
    cells = ax.hexbin(
        p.y_pred,
        p.residuals,
        gridsize=(50, 30),
        extent=(*across, *up),
        bins="log",
        mincnt=1,
        cmap=SEQUENTIAL,
        linewidths=0.2,
    )
    ax.axhline(0, color=INK, linestyle="--", linewidth=1.2)
    fig.colorbar(cells, ax=ax, label="Rows in a cell (logarithmic)")
    ax.set(
        title="Is it off more where it predicts more? Residuals by prediction",
        xlabel="Predicted",
        ylabel=OFF,
        xlim=across,
        ylim=up,
    )
    return fig


def residual_distribution(p: NumberPredictions) -> Figure:
    """Draw how the residuals are spread, beside a normal distribution of the same spread."""
    ends = _frame(p.residuals)
    fig, ax = figure()
    edges = np.linspace(*ends, 61)
    weights = np.full(len(p), 1 / len(p)) if p.sample_weight is None else p.sample_weight
    weights = weights / weights.sum()
    height = np.histogram(p.residuals, edges, weights=weights)[0]
    mean = float(np.average(p.residuals, weights=weights))
    spread = float(np.sqrt(np.average((p.residuals - mean) ** 2, weights=weights)))
    ax.stairs(height, edges, fill=True, color=BLUE, alpha=0.35, label=f"{number(len(p))} rows")
    if spread > 0:
        normal = np.diff(norm.cdf(edges, mean, spread))
        middle = (edges[:-1] + edges[1:]) / 2
        label = f"normal, same mean and spread ({number(spread)})"
        ax.plot(middle, normal, color=ORANGE, linewidth=1.6, label=label)
    ax.axvline(0, color=MUTED, linestyle="--", linewidth=1)
    ax.axvline(mean, color=VERMILION, linewidth=1.4, label=f"mean {number(mean)}")
    ax.set(
        title="How far off, and which way: the residuals",
        xlabel=OFF,
        ylabel="Share of rows in each bin",
        xlim=ends,
    )
    ax.legend(loc="upper right")
    return fig


def by_prediction(points: pd.DataFrame) -> Figure:
    """Draw what is true, and how far off, by what is predicted, in bins of equal size."""
    fig, (ax, below) = figure(5.8, 6.0, nrows=2, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
    ends = _frame(points[["predicted", "low", "high"]].to_numpy().ravel())
    ax.plot(ends, ends, color=MUTED, linestyle="--", linewidth=1, label="right in the mean")
    ax.errorbar(
        points["predicted"],
        points["true"],
        yerr=[points["true"] - points["low"], points["high"] - points["true"]],
        color=BLUE,
        marker="o",
        markersize=5,
        capsize=3,
        linewidth=1.4,
        label="mean of what is true, 95 % interval",
    )
    ax.set(title="Is a prediction what it says? By tenths of it", ylabel="True, mean")
    ax.legend(loc="upper left")
    below.plot(points["predicted"], points["off"], color=VERMILION, marker="s", markersize=4)
    below.set(xlabel="Predicted, mean of each bin", ylabel="Off, mean")
    below.set_ylim(bottom=0)
    return fig
