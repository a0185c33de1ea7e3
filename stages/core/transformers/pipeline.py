"""The feature pipeline: columns, create, transform, select.

Nothing is learnt from other rows than those it was fitted on, and a row alone gives the same
numbers as in a batch. What encodes by the target is cross-fitted: on the rows of the fit
``fit_transform`` gives other numbers than ``transform``, and a model must learn from the
former. A pipeline that holds features and estimator does so by itself in its ``fit``; where
the features are fitted apart, `fitted_features` gives both.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from stages.core.errors import LoopwrightError
from stages.core.params import Created, Featurize, GroupStatistic, Task
from stages.core.schema import Column, Schema
from stages.core.transformers.by_kind import TEXTS, by_kind
from stages.core.transformers.columns import GROUP, SelectColumns
from stages.core.transformers.create import CreateFeatures, own
from stages.core.transformers.select import SelectFeatures

Floats = npt.NDArray[np.float64]

# The types of column that a kind of feature is made of; numbers, unless it is here.
MADE_OF: dict[str, tuple[str, ...]] = {
    "date_part": ("dates",),
    "days_since": ("dates",),
    "text": ("texts",),
    "equal": ("numbers", "texts"),
    "frequency": ("numbers", "texts"),
    "target_mean": ("numbers", "texts"),
    "own": ("numbers", "texts", "dates"),
}


def build_features(
    featurize: Featurize,
    schema: Schema,
    target: str,
    key: str | None,
    task: Task = "binary",
    group: str | None = None,
) -> Pipeline:
    """Return the feature pipeline, not fitted. It takes the whole raw frame.

    Args:
        featurize: the declared features.
        schema: what the columns are.
        target: the column to predict.
        key: the column that names a row.
        task: what the target is; encoding and selection by the target go by it.
        group: the column that names a row's entity, whose rows stay in one fold where the
            target is encoded. It need not be there when the model is used.

    Raises:
        LoopwrightError: an excluded column or a source of a created feature is unknown or
            no input, a created feature has the name of a column, or no input is left.
    """
    inputs = choose_inputs(featurize, schema, target, key)
    for name, feature in featurize.create.items():
        _check_created(name, feature, featurize, schema, inputs)
    if group is not None:
        schema.column(group, "split.group")
    grouped = group is not None and _encodes_by_target(featurize)
    named: dict[str, list[str]] = {"numbers": [], "texts": [], "dates": []}
    used = {source for f in featurize.create.values() for source in _sources(f)}
    for name, column in inputs.items():
        if name in used or not _unused(column, featurize):
            named[_type_of(column)].append(name)
    if not any(named.values()):
        raise LoopwrightError(
            "featurize leaves no input: dates and texts alone are there, and neither "
            "featurize.transform nor featurize.create makes anything of them"
        )
    nullable = [name for name, column in inputs.items() if column.nullable]
    columns = SelectColumns(
        named["numbers"], named["texts"], nullable, named["dates"], group if grouped else None
    )
    created = {n: _declared(f, task, grouped) for n, f in featurize.create.items()}
    select = SelectFeatures(**featurize.select.model_dump(), task=task)
    steps = [
        ("columns", columns),
        ("create", CreateFeatures(created)),
        ("transform", by_kind(featurize, inputs, task, grouped)),
        ("select", select),
    ]
    return Pipeline(steps).set_output(transform="pandas")


def fitted_features(
    features: Pipeline, frame: pd.DataFrame, y: npt.ArrayLike, sample_weight: Floats | None = None
) -> tuple[Pipeline, pd.DataFrame]:
    """Fit a copy of `features`; return it with the features that a model is to learn from.

    The fit is deterministic: fitted again on the same rows the copy is equal to the last
    bit, so a stage that has loaded the fitted pipeline may call this for the matrix.

    Args:
        features: a pipeline of `build_features`, fitted or not; it is left as it is.
        frame: the raw rows.
        y: what was true in each, shape (rows,).
        sample_weight: how much each row counts, shape (rows,).

    Returns:
        The fitted pipeline, and the rows' features: where the target is encoded each row's
        are made from the others, which ``transform`` of the same rows would not do.
    """
    fitted = clone(features)
    return fitted, fitted.fit_transform(frame, y, **weight_params(sample_weight))


def weight_params(sample_weight: Floats | None, prefix: str = "") -> dict[str, Floats]:
    """Return what to give ``fit`` so that the steps that can take weights get them.

    Args:
        sample_weight: how much each row counts, shape (rows,).
        prefix: where the pipeline stands in a larger one: ``features__``.
    """
    return {} if sample_weight is None else {f"{prefix}select__sample_weight": sample_weight}


def choose_inputs(
    featurize: Featurize, schema: Schema, target: str, key: str | None
) -> dict[str, Column]:
    """Return the columns that features may be made of, in the order of the schema.

    Raises:
        LoopwrightError: an excluded column is unknown, or no input is left.
    """
    for name in featurize.exclude:
        schema.column(name, "featurize.exclude")
    inputs = {
        name: column
        for name, column in schema.columns.items()
        if name not in (target, key, *featurize.exclude) and column.kind != "identifier"
    }
    if not inputs:
        raise LoopwrightError(
            "featurize.exclude leaves no input: every other column of schema.yaml is the "
            "target, the key or an identifier"
        )
    return inputs


def _unused(column: Column, featurize: Featurize) -> bool:
    """Say whether `transform` makes nothing of a column of this kind."""
    if column.kind == "datetime":
        return featurize.transform.datetime == "none"
    return column.kind == "text" and featurize.transform.text.vectorizer == "none"


def _type_of(column: Column) -> str:
    if column.kind == "datetime":
        return "dates"
    return "texts" if column.dtype in TEXTS else "numbers"


def _sources(feature: Created) -> list[str]:
    """Return the columns that a feature is made of."""
    by = feature.by if isinstance(feature, GroupStatistic) else ()
    return [*feature.columns, *by]


def _encodes_by_target(featurize: Featurize) -> bool:
    transform = featurize.transform
    return "target" in (transform.categorical, transform.high_cardinality.encoding) or any(
        feature.kind == "target_mean" for feature in featurize.create.values()
    )


def _declared(feature: Created, task: Task, grouped: bool) -> dict[str, Any]:
    """Return a feature as `CreateFeatures` takes it."""
    settings = feature.settings()
    settings.pop("by", None)
    columns = _sources(feature)
    if feature.kind == "target_mean":
        settings["task"] = task
        columns += [GROUP] if grouped else []
    return {"kind": feature.kind, "columns": columns, **settings}


def _check_created(
    name: str, feature: Created, featurize: Featurize, schema: Schema, inputs: dict[str, Column]
) -> None:
    where = f"featurize.create.{name}"
    if any(column == name or column.startswith(f"{name}=") for column in schema.columns):
        raise LoopwrightError(f"{where}: the table has a column of this name; choose another")
    by = feature.by if isinstance(feature, GroupStatistic) else ()
    wanted = MADE_OF.get(feature.kind, ("numbers",))
    sources = [("columns", column, wanted) for column in feature.columns]
    sources += [("by", column, ("numbers", "texts")) for column in by]
    for part, column, types in sources:
        declared = schema.column(column, f"{where}.{part}")
        if column in featurize.exclude:
            raise LoopwrightError(
                f"{where}.{part}: '{column}' is excluded by featurize.exclude, and would "
                "come back through this feature"
            )
        if column not in inputs:
            possible = [n for n, c in inputs.items() if _type_of(c) in types]
            raise LoopwrightError(
                f"{where}.{part}: '{column}' is the target, the key or an identifier; "
                f"possible: {', '.join(possible)}"
            )
        if (found := _type_of(declared)) not in types:
            raise LoopwrightError(
                f"{where}.{part}: '{column}' holds {found}, not {' or '.join(types)}"
            )
    if feature.kind == "equal" and len({_type_of(schema.columns[c]) for c in feature.columns}) > 1:
        raise LoopwrightError(f"{where}.columns: a number never equals a text")
    if feature.kind == "own":
        own(**feature.settings())
