"""Faults of quality: rows that repeat or contradict, columns that say nothing or too much."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.core.associations import mean_separation
from stages.core.params import BinaryTarget, RegressionTarget, SingleFeatureLeakage, Target
from stages.core.schema import Policy, Schema
from stages.core.targets import class_label, questions
from stages.core.twins import features_of, first_rows, twins
from stages.core.variables import read_variables
from stages.core.verdicts import Status

# With fewer rows of a class, chance alone ranks a feature high: of ten against ten, about one
# in 1,500 features reaches a ROC AUC of 0.95 (normal limit of the Mann-Whitney statistic).
MIN_CLASS_SIZE = 10

# What a column's ROC AUC is of, where it is not of the positive class.
_ASKED = {
    "binary": "",
    "multiclass": ", the mean over each class against the rest",
    "regression": ", of being above the median",
}

# A class needs a row in each of train, validation and test.
PARTS = 3

# The columns of a table of cases.
CASE = ("check", "column", "row", "value", "policy", "message")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one check found.

    Attributes:
        check: its name: the verdict's id without ``validate.``.
        cases: its failures, one a line: ``check``, ``column``, ``row`` (the label of the
            table's index; missing where it is about a whole column), ``value``, ``policy``
            and ``message``.
        status: as in `Verdict`, like the rest.
        value: what was measured.
        threshold: what it was held against.
        why: one sentence.
    """

    check: str
    cases: pd.DataFrame
    status: Status
    value: float | int | None
    threshold: str | None
    why: str


# A column, a row, the value found there, and what is wrong with it.
Case = tuple[str | None, int | None, object, str]


def table_of_cases(check: str, policy: Policy, cases: Sequence[Case]) -> pd.DataFrame:
    """Return one line a case, in the given order."""
    return pd.DataFrame(
        {
            "check": pd.array([check] * len(cases), dtype="str"),
            "column": pd.array([case[0] for case in cases], dtype="str"),
            "row": pd.array([case[1] for case in cases], dtype="Int64"),
            "value": pd.Series([case[2] for case in cases], dtype=object),
            "policy": pd.array([policy] * len(cases), dtype="str"),
            "message": pd.array([case[3] for case in cases], dtype="str"),
        }
    )


def status_of(cases: pd.DataFrame) -> Status:
    """Return ``fail`` if a case has that policy, ``warn`` if there is any case at all."""
    if (cases["policy"] == "fail").any():
        return "fail"
    return "warn" if len(cases) else "pass"


def check_missing_labels(frame: pd.DataFrame, target: str, policy: Policy) -> Outcome:
    """Find the rows whose target is missing: nothing can be learned of them or said of them.

    None passes with a warning: nothing later could tell a missing label from a negative one.

    Args: as `check_duplicates`.
    """
    rows = frame.index[frame[target].isna()]
    cases = table_of_cases(
        "missing_labels",
        policy,
        [(target, int(row), None, "the label is missing") for row in rows],
    )
    why = f"{len(rows):,} of {len(frame):,} rows have no label"
    return Outcome("missing_labels", cases, status_of(cases), len(rows), "0 rows", why)


def check_duplicates(frame: pd.DataFrame, target: str, key: str | None, policy: Policy) -> Outcome:
    """Find the rows that repeat an earlier one in all columns but the key.

    Args:
        frame: the table; its index holds the positions in the ingested table, from 0.
        target: the column to predict.
        key: the column that names a row, if there is one.
        policy: what happens to the later rows.

    Raises:
        LoopwrightError: there are no features.
    """
    numbers = twins(frame, [*features_of(frame, target, key), target])
    first = first_rows(numbers)
    copies = np.flatnonzero(first != np.arange(len(frame)))
    rows = frame.index.to_numpy()
    but = f" but {key}" if key else ""
    cases = table_of_cases(
        "duplicates",
        policy,
        [
            (None, int(row), None, f"equals row {original + 1} in all columns{but}")
            for row, original in zip(rows[copies], rows[first[copies]], strict=True)
        ],
    )
    why = f"{len(copies):,} rows repeat an earlier one in all columns{but}"
    return Outcome("duplicates", cases, status_of(cases), len(copies), "0 rows", why)


def check_conflicting_labels(
    frame: pd.DataFrame, target: str, key: str | None, policy: Policy
) -> Outcome:
    """Find the sets of rows with equal features that carry different labels.

    With the policy ``drop`` the whole set goes: nothing says which label is right.

    Args and raises: as `check_duplicates`.
    """
    numbers = twins(frame, features_of(frame, target, key))
    labels = frame[target].groupby(numbers).transform("nunique").to_numpy()
    mixed = np.flatnonzero(labels > 1)
    first = first_rows(numbers)
    rows = frame.index.to_numpy()
    message = "has the features of row {}, and such rows differ in their label"
    cases = table_of_cases(
        "conflicting_labels",
        policy,
        [
            (target, int(row), label, message.format(original + 1))
            for row, label, original in zip(
                rows[mixed], frame[target].iloc[mixed], rows[first[mixed]], strict=True
            )
        ],
    )
    sets = len(np.unique(numbers[mixed]))
    why = f"{sets:,} sets of rows with equal features differ in their label ({len(mixed):,} rows)"
    return Outcome("conflicting_labels", cases, status_of(cases), sets, "0 sets", why)


def check_constant_columns(frame: pd.DataFrame, target: str, policy: Policy) -> Outcome:
    """Find the columns, other than the target, that hold one value or none.

    Args: as `check_duplicates`.
    """
    constant = [
        str(name)
        for name in frame.columns
        if name != target and frame[name].nunique(dropna=False) == 1
    ]
    cases = table_of_cases(
        "constant_columns",
        policy,
        [(name, None, frame[name].iloc[0], "the same in every row") for name in constant],
    )
    why = f"constant: {', '.join(constant)}" if constant else "every column varies"
    return Outcome("constant_columns", cases, status_of(cases), len(constant), "0 columns", why)


def check_target(frame: pd.DataFrame, target: Target, policy: Policy) -> Outcome:
    """Find what keeps the target from being learned.

    A number that is none and an empty table stop the pipeline whatever the policy.

    Args: as `check_duplicates`.
    """
    column = target.column
    labels = frame[column].dropna()
    faults: list[tuple[Policy, Case]] = []
    found = sorted({class_label(value) for value in labels.unique()})
    value: float | int | None = None
    if not found:
        faults.append(("fail", (column, None, None, "no row has a label")))
        threshold, good = None, ""
    elif isinstance(target, BinaryTarget):
        value = round(float((labels == target.positive).mean()), 6)
        threshold = "> 0 and < 1"
        good = f"both classes are there: {value:.1%} of the labels are positive"
        if not value:
            message = f"no row has the positive value {target.positive!r}; found: {_some(found)}"
            faults.append((policy, (column, None, None, message)))
        if len(found) > 2:
            message = f"{len(found)} labels, and all but the positive one are one class: "
            faults.append((policy, (column, None, None, message + _some(found))))
    elif isinstance(target, RegressionTarget):
        value, threshold = len(found), "> 1 number"
        good = f"the target has {value:,} different values"
        if not pd.api.types.is_numeric_dtype(labels) or pd.api.types.is_bool_dtype(labels):
            message = f"a regression predicts a number, and the column holds {labels.dtype}"
            faults.append(("fail", (column, None, None, message)))
    else:
        value, threshold = len(found), "> 1 class"
        good = f"there are {value:,} classes"
        faults += [(policy, case) for case in _rare(labels, column)]
    if len(found) == 1 and value:
        faults.append((policy, (column, None, found[0], "every row has this one label")))
    cases = pd.concat(
        [
            table_of_cases("one_class_target", each, [case for p, case in faults if p == each])
            for each in dict.fromkeys(("fail", policy))
        ],
        ignore_index=True,
    )
    why = "; ".join(case[3] for _, case in faults) or good
    return Outcome("one_class_target", cases, status_of(cases), value, threshold, why)


def _rare(labels: "pd.Series[Any]", column: str) -> list[Case]:
    """Return the classes with fewer rows than there are parts that each need one."""
    counts = labels.map(class_label).value_counts()
    return [
        (
            column,
            None,
            label,
            f"class '{label}' has {int(counts[label])} rows; one part of the "
            f"split would be without it ({PARTS} are needed)",
        )
        for label in sorted(counts.index[counts < PARTS])
    ]


def _some(found: Sequence[str]) -> str:
    return ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")


def check_leakage(
    frame: pd.DataFrame,
    schema: Schema,
    target: Target,
    key: str | None,
    leakage: SingleFeatureLeakage,
) -> Outcome:
    """Find the features that alone rank the target so well that they seem to know it.

    A number is ranked by itself, in either direction; a category by the target rate that
    its other rows have; and both by where they are missing. Of several classes the ROC AUC
    is the mean over each against the rest, of a number that of its upper half. The key and
    identifiers are no features.

    Args:
        frame: as in `check_duplicates`; rows without a label are left out.
        schema: the kinds of the columns.
        target: the column to predict.
        key: the column that names a row, if there is one.
        leakage: from which ROC AUC on, and what happens then.
    """
    check, threshold = "single_feature_leakage", f"< {leakage.roc_auc:g}"
    none = table_of_cases(check, leakage.policy, [])
    frame = frame[frame[target.column].notna()]
    answers = [
        y for _, y in questions(frame, target) if min(y.sum(), len(y) - y.sum()) >= MIN_CLASS_SIZE
    ]
    if not answers:
        why = f"a class has fewer than {MIN_CLASS_SIZE} rows; of so few, chance ranks as well"
        return Outcome(check, none, "insufficient", None, threshold, why)
    alone = {
        variable.name: mean_separation(variable, answers, random_state=0)
        for variable in read_variables(frame, schema, target.column, key)
    }
    if not alone:
        return Outcome(check, none, "not_applicable", None, threshold, "there are no features")
    cases = table_of_cases(
        check,
        leakage.policy,
        [
            (name, None, round(found.roc_auc, 6), f"its {found.by} alone has this ROC AUC")
            for name, found in alone.items()
            if found.roc_auc >= leakage.roc_auc
        ],
    )
    best = max(alone, key=lambda name: alone[name].roc_auc)
    value = round(alone[best].roc_auc, 6)
    why = (
        f"the largest ROC AUC of one feature alone{_ASKED[target.task]}: "
        f"{best}, by its {alone[best].by}"
    )
    return Outcome(check, cases, status_of(cases), value, threshold, why)
