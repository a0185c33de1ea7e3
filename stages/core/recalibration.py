"""Would recalibrated probabilities be better? Tried on folds, advised only where it is clear."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from stages.core.calibration import fitted
from stages.core.metrics import ClassPredictions, Predictions
from stages.core.numbers import percent
from stages.core.params import CalibrationMethod as Method
from stages.core.statistics import (
    UNDEFINED,
    Estimate,
    Floats,
    Seed,
    bootstrap,
    entity_codes,
    estimate,
    weighted_mean,
)

Ints = npt.NDArray[np.int64]
Advice = Literal["none", "sigmoid", "isotonic", "temperature", "insufficient"]

FOLDS = 5
# With fewer rows of a class, or fewer in all for several classes, a map is mostly noise.
MIN_OF_CLASS = 50
MIN_ROWS = 200
# Where this share of the loss may be gained or not, the rows cannot tell. Of this project.
MATERIAL = 0.05
LEVEL = 0.95

# scikit-learn's names in CalibratedClassifierCV; the simpler stands first.
METHODS: dict[str, tuple[Method, ...]] = {
    "binary": ("sigmoid", "isotonic"),
    "multiclass": ("temperature",),
}


@dataclass(frozen=True, eq=False)
class Recalibration:
    """What recalibration would bring.

    Attributes:
        advice: the method to take, ``none``, or ``insufficient`` where rows cannot tell.
        why: in one sentence.
        log_loss: of the probabilities as they are.
        gains: by how much each method lowers the log loss, on rows that its map was not
            fitted on. The intervals hold together, with 95 %.
        y_prob: by method, the probabilities that they give those rows.
    """

    advice: Advice
    why: str
    log_loss: float
    gains: Mapping[Method, Estimate]
    y_prob: Mapping[Method, Floats]


def recalibration(
    p: Predictions | ClassPredictions,
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
) -> Recalibration:
    """Try each method on folds of rows that the model was not fitted on.

    A method is advised where the interval of its gain lies above 0, corrected for the
    number of methods (Bonferroni); isotonic, which bends as it likes, only where it is
    clearly better than sigmoid too.

    Args:
        p: n rows of validation.
        draws: the number of bootstrap draws.
        random_state: of the folds and the draws.
        groups: the entity of each row; those of one stay in one fold.
    """
    loss = float(np.average(p.row_loss, weights=p.sample_weight))
    enough = _too_few(p)
    if enough:
        return Recalibration("insufficient", enough, loss, {}, {})
    folds = fold_of(p.y_true, random_state, groups)
    methods = METHODS[p.task]
    tried = {method: _cross_fitted(p, method, folds) for method in methods}
    losses = np.column_stack([p.row_loss, *(_row_loss(p, y_prob) for y_prob in tried.values())])
    weight = np.ones(len(p)) if p.sample_weight is None else p.sample_weight
    drawn = bootstrap(
        lambda w: weighted_mean(losses, w * weight), len(p), draws, random_state, groups
    )
    once = weighted_mean(losses, weight[None])[0]
    level = 1 - (1 - LEVEL) / len(methods)
    gains = {
        method: estimate(float(once[0] - once[i]), drawn[:, 0] - drawn[:, i], level)
        for i, method in enumerate(methods, start=1)
    }
    bends = UNDEFINED
    if len(methods) > 1:
        bends = estimate(float(once[1] - once[2]), drawn[:, 1] - drawn[:, 2], level)
    advice, why = _advised(gains, bends, loss)
    return Recalibration(advice, why, loss, gains, tried)


def _too_few(p: Predictions | ClassPredictions) -> str:
    """Return why the rows are too few; ``""`` where they are not."""
    if isinstance(p, ClassPredictions):
        few = len(p) < MIN_ROWS or len(np.unique(p.y_true)) < 2
        return f"recalibration takes {MIN_ROWS} rows of two classes or more" if few else ""
    rarer = int(min(p.y_true.sum(), len(p) - p.y_true.sum()))
    few = rarer < MIN_OF_CLASS
    return f"recalibration takes {MIN_OF_CLASS} rows of each class; one has {rarer}" if few else ""


def _advised(gains: Mapping[Method, Estimate], bends: Estimate, loss: float) -> tuple[Advice, str]:
    clear = [m for m, gain in gains.items() if gain["interval"] and gain["interval"][0] > 0]
    if clear:
        bent = bends["interval"] is not None and bends["interval"][0] > 0
        advice = clear[-1] if bent or len(clear) == 1 else clear[0]
        share = percent((gains[advice]["value"] or 0.0) / loss)
        return advice, (
            f"{advice} recalibration clearly lowers the log loss, by {share} on rows that it was "
            f"not fitted on; train.calibration: {{method: {advice}, folds: {FOLDS}}} fits such a "
            "map within train"
        )
    reach = max((gain["interval"][1] if gain["interval"] else np.inf) for gain in gains.values())
    if reach > MATERIAL * loss:
        return "insufficient", (
            "the rows cannot tell whether recalibration would bring more than "
            f"{percent(MATERIAL, 0)} of the log loss"
        )
    return "none", "recalibration does not clearly lower the log loss"


def fold_of(y_true: Ints, random_state: Seed, groups: npt.ArrayLike | None = None) -> Ints:
    """Return the fold of each row, 0 to `FOLDS` - 1; the rows of an entity share one.

    Without entities each fold has its share of each class.
    """
    rng = np.random.default_rng(random_state)
    if groups is not None:
        codes = entity_codes(groups)
        return np.asarray(rng.permutation(int(codes.max()) + 1)[codes] % FOLDS, dtype=np.int64)
    order = rng.permutation(len(y_true))
    order = order[np.argsort(y_true[order], kind="stable")]
    folds = np.empty(len(y_true), dtype=np.int64)
    folds[order] = np.arange(len(y_true)) % FOLDS
    return folds


def _cross_fitted(p: Predictions | ClassPredictions, method: Method, folds: Ints) -> Floats:
    """Return the probabilities that maps fitted on the other folds give."""
    found = np.empty_like(p.y_prob)
    for fold in range(FOLDS):
        own = folds == fold
        weight = None if p.sample_weight is None else p.sample_weight[~own]
        found[own] = fitted(method, p.y_true[~own], p.y_prob[~own], weight)(p.y_prob[own])
    return found


def _row_loss(p: Predictions | ClassPredictions, y_prob: Floats) -> Floats:
    if isinstance(p, Predictions):
        return Predictions(p.y_true, y_prob, p.y_pred).row_loss
    return ClassPredictions(p.y_true, y_prob, p.y_pred, p.classes).row_loss
