"""How a model does on parts of the table: the rows that share a value."""

from collections.abc import Collection
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.metrics import row_log_loss
from stages.core.schema import Schema
from stages.core.statistics import Drawn, Floats, Seed, Weights, bootstrap, ratio

# A smaller slice says little about itself.
MIN_ROWS = 100


def slices(
    frame: pd.DataFrame,
    y_true: npt.NDArray[np.int64],
    y_prob: Floats,
    schema: Schema,
    columns: Collection[str],
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
) -> list[dict[str, Any]]:
    """Return one row for each value of `columns` that `MIN_ROWS` rows or more have.

    Numeric columns are cut into four parts of equal size. The slice whose mean
    probability is furthest from its share of positives comes first. Many intervals
    stand side by side here: one in twenty misses by chance.

    Returns:
        For each: column, value (its label), rows, positive_share, log_loss, and
        probability_gap, the mean probability - the share of positives.
    """
    found = [
        (name, label, inside)
        for name in columns
        for label, inside in parts_of(frame[name], schema, name)
        if inside.sum() >= MIN_ROWS
    ]
    if not found:
        return []
    member = np.stack([inside for _, _, inside in found], axis=1).astype(np.float64)
    losses = member * row_log_loss(y_true, y_prob)[:, None]
    gaps = member * (y_prob - y_true)[:, None]

    def means(weights: Weights) -> Floats:
        rows = weights @ member
        return np.stack([ratio(weights @ losses, rows), ratio(weights @ gaps, rows)], axis=2)

    once = means(np.ones((1, len(y_true)), dtype=np.int64))[0]
    drawn = bootstrap(means, len(y_true), draws, random_state, groups)
    worst_first = np.argsort(-np.abs(once[:, 1]), kind="stable")
    return [
        {
            "column": found[i][0],
            "value": found[i][1],
            "rows": int(member[:, i].sum()),
            "positive_share": float(y_true[found[i][2]].mean()),
            "log_loss": Drawn(once[i, 0], drawn[:, i, 0]).estimate(),
            "probability_gap": Drawn(once[i, 1], drawn[:, i, 1]).estimate(),
        }
        for i in worst_first
    ]


def parts_of(
    column: "pd.Series[Any]", schema: Schema, name: str
) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Return the label and the rows of each value, or of each quarter of the values."""
    known = schema.column(name, "schema.yaml")
    if known.kind == "numeric":
        codes, edges = pd.qcut(column, 4, labels=False, retbins=True, duplicates="drop")
        return [
            (f"{low:g} to {high:g}", np.asarray(codes == i))
            for i, (low, high) in enumerate(pairwise(edges))
        ]
    return [
        (known.label(value), np.asarray(column == value))
        for value in sorted(column.dropna().unique())
    ]
