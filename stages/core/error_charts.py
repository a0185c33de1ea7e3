"""The figures of an error analysis: where a model errs, what it leaves, what it confuses."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.core.figures import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    SKY,
    SMALL,
    VERMILION,
    amount,
    elide,
    figure,
    fit,
    panels,
)
from stages.core.metrics import ClassPredictions, Predictions, quantile_bins
from stages.core.numbers import number, percent
from stages.core.recalibration import Recalibration
from stages.core.statistics import Floats
from stages.core.variables import Variable

SLICES = 14
PAIRS = 12
COLUMNS = 6
_PANEL = (2.5, 1.7)  # inches
# The interval of a rarer bin may run out of the picture: it would flatten all others.
_COMMON = 0.03

# What is too high means, by task.
_TOO_HIGH = {
    "binary": "Probability - outcome",
    "multiclass": "Probability of the likeliest class - whether it happened",
    "regression": "Predicted - true",
}
_LOSS = {"binary": "log loss", "multiclass": "log loss", "regression": "squared error"}


def slices(found: Sequence[Mapping[str, Any]], task: str) -> Figure:
    """Draw how much more the model errs in each slice than in the rest, with intervals.

    Args:
        found: what `stages.core.slices.find_slices` gives. The first `SLICES` that stand by
            themselves are drawn.
        task: whose loss it is.
    """
    own = [s for s in found if s["difference"]["interval"] is not None and s["within"] is None]
    shown = [s for s in own if s["flagged"] or s["difference"]["value"] > 0][:SLICES]
    clear = sum(s["flagged"] for s in own)
    looks = number(len(found))
    fig, ax = figure(9.4, 1.9 + 0.36 * max(len(shown), 1))
    ax.axvline(0, color=INK, linewidth=1)
    names = {True: "clear after correction for all parts", False: "may be chance"}
    for place, each in enumerate(shown):
        flagged = each["flagged"]
        value, (low, high) = each["difference"]["value"], each["difference"]["interval"]
        label = names.pop(flagged, None)
        colour = VERMILION if flagged else MUTED
        ax.plot([low, high], [place, place], color=colour, linewidth=1.8)
        ax.plot(value, place, "o", color=colour, markersize=6, linestyle="none", label=label)
        gain = f", {percent(each['excess'])} of all loss" if flagged else ""
        _beside(ax, place, f"{_rows(each['rows'])}{gain}")
    _name_rows(ax, [fit(s["definition"], 3.4, 2) for s in shown])
    ax.set(
        title=(
            f"Parts in which the model errs more: {number(clear)} of {looks} looked at"
            if clear
            else f"In none of {looks} parts of the table does the model clearly err more"
        ),
        xlabel=f"Mean {_LOSS[task]} in the part less that in the rest, with 95 % intervals",
    )
    if shown:
        ax.legend(loc="lower right")
    return fig


def _rows(count: int) -> str:
    return f"{number(count)} row{'' if count == 1 else 's'}"


def _beside(ax: Axes, place: float, text: str) -> None:
    """Write `text` to the right of a row."""
    ax.annotate(
        text,
        (1.01, place),
        xycoords=("axes fraction", "data"),
        va="center",
        color=MUTED,
        fontsize=SMALL,
    )


def _name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Name the rows of a chart, the first at the top."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(max(len(names), 1) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")


def confused(pairs: pd.DataFrame) -> Figure:
    """Draw which classes are taken for which, as shares of the class, with intervals.

    Args:
        pairs: what `stages.core.confused.confused_pairs` gives; the first `PAIRS` are drawn.
    """
    shown = pairs.head(PAIRS)
    fig, ax = figure(8.4, 1.5 + 0.34 * max(len(shown), 1))
    cells = (shown[name].tolist() for name in pairs.columns)
    for place, (_, _, rows, share, low, high, of_errors) in enumerate(zip(*cells, strict=True)):
        ax.barh(place, share, color=SKY, height=0.6)
        ax.plot([low, high], [place, place], color=INK, linewidth=1.4)
        _beside(ax, place, f"{_rows(rows)}, {percent(of_errors, 0)} of errors")
    names = [f"{elide(a, 20)} as {elide(d, 20)}" for a, d in shown[["actual", "decided"]].values]
    _name_rows(ax, names)
    ax.set_xlim(0, None)
    first = f"most often {names[0]}" if len(shown) else "nothing"
    ax.set(
        title=f"What is taken for what: {first}",
        xlabel="Share of the rows of the actual class",
    )
    return fig


def residuals(
    structure: pd.DataFrame, means: pd.DataFrame, variables: Sequence[Variable], task: str
) -> Figure:
    """Draw the mean residual along the columns that would still explain most of them.

    Args:
        structure: what `stages.core.residuals.residual_structure` gives first.
        means: what it gives second.
        variables: the columns.
        task: what a residual is.
    """
    shown = structure.head(COLUMNS)
    by_name = {variable.name: variable for variable in variables}
    flagged = structure[structure["flagged"]]
    title = (
        f"{number(len(flagged))} of {number(len(structure))} columns would still explain some of "
        f"what the model leaves, most of all {elide(flagged['title'].iloc[0], 40)}"
        if len(flagged)
        else f"None of {number(len(structure))} columns clearly explains what the model leaves"
    )
    note = (
        "Mean of each bin with its 95 % interval; 0 is right, above it predictions are too high. "
        "Percentages: the share of the residuals' variance that the column explains beyond chance."
    )
    keys = [("clear after correction for all columns", VERMILION), ("not clear", BLUE)]
    fig, axes = panels(
        max(len(shown), 1), 3, _PANEL, title, note, keys, gap=(0.5, 1.2), margin=(0.85, 1.1)
    )
    drawn = means[means["column"].isin(shown["column"])]
    common = drawn["rows"] >= _COMMON * (len(variables[0].values) if variables else 1)
    ends = (drawn.loc[common, ["low", "high"]], drawn.loc[~common, ["mean"]])
    top = max(float(np.nan_to_num(np.abs(each.to_numpy())).max(initial=0.0)) for each in ends)
    top = top or 1.0
    cells = (shown[key].tolist() for key in ("column", "explained", "flagged"))
    for place, (ax, column, explained, clear) in enumerate(zip(axes, *cells, strict=False)):
        _along(ax, means[means["column"] == column], by_name[column], VERMILION if clear else BLUE)
        ax.axhline(0, color=INK, linewidth=1)
        ax.set_ylim(-1.08 * top, 1.08 * top)
        ax.set_xlabel(fit(by_name[column].column.axis_title(), 2.6, 2), fontsize=SMALL)
        share = percent(explained, 2) if explained > 0 else "nothing"
        ax.text(1, 1.02, share, transform=ax.transAxes, ha="right", color=MUTED, fontsize=SMALL)
        if place % 3 == 0:
            ax.set_ylabel(fit(_TOO_HIGH[task], 1.9, 3), fontsize=SMALL)
        else:
            ax.tick_params(labelleft=False)
    return fig


def _along(ax: Axes, own: pd.DataFrame, variable: Variable, colour: str) -> None:
    """Draw the bins of one column: numbers in their order, other bins at the right."""
    at = np.arange(len(own))
    ends = [own["mean"] - own["low"], own["high"] - own["mean"]]
    ax.errorbar(at, own["mean"], yerr=ends, fmt="o", color=colour, markersize=4, linewidth=1.2)
    centres = own["centre"].to_numpy(dtype=np.float64)
    if np.isnan(centres).all() or variable.column.kind == "datetime":
        labels = own["bin"].tolist()
    else:
        ax.plot(at[~np.isnan(centres)], own["mean"][~np.isnan(centres)], color=colour, linewidth=1)
        labels = [
            label if np.isnan(centre) else amount(centre, 2)
            for label, centre in zip(own["bin"], centres, strict=True)
        ]
    told = [elide(label, 12) for label in labels]
    widest = max(map(len, told))
    slant = widest > 7
    # More labels than fit are thinned out, but for the last, which may be the missing ones.
    step = -(-len(told) // (9 if slant else int(_PANEL[0] / (0.08 * widest + 0.06))))
    kept = [place for place in at if (len(at) - 1 - place) % step == 0]
    ax.set_xticks(kept, [told[i] for i in kept])
    if slant:
        ax.tick_params(axis="x", labelrotation=30)
        for text in ax.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
    ax.set_xlim(-0.5, len(at) - 0.5)
    ax.grid(visible=False, axis="x")


def recalibrated(p: Predictions | ClassPredictions, found: Recalibration) -> Figure:
    """Draw how often things happen by their probability, before and after recalibration."""
    fig, ax = figure(6.0, 5.2)
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1, label="perfect calibration")
    before, what = _told(p, p.y_prob)
    drawn = [("as it is", before, BLUE, "o")]
    for (method, y_prob), colour, shape in zip(
        found.y_prob.items(), (ORANGE, GREEN), ("s", "D"), strict=False
    ):
        name = f"{method}, advised" if method == found.advice else method
        drawn.append((name, _told(p, y_prob)[0], colour, shape))
    top = 0.0
    for name, (told, happened), colour, shape in drawn:
        bins = quantile_bins(told, p.calibration_bins)
        count = np.maximum(np.bincount(bins), 1)
        x, y = np.bincount(bins, told) / count, np.bincount(bins, happened) / count
        ax.plot(x, y, color=colour, marker=shape, markersize=5, linewidth=1.4, label=name)
        top = max(top, float(x.max()), float(y.max()))
    titles = {
        "none": "Recalibration would bring nothing clear",
        "insufficient": "Too few rows to tell whether recalibration would help",
    }
    ax.set(
        title=titles.get(found.advice, f"Recalibration would help: {found.advice}"),
        xlabel=f"Predicted probability{what}",
        ylabel="Share that happened",
        xlim=(-0.02, min(1.05 * top, 1.02)),
        ylim=(-0.02, min(1.05 * top, 1.02)),
    )
    ax.legend(loc="upper left")
    return fig


def _told(p: Predictions | ClassPredictions, y_prob: Floats) -> tuple[tuple[Floats, Floats], str]:
    """Return a probability and what happened row by row, and of what it is."""
    if isinstance(p, Predictions):
        return (y_prob, p.y_true.astype(np.float64)), ""
    hit = (y_prob.argmax(axis=1) == p.y_true).astype(np.float64)
    return (y_prob.max(axis=1), hit), " of the likeliest class"
