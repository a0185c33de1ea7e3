"""Fit each candidate on train, and score it on both splits."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.core.errors import LoopwrightError
from stages.core.estimators import Setup, build_estimator, inputs_of, parameters_of
from stages.core.fitting import Rows, fit
from stages.core.iterations import Deal, stopped_early
from stages.core.models import as_bytes
from stages.core.params import Booster, Candidate
from stages.core.scoring import predicted, scores
from stages.core.transformers import fitted_features

Floats = npt.NDArray[np.float64]


# The note of a candidate that may rise where the charter says fall.
NO_DIRECTION = "does not keep charter.monotonic"


@dataclass(frozen=True)
class Prepared:
    """What all candidates share, computed once.

    Attributes:
        features: the feature pipeline, fitted on train.
        train: what to fit on.
        validation: what chooses later.
        matrix: train as the estimators are fitted on it. Where a feature is made of the
            target, each row's is made of other rows.
        seen: train as the fitted pipeline gives it.
    """

    features: Pipeline
    train: Rows
    validation: Rows
    matrix: pd.DataFrame
    seen: pd.DataFrame


@dataclass(frozen=True)
class Entry:
    """A fitted candidate and what became of it.

    Attributes:
        name: of the candidate in params.yaml.
        kind: its estimator.
        estimator: fitted on train; takes the raw frame.
        parameters: those that it was fitted with, found by tune or early stopping or given.
        features: the names of what it learns from.
        validation: its scores on validation.
        train: its scores on train.
        predicted: what it says of each row of validation.
        size: the bytes of its model file.
        notes: what else there is to know.
        calibration: how its probabilities are mapped, or None where they are not.
        seconds: how long its fit and its prediction of validation took, on this machine.
    """

    name: str
    kind: str
    estimator: Any
    parameters: dict[str, Any]
    features: tuple[str, ...]
    validation: dict[str, float]
    train: dict[str, float]
    predicted: Floats
    size: int = 0
    notes: tuple[str, ...] = ()
    calibration: str | None = None
    seconds: tuple[float, float] = field(default=(0.0, 0.0), compare=False)


def prepare(features: Pipeline, train: Rows, validation: Rows) -> Prepared:
    """Return both splits and what `features` make of train."""
    fitted, matrix = fitted_features(features, train.frame, train.y, train.weight)
    return Prepared(fitted, train, validation, matrix, fitted.transform(train.frame))


def run(
    name: str,
    candidate: Candidate,
    setup: Setup,
    prepared: Prepared,
    deal: Deal,
) -> Entry:
    """Fit `candidate` and score it.

    Args:
        name: of the candidate.
        candidate: its estimator and parameters.
        setup: what it has in common with the others.
        prepared: the rows.
        deal: deals rows of train to folds, for early stopping.
    """
    started = perf_counter()
    settled = stopped_early(candidate, setup, prepared.features, prepared.train, deal)
    estimator = build_estimator(settled, setup, prepared.features)
    train = prepared.train
    if isinstance(estimator, Pipeline):
        fit(after_features(estimator), prepared.matrix, train.y, train.weight)
    else:
        fit(estimator, train.frame, train.y, train.weight)
    seconds = perf_counter() - started
    notes = _notes(candidate, settled, setup)
    return scored(
        name,
        candidate.estimator,
        estimator,
        parameters_of(settled),
        setup,
        prepared,
        notes,
        seconds,
    )


def after_features(estimator: Pipeline) -> Any:
    """Return what follows the feature pipeline; it shares the steps of the whole."""
    return estimator[1:] if len(estimator) > 2 else estimator[-1]


def scored(
    name: str,
    kind: str,
    estimator: Any,
    parameters: dict[str, Any],
    setup: Setup,
    prepared: Prepared,
    notes: tuple[str, ...],
    fit_seconds: float,
) -> Entry:
    """Return the entry of a fitted `estimator`, which takes the raw frame.

    Raises:
        LoopwrightError: it predicts what is no finite number.
    """
    task = setup.task
    classes = None if task != "multiclass" else list(estimator.classes_)
    started = perf_counter()
    ahead = predicted(estimator, prepared.validation.frame, task)
    predict_seconds = perf_counter() - started
    if isinstance(estimator, Pipeline):
        learnt = tuple(str(feature) for feature in prepared.features.get_feature_names_out())
        behind = predicted(after_features(estimator), prepared.seen, task)
    else:
        learnt = tuple(inputs_of(estimator))
        behind = predicted(estimator, prepared.train.frame, task)
    _check_finite(name, ahead, behind)
    on_validation, on_train = (
        scores(task, rows.y, values, classes=classes, sample_weight=rows.weight)
        for rows, values in ((prepared.validation, ahead), (prepared.train, behind))
    )
    return Entry(
        name=name,
        kind=kind,
        estimator=estimator,
        parameters=parameters,
        features=learnt,
        validation=on_validation,
        train=on_train,
        predicted=ahead,
        size=len(as_bytes(estimator)),
        notes=notes,
        seconds=(fit_seconds, predict_seconds),
    )


def _check_finite(name: str, *predictions: Floats) -> None:
    if not all(np.isfinite(values).all() for values in predictions):
        raise LoopwrightError(
            f"train.candidates.{name}: it predicts something that is no finite number; see its "
            "parameters and train.target_transform"
        )


def _notes(candidate: Candidate, settled: Candidate, setup: Setup) -> tuple[str, ...]:
    notes = []
    if isinstance(settled, Booster) and settled is not candidate:
        key = settled.iterations_key
        most, found = getattr(candidate, key), getattr(settled, key)
        notes.append(f"stopped after {found} of {most} iterations")
    if setup.directions and not candidate.monotonic and candidate.estimator != "dummy":
        notes.append(NO_DIRECTION)
    return tuple(notes)
