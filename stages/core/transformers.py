"""The feature pipeline: from the raw frame to the numbers that an estimator takes.

One scikit-learn Pipeline of four steps: ``columns`` picks the inputs, ``create`` adds the
declared features, ``transform`` treats each column by its kind, ``select`` leaves out what
says nothing new. Nothing is learnt from other rows than those it was fitted on, and a row
alone gives the same numbers as in a batch.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import Feature, Featurize
from stages.core.schema import Column, Schema

Floats = npt.NDArray[np.float64]

# A title, a transformer and the columns that it takes.
Block = tuple[str, Any, list[str]]

NUMBERS = ("int64", "Int64", "float64", "boolean")
TEXTS = ("str", "category")
DTYPES = NUMBERS + TEXTS

# Enough to follow a distribution, and few of train's values in the model file: on the
# default data 1,000 quantiles give no better log loss than 100.
N_QUANTILES = 100

SCALERS: dict[str, Callable[[], list[Any]]] = {
    "passthrough": lambda: [],
    "standard": lambda: [StandardScaler()],
    # All rows decide: a random subsample would need a seed and give nothing.
    "quantile": lambda: [QuantileTransformer(n_quantiles=N_QUANTILES, subsample=None)],
    "power": lambda: [PowerTransformer()],
}


# --- created features -------------------------------------------------------------------


def _ratio(columns: Sequence[Floats]) -> Floats:
    """The first column over the second; missing where the second is 0."""
    above, below = columns
    missing = np.full_like(above, np.nan)
    with np.errstate(over="ignore"):
        quotient = np.divide(above, below, out=missing, where=below != 0)
    return np.where(np.isfinite(quotient), quotient, np.nan)


def _sum(columns: Sequence[Floats]) -> Floats:
    # One column after the other: numpy's own sum over a row adds in an order that
    # depends on the number of rows, and so would the last bit.
    return reduce(np.add, columns)


def _count_above(columns: Sequence[Floats], above: float) -> Floats:
    known = ~np.isnan(_sum(columns))
    return np.where(
        known, _sum([(column > above).astype(np.float64) for column in columns]), np.nan
    )


# Each takes columns of shape (rows,) and gives one; missing where one of them is.
CREATE: dict[str, Callable[..., Floats]] = {
    "ratio": _ratio,
    "difference": lambda columns: columns[0] - columns[1],
    "sum": _sum,
    "mean": lambda columns: _sum(columns) / len(columns),
    "max": lambda columns: reduce(np.maximum, columns),
    "min": lambda columns: reduce(np.minimum, columns),
    "count_above": _count_above,
}


# --- transformers -----------------------------------------------------------------------


class SelectColumns(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Pick the inputs from a frame: numbers as float64, texts as objects, missing as NaN.

    Args:
        numbers: columns of numbers and booleans.
        texts: columns of texts.
        nullable: those of them in which values may be missing.
    """

    def __init__(self, numbers: list[str], texts: list[str], nullable: list[str]) -> None:
        self.numbers = numbers
        self.texts = texts
        self.nullable = nullable

    def fit(self, X: pd.DataFrame, y: Any = None) -> "SelectColumns":
        """Remember the columns' names; nothing is learnt."""
        validate_data(self, self._select(X), skip_check_array=True)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the inputs of `X`, numbers first.

        Raises:
            LoopwrightError: a column is not there, holds something that is no number, an
                infinite number, or a missing value where none may be.
        """
        check_is_fitted(self)
        return self._select(X)

    def _select(self, X: pd.DataFrame) -> pd.DataFrame:
        if not isinstance(X, pd.DataFrame):
            raise LoopwrightError(f"a pandas DataFrame was expected, not {type(X).__name__}")
        for name in [*self.numbers, *self.texts]:
            if name not in X.columns:
                hint = did_you_mean(name, [str(column) for column in X.columns])
                raise LoopwrightError(f"the table has no column '{name}', which is an input{hint}")
        numbers = {name: self._known(name, _number(X[name])) for name in self.numbers}
        texts = {name: self._known(name, _text(X[name])) for name in self.texts}
        return pd.DataFrame(numbers | texts, index=X.index)

    def _known(self, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if name not in self.nullable and (missing := np.asarray(pd.isna(values))).any():
            raise LoopwrightError(
                f"column '{name}', row {int(missing.argmax())}: the value is missing; "
                "schema.yaml says that it never is (nullable: true allows it)"
            )
        return values

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")


def _number(values: "pd.Series[Any]") -> Floats:
    """Return `values` as float64, NaN where missing."""
    try:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        wrong = pd.to_numeric(values, errors="coerce").isna() & values.notna()
        row = int(np.asarray(wrong).argmax())
        raise LoopwrightError(
            f"column '{values.name}', row {row}: a number was expected, found {values.iloc[row]!r}"
        ) from None
    if (infinite := np.isinf(numbers)).any():
        raise LoopwrightError(
            f"column '{values.name}', row {int(infinite.argmax())}: the number is infinite"
        )
    return numbers


def _text(values: "pd.Series[Any]") -> npt.NDArray[np.object_]:
    """Return `values` as texts, NaN where missing."""
    texts = values.astype(object).to_numpy(dtype=object, na_value=np.nan)
    return np.array([text if text is np.nan else str(text) for text in texts], dtype=object)


class CreateFeatures(TransformerMixin, BaseEstimator):
    """Add the declared features to a frame of numbers; stateless.

    Args:
        features: by name, the kind, the columns and, for ``count_above``, ``above``.
    """

    def __init__(self, features: dict[str, dict[str, Any]]) -> None:
        self.features = features

    def fit(self, X: pd.DataFrame, y: Any = None) -> "CreateFeatures":
        """Remember the columns' names; nothing is learnt."""
        validate_data(self, X, skip_check_array=True)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return `X` with one more column for each feature."""
        check_is_fitted(self)
        created = {name: self._create(X, **feature) for name, feature in self.features.items()}
        return pd.concat([X, pd.DataFrame(created, index=X.index)], axis=1)

    @staticmethod
    def _create(X: pd.DataFrame, kind: str, columns: list[str], **more: float) -> Floats:
        return CREATE[kind]([X[column].to_numpy() for column in columns], **more)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of the columns that came in, then those of the features."""
        check_is_fitted(self)
        return np.array([*self.feature_names_in_, *self.features], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")


class SelectFeatures(SelectorMixin, BaseEstimator):
    """Leave out features that hardly vary, and of a correlated pair the later one.

    Args:
        min_variance: a feature with this variance or less is left out.
        max_correlation: a feature whose Pearson correlation with a kept, earlier one is
            beyond this, in either direction, is left out.

    Attributes:
        support_: which features are kept, shape (features,).
        dropped_: why each of the others is not, by name.
    """

    def __init__(self, min_variance: float = 0.0, max_correlation: float = 1.0) -> None:
        self.min_variance = min_variance
        self.max_correlation = max_correlation

    def fit(self, X: Any, y: Any = None) -> "SelectFeatures":
        """Choose by the rows of `X`, shape (rows, features).

        Raises:
            LoopwrightError: no feature is left.
        """
        values = validate_data(self, X, dtype=np.float64)
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            names = [f"x{i}" for i in range(values.shape[1])]
        self.dropped_: dict[str, str] = {}
        variance = values.var(axis=0)
        # The computed variance of equal values is not always exactly 0.
        variance[np.ptp(values, axis=0) == 0] = 0
        kept: list[int] = []
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = np.atleast_2d(np.corrcoef(values, rowvar=False))
        for i, name in enumerate(names):
            if variance[i] <= self.min_variance:
                self.dropped_[name] = f"variance {variance[i]:.6g}"
                continue
            close = [j for j in kept if abs(correlation[i, j]) > self.max_correlation]
            if close:
                found = correlation[i, close[0]]
                self.dropped_[name] = f"correlation {found:.6f} with {names[close[0]]}"
            else:
                kept.append(i)
        if not kept:
            raise LoopwrightError(
                "featurize.select leaves no feature: "
                + "; ".join(f"{name}: {why}" for name, why in self.dropped_.items())
            )
        self.support_ = np.isin(np.arange(len(names)), kept)
        return self

    def _get_support_mask(self) -> npt.NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_


class CategoryNames:
    """Name the column of a one-hot category by its label: ``EDUCATION=university``.

    Args:
        labels: by column, the label of each code.
    """

    def __init__(self, labels: dict[str, dict[str, str]]) -> None:
        self.labels = labels

    def __call__(self, column: str, category: Any) -> str:
        """Return the name for `category` of `column`."""
        if pd.isna(category):
            return f"{column}=missing"
        if isinstance(category, float) and category.is_integer():
            category = int(category)
        return f"{column}={self.labels.get(column, {}).get(str(category), category)}"


# --- the pipeline -----------------------------------------------------------------------


def build_features(featurize: Featurize, schema: Schema, target: str, key: str | None) -> Pipeline:
    """Return the feature pipeline, not fitted. It takes the whole raw frame.

    Raises:
        LoopwrightError: an excluded column or a source of a created feature is unknown or
            no input, a created feature has the name of a column, or no input is left.
    """
    inputs = choose_inputs(featurize, schema, target, key)
    for name, feature in featurize.create.items():
        _check_created(name, feature, featurize, schema, inputs)
    numbers = [name for name, column in inputs.items() if column.dtype not in TEXTS]
    texts = [name for name, column in inputs.items() if column.dtype in TEXTS]
    nullable = [name for name, column in inputs.items() if column.nullable]
    created = {
        name: feature.model_dump(
            include={"kind", "columns", "above"}, exclude_none=True, mode="json"
        )
        for name, feature in featurize.create.items()
    }
    steps = [
        ("columns", SelectColumns(numbers, texts, nullable)),
        ("create", CreateFeatures(created)),
        ("transform", _transform(featurize, inputs)),
        ("select", SelectFeatures(
                **featurize.select.model_dump(include={"min_variance", "max_correlation"})
            )),
    ]
    return Pipeline(steps).set_output(transform="pandas")


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
        if name not in (target, key, *featurize.exclude)
        and column.kind not in ("identifier", "datetime")
    }
    if not inputs:
        raise LoopwrightError(
            "featurize.exclude leaves no input: every other column of schema.yaml is the "
            "target, the key, an identifier or a datetime"
        )
    return inputs


def _check_created(
    name: str, feature: Feature, featurize: Featurize, schema: Schema, inputs: dict[str, Column]
) -> None:
    where = f"featurize.create.{name}"
    if name in schema.columns:
        raise LoopwrightError(f"{where}: the table has a column of this name; choose another")
    for column in feature.columns:
        declared = schema.column(column, f"{where}.columns")
        if column in featurize.exclude:
            raise LoopwrightError(
                f"{where}.columns: '{column}' is excluded by featurize.exclude, and would "
                "come back through this feature"
            )
        if column not in inputs:
            raise LoopwrightError(
                f"{where}.columns: '{column}' is the target, the key, an identifier or a "
                f"datetime; possible: {', '.join(inputs)}"
            )
        if declared.dtype in TEXTS:
            raise LoopwrightError(f"{where}.columns: '{column}' holds texts, not numbers")


def _transform(featurize: Featurize, inputs: dict[str, Column]) -> ColumnTransformer:
    """Return the step that treats each column by its kind, created features last."""
    kinds, create = featurize.transform, featurize.create
    fill = SimpleImputer(strategy=kinds.impute, add_indicator=True, keep_empty_features=True)
    nullable = {name for name, column in inputs.items() if column.nullable}
    nullable |= {n for n, f in create.items() if f.kind == "ratio" or nullable & {*f.columns}}

    def of_kind(kind: str, *dtypes: str) -> list[str]:
        return [n for n, c in inputs.items() if c.kind == kind and c.dtype in (dtypes or DTYPES)]

    def filled(title: str, columns: list[str], steps: list[Any]) -> list[Block]:
        """Return a block of the columns that are whole, and one of those that are not.

        What is missing is filled in after the transform, which leaves it as it is.
        """
        whole = [name for name in columns if name not in nullable]
        with_gaps = [name for name in columns if name in nullable]
        return [
            (title, make_pipeline(*steps) if steps else "passthrough", whole),
            (f"{title}_filled", make_pipeline(*steps, fill), with_gaps),
        ]

    one_hot = OneHotEncoder(
        handle_unknown="ignore",
        sparse_output=False,
        feature_name_combiner=CategoryNames(_labels(inputs)),
    )
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1
    )
    blocks = filled("numeric", of_kind("numeric"), SCALERS[kinds.numeric]())
    if kinds.ordinal == "one_hot":
        blocks += [("ordinal", one_hot, of_kind("ordinal"))]
    else:
        scaler = SCALERS[kinds.ordinal]()
        blocks += filled("ordinal", of_kind("ordinal", *NUMBERS), scaler)
        ranked = of_kind("ordinal", *TEXTS)
        ranks = make_pipeline(_ranks([inputs[name] for name in ranked]), *scaler, fill)
        blocks += [("ranked", ranks, ranked)]
    encoder = one_hot if kinds.categorical == "one_hot" else codes
    blocks += [("categorical", encoder, of_kind("categorical"))]
    blocks += filled("created", list(create), SCALERS[kinds.numeric]())
    return ColumnTransformer(
        [block for block in blocks if block[2]], verbose_feature_names_out=False
    )


def _ranks(columns: list[Column]) -> OrdinalEncoder:
    """Return an encoder of texts by the order of their labels; others are missing."""
    return OrdinalEncoder(
        categories=[list(column.labels or ()) for column in columns],
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
    )


def _labels(inputs: dict[str, Column]) -> dict[str, dict[str, str]]:
    """Return the labels of the columns in which no two codes share one."""
    labelled = {name: column.labels for name, column in inputs.items() if column.labels}
    return {
        name: labels
        for name, labels in labelled.items()
        if len(set(labels.values())) == len(labels)
    }
