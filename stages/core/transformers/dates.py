"""Dates as numbers: their parts, places on a circle, and days since."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Floats = npt.NDArray[np.float64]

NANOSECONDS_A_DAY = 86_400 * 10**9

# How many values each part has before it comes round again, and the first of them.
PERIODS = {
    "quarter": (4, 1),
    "month": (12, 1),
    "day": (31, 1),
    "day_of_week": (7, 0),
    "day_of_year": (366, 1),
    "hour": (24, 0),
    "minute": (60, 0),
}
# What a date becomes where nobody says more.
PARTS = ("year", "month", "day", "day_of_week", "hour")


def part_of(dates: "pd.Series[Any]", part: str) -> Floats:
    """Return a part of `dates` (Monday is day 0 of a week), NaN where missing."""
    found = getattr(dates.dt, part)
    return np.asarray(found.to_numpy(dtype=np.float64, na_value=np.nan))


class DatePart(TransformerMixin, BaseEstimator):
    """One part of a date; stateless.

    Args:
        part: ``year`` or one of `PERIODS`.
        cyclic: give sine and cosine of the place on the circle instead of the number, so
            that December stands beside January.
    """

    def __init__(self, part: str, cyclic: bool = False) -> None:
        self.part = part
        self.cyclic = cyclic

    def fit(self, X: pd.DataFrame, y: Any = None) -> "DatePart":
        """Learn nothing."""
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the part, shape (rows,), or its sine and cosine, shape (rows, 2)."""
        values = part_of(X.iloc[:, 0], self.part)
        if not self.cyclic:
            return values
        period, first = PERIODS[self.part]
        angle = 2 * np.pi * np.arange(period) / period
        # Looked up: the sine of a number must not depend on the numbers around it.
        circle = np.column_stack([np.sin(angle), np.cos(angle)])
        known = ~np.isnan(values)
        places = np.full((len(values), 2), np.nan)
        places[known] = circle[values[known].astype(np.int64) - first]
        return places

    def suffixes(self) -> list[str]:
        """Return what tells the two columns of a circle apart."""
        return ["sin", "cos"]

    def __sklearn_is_fitted__(self) -> bool:
        return True


class DaysSince(TransformerMixin, BaseEstimator):
    """The days from a reference, or from the second column, to the first; stateless.

    Args:
        reference: a date as ``2020-01-31``; None where the second column is the earlier one.
    """

    def __init__(self, reference: str | None = None) -> None:
        self.reference = reference

    def fit(self, X: pd.DataFrame, y: Any = None) -> "DaysSince":
        """Learn nothing."""
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the days with their fractions, negative before the reference, shape (rows,)."""
        later = X.iloc[:, 0].to_numpy(dtype="datetime64[ns]")
        earlier = (
            X.iloc[:, 1].to_numpy(dtype="datetime64[ns]")
            if self.reference is None
            else np.full(len(X), np.datetime64(self.reference, "ns"))
        )
        missing = np.isnat(later) | np.isnat(earlier)
        days = later.view(np.int64).astype(np.float64) - earlier.view(np.int64)
        return np.where(missing, np.nan, days / NANOSECONDS_A_DAY)

    def __sklearn_is_fitted__(self) -> bool:
        return True


class DateParts(TransformerMixin, BaseEstimator):
    """All `PARTS` of each column of dates, NaN where the date is missing; stateless."""

    def fit(self, X: pd.DataFrame, y: Any = None) -> "DateParts":
        """Remember the columns' names."""
        validate_data(self, X, skip_check_array=True)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return a column for each part of each date."""
        check_is_fitted(self, "n_features_in_")
        parts = {f"{name}={part}": part_of(X[name], part) for name in X for part in PARTS}
        return pd.DataFrame(parts, index=X.index)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return ``column=part`` for each."""
        check_is_fitted(self, "n_features_in_")
        names = [f"{name}={part}" for name in self.feature_names_in_ for part in PARTS]
        return np.array(names, dtype=object)
