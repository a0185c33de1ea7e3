"""Do probabilities come true: the calibration error, and what chance alone makes of it."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from stages.core.statistics import Floats, Seed, Weights, chunks, ratio


class Probabilities(Protocol):
    """Predictions with a probability of something that happened or did not.

    Attributes:
        confidence: the probability, shape (n,).
        calibration_bin: 1 in the column of each row's bin, else 0, (n, bins).
        calibration_gaps: probability minus outcome in the column of the bin, (n, bins).
    """

    @property
    def confidence(self) -> Floats: ...  # noqa: D102 - as above
    @property
    def calibration_bin(self) -> Floats: ...  # noqa: D102 - as above
    @property
    def calibration_gaps(self) -> Floats: ...  # noqa: D102 - as above


def quantile_bins(y_prob: Floats, bins: int) -> npt.NDArray[np.intp]:
    """Return the bin of each probability: `bins` of equal size, fewer where values tie."""
    edges = np.unique(np.quantile(y_prob, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, y_prob, side="left")


def expected_calibration_error(p: Probabilities, weights: Weights) -> Floats:
    """The mean over bins of |mean probability - share of positives|, by the bins' weights.

    ECE of Naeini, Cooper and Hauskrecht (AAAI 2015), on bins of equal size instead of
    equal width: their bias is smaller (Roelofs and others, AISTATS 2022), and no bin is
    nearly empty where few probabilities are high. Of several classes it is that of the
    likeliest one (Guo and others, ICML 2017). The bins are those of the whole sample
    and stay fixed over the draws. Chance alone makes the error positive, so it and the
    upper end of its interval lean to the high side, the more the fewer the rows.
    """
    off = np.abs(weights @ p.calibration_gaps).sum(axis=1)
    return ratio(off, weights.sum(axis=1))


def calibration_by_chance(p: Probabilities, draws: int, random_state: Seed) -> Floats:
    """Return the calibration errors of perfectly calibrated probabilities, shape (draws,).

    The probabilities stay as they are; outcomes are drawn with them (Broecker and Smith,
    Increasing the Reliability of Reliability Diagrams, Weather and Forecasting, 2007).
    Only what a model shows beyond this is not chance.
    """
    rng = np.random.default_rng(random_state)
    confidence = p.confidence
    expected = confidence @ p.calibration_bin
    errors = []
    for rows in chunks(draws, len(confidence)):
        outcomes = (rng.random((rows, len(confidence))) < confidence).astype(np.float64)
        off = np.abs(outcomes @ p.calibration_bin - expected).sum(axis=1)
        errors.append(off / len(confidence))
    return np.concatenate(errors)
