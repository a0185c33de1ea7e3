"""Folds within train, each with features that were fitted without the rows it scores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from stages.core.fitting import Rows, fit
from stages.core.params import Task
from stages.core.scoring import predicted
from stages.core.transformers import fitted_features

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """Rows to fit on and rows to score.

    Attributes:
        inner: the rows to fit on.
        matrix: they, as an estimator learns from them.
        held: the rows to score.
        ahead: they, as the features fitted on `inner` give them.
    """

    inner: Rows
    matrix: pd.DataFrame
    held: Rows
    ahead: pd.DataFrame


def cross_fit(features: Pipeline, rows: Rows, dealt: Sequence[tuple[Ints, Ints]]) -> Iterator[Fold]:
    """Yield each fold with its features; copies of the pipeline `features` are fitted.

    Args:
        features: the feature pipeline.
        rows: train.
        dealt: the places of the rows to fit on and of those to score, by fold.
    """
    for inner_places, held_places in dealt:
        inner, held = rows.part(inner_places), rows.part(held_places)
        pipeline, matrix = fitted_features(features, inner.frame, inner.y, inner.weight)
        yield Fold(inner, matrix, held, pipeline.transform(held.frame))


def predict_held(
    estimator: Any, fold: Fold, task: Task, classes: npt.NDArray[Any] | None
) -> Floats:
    """Return what a copy of `estimator`, fitted in the fold, says of the rows that it holds.

    Args:
        estimator: takes features; it is left as it is.
        fold: the rows.
        task: of the charter.
        classes: of a multiclass task all classes of train, in order: one that the fold did
            not learn has probability 0.
    """
    fitted = fit(clone(estimator), fold.matrix, fold.inner.y, fold.inner.weight)
    values = predicted(fitted, fold.ahead, task)
    if classes is None or len(fitted.classes_) == len(classes):
        return values
    whole = np.zeros((len(values), len(classes)))
    whole[:, np.searchsorted(classes, fitted.classes_)] = values
    return whole
