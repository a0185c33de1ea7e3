"""Rows to fit on, of which some may count more than others."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.core.transformers import weight_params

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Rows with their truth.

    Attributes:
        frame: the raw columns.
        y: what was true, as `stages.core.targets.truth` gives it, shape (rows,).
        weight: how much each row counts, shape (rows,); None where all count alike.
    """

    frame: pd.DataFrame
    y: npt.NDArray[Any]
    weight: Floats | None

    def __len__(self) -> int:
        return len(self.y)

    def part(self, places: Ints) -> "Rows":
        """Return the rows at `places`."""
        weight = None if self.weight is None else self.weight[places]
        return Rows(self.frame.iloc[places], self.y[places], weight)


def fit(estimator: Any, X: Any, y: npt.ArrayLike, sample_weight: Floats | None) -> Any:
    """Return `estimator`, fitted on `X` and `y`.

    Args:
        estimator: not fitted yet; of a pipeline the last step takes the weights, and the
            feature pipeline, where it is a part of it.
        X: shape (rows, columns).
        y: what was true, shape (rows,).
        sample_weight: how much each row counts, shape (rows,); None where all count alike.
    """
    if sample_weight is None:
        return estimator.fit(X, y)
    if isinstance(estimator, Pipeline):
        weights = {f"{estimator.steps[-1][0]}__sample_weight": sample_weight}
        if "features" in estimator.named_steps:
            weights |= weight_params(sample_weight, "features__")
        return estimator.fit(X, y, **weights)
    return estimator.fit(X, y, sample_weight=sample_weight)
