"""The inputs: picked from the raw frame, each as the type that the features are made of."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from stages.core.errors import LoopwrightError, did_you_mean

Floats = npt.NDArray[np.float64]

# The column beside the inputs that says which rows belong to one entity. It is there to
# deal folds within train, is no input, and need not be in the frame.
GROUP = "split.group"


class SelectColumns(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Pick the inputs: numbers as float64, texts as objects, dates; missing as NaN and NaT.

    Args:
        numbers: columns of numbers and booleans.
        texts: columns of texts.
        nullable: those of the inputs in which values may be missing.
        dates: columns of dates.
        group: the column that names a row's entity, kept as `GROUP`; missing where the
            frame has none.
    """

    def __init__(
        self,
        numbers: list[str],
        texts: list[str],
        nullable: list[str],
        dates: list[str] | None = None,
        group: str | None = None,
    ) -> None:
        self.numbers = numbers
        self.texts = texts
        self.nullable = nullable
        self.dates = dates
        self.group = group

    @property
    def inputs(self) -> list[str]:
        """The columns that a frame must have."""
        return [*self.numbers, *self.texts, *(self.dates or ())]

    def fit(self, X: pd.DataFrame, y: Any = None) -> "SelectColumns":
        """Remember the columns' names; nothing is learnt."""
        validate_data(self, self._select(X), skip_check_array=True)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the inputs of `X`, numbers first.

        Raises:
            LoopwrightError: a column is not there, holds something that is no number or no
                date, an infinite number, or a missing value where none may be.
        """
        check_is_fitted(self)
        return self._select(X)

    def _select(self, X: pd.DataFrame) -> pd.DataFrame:
        if not isinstance(X, pd.DataFrame):
            raise LoopwrightError(f"a pandas DataFrame was expected, not {type(X).__name__}")
        for name in self.inputs:
            if name not in X.columns:
                hint = did_you_mean(name, [str(column) for column in X.columns])
                raise LoopwrightError(f"the table has no column '{name}', which is an input{hint}")
        reads = [(self.numbers, _number), (self.texts, _text), (self.dates or (), _date)]
        picked: dict[str, Any] = {
            name: self._known(name, read(X[name])) for names, read in reads for name in names
        }
        if self.group is not None:
            there = self.group in X.columns
            picked[GROUP] = _text(X[self.group]) if there else np.full(len(X), np.nan, dtype=object)
        return pd.DataFrame(picked, index=X.index)

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
        known = pd.to_numeric(values, errors="coerce").notna()
        raise _unlike(values, np.asarray(known), "a number") from None
    if (infinite := np.isinf(numbers)).any():
        raise LoopwrightError(
            f"column '{values.name}', row {int(infinite.argmax())}: the number is infinite"
        )
    return numbers


def _text(values: "pd.Series[Any]") -> npt.NDArray[np.object_]:
    """Return `values` as texts, NaN where missing."""
    texts = values.astype(object).to_numpy(dtype=object, na_value=np.nan)
    return np.array([text if text is np.nan else str(text) for text in texts], dtype=object)


def _date(values: "pd.Series[Any]") -> npt.NDArray[np.datetime64]:
    """Return `values` as datetime64[ns] in UTC, NaT where missing."""
    dates = pd.to_datetime(values, errors="coerce", utc=True)
    known = np.asarray(dates.notna())
    numbers = pd.api.types.is_numeric_dtype(values.dtype) and np.asarray(values.notna()).any()
    if numbers or not (known | np.asarray(values.isna())).all():
        raise _unlike(values, known & (not numbers), "a date")
    return np.asarray(dates.dt.tz_localize(None), dtype="datetime64[ns]")


def _unlike(
    values: "pd.Series[Any]", known: npt.NDArray[np.bool_], expected: str
) -> LoopwrightError:
    row = int((~known & np.asarray(values.notna())).argmax())
    return LoopwrightError(
        f"column '{values.name}', row {row}: {expected} was expected, found {values.iloc[row]!r}"
    )
