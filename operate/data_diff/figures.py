"""The columns that changed most, drawn: before in blue, now in vermilion."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from operate.data_diff.changes import DataDiff
from operate.data_diff.page import findings
from operate.data_diff.pairs import Pair, pair
from stages.core.distributions import Scale, bin_edges, scale_of, shares
from stages.core.figures import (
    BLUE,
    SMALL,
    VERMILION,
    amount,
    elide,
    figure,
    fit,
    house_style,
    save,
)
from stages.core.numbers import number, percent
from stages.core.schema import Column, Schema
from stages.core.variables import Variable

# Pictures at most, bins of a histogram, categories in a picture.
FIGURES = 6
BINS = 40
CATEGORIES = 12
# From this skewness on an axis is logarithmic beyond its middle.
SKEW = 2.0

# The findings that a distribution shows, and what stands over its picture.
_SHOWN = {
    "labels": "the labels, before and now",
    "unit": "another unit",
    "categories": "other categories",
    "distribution": "another distribution",
}
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
    kinds: dict[str, str] = {}
    for each in findings(diff):
        if (
            each.kind in _SHOWN
            and each.column in head
            and old.get(each.column, each.column) in base
        ):
            kinds.setdefault(each.column, each.kind)
    files = []
    for place, (name, kind) in enumerate(list(kinds.items())[:FIGURES], 1):
        both = pair(name, base[old.get(name, name)], head[name])
        column = schema.columns.get(name) or schema.columns.get(old.get(name, name))
        file = folder / f"{place}-{_slug(name)}.png"
        _draw(both, column or _undeclared(both), kind, file)
        files.append(file)
    return files


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:40] or "column"


def _undeclared(both: Pair) -> Column:
    if both.levels is None:
        return Column(dtype="float64", kind="numeric", title=both.name)
    return Column(dtype="str", kind="categorical", title=both.name)


def _draw(both: Pair, column: Column, kind: str, file: Path) -> None:
    few = len(both.distinct) <= CATEGORIES
    if both.levels is not None or column.kind in ("categorical", "ordinal") or few:
        fig, ax = _bars(both, column)
    else:
        fig, ax = _histograms(both, column, two_units=kind == "unit")
    ax.set_title(f"{elide(both.name)}: {_SHOWN[kind]}")
    # outside: what is drawn leaves no corner free
    with house_style():
        fig.legend(loc="outside lower left", ncols=2)
    save(fig, file)


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


def _histograms(both: Pair, column: Column, two_units: bool) -> tuple[Figure, Any]:
    sides = [
        _scaled(values[known], column)
        for values, known in ((both.base, both.base_known), (both.head, both.head_known))
    ]
    everything = np.concatenate(sides)
    if two_units:
        # on a logarithmic axis the same shape stands elsewhere
        low = [np.quantile(np.abs(side[side != 0]), 0.25) for side in sides]
        scale = Scale("symlog", float(10.0 ** np.floor(np.log10(min(low)))))
    else:
        scale = scale_of(Variable(both.name, column, everything, (), ordered=True), SKEW)
    edges = bin_edges(everything, scale, BINS)
    fig, ax = figure()
    for values, (_, colour), label in zip(sides, _SIDES, _legend(both), strict=True):
        height = shares(scale.positions(values), edges)
        ax.stairs(height, edges, fill=True, color=colour, alpha=0.2)
        ax.stairs(height, edges, color=colour, linewidth=1.6, label=label, zorder=3)
    note = f"; logarithmic beyond {amount(scale.threshold)}" if scale.kind == "symlog" else ""
    ax.set(xlabel=f"{column.axis_title()}{note}", ylabel="Share of known values in a bin")
    ax.set_xticks(*scale.ticks(everything, 6))
    ax.set_ylim(bottom=0)
    return fig, ax


def _scaled(values: Any, column: Column) -> Any:
    """Return finite values; times as days since 1970."""
    floats = values.astype(np.float64)
    if column.kind == "datetime":
        floats = floats / 86_400e9
    return floats[np.isfinite(floats)]


def _bars(both: Pair, column: Column) -> tuple[Figure, Any]:
    counts = np.array(both.counts, dtype=np.float64)
    rows = np.maximum([[len(both.base)], [len(both.head)]], 1)
    share = counts / rows
    order = np.argsort(-share.max(axis=0), kind="stable")[:CATEGORIES]
    if column.kind == "ordinal":
        place = {value: at for at, value in enumerate(column.categories())}
        order = np.array(
            sorted(order, key=lambda code: (place.get(both.spelt(code), len(place)), code))
        )
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
            text = percent(float(value), 1 if value >= 0.001 else 2) if value else "none"
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
    ax.set(xlabel=f"Share of rows by {elide(column.axis_title(), 60)}")
    return fig, ax
