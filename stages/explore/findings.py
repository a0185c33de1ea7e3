"""What stands out in a table before anything is built on it. Each finding asks for an answer."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.core.distributions import outlier_share, skewness
from stages.core.numbers import number, percent
from stages.core.params import Explore, RegressionTarget, Target
from stages.core.schema import Schema
from stages.core.statistics import Floats
from stages.core.targets import strata
from stages.core.variables import Variable
from stages.explore.outcomes import Outcome, Strength


@dataclass(frozen=True)
class Finding:
    """One thing that stands out.

    Attributes:
        kind: what it is, such as ``skew``.
        columns: the column or the pair, sorted by name.
        value: what was measured.
        threshold: the bound that it passed.
        why: one sentence in plain words, with the number.
    """

    kind: str
    columns: tuple[str, ...]
    value: float
    threshold: float
    why: str

    @property
    def id(self) -> str:
        """``kind:column``, or ``kind:A~B`` for a pair."""
        return f"{self.kind}:{'~'.join(self.columns)}"

    def as_document(self) -> dict[str, Any]:
        """Return the finding as a dictionary ready for JSON, its numbers rounded."""
        return {
            "id": self.id,
            **asdict(self),
            "columns": list(self.columns),
            "value": round(float(self.value), 6),
            "threshold": round(float(self.threshold), 6),
        }


def skewed(variables: Iterable[Variable], threshold: float) -> Iterator[Finding]:
    """Yield the quantities with an absolute skewness above `threshold`."""
    for variable in quantities(variables):
        value = skewness(variable.known)
        if abs(value) > threshold:
            tail = "large" if value > 0 else "small"
            why = f"skewness {number(value, 2)}: a long tail of {tail} values"
            yield Finding("skew", (variable.name,), value, threshold, why)


def outlying(variables: Iterable[Variable], threshold: float) -> Iterator[Finding]:
    """Yield the quantities with a share beyond Tukey's fences above `threshold`."""
    for variable in quantities(variables):
        value = outlier_share(variable.known)
        if value > threshold:
            low, high = np.quantile(variable.known, [0.25, 0.75])
            why = f"{percent(value)} of the values lie 1.5 interquartile ranges or more outside"
            if low == high:
                same = number(float(low))
                why = f"the middle half is one value, {same}; {percent(value)} differ from it"
            yield Finding("outliers", (variable.name,), value, threshold, why)


def collinear(
    names: Sequence[str], spearman: Floats, pearson: Floats, threshold: float
) -> Iterator[Finding]:
    """Yield the pairs with an absolute Spearman or Pearson correlation of `threshold` or more.

    Args:
        names: of the columns of both matrices.
        spearman: shape (columns, columns), NaN where not measurable.
        pearson: the same.
        threshold: from 0 to 1.
    """
    for i, first in enumerate(names):
        for j in range(i + 1, len(names)):
            measured = [
                (abs(value), value, how)
                for value, how in ((spearman[i, j], "Spearman"), (pearson[i, j], "Pearson"))
                if np.isfinite(value) and round(abs(value), 9) >= threshold
            ]
            if measured:
                _, value, how = max(measured, key=lambda found: found[0])
                pair = tuple(sorted((first, names[j])))
                why = f"{how} correlation {number(value, 3)}: the two say nearly the same"
                yield Finding("collinear", pair, value, threshold, why)


def leaking(
    variables: Iterable[Variable], strengths: Iterable[Strength], outcome: Outcome, roc_auc: float
) -> Iterator[Finding]:
    """Yield the columns that alone tell nearly all of the target: see `Outcome.leak_bound`."""
    how = {"value": "its value", "category": "its category", "missing": "its being missing"}
    threshold = outcome.leak_bound(roc_auc)
    for variable, found in zip(variables, strengths, strict=True):
        if found.value >= threshold:
            why = (
                f"{how[found.by]} alone {outcome.leak(found)}: "
                "was it known at the time of the decision?"
            )
            yield Finding("leakage", (variable.name,), found.value, threshold, why)


def imbalanced(frame: pd.DataFrame, target: Target, threshold: float) -> Iterator[Finding]:
    """Yield the target if its smallest class has a share below `threshold`.

    Of k classes the share is held against 2/k of `threshold`: of many classes, each is
    small. The degrees are those of Google's machine-learning course: mild 20 to 40 % of the
    rows, moderate 1 to 20 %, extreme below 1 %. A number has no classes.
    """
    if isinstance(target, RegressionTarget):
        return
    classes = strata(frame, target)
    counts = np.bincount(classes, minlength=2)
    rows, total = int(counts.min()), max(len(classes), 1)
    share = rows / total
    if share < threshold * 2 / len(counts):
        degree = "extreme" if share < 0.01 else "moderate" if share < 0.2 else "mild"
        shown = f"{rows:,} of {len(classes):,} rows ({percent(share, 2)})"
        which = "smaller" if len(counts) == 2 else "smallest"
        why = f"{degree} imbalance: the {which} class has {shown}"
        if rows == 0:
            why = f"one class only in {len(classes):,} rows: nothing can be learned"
        yield Finding("imbalance", (target.column,), share, threshold * 2 / len(counts), why)


def missing(frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield the columns with missing values."""
    counts = frame.isna().sum()
    for name, count in counts[counts > 0].items():
        share = int(count) / len(frame)
        why = f"{int(count):,} of {len(frame):,} values are missing ({percent(share, 2)})"
        yield Finding("missing", (str(name),), share, 0.0, why)


def infinite(frame: pd.DataFrame) -> Iterator[Finding]:
    """Yield the columns with infinite values."""
    for name in frame.select_dtypes("float").columns:
        count = int(np.isinf(frame[name].to_numpy(dtype=float, na_value=np.nan)).sum())
        if count:
            why = f"{count:,} of {len(frame):,} values are infinite: a division by zero?"
            yield Finding("infinite", (str(name),), count / len(frame), 0.0, why)


def undocumented(frame: pd.DataFrame, schema: Schema) -> Iterator[Finding]:
    """Yield the columns with values that their ``isin`` check does not list."""
    for name in frame.columns:
        checks = schema.column(str(name), "table").checks
        if checks is None or checks.isin is None:
            continue
        known = frame[name].dropna()
        strange = known[~known.isin(list(checks.isin))]
        if len(strange):
            counts = strange.astype(str).value_counts()
            codes = sorted(counts.index, key=lambda code: (-int(counts[code]), code))
            shown = ", ".join(f"{code} ({int(counts[code]):,})" for code in codes[:5])
            more = f" and {len(codes) - 5} more" if len(codes) > 5 else ""
            why = f"{len(strange):,} rows hold codes that schema.yaml does not list: {shown}{more}"
            yield Finding("undocumented", (str(name),), len(strange) / len(frame), 0.0, why)


def many_categories(variables: Iterable[Variable], threshold: int) -> Iterator[Finding]:
    """Yield the nominal columns with more than `threshold` categories."""
    for variable in variables:
        count = len(variable.levels)
        if count > threshold:
            rows = len(variable.known)
            why = f"{count:,} categories in {rows:,} rows: one-hot makes a feature of each"
            yield Finding("high_cardinality", (variable.name,), count, threshold, why)


def constant(variables: Iterable[Variable], threshold: float) -> Iterator[Finding]:
    """Yield the columns that hold one value, or nearly one: a share of `threshold` or more."""
    for variable in variables:
        known = variable.known
        if not len(known):
            continue
        values, counts = np.unique(known, return_counts=True)
        share = counts.max() / len(known)
        if len(values) == 1:
            rows = f"{len(known):,} of {len(variable.values):,} rows"
            why = f"every known value is the same ({rows}): it tells nothing"
            yield Finding("constant", (variable.name,), 1.0, 1.0, why)
        elif share >= threshold:
            why = f"one value makes up {percent(share, 2)} of the known ones"
            yield Finding("near_constant", (variable.name,), share, threshold, why)


def find(
    frame: pd.DataFrame,
    schema: Schema,
    target: Target,
    variables: Sequence[Variable],
    strengths: Sequence[Strength],
    outcome: Outcome,
    spearman: Floats,
    pearson: Floats,
    bounds: Explore,
) -> list[Finding]:
    """Return everything that stands out in `frame`, by kind and then in the order of its columns.

    Args:
        frame: the table, with target and key.
        schema: what its columns are.
        target: the column to predict.
        variables: the features of `frame`.
        strengths: of each of `variables`.
        outcome: the target as the pictures take it.
        spearman: shape (ordered variables, ordered variables).
        pearson: the same.
        bounds: from where on something counts.
    """
    ordered = [variable.name for variable in variables if variable.ordered]
    return [
        *leaking(variables, strengths, outcome, bounds.leakage_roc_auc),
        *imbalanced(frame, target, bounds.imbalance),
        *missing(frame),
        *infinite(frame),
        *undocumented(frame, schema),
        *constant(variables, bounds.near_constant),
        *many_categories(variables, bounds.max_categories),
        *collinear(ordered, spearman, pearson, bounds.collinear),
        *skewed(variables, bounds.skew),
        *outlying(variables, bounds.outlier_share),
    ]


def quantities(variables: Iterable[Variable]) -> Iterator[Variable]:
    """Yield the variables of kind numeric: those that have a distance between values."""
    return (variable for variable in variables if variable.column.kind == "numeric")
