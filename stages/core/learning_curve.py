"""Would more rows help? The error against the number of rows that were learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from stages.core.errors import LoopwrightError
from stages.core.fitting import fit
from stages.core.metrics import Metric
from stages.core.params import Task
from stages.core.progress import progress
from stages.core.sample import Ints, Sample, error_once, errors_of, said
from stages.core.statistics import Drawn, Floats, Seed, interval

# A number has no classes to deal in proportion: so many quantiles stand in for them.
STRATA = 10


COLUMNS = ("rows", "parts", "train", "validation", "validation_low", "validation_high")


@dataclass(frozen=True)
class LearningCurve:
    """The error by the number of rows that were learned from.

    Attributes:
        rows: the sizes, rising, shape (k,); the last is all of train where that was asked for.
        parts: how many parts of train were learned from at each size, shape (k,).
        errors: on validation at each size, the mean over its parts, on the same draws.
        spread: the variance of the error from part to part, times the rows of a part and
            pooled over sizes; None where no size has two parts.
        points: a row a size: rows, parts, the error on train and on validation, and the
            ends of the latter's interval.
    """

    rows: Ints
    parts: Ints
    errors: Sequence[Drawn]
    spread: float | None
    points: pd.DataFrame


def nested_order(rows: Sample, random_state: Seed) -> Ints:
    """Return the places of `rows` in an order of which each stretch is a fair sample.

    Each stretch has the shares of the classes, or of the tenths of a number. Where
    entities repeat, the rows of one stand together instead.
    """
    shuffled = np.random.default_rng(random_state).permutation(len(rows))
    if rows.groups is not None:
        codes, _ = pd.factorize(pd.Series(rows.groups[shuffled]))
        return shuffled[np.argsort(codes, kind="stable")]
    strata = _strata(rows)
    share = np.empty(len(rows))  # of its stratum that stands before each row
    for value in np.unique(strata):
        own = shuffled[strata[shuffled] == value]
        share[own] = (np.arange(len(own)) + 0.5) / len(own)
    # Ties are dealt by chance, and not by the order of the table.
    return shuffled[np.argsort(share[shuffled], kind="stable")].astype(np.int64)


def at_most(rows: Sample, most: int, random_state: Seed) -> Sample:
    """Return `rows`, or a fair sample of `most` of them, as `nested_order` deals it."""
    if len(rows) <= most:
        return rows
    return rows.part(np.sort(nested_order(rows, random_state)[:most]))


def _strata(rows: Sample) -> Ints:
    if rows.y.dtype.kind != "f":
        return np.unique(rows.y, return_inverse=True)[1].astype(np.int64)
    inner = np.unique(np.quantile(rows.y, np.linspace(0, 1, STRATA + 1)[1:-1]))
    return np.searchsorted(inner, rows.y, side="left").astype(np.int64)


def learning_curve(
    model: Any,
    train: Sample,
    validation: Sample,
    shares: Sequence[float],
    repeats: int,
    metric: Metric,
    task: Task,
    classes: tuple[str, ...],
    draws: int,
    random_state: int,
    refit_rows: int,
    told_train: Floats,
) -> LearningCurve:
    """Refit `model` on parts of train, and measure each there and on validation.

    Parts of one size share no row, so how much they differ shows how much is chance. A part
    with one outcome only is left out: nothing can be learned from it. Of a table with more
    rows than `refit_rows` the parts are shares of so many, and `model` itself, which learned
    from all of train, is the last point beyond them.

    Args:
        model: the fitted estimator; its clones are refitted, features and all. It stands
            for the whole of train itself.
        train: what it was fitted on.
        validation: what it was not fitted on.
        shares: the sizes of the parts, as shares of train's rows.
        repeats: at most so many parts of one size, as many as train holds.
        metric: of scores; by it the error is measured.
        task: binary, multiclass or regression.
        classes: of a multiclass task, the labels.
        draws: the number of bootstrap draws.
        random_state: the seed of the parts.
        refit_rows: no refit learns from more rows, and none is measured on more.
        told_train: what `said` gives of `model` for all of train.

    Raises:
        LoopwrightError: the model cannot be fitted on so few rows.
    """
    order = nested_order(train, random_state)
    validation = at_most(validation, refit_rows, random_state)
    most = min(len(train), refit_rows)
    asked = {max(2, round(share * most)) for share in shares}
    sizes = sorted(asked if most == len(train) else asked | {len(train)})
    counts = [min(repeats, len(train) // size) if size < len(train) else 1 for size in sizes]
    found: list[tuple[int, list[float]]] = []
    told: list[Floats] = []
    with progress(sum(counts)) as step:
        for size, count in zip(sizes, counts, strict=True):
            on_train = []
            for number in range(count):
                step(f"learning from {size} rows")
                whole = size >= len(train)
                places = np.sort(order[number * size : (number + 1) * size])
                part = train if whole else train.part(places)
                if len(np.unique(part.y)) < 2:
                    continue
                fitted = model if whole else _refit(model, part)
                seen = told_train if whole else said(fitted, part.frame, task, classes)
                on_train.append(error_once(seen, part, metric, task, classes))
                told.append(said(fitted, validation.frame, task, classes))
            if on_train:
                found.append((size, on_train))
    drawn = errors_of(told, validation, metric, task, classes, draws)
    ends = np.cumsum([0, *(len(seen) for _, seen in found)])
    by_size = [drawn[start:end] for start, end in pairwise(ends)]
    errors = [_mean(own) for own in by_size]
    return LearningCurve(
        np.array([size for size, _ in found], dtype=np.int64),
        np.array([len(seen) for _, seen in found], dtype=np.int64),
        errors,
        _spread(
            [(size, [e.value for e in own]) for (size, _), own in zip(found, by_size, strict=True)]
        ),
        pd.DataFrame(
            [
                (size, len(seen), float(np.mean(seen)), error.value, *interval(error.samples))
                for (size, seen), error in zip(found, errors, strict=True)
            ],
            columns=COLUMNS,
        ),
    )


def _mean(errors: Sequence[Drawn]) -> Drawn:
    return Drawn(
        float(np.mean([error.value for error in errors])),
        np.mean([error.samples for error in errors], axis=0),
    )


def _spread(values: Sequence[tuple[int, Sequence[float]]]) -> float | None:
    """Return the pooled variance within sizes, of one row: that of n rows is an n-th of it."""
    several = [(size, found) for size, found in values if len(found) > 1]
    if not several:
        return None
    freedom = sum(len(found) - 1 for _, found in several)
    return float(sum(size * np.var(f, ddof=0) * len(f) for size, f in several) / freedom)


def _refit(model: Any, rows: Sample) -> Any:
    try:
        return fit(clone(model), rows.frame, rows.y, rows.weight)
    except ValueError as fault:
        raise LoopwrightError(
            f"evaluate.learning_curve: the model cannot be fitted on {len(rows)} rows of train "
            f"({fault}); begin with a larger share"
        ) from None


def errors_by_draw(curve: LearningCurve, rng: np.random.Generator) -> Floats:
    """Return the error at each size on each draw, shape (draws, k).

    What varies is the rows measured on, the same for all sizes, and the rows learned from,
    each size by itself: the latter by the `spread` of the curve.
    """
    samples = np.stack([error.samples for error in curve.errors], axis=1)
    if curve.spread is None:
        return samples
    deviation = np.sqrt(curve.spread / (curve.rows * curve.parts))
    return np.asarray(samples + rng.normal(size=samples.shape) * deviation)
