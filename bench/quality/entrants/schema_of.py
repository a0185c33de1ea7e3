"""A schema for a table that has none, from the types of its train rows."""

import pandas as pd

from stages.core.schema import Column, Schema

DATE = "%Y-%m-%d"


def schema_of(train: pd.DataFrame) -> Schema:
    """Return what each column of `train` is; any may be missing in rows to come.

    Numbers are numeric, texts that are all dates are dates, other texts are categories.
    """
    return Schema(columns={str(name): _column(train[name]) for name in train})


def typed(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return `frame` with the types that `schema` declares."""
    return pd.DataFrame(
        {name: _typed(frame[name], schema.columns[name]) for name in frame}, index=frame.index
    )


def _column(values: "pd.Series[str]") -> Column:
    title = str(values.name)
    if pd.api.types.is_numeric_dtype(values):
        return Column(dtype="float64", kind="numeric", title=title, nullable=True)
    known = values.dropna()
    dates = pd.to_datetime(known, format=DATE, errors="coerce")
    if len(known) and dates.notna().all():
        return Column(
            dtype="datetime64[ns]", kind="datetime", title=title, nullable=True, format=DATE
        )
    return Column(dtype="str", kind="categorical", title=title, nullable=True)


def _typed(values: "pd.Series[str]", column: Column) -> "pd.Series[str]":
    if column.kind == "datetime":
        return pd.to_datetime(values, format=DATE).astype("datetime64[ns]")
    return values.astype(column.dtype)
