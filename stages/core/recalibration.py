"""Would recalibrated probabilities be better? Tried on folds, advised only where it is clear."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from stages.core.metrics import ClassPredictions, Predictions
from stages.core.numbers import percent
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
Method = Literal["sigmoid", "isotonic", "temperature"]
Advice = Literal["none", "sigmoid", "isotonic", "temperature", "insufficient"]
# From probabilities, (n,) or (n, classes), to better ones.
Map = Callable[[Floats], Floats]

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
            "not fitted on"
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


def fitted(method: Method, y_true: Ints, y_prob: Floats, weight: Floats | None = None) -> Map:
    """Fit a map from probabilities to better ones.

    ``sigmoid``: a line through the log odds, with targets a little off 0 and 1 (Platt,
    Probabilistic Outputs for Support Vector Machines, 1999, section 2.2). ``isotonic``: any
    rising steps (Zadrozny and Elkan, KDD 2002), kept off 0 and 1 by Laplace's rule of
    succession. ``temperature``: all log probabilities divided by one number (Guo and
    others, ICML 2017).

    Args:
        method: which.
        y_true: 0 or 1, or the place of the class, -1 for an unknown one; (n,).
        y_prob: (n,), or (n, classes) for ``temperature``.
        weight: how much each row counts, (n,).
    """
    weight = np.ones(len(y_true)) if weight is None else weight
    if method == "sigmoid":
        return _sigmoid(y_true, y_prob, weight)
    if method == "isotonic":
        return _isotonic(y_true, y_prob, weight)
    return _temperature(y_true, y_prob, weight)


def _log_odds(y_prob: Floats) -> Floats:
    from scipy.special import logit

    return np.asarray(logit(np.clip(y_prob, 1e-12, 1 - 1e-12)))


def _sigmoid(y_true: Ints, y_prob: Floats, weight: Floats) -> Map:
    from scipy.optimize import minimize
    from scipy.special import expit

    positives = float(weight @ y_true)
    negatives = float(weight.sum()) - positives
    target = np.where(y_true == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    odds = _log_odds(y_prob)
    scaled = weight / weight.sum()

    def loss(line: Floats) -> tuple[float, Floats]:
        score = line[0] * odds + line[1]
        off = scaled * (expit(score) - target)
        value = float(scaled @ (np.logaddexp(0, score) - target * score))
        return value, np.array([off @ odds, off.sum()])

    slope, shift = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
    return lambda other: np.asarray(expit(slope * _log_odds(other) + shift))


def _isotonic(y_true: Ints, y_prob: Floats, weight: Floats) -> Map:
    from sklearn.isotonic import IsotonicRegression

    edge = 1 / (len(y_true) + 2)
    steps = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    steps.fit(y_prob, y_true.astype(np.float64), sample_weight=weight)
    return lambda other: np.asarray(steps.predict(other), dtype=np.float64)


def _temperature(y_true: Ints, y_prob: Floats, weight: Floats) -> Map:
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax, softmax

    known = y_true >= 0

    def logs(of: Floats) -> Floats:
        return np.log(np.clip(of, 1e-12, 1))

    own, place, scaled = logs(y_prob[known]), y_true[known], weight[known]

    def loss(cooling: float) -> float:
        given = log_softmax(own * np.exp(cooling), axis=1)[np.arange(len(place)), place]
        return -float(scaled @ given)

    # From a hundredth to a hundred times as sure.
    cooling = float(minimize_scalar(loss, bounds=(-4.6, 4.6), method="bounded").x)
    return lambda other: np.asarray(softmax(logs(other) * np.exp(cooling), axis=1))
