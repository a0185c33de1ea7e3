"""Several sources made one table: appended, or joined."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.core.errors import LoopwrightError
from stages.core.schema import Schema
from stages.core.sources.declared import Join

_LISTED = 5


def append(above: pd.DataFrame, below: pd.DataFrame, schema: Schema, key: str) -> pd.DataFrame:
    """Put the rows of a source below those before it.

    Raises:
        LoopwrightError: their columns differ.
    """
    lacking = [name for name in above.columns if name not in below.columns]
    extra = [name for name in below.columns if name not in above.columns]
    if lacking or extra:
        faults = [f"it lacks column '{name}'" for name in lacking]
        faults += [f"the sources before it have no column '{name}'" for name in extra]
        advice = "rows that are appended have the same columns; `join` adds columns"
        raise LoopwrightError("\n  ".join([f"{key}: it cannot be appended", *faults, advice]))
    both = [_with_same_categories(frame, above, below, schema) for frame in (above, below)]
    return pd.concat(both, ignore_index=True)


def join(
    left: pd.DataFrame, right: pd.DataFrame, how: Join, schema: Schema, key: str
) -> pd.DataFrame:
    """Give each row of `left` the columns of the row of `right` that has its key.

    Args:
        left: the sources before, joined and appended.
        right: this source.
        how: the columns of the key, and what becomes of rows that find no other.
        schema: the types.
        key: the source's key in params.yaml, for errors.

    Raises:
        LoopwrightError: a key is missing or stands twice in `right`, which would multiply
            rows; both have a column; a row finds no other, and may not.
    """
    on = list(how.on)
    for side, frame in (("the sources before it have", left), ("it has", right)):
        lacking = [name for name in on if name not in frame.columns]
        if lacking:
            raise LoopwrightError(f"{key}.join.on: {side} no column {', '.join(lacking)}")
        gone = np.flatnonzero(frame[on].isna().any(axis=1))
        if len(gone):
            raise LoopwrightError(
                f"{key}.join.on: {side} {len(gone):,} rows without {' and '.join(on)}, the first "
                f"is row {gone[0] + 1:,}; a row without its key finds no other"
            )
    twice = [name for name in right.columns if name in left.columns and name not in on]
    if twice:
        raise LoopwrightError(
            f"{key}: column {', '.join(twice)} is in the sources before it too; rename or ignore "
            "it in one of them"
        )
    repeated = np.flatnonzero(right.duplicated(on))
    if len(repeated):
        raise LoopwrightError(
            f"{key}.join.on: {len(repeated):,} rows repeat the {' and '.join(on)} of an earlier "
            f"one (the first: row {repeated[0] + 1:,} of this source), and would multiply rows; "
            "bring them together first, or name the columns that tell them apart"
        )
    place = _keys(right, on).get_indexer(_keys(left, on))
    alone = np.flatnonzero(place < 0)
    if len(alone):
        _allow(how, alone.tolist(), right, schema, key)
    if how.unmatched == "drop":
        left, place = left.iloc[place >= 0].reset_index(drop=True), place[place >= 0]
        if left.empty:
            raise LoopwrightError(f"{key}: no row finds another, so none would be left")
    added = [name for name in right.columns if name not in on]
    found = right[added].iloc[np.where(place < 0, 0, place)].reset_index(drop=True)
    if (place < 0).any():
        found = found.mask(pd.Series(place < 0), other=np.nan).astype(right[added].dtypes)
    return pd.concat([left, found], axis=1)


def _allow(how: Join, alone: Sequence[int], right: pd.DataFrame, schema: Schema, key: str) -> None:
    """Refuse rows that find no other, unless they may."""
    rows = ", ".join(f"{row + 1:,}" for row in alone[:_LISTED])
    more = ", ..." if len(alone) > _LISTED else ""
    told = f"{len(alone):,} rows find no row of this source (rows {rows}{more})"
    if how.unmatched == "fail":
        raise LoopwrightError(
            f"{key}: {told}; correct a source, or set unmatched to missing or to drop"
        )
    whole = [
        name
        for name in right.columns
        if name not in how.on and schema.columns[name].dtype == "int64"
    ]
    if how.unmatched == "missing" and whole:
        raise LoopwrightError(
            f"{key}: {told}, and int64 holds no missing values: declare {', '.join(whole)} as "
            "Int64 and nullable: true in schema.yaml"
        )


def _keys(frame: pd.DataFrame, on: Sequence[str]) -> pd.Index:
    plain = frame[list(on)].astype({n: "str" for n in on if frame[n].dtype == "category"})
    return pd.Index(plain[on[0]]) if len(on) == 1 else pd.MultiIndex.from_frame(plain)


def _with_same_categories(
    frame: pd.DataFrame, above: pd.DataFrame, below: pd.DataFrame, schema: Schema
) -> pd.DataFrame:
    changed = {}
    for name in frame.columns:
        if schema.columns[name].dtype == "category":
            known = list(schema.columns[name].categories())
            found = {*above[name].cat.categories, *below[name].cat.categories}
            every = [*known, *sorted(found.difference(known))]
            changed[name] = frame[name].cat.set_categories(every)
    return frame.assign(**changed)
