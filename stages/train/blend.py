"""The ensemble: weights found on predictions out of fold, members fitted on all of train."""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from stages.core.cross_fit import cross_fit, predict_held
from stages.core.ensemble import choose_weights
from stages.core.estimators import Setup, build_ensemble
from stages.core.fitting import Rows
from stages.core.iterations import Deal
from stages.core.params import Ensemble
from stages.core.scoring import goodness, scores
from stages.train.race import NO_DIRECTION, Entry, Prepared, after_features, scored

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
    estimator, weights = weighted(
        fitted, ensemble, setup, scoring, prepared.features, prepared.train, deal
    )
    shown = " + ".join(f"{weight:.2f} {name}" for name, weight in weights.items())
    seconds = perf_counter() - started
    by_name = {name: round(weight, 6) for name, weight in weights.items()}
    # The mean keeps a direction where all of its members do.
    free = any(NO_DIRECTION in entry.notes for entry in entries if entry.name in weights)
    notes = (shown, NO_DIRECTION) if free else (shown,)
    return scored(NAME, NAME, estimator, by_name, setup, prepared, notes, seconds)


def weighted(
    fitted: Mapping[str, Any],
    ensemble: Ensemble,
    setup: Setup,
    scoring: str,
    features: Pipeline,
    train: Rows,
    deal: Deal,
) -> tuple[Pipeline, dict[str, float]]:
    """Return the weighted mean of `fitted`, which takes the raw frame, and the weights.

    Args:
        fitted: members by name, fitted on what `features` gives of `train`.
        ensemble: how many folds and rounds.
        setup: what they have in common.
        scoring: what the weights are to improve.
        features: the fitted feature pipeline.
        train: the rows.
        deal: deals them to folds.
    """
    classes = np.unique(train.y) if setup.task == "multiclass" else None
    predictions: dict[str, list[Floats]] = {name: [] for name in fitted}
    dealt = deal(train.frame, ensemble.folds)
    for fold in cross_fit(features, train, dealt):
        for name, member in fitted.items():
            predictions[name].append(predict_held(member, fold, setup.task, classes))
    # Where time decides, the first rows are in no fold.
    held = train.part(np.concatenate([places for _, places in dealt]))
    labels = None if classes is None else [str(label) for label in classes]

    def how_good(values: Floats) -> float:
        found = scores(setup.task, held.y, values, [scoring], labels, held.weight)
        return goodness(scoring, found[scoring])

    whole = {name: np.concatenate(parts) for name, parts in predictions.items()}
    weights = choose_weights(whole, how_good, ensemble.rounds)
    members = [(name, clone(fitted[name])) for name in weights]
    mean = build_ensemble(members, list(weights.values()), setup)
    mean.of([fitted[name] for name in weights])
    return Pipeline([("features", features), ("estimator", mean)]), weights
