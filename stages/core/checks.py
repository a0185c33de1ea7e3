"""schema.yaml as a pandera schema, and the cells that do not hold to it."""

from typing import TYPE_CHECKING

import pandas as pd

from stages.core.schema import Column, Schema

if TYPE_CHECKING:
    import pandera.pandas as pa

# pandera's names of the faults that concern a whole column.
_SHAPE = ("column_in_schema", "column_in_dataframe", "dtype(")


def build_schema(schema: Schema) -> "pa.DataFrameSchema":
    """Return the pandera schema that says what `schema` says."""
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            name: pa.Column(
                column.dtype,
                checks=_checks(column),
                nullable=column.nullable,
                unique=column.unique,
            )
            for name, column in schema.columns.items()
        },
        strict=True,
    )


def _checks(column: Column) -> "list[pa.Check]":
    import pandera.pandas as pa

    declared = column.checks
    checks: list[pa.Check] = []
    if declared is None:
        return checks
    if declared.in_range is not None:
        low, high = (int(b) if b.is_integer() else b for b in declared.in_range)
        checks.append(pa.Check.in_range(low, high))
    if declared.between is not None:
        checks.append(pa.Check.in_range(*map(pd.Timestamp, declared.moments())))
    if declared.isin is not None:
        checks.append(pa.Check.isin(list(declared.isin)))
    if declared.str_matches is not None:
        checks.append(pa.Check.str_matches(declared.str_matches))
    return checks


def find_failures(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return every cell of `frame` that fails a check of `schema`, all at once.

    A missing value, a repeated value and a wrong dtype always have the policy ``fail``;
    of the declared checks it is their `on_failure`. A missing value fails no other check.

    Args:
        frame: shape (rows, columns), with any index.
        schema: the checks.

    Returns:
        One line a failing cell, in the order of the columns and then of the rows:
        ``check`` by pandera's name, ``column``, ``row`` (the position in `frame`, from 0;
        missing where the whole column fails), ``value`` and ``policy``.
    """
    from pandera.errors import SchemaErrors

    try:
        build_schema(schema).validate(frame.reset_index(drop=True), lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
    else:
        cases = pd.DataFrame(columns=["check", "column", "failure_case", "index"])
    # Where a column is missing or unknown, pandera gives its name as the value.
    column = cases["column"].where(cases["column"].notna(), cases["failure_case"])
    check = cases["check"].astype("str")
    policy = [
        _policy(name, schema.columns.get(where)) for name, where in zip(check, column, strict=True)
    ]
    failures = pd.DataFrame(
        {
            "check": check,
            "column": column.astype("str"),
            "row": pd.array(cases["index"], dtype="Int64"),
            "value": cases["failure_case"].astype(object),
            "policy": pd.array(policy, dtype="str"),
        }
    )
    position = {name: place for place, name in enumerate(schema.columns)}
    place = failures["column"].map(position).fillna(len(position))
    return (
        failures.assign(place=place)
        .sort_values(["place", "row", "check"], kind="stable", na_position="first")
        .drop(columns="place")
        .reset_index(drop=True)
    )


def _policy(check: str, column: Column | None) -> str:
    by_declaration = check.startswith(("in_range(", "isin(", "str_matches("))
    if column is None or column.checks is None or not by_declaration:
        return "fail"
    return column.checks.on_failure


def concerns_shape(failures: pd.DataFrame) -> bool:
    """Return whether a column is missing, unknown or of another dtype."""
    return bool(failures["check"].str.startswith(_SHAPE).any())
