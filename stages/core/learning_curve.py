"""Would more rows help? The error against the number of rows that were learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone

from stages.core.errors import LoopwrightError
from stages.core.metrics import Metric, Predictions, measure_all
from stages.core.progress import progress
from stages.core.statistics import Drawn, Estimate, Floats, Seed, interval

Ints = npt.NDArray[np.int64]


def _names(subset: str) -> tuple[str, str, str]:
    return subset, f"{subset}_low", f"{subset}_high"


COLUMNS = ("rows", *_names("train"), *_names("validation"))


@dataclass(frozen=True)
class Rows:
    """Rows to learn from or to be measured on.

    Attributes:
        frame: the columns without the target.
        y: 1 for positive, 0 for negative, shape (n,).
        groups: the entity of each row where entities repeat, else None.
        seed: of the bootstrap draws of these rows.
    """

    frame: pd.DataFrame
    y: Ints
    groups: npt.NDArray[Any] | None
    seed: Seed

    def __len__(self) -> int:
        return len(self.y)

    def part(self, places: Ints) -> "Rows":
        """Return the rows at `places`."""
        groups = None if self.groups is None else self.groups[places]
        return Rows(self.frame.iloc[places], self.y[places], groups, self.seed)


def positive_probability(model: Any, frame: pd.DataFrame) -> Floats:
    """Return the model's probability of the positive class, shape (rows,)."""
    return np.asarray(model.predict_proba(frame), dtype=np.float64)[:, 1]


def nested_order(rows: Rows, random_state: Seed) -> Ints:
    """Return the places of `rows` in an order of which each beginning is a fair sample.

    Each beginning has the classes' shares. Where entities repeat, the rows of one stand
    together instead.
    """
    shuffled = np.random.default_rng(random_state).permutation(len(rows))
    if rows.groups is not None:
        codes, _ = pd.factorize(pd.Series(rows.groups[shuffled]))
        return shuffled[np.argsort(codes, kind="stable")]
    share = np.empty(len(rows))  # of its class that stands before each row
    for value in (0, 1):
        own = shuffled[rows.y[shuffled] == value]
        share[own] = (np.arange(len(own)) + 0.5) / max(len(own), 1)
    return np.argsort(share, kind="stable").astype(np.int64)


def learning_points(
    model: Any,
    train: Rows,
    validation: Rows,
    shares: Sequence[float],
    metric: Metric,
    draws: int,
    random_state: int,
) -> tuple[pd.DataFrame, Estimate]:
    """Refit `model` on nested parts of train, and measure each there and on validation.

    A part with one class only is left out: nothing can be learned from it.

    Args:
        model: the fitted classifier; its clones are refitted, features and all. It stands
            for the whole of train itself.
        train: what it was fitted on.
        validation: what it was not fitted on.
        shares: the parts, as shares of train's rows.
        metric: of scores; by it the error is measured.
        draws: the number of bootstrap draws.
        random_state: the seed of the parts.

    Returns:
        A frame with a row a part: rows, then for train and validation the error and the
        ends of its interval (train, train_low, train_high, ...); and by how much the error
        on validation fell over the last step, on the same draws.

    Raises:
        LoopwrightError: the model cannot be fitted on so few rows.
    """
    order = nested_order(train, random_state)
    points: list[dict[str, float]] = []
    errors: list[Drawn] = []
    sizes = sorted({max(2, round(share * len(train))) for share in shares})
    with progress(len(sizes)) as step:
        for size in sizes:
            step(f"learning from {size} rows")
            part = train.part(np.sort(order[:size]))
            if len(np.unique(part.y)) < 2:
                continue
            fitted = model if size >= len(train) else _refit(model, part)
            errors.append(_error(fitted, validation, metric, draws))
            on_part = _columns("train", _error(fitted, part, metric, draws))
            points.append({"rows": size, **on_part, **_columns("validation", errors[-1])})
    fall = errors[-2] - errors[-1] if len(errors) > 1 else Drawn(np.nan, np.full(draws, np.nan))
    return pd.DataFrame(points, columns=COLUMNS), fall.estimate()


def _refit(model: Any, rows: Rows) -> Any:
    try:
        return clone(model).fit(rows.frame, rows.y)
    except ValueError as fault:
        raise LoopwrightError(
            f"evaluate.learning_curve: the model cannot be fitted on {len(rows)} rows of train "
            f"({fault}); begin with a larger share"
        ) from None


def _error(model: Any, rows: Rows, metric: Metric, draws: int) -> Drawn:
    # A metric of scores does not look at the decisions.
    predictions = Predictions(rows.y, positive_probability(model, rows.frame), rows.y)
    measured = measure_all(predictions, draws, rows.seed, rows.groups, [metric])
    return metric.error(measured[metric.name])


def _columns(subset: str, error: Drawn) -> dict[str, float]:
    low, high = interval(error.samples)
    return dict(zip(_names(subset), (error.value, low, high), strict=True))
