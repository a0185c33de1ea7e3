"""The declared features: each made by a small transformer of its own columns."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.transformers.bins import QuantileBins
from stages.core.transformers.categories import FrequencyEncoder
from stages.core.transformers.combine import COMBINE, Combine
from stages.core.transformers.dates import DatePart, DaysSince
from stages.core.transformers.groups import STATISTICS, GroupStatistic
from stages.core.transformers.own import OWN_TRANSFORMERS
from stages.core.transformers.target import TargetMean
from stages.core.transformers.text import TextComponents

Floats = npt.NDArray[np.float64]


def own(transformer: str, parameters: dict[str, Any]) -> Any:
    """Return the project's own `transformer`.

    Raises:
        LoopwrightError: no transformer has this name, or it does not take the parameters.
    """
    if transformer not in OWN_TRANSFORMERS:
        raise LoopwrightError(
            f"featurize.create: no transformer '{transformer}'"
            f"{did_you_mean(transformer, OWN_TRANSFORMERS)}; possible: "
            f"{', '.join(OWN_TRANSFORMERS) or 'none yet'}; see 'Your own transformer' in "
            "docs/featurize.md"
        )
    kind = OWN_TRANSFORMERS[transformer]
    try:
        inspect.signature(kind).bind(**parameters)
    except TypeError as fault:
        raise LoopwrightError(
            f"featurize.create: parameters of transformer '{transformer}': {fault}"
        ) from None
    return kind(**parameters)


# From the settings of a kind to the transformer that makes it.
KINDS: dict[str, Callable[..., Any]] = {
    **{kind: partial(Combine, kind) for kind in COMBINE},
    **{kind: partial(GroupStatistic, kind) for kind in STATISTICS},
    "bins": QuantileBins,
    "date_part": DatePart,
    "days_since": DaysSince,
    "frequency": partial(FrequencyEncoder, crossed=True),
    "target_mean": partial(TargetMean, crossed=True),
    "text": TextComponents,
    "own": own,
}


class CreateFeatures(TransformerMixin, BaseEstimator):
    """Add the declared features to a frame of inputs.

    Args:
        features: by name, the kind, the columns that its transformer takes, and the
            settings of that transformer.

    Attributes:
        makers_: the fitted transformers, by feature.
        names_: the columns of each feature: its name, or ``name=suffix`` for each of several.
    """

    def __init__(self, features: dict[str, dict[str, Any]]) -> None:
        self.features = features

    def fit(self, X: pd.DataFrame, y: Any = None) -> "CreateFeatures":
        """Fit the transformer of each feature."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None, **_: Any) -> pd.DataFrame:
        """Fit, and return `X` with the features; what looks at the target is cross-fitted."""
        validate_data(self, X, skip_check_array=True)
        self.makers_: dict[str, Any] = {}
        self.names_: dict[str, list[str]] = {}
        made = {}
        for name, feature in self.features.items():
            settings = {k: v for k, v in feature.items() if k not in ("kind", "columns")}
            maker = KINDS[feature["kind"]](**settings)
            values = np.asarray(maker.fit_transform(X[feature["columns"]], y), dtype=np.float64)
            self.makers_[name] = maker
            self.names_[name] = _names(name, maker, values)
            made[name] = values
        return self._beside(X, made)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return `X` with one more column for each feature, or several."""
        check_is_fitted(self)
        made = {
            name: _made(maker, X, self.features[name]["columns"])
            for name, maker in self.makers_.items()
        }
        return self._beside(X, made)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of the columns that came in, then those of the features."""
        check_is_fitted(self)
        created = [column for columns in self.names_.values() for column in columns]
        return np.array([*self.feature_names_in_, *created], dtype=object)

    def _beside(self, X: pd.DataFrame, made: dict[str, Floats]) -> pd.DataFrame:
        columns = {
            column: values if values.ndim == 1 else values[:, place]
            for name, values in made.items()
            for place, column in enumerate(self.names_[name])
        }
        return pd.concat([X, pd.DataFrame(columns, index=X.index)], axis=1)


def _made(maker: Any, X: pd.DataFrame, columns: list[str]) -> Floats:
    if isinstance(maker, Combine):  # of one row, to cut the frame takes longer than the feature
        return maker.combine([X[column].to_numpy() for column in columns])
    return np.asarray(maker.transform(X[columns]), dtype=np.float64)


def _names(name: str, maker: Any, values: Floats) -> list[str]:
    if values.ndim == 1:
        return [name]
    width = values.shape[1]
    suffixes: Sequence[Any] = (
        maker.suffixes() if hasattr(maker, "suffixes") else range(1, width + 1)
    )
    return [f"{name}={suffix}" for suffix in suffixes]


def is_of(column: str, feature: str) -> bool:
    """Say whether `column` is the created `feature`, or one of its several columns."""
    return column == feature or column.startswith(f"{feature}=")


class ColumnsOf:
    """Choose the columns of some created features.

    Args:
        features: their names.
    """

    def __init__(self, features: list[str]) -> None:
        self.features = features

    def __call__(self, X: pd.DataFrame) -> list[str]:
        """Return the names of those columns of `X`."""
        names = [str(column) for column in X]
        return [name for name in names if any(is_of(name, feature) for feature in self.features)]
