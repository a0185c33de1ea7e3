"""Validate: hold the table against schema.yaml and the quality policy.

A fault with the policy ``fail`` stops the pipeline here, after all faults are written
down; ``drop`` removes its rows; ``warn`` lets them through and says so.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.checks import concerns_shape, find_failures
from stages.core.errors import LoopwrightError
from stages.core.files import write_json, write_text
from stages.core.params import Target, Validate, read_params
from stages.core.quality import (
    CASE,
    Outcome,
    check_conflicting_labels,
    check_constant_columns,
    check_duplicates,
    check_leakage,
    check_missing_labels,
    check_target,
    status_of,
    table_of_cases,
)
from stages.core.schema import Column, Schema, read_schema
from stages.core.tables import read_table, write_table
from stages.core.verdicts import Verdict, as_documents

_LISTED = 3
_COUNTED = 5

# What pandera's names of its checks mean.
_MEANING = {
    "not_nullable": "the value is missing",
    "field_uniqueness": "the value stands more than once",
    "column_in_dataframe": "the column is missing",
    "column_in_schema": "the column is not in schema.yaml",
}


def main(
    *,
    params: Path,
    schema: Path,
    ingested: Path,
    validated: Path,
    failure_cases: Path,
    quality: Path,
) -> None:
    """Write all failures and the verdicts; then write the validated table, or stop."""
    chosen = read_params(params)
    declared = read_schema(schema)
    frame = read_table(ingested)
    key = chosen.charter.key
    kept, outcomes = examine(frame, declared, chosen.validate_, chosen.charter.target, key)
    cases = list_cases(outcomes, frame, key)
    write_text(failure_cases, cases.to_csv(index=False, lineterminator="\n"))
    evidence = (quality.as_posix(), failure_cases.as_posix())
    write_json(
        quality,
        {
            "rows_in": len(frame),
            "rows_out": len(kept),
            "dropped": len(frame) - len(kept),
            "checks": count_cases(cases, declared),
            "verdicts": as_documents([_verdict(outcome, evidence) for outcome in outcomes]),
        },
    )
    stopping = cases[cases["policy"] == "fail"]
    if len(stopping):
        raise LoopwrightError(_stop(stopping, ingested, failure_cases))
    write_table(validated, kept)


def examine(
    frame: pd.DataFrame, schema: Schema, quality: Validate, target: Target, key: str | None
) -> tuple[pd.DataFrame, list[Outcome]]:
    """Run the checks of the schema, then those of the policy on the rows that these leave.

    Args:
        frame: the ingested table, shape (rows, columns).
        schema: what each column may hold.
        quality: what happens at each fault of quality.
        target: the column to predict and its positive value.
        key: the column that names a row, if there is one.

    Returns:
        The rows that stay, in their order, and an outcome for each check. The `row` of a
        case is a position in `frame`, from 0.

    Raises:
        LoopwrightError: the target or the key is not in the schema.
    """
    schema.column(target.column, "charter.target.column")
    if key is not None:
        schema.column(key, "charter.key")
    frame = frame.reset_index(drop=True)
    outcomes = [check_schema(frame, _without_labels(schema, target.column))]
    if concerns_shape(outcomes[0].cases):
        return frame, [*outcomes, *_not_examined()]
    frame = _kept(frame, outcomes[-1])
    outcomes.append(check_missing_labels(frame, target.column, quality.missing_labels))
    frame = _kept(frame, outcomes[-1])
    outcomes.append(check_duplicates(frame, target.column, key, quality.duplicates))
    frame = _kept(frame, outcomes[-1])
    outcomes.append(check_conflicting_labels(frame, target.column, key, quality.conflicting_labels))
    frame = _kept(frame, outcomes[-1])
    outcomes.append(check_constant_columns(frame, target.column, quality.constant_columns))
    outcomes.append(check_target(frame, target, quality.one_class_target))
    outcomes.append(check_leakage(frame, schema, target, key, quality.single_feature_leakage))
    return frame.reset_index(drop=True), outcomes


def check_schema(frame: pd.DataFrame, schema: Schema) -> Outcome:
    """Hold every cell of `frame` against `schema`."""
    failures = find_failures(frame, schema)
    messages = [_MEANING.get(check, f"outside {check}") for check in failures["check"]]
    cases = failures.assign(message=pd.array(messages, dtype="str"))[list(CASE)]
    counts = cases.groupby(["column", "check"], sort=False).size().reset_index(name="failures")
    found = [f"{at.column}: {at.failures:,} fail {at.check}" for at in counts.itertuples(name="At")]
    why = "; ".join(found) or f"{len(schema.columns)} columns hold what schema.yaml declares"
    return Outcome("schema", cases, status_of(cases), len(cases), "0 failures", why)


def _without_labels(schema: Schema, target: str) -> Schema:
    """Return `schema` with a target that may be missing: `missing_labels` judges that."""
    lenient = schema.columns[target].model_copy(update={"nullable": True})
    return schema.model_copy(update={"columns": {**schema.columns, target: lenient}})


def _not_examined() -> list[Outcome]:
    """Return the outcomes of the quality checks for a table of another shape."""
    why = "not examined: the table does not have the declared columns and dtypes"
    none = table_of_cases("", "fail", [])
    return [
        Outcome(check, none, "insufficient", None, None, why) for check in Validate.model_fields
    ]


def _kept(frame: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """Return the rows that `outcome` does not drop."""
    dropped = outcome.cases.loc[outcome.cases["policy"] == "drop", "row"]
    return frame.loc[~frame.index.isin(dropped.dropna())]


def list_cases(outcomes: list[Outcome], frame: pd.DataFrame, key: str | None) -> pd.DataFrame:
    """Return all failures in one table of text: check, column, row, key, value, policy, message.

    `row` counts the rows of the ingested table from 1; `key` is what the key column holds
    there.
    """
    cases = pd.concat([outcome.cases for outcome in outcomes], ignore_index=True)
    row = cases["row"]
    keys = pd.Series("", index=cases.index, dtype="str")
    if key in frame.columns:
        held = frame[key].iloc[row.dropna().astype("int64")].map(_written)
        keys[row.notna()] = held.to_numpy()
    return pd.DataFrame(
        {
            "check": cases["check"],
            "column": cases["column"],
            "row": row + 1,
            "key": keys,
            "value": cases["value"].map(_written),
            "policy": cases["policy"],
            "message": cases["message"],
        }
    )


def _written(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def count_cases(cases: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Count the failures of each check in each column; of codes, the ones found as well."""
    counted = []
    for (check, column), group in cases.groupby(["check", "column"], sort=False, dropna=False):
        entry: dict[str, Any] = {
            "check": str(check),
            "column": column if isinstance(column, str) else None,
            "policy": group["policy"].iloc[0],
            "failures": len(group),
        }
        if _is_of_codes(str(check), schema.columns.get(str(column))):
            found = group["value"].value_counts(sort=False)
            entry["values"] = {code: int(count) for code, count in sorted(found.items())}
        counted.append(entry)
    return counted


def _is_of_codes(check: str, column: Column | None) -> bool:
    coded = column is not None and column.kind in ("categorical", "ordinal")
    return coded and check.startswith(("isin(", "in_range("))


def _verdict(outcome: Outcome, evidence: tuple[str, ...]) -> Verdict:
    return Verdict(
        id=f"validate.{outcome.check}",
        status=outcome.status,
        value=outcome.value,
        interval=None,
        threshold=outcome.threshold,
        evidence=evidence,
        why=outcome.why,
    )


def _stop(stopping: pd.DataFrame, ingested: Path, failure_cases: Path) -> str:
    """Return the message that stops the pipeline."""
    where = stopping["column"].fillna("whole rows").value_counts(sort=False)
    counts = ", ".join(f"{column}: {count:,}" for column, count in where.head(_COUNTED).items())
    if len(where) > _COUNTED:
        counts += f", and {len(where) - _COUNTED:,} columns more"
    noun = "failure stops" if len(stopping) == 1 else "failures stop"
    lines = [f"{ingested}: {len(stopping):,} {noun} the pipeline ({counts})"]
    for case in stopping.head(_LISTED).to_dict("records"):
        row = "" if pd.isna(case["row"]) else f"row {case['row']:,}"
        key = f" (key {case['key']})" if case["key"] else ""
        column = "" if pd.isna(case["column"]) else f"column '{case['column']}'"
        value = f"found {case['value']}, " if case["value"] else ""
        place = ", ".join(part for part in (row + key, column) if part)
        lines.append(f"{place}: {value}{case['message']}")
    lines.append(f"all of them: {failure_cases}")
    lines.append(
        "correct the source, or the check in schema.yaml; the policies are in params.yaml "
        "under validate"
    )
    return "\n  ".join(lines)
