"""How good probabilities are: the scores that choose among models.

They are points, without intervals: enough to choose by, and not to judge by. What the
chosen model is worth is measured in evaluate.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from stages.core.errors import LoopwrightError

Score = Callable[[npt.NDArray[np.int64], npt.NDArray[np.float64]], float]

# By name, which direction is better (1 higher, -1 lower) and scikit-learn's function.
SCORES: dict[str, tuple[int, Score]] = {
    "log_loss": (-1, log_loss),
    "brier_score": (-1, brier_score_loss),
    "roc_auc": (1, roc_auc_score),
    "average_precision": (1, average_precision_score),
}


def scores(
    y_true: npt.NDArray[np.int64], y_prob: npt.NDArray[np.float64], names: Iterable[str] = SCORES
) -> dict[str, float]:
    """Return each score of the probabilities `y_prob`, to 6 decimals.

    Args:
        y_true: 1 for positive, 0 for negative, shape (rows,); both must be there.
        y_prob: the probability of the positive class, shape (rows,).
        names: which of `SCORES`.
    """
    # Rounded, so that the last bits, which differ between processors, choose nothing.
    return {name: round(float(SCORES[name][1](y_true, y_prob)), 6) for name in names}


def goodness(name: str, score: float) -> float:
    """Return `score` turned so that higher is better, whatever its direction."""
    return SCORES[name][0] * score


def check_classes(y_true: npt.NDArray[np.int64], where: str | Path) -> None:
    """Check that both outcomes are there.

    Raises:
        LoopwrightError: they are not; `where` names the rows.
    """
    positive = int(y_true.sum())
    if positive in (0, len(y_true)):
        what = "no row is" if positive == 0 else "every row is"
        raise LoopwrightError(
            f"{where}: {what} positive among {len(y_true)}; a model needs both outcomes: see "
            "charter.target.positive and the section split in params.yaml"
        )
