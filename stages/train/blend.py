"""The ensemble: weights found on predictions out of fold, members fitted on all of train."""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from stages.core.ensemble import choose_weights
from stages.core.estimators import Setup, build_ensemble
from stages.core.fitting import Rows, fit
from stages.core.iterations import Deal
from stages.core.params import Ensemble
from stages.core.scoring import goodness, predicted, scores
from stages.core.transformers import fitted_features
from stages.train.race import Entry, Prepared, after_features, scored

Floats = npt.NDArray[np.float64]

NAME = "ensemble"


def blend(
    entries: Sequence[Entry],
    ensemble: Ensemble,
    setup: Setup,
    scoring: str,
    prepared: Prepared,
    deal: Deal,
) -> Entry:
    """Return the entry of the weighted mean of some of `entries`.

    Args:
        entries: the fitted candidates.
        ensemble: which of them, how many folds and rounds.
        setup: what they have in common.
        scoring: what the weights are to improve.
        prepared: the rows.
        deal: deals rows of train to folds.
    """
    started = perf_counter()
    fitted = {
        entry.name: after_features(entry.estimator)
        for entry in entries
        if isinstance(entry.estimator, Pipeline)
        and (ensemble.members == "all" or entry.name in ensemble.members)
    }
    train = prepared.train
    predictions, places = out_of_fold(
        fitted, setup, prepared.features, train, deal(train.frame, ensemble.folds)
    )
    held = train.part(places)
    classes = sorted(set(train.y)) if setup.task == "multiclass" else None

    def how_good(values: Floats) -> float:
        found = scores(setup.task, held.y, values, [scoring], classes, held.weight)
        return goodness(scoring, found[scoring])

    weights = choose_weights(predictions, how_good, ensemble.rounds)
    members = [(name, clone(fitted[name])) for name in weights]
    mean = build_ensemble(members, list(weights.values()), setup)
    mean.of([fitted[name] for name in weights])
    estimator = Pipeline([("features", prepared.features), ("estimator", mean)])
    shown = " + ".join(f"{weight:.2f} {name}" for name, weight in weights.items())
    seconds = perf_counter() - started
    by_name = {name: round(weight, 6) for name, weight in weights.items()}
    return scored(NAME, NAME, estimator, by_name, setup, prepared, (shown,), seconds)


def out_of_fold(
    estimators: Mapping[str, Any],
    setup: Setup,
    features: Pipeline,
    rows: Rows,
    folds: Sequence[tuple[Any, Any]],
) -> tuple[dict[str, Floats], npt.NDArray[np.int64]]:
    """Return what each estimator says of rows that it was not fitted on.

    Args:
        estimators: by name; copies are fitted in each fold.
        setup: the task.
        features: the feature pipeline; a copy is fitted in each fold, once for all.
        rows: train.
        folds: the places to fit on and those to predict.

    Returns:
        The predictions by name, and the places of the rows that they are for. Rows that are
        in no fold (the first, where time decides) have none.
    """
    parts: dict[str, list[Floats]] = {name: [] for name in estimators}
    for fitted, held in folds:
        inner = rows.part(fitted)
        pipeline, X = fitted_features(features, inner.frame, inner.y, inner.weight)
        ahead = pipeline.transform(rows.frame.iloc[held])
        for name, estimator in estimators.items():
            own = fit(clone(estimator), X, inner.y, inner.weight)
            values = predicted(own, ahead, setup.task)
            if setup.task == "multiclass":
                values = _columns(values, own.classes_, np.unique(rows.y))
            parts[name].append(values)
    places = np.concatenate([held for _, held in folds])
    return {name: np.concatenate(values) for name, values in parts.items()}, places


def _columns(y_prob: Floats, found: npt.NDArray[Any], classes: npt.NDArray[Any]) -> Floats:
    """Return probabilities of all `classes`: 0 for those that a fold did not have."""
    if len(found) == len(classes):
        return y_prob
    whole = np.zeros((len(y_prob), len(classes)))
    whole[:, np.searchsorted(classes, found)] = y_prob
    return whole
