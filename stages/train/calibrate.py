"""The winner with calibrated probabilities: a map fitted on predictions out of fold."""

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from stages.core.calibration import CalibratedClassifier, fitted
from stages.core.cross_fit import cross_fit, predict_held
from stages.core.estimators import Setup
from stages.core.iterations import Deal
from stages.core.params import Calibration
from stages.train.race import NO_DIRECTION, Entry, Prepared, after_features, scored


def calibrated(
    winner: Entry, calibration: Calibration, setup: Setup, prepared: Prepared, deal: Deal
) -> Entry | None:
    """Return the entry of `winner` behind a map of its probabilities.

    The map learns from what copies of the winner, fitted on the other folds of train, say of
    each row. The winner itself stays as it was fitted, on all of train.

    Args:
        winner: of the race.
        calibration: which map, and how many folds.
        setup: what the candidates have in common.
        prepared: the rows.
        deal: deals rows of train to folds.

    Returns:
        None of a baseline: its probabilities are shares of train already.
    """
    if not isinstance(winner.estimator, Pipeline):
        return None
    started = perf_counter()
    train = prepared.train
    classes = np.unique(train.y)
    dealt = deal(train.frame, calibration.folds)
    last = after_features(winner.estimator)
    said = np.concatenate(
        [
            predict_held(last, fold, setup.task, classes if setup.task == "multiclass" else None)
            for fold in cross_fit(prepared.features, train, dealt)
        ]
    )
    if said.ndim == 2 and len(classes) == 2:
        said = said[:, 1]
    # Where time decides, the first rows are in no fold.
    held = train.part(np.concatenate([places for _, places in dealt]))
    mapping = fitted(calibration.method, np.searchsorted(classes, held.y), said, held.weight)
    free = (NO_DIRECTION,) if NO_DIRECTION in winner.notes else ()
    entry = scored(
        f"calibrated {winner.name}",
        winner.kind,
        behind_map(winner.estimator, mapping),
        winner.parameters,
        setup,
        prepared,
        (f"{calibration.method}, fitted on {calibration.folds} folds of train", *free),
        perf_counter() - started,
    )
    return replace(entry, calibration=calibration.method)


def behind_map(estimator: Pipeline, mapping: Any) -> Pipeline:
    """Return the fitted `estimator` with `mapping` behind its last step, which it shares."""
    *before, (name, last) = estimator.steps
    return Pipeline([*before, (name, CalibratedClassifier(clone(last), mapping).of(last))])
