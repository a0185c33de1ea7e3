"""The columns that changed most, drawn: before in blue, now in vermilion."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from operate.data_diff.changes import DataDiff
from operate.data_diff.page import findings
from operate.data_diff.pairs import Pair, pair
from stages.core.distributions import bin_edges, scale_of, shares
from stages.core.figures import BLUE, SMALL, VERMILION, elide, figure, fit, save
from stages.core.numbers import number, percent
from stages.core.schema import Column, Schema
from stages.core.variables import Variable

# Pictures at most, bins of a histogram, categories in a picture.
FIGURES = 6
BINS = 40
CATEGORIES = 12
# From this skewness on an axis is logarithmic beyond its middle.
SKEW = 2.0

# The findings that a distribution shows, in the order of `page.KINDS`.
_SHOWN = ("labels", "unit", "categories", "missing values", "distribution")
_SIDES = (("before", BLUE), ("now", VERMILION))


def figures(
    diff: DataDiff, base: pd.DataFrame, head: pd.DataFrame, schema: Schema, folder: Path
) -> list[Path]:
    """Draw how the most important changes look, one picture a column, `FIGURES` at most.

    Args:
        diff: what `compare_tables` found.
        base: the table as it was.
        head: the table as it is.
        schema: for titles, units and labels; a column that it lacks goes by its name.
        folder: where the pictures go; other files there stay.

    Returns:
        The files, the most important first; none where no distribution changed.
    """
    old = {each.after: each.before for each in diff.columns.renamed}
    names = dict.fromkeys(each.column for each in findings(diff) if each.kind in _SHOWN)
    drawable = [name for name in names if name in head and old.get(name, name) in base]
    files = []
    for place, name in enumerate(drawable[:FIGURES], 1):
        both = pair(name, base[old.get(name, name)], head[name])
        column = schema.columns.get(name) or schema.columns.get(old.get(name, name))
        file = folder / f"{place}-{_slug(name)}.png"
        _draw(both, column or _undeclared(both), file)
        files.append(file)
    return files


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:40] or "column"


def _undeclared(both: Pair) -> Column:
    if both.levels is None:
        return Column(dtype="float64", kind="numeric", title=both.name)
    return Column(dtype="str", kind="categorical", title=both.name)


def _draw(both: Pair, column: Column, file: Path) -> None:
    few = len(both.distinct) <= CATEGORIES
    if both.levels is not None or column.kind in ("categorical", "ordinal") or few:
        fig = _bars(both, column)
    else:
        fig = _histograms(both, column)
    save(fig, file)


def _title(both: Pair) -> str:
    return f"{elide(both.name)}: before and now"


def _legend(both: Pair) -> list[str]:
    """Return the name of each side with its rows, and its missing ones where there are any."""
    any_missing = not (both.base_known.all() and both.head_known.all())
    names = []
    for (side, _), known in zip(_SIDES, (both.base_known, both.head_known), strict=True):
        missing = 1 - known.mean() if len(known) else 0.0
        names.append(
            f"{side}, {number(len(known))} rows"
            + (f", {percent(float(missing))} missing" if any_missing else "")
        )
    return names


def _histograms(both: Pair, column: Column) -> Any:
    sides = [
        _scaled(values[known], column)
        for values, known in ((both.base, both.base_known), (both.head, both.head_known))
    ]
    everything = np.concatenate(sides)
    variable = Variable(both.name, column, everything, (), ordered=True)
    scale = scale_of(variable, SKEW)
    edges = bin_edges(everything, scale, BINS)
    fig, ax = figure()
    for values, (_, colour), label in zip(sides, _SIDES, _legend(both), strict=True):
        height = shares(scale.positions(values), edges)
        ax.stairs(height, edges, fill=True, color=colour, alpha=0.2)
        ax.stairs(height, edges, color=colour, linewidth=1.6, label=label, zorder=3)
    ax.set(title=_title(both), xlabel=column.axis_title(), ylabel="Share of known values in a bin")
    ax.set_xticks(*scale.ticks(everything, 6))
    ax.set_ylim(bottom=0)
    ax.legend(loc="best")
    return fig


def _scaled(values: Any, column: Column) -> Any:
    """Return finite values; times as days since 1970."""
    floats = values.astype(np.float64)
    if column.kind == "datetime":
        floats = floats / 86_400e9
    return floats[np.isfinite(floats)]


def _bars(both: Pair, column: Column) -> Any:
    counts = np.array(both.counts, dtype=np.float64)
    rows = np.maximum([[len(both.base)], [len(both.head)]], 1)
    share = counts / rows
    order = np.arange(len(both.distinct))
    if column.kind != "ordinal":
        order = np.argsort(-share.max(axis=0), kind="stable")
    kept = np.sort(np.argsort(-share.max(axis=0), kind="stable")[:CATEGORIES])
    order = np.array([code for code in order if code in set(kept)], dtype=np.int64)
    names = [column.label(both.spelt(int(code))) for code in order]
    columns = [share[:, order]]
    if len(both.distinct) > len(order):
        names.append(f"{len(both.distinct) - len(order)} others")
        columns.append(
            share.sum(axis=1, keepdims=True) - share[:, order].sum(axis=1, keepdims=True)
        )
    missing = 1 - share.sum(axis=1, keepdims=True)
    if not (both.base_known.all() and both.head_known.all()):
        names.append("(missing)")
        columns.append(missing)
    table = np.hstack(columns)
    fig, ax = figure(7.2, 1.6 + 0.38 * len(names))
    at = np.arange(len(names), dtype=float)
    for side, ((_, colour), label) in enumerate(zip(_SIDES, _legend(both), strict=True)):
        places = at + (side - 0.5) * 0.38
        ax.barh(places, table[side], height=0.36, color=colour, label=label)
        for place, value in zip(places, table[side], strict=True):
            text = percent(float(value)) if value else "none"
            ax.annotate(
                text,
                (value, place),
                (3, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
            )
    ax.set_yticks(at, [fit(name, 1.9, 2) for name in names])
    ax.invert_yaxis()
    ax.set_xlim(0, max(float(table.max()) * 1.15, 1e-9))
    ax.grid(visible=False, axis="y")
    ax.set(title=_title(both), xlabel=f"Share of rows by {elide(column.axis_title(), 60)}")
    ax.legend(loc="lower right")
    return fig
