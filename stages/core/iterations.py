"""How many iterations a booster takes: where rows dealt from train stop gaining.

The rows that stop it are dealt as the project's split deals rows (by group, by time), never
taken from validation; the features are fitted without them. The number found is then fitted
on the whole of train, so that the model is one that anybody can fit again.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.core.estimators import Setup, build_learner, quantiles
from stages.core.fitting import Rows
from stages.core.params import Booster, Candidate
from stages.core.transformers import fitted_features

Ints = npt.NDArray[np.int64]
Fold = tuple[Ints, Ints]
# From a frame and a number of folds, the places to fit on and those to score, by fold.
Deal = Callable[[pd.DataFrame, int], Sequence[Fold]]


def stopped_early(
    candidate: Candidate, setup: Setup, features: Pipeline, rows: Rows, deal: Deal
) -> Candidate:
    """Return `candidate` with the number of iterations at which it stops; any other as it is.

    Args:
        candidate: what is to be fitted on `rows`.
        setup: what it has in common with the others.
        features: the feature pipeline; a copy is fitted.
        rows: what there is to fit on.
        deal: deals their frame to folds; the rows of the last one stop the fit.
    """
    if not isinstance(candidate, Booster) or candidate.early_stopping is None:
        return candidate
    fitted, held = deal(rows.frame, round(1 / candidate.early_stopping.fraction))[-1]
    if setup.classifies:
        # A class of few rows may lie among the held ones alone: no fit could tell it.
        held = held[np.isin(rows.y[held], rows.y[fitted])]
    inner, outer = rows.part(fitted), rows.part(held)
    pipeline, X = fitted_features(features, inner.frame, inner.y, inner.weight)
    y, y_held = _targets(setup, inner.y, outer.y)
    ((_, estimator),) = build_learner(candidate, setup.on_the_target_itself())
    stops = (pipeline.transform(outer.frame), y_held, outer.weight)
    find = _histogram if candidate.estimator == "hist_gradient_boosting" else _library
    found = find(estimator, X, y, inner.weight, stops, candidate.early_stopping.rounds)
    return candidate.model_copy(update={candidate.iterations_key: max(1, found)})


def _targets(setup: Setup, y: Any, y_held: Any) -> tuple[Any, Any]:
    """Return both truths as the estimator is to see them."""
    if setup.target_transform == "log1p":
        return np.log1p(y), np.log1p(y_held)
    if setup.target_transform == "quantile":
        transformer = quantiles().fit(y[:, None])
        return tuple(transformer.transform(part[:, None])[:, 0] for part in (y, y_held))
    return y, y_held


def _histogram(estimator: Any, X: Any, y: Any, weight: Any, held: Any, rounds: int) -> int:
    nested = "estimator__" if hasattr(estimator, "estimator") else ""
    stop = {"early_stopping": True, "n_iter_no_change": rounds, "scoring": "loss"}
    estimator.set_params(**{f"{nested}{name}": value for name, value in stop.items()})
    X_held, y_held, weight_held = held
    estimator.fit(
        X, y, sample_weight=weight, X_val=X_held, y_val=y_held, sample_weight_val=weight_held
    )
    # The first score is that of no iteration at all.
    return int(np.argmax(getattr(estimator, "estimator_", estimator).validation_score_))


def _library(estimator: Any, X: Any, y: Any, weight: Any, held: Any, rounds: int) -> int:
    return int(estimator.best_iterations(X, y, weight, held, rounds))
