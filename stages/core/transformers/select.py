"""Leave features out: those that hardly vary, repeat another, or that the target does not need."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from stages.core.associations import correlations
from stages.core.errors import LoopwrightError
from stages.core.params import Task
from stages.core.transformers.relevance import RELEVANCE

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class SelectFeatures(SelectorMixin, BaseEstimator):
    """Leave out features in the order of the arguments, each among those still there.

    Args:
        min_variance: a feature with this variance or less is left out.
        near_constant: a feature of which a greater share of the rows has one value is; with
            1 only constants are.
        max_correlation: a feature whose Pearson correlation with a kept, earlier one is
            beyond this, in either direction, is left out.
        mutual_information: the settings of that way to look at the target; None: off.
        l1: likewise.
        permutation: likewise.
        recursive: likewise.
        max_rows: correlation and what looks at the target see at most so many rows, drawn
            by the seed; variance sees all.
        random_state: the seed.
        task: of the target.

    Attributes:
        support_: which features are kept, shape (features,).
        dropped_: why each of the others is not, by name.
    """

    def __init__(
        self,
        min_variance: float = 0.0,
        near_constant: float = 1.0,
        max_correlation: float = 1.0,
        mutual_information: dict[str, Any] | None = None,
        l1: dict[str, Any] | None = None,
        permutation: dict[str, Any] | None = None,
        recursive: dict[str, Any] | None = None,
        max_rows: int = 20_000,
        random_state: int = 0,
        task: Task = "binary",
    ) -> None:
        self.min_variance = min_variance
        self.near_constant = near_constant
        self.max_correlation = max_correlation
        self.mutual_information = mutual_information
        self.l1 = l1
        self.permutation = permutation
        self.recursive = recursive
        self.max_rows = max_rows
        self.random_state = random_state
        self.task = task

    def fit(self, X: Any, y: Any = None, sample_weight: Floats | None = None) -> "SelectFeatures":
        """Choose by the rows of `X`, shape (rows, features), NaN where missing.

        Args:
            X: the transformed features.
            y: what was true in each row; only the ways that look at the target need it.
            sample_weight: how much each row counts; L1 and permutation let it through.

        Raises:
            LoopwrightError: no feature is left.
        """
        if isinstance(X, pd.DataFrame):  # a wide one is not held twice
            validate_data(self, X, skip_check_array=True)
        else:
            values = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
            X = pd.DataFrame(values).add_prefix("x")
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        names = list(X.columns)
        reasons = self._still(X)
        kept = [place for place in range(len(names)) if place not in reasons]
        rows = self._rows(len(X))
        values = X.iloc[rows].to_numpy(dtype=np.float64)
        reasons |= _correlated(values, kept, names, self.max_correlation)
        for way, look in RELEVANCE.items():
            settings = getattr(self, way)
            kept = [place for place in range(len(names)) if place not in reasons]
            if settings is None or len(kept) < 2:
                continue
            seen = _filled(values[:, kept])
            weight = None if sample_weight is None else sample_weight[rows]
            target = np.asarray(y)[rows]
            found = look(seen, target, weight, self.task, self.random_state, **settings)
            reasons |= {kept[place]: why for place, why in found.items()}
        self.dropped_ = {str(names[place]): reasons[place] for place in sorted(reasons)}
        if len(reasons) == len(names):
            raise LoopwrightError(
                "featurize.select leaves no feature: "
                + "; ".join(f"{name}: {why}" for name, why in self.dropped_.items())
            )
        self.support_ = np.array([place not in reasons for place in range(len(names))])
        return self

    def _still(self, X: pd.DataFrame) -> dict[int, str]:
        """Return why features hardly vary, by place."""
        reasons = {}
        for place in range(X.shape[1]):
            column = X.iloc[:, place].to_numpy(dtype=np.float64)
            known = column[~np.isnan(column)]
            # A part that is missing is a value of its own.
            whole = len(known) in (0, len(column))
            # The computed variance of equal values is not always exactly 0.
            flat = not len(known) or np.ptp(known) == 0
            variance = 0.0 if flat else float(known.var())
            if variance <= self.min_variance and (whole or not flat):
                reasons[place] = f"variance {variance:.6g}" if len(known) else "all missing"
            elif self.near_constant < 1:
                share = pd.Series(column).value_counts(dropna=False).iloc[0] / len(column)
                if share > self.near_constant:
                    reasons[place] = f"one value in {share:.4%} of the rows"
        return reasons

    def _rows(self, n: int) -> Ints | slice:
        if n <= self.max_rows:
            return slice(None)
        drawn = np.random.default_rng(self.random_state).choice(n, self.max_rows, replace=False)
        return np.sort(drawn)

    def _get_support_mask(self) -> npt.NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _correlated(
    values: Floats, places: list[int], names: Any, max_correlation: float
) -> dict[int, str]:
    """Return which features at `places` go with an earlier, kept one, and how far."""
    if max_correlation >= 1 or len(places) < 2:
        return {}
    correlation = correlations(values[:, places])
    beyond = np.abs(np.nan_to_num(correlation)) > max_correlation
    kept = np.zeros(len(places), dtype=bool)
    reasons = {}
    for i, place in enumerate(places):
        close = np.flatnonzero(kept & beyond[i])
        if len(close):
            j = int(close[0])
            reasons[place] = f"correlation {correlation[i, j]:.6f} with {names[places[j]]}"
        else:
            kept[i] = True
    return reasons


def _filled(values: Floats) -> Floats:
    """Return `values` with the median of its column for what is missing."""
    if not np.isnan(values).any():
        return values
    return np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
