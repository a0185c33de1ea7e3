"""Who won, by how much, and how sure that is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.estimators import BASELINES
from stages.core.fitting import Rows
from stages.core.metrics import (
    METRICS,
    AnyPredictions,
    ClassPredictions,
    NumberPredictions,
    Predictions,
    codes_of,
    measure_all,
)
from stages.core.params import Task
from stages.core.scoring import goodness
from stages.core.statistics import Drawn, Estimate
from stages.train.race import Entry


@dataclass(frozen=True)
class Standings:
    """The entries, the one that won, and how far each is from it on the same rows.

    Attributes:
        scoring: what chose.
        entries: in the order of params.yaml.
        best: the winner.
        differences: by name the score less the winner's, with its 95 % interval.
    """

    scoring: str
    entries: tuple[Entry, ...]
    best: Entry
    differences: dict[str, Estimate]


def judge(
    entries: Sequence[Entry],
    task: Task,
    scoring: str,
    simplest: bool,
    validation: Rows,
    groups: npt.NDArray[Any] | None,
    draws: int,
    random_state: int,
    refine: Callable[[Entry], Entry | None] = lambda best: None,
) -> Standings:
    """Choose the winner and measure the distance of all others to it.

    The distance is paired: every candidate is scored on the same bootstrap draws of the
    rows of validation, so that what makes a row hard for all cancels out.

    Args:
        entries: the fitted candidates, the simplest first.
        task: of the charter.
        scoring: what chooses.
        simplest: take the first that is not surely worse than the best, and not the best.
        validation: the rows on which they predicted.
        groups: the entity of each row, where rows of one entity repeat.
        draws: the number of bootstrap draws.
        random_state: the seed of the draws.
        refine: what is made of the winner, if anything; it takes its place.
    """

    def measured(entry: Entry) -> Drawn:
        p = as_predictions(task, validation, entry)
        return measure_all(p, draws, random_state, groups, [METRICS[scoring]])[scoring]

    drawn = {entry.name: measured(entry) for entry in entries}
    best = max(entries, key=lambda entry: goodness(scoring, entry.validation[scoring]))
    if simplest:
        best = next(
            e for e in entries if not surely_worse(drawn[e.name], drawn[best.name], scoring)
        )
    if refined := refine(best):
        entries, best = [*entries, refined], refined
        drawn[refined.name] = measured(refined)
    differences = {
        entry.name: (drawn[entry.name] - drawn[best.name]).estimate()
        for entry in entries
        if entry is not best
    }
    return Standings(scoring, tuple(entries), best, differences)


def surely_worse(one: Drawn, other: Drawn, scoring: str) -> bool:
    """Return whether the interval of the difference leaves no doubt that `one` is worse."""
    if one is other:
        return False
    found = (one - other).estimate()["interval"]
    return found is None or max(goodness(scoring, bound) for bound in found) < 0


def as_predictions(task: Task, rows: Rows, entry: Entry) -> AnyPredictions:
    """Return what `entry` said of `rows` for the metrics; a class is decided for by likelihood."""
    if task == "regression":
        return NumberPredictions(rows.y, entry.predicted, sample_weight=rows.weight)
    if task == "binary":
        decided = (entry.predicted >= 0.5).astype(np.int64)
        return Predictions(rows.y, entry.predicted, decided, sample_weight=rows.weight)
    classes = tuple(str(label) for label in entry.estimator.classes_)
    return ClassPredictions(
        codes_of(rows.y, classes),
        entry.predicted,
        entry.predicted.argmax(axis=1),
        classes,
        sample_weight=rows.weight,
    )


def finding(standings: Standings) -> str | None:
    """Return what it means that a baseline won, or None where a model did."""
    if standings.best.kind not in BASELINES:
        return None
    return (
        f"no model has a better {standings.scoring} on validation than the baseline "
        f"'{standings.best.name}': what the features know beyond it was not found"
    )


def leaderboard(standings: Standings) -> pd.DataFrame:
    """Return a row a candidate, in the order of params.yaml."""
    return pd.DataFrame(
        {
            "candidate": entry.name,
            "estimator": entry.kind,
            "features": len(entry.features),
            **{f"validation_{name}": value for name, value in entry.validation.items()},
            **{f"train_{name}": value for name, value in entry.train.items()},
            **_difference(standings.differences.get(entry.name)),
            "bytes": entry.size,
            "note": "; ".join(entry.notes),
            "winner": entry is standings.best,
        }
        for entry in standings.entries
    )


def _difference(found: Estimate | None) -> dict[str, float | None]:
    value = None if found is None else found["value"]
    low, high = (None, None) if found is None else found["interval"] or (None, None)
    named = {"difference": value, "difference_low": low, "difference_high": high}
    return {name: None if n is None else round(n, 6) for name, n in named.items()}


def timings(standings: Standings, rows: int) -> pd.DataFrame:
    """Return how long each candidate took, on this machine and this time.

    Args:
        standings: with the seconds of each entry.
        rows: of validation, which each predicted.
    """
    return pd.DataFrame(
        {
            "candidate": entry.name,
            "fit_seconds": round(entry.seconds[0], 3),
            "predict_ms_per_1000_rows": round(1e6 * entry.seconds[1] / rows, 2),
        }
        for entry in standings.entries
    )
