"""Better, worse or neither: two revisions on the same rows, by a paired bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.metrics import (
    AnyPredictions,
    ClassPredictions,
    Metric,
    NumberPredictions,
    Predictions,
    codes_of,
)
from stages.core.params import AnyCosts, ClassCosts, Costs, NumberCosts
from stages.core.statistics import Drawn, Estimate, Floats, Seed, Weights, bootstrap

Judgement = Literal["better", "worse", "no evidence of a difference", "not comparable"]

LEVEL = 0.95
# Of the larger validation split, at least this share must be in both: fewer rows are no
# longer a sample of either. A choice of this project.
MIN_SHARED = 0.5
# Of the rows in both, at most this share may have another truth: with more of them, the
# target means something else. A choice of this project.
MAX_RELABELLED = 0.05
# By how much of n / n_train the variance grows because a model fitted again is another
# model. Nadeau and Bengio (Inference for the Generalization Error, Machine Learning, 2003)
# add n / n_train once; models that differ in their seed alone vary by up to 1.7 times that
# (docs/review.md), so it is added twice.
TRAINING_SHARE = 2.0

COLUMNS = ("key", "y_true", "y_pred", "rule")
PROBABILITY = "prob_"  # and the label: the column of each class


@dataclass(frozen=True, eq=False)
class Shared:
    """The rows that both revisions predicted, in the same order.

    Attributes:
        base: the predictions of the old revision, a row each.
        head: those of the new one.
        places: where these rows stand in the new one's table, (n,).
        rows: how many rows each had: base, head.
        relabelled: rows that are in both with another truth; they are left out.
    """

    base: pd.DataFrame
    head: pd.DataFrame
    places: npt.NDArray[np.int64]
    rows: tuple[int, int]
    relabelled: int

    def __len__(self) -> int:
        return len(self.head)

    def faults(self) -> list[str]:
        """Return why these rows do not allow a comparison."""
        found = []
        if len(self) + self.relabelled < MIN_SHARED * max(self.rows) or not len(self):
            found.append(
                f"of {max(self.rows):,} validation rows only {len(self) + self.relabelled:,} are "
                f"in both revisions; at least {MIN_SHARED:.0%} were expected"
            )
        elif self.relabelled > MAX_RELABELLED * (len(self) + self.relabelled):
            found.append(
                f"{self.relabelled:,} of the rows in both have another truth: the target "
                "means something else"
            )
        return found


def share(base: pd.DataFrame, head: pd.DataFrame) -> Shared:
    """Join two tables of predictions by key.

    A key that repeats is joined by its order: its first row with the first, and so on.

    Raises:
        ValueError: a column is missing.
    """
    for frame in (base, head):
        missing = [name for name in COLUMNS if name not in frame.columns]
        if missing:
            raise ValueError(f"the predictions have no column {', '.join(missing)}")
    left, right = head, base
    places, matches = _joined(left["key"], right["key"])
    same = left["y_true"].to_numpy()[places] == right["y_true"].to_numpy()[matches]
    return Shared(
        base=right.iloc[matches[same]].reset_index(drop=True),
        head=left.iloc[places[same]].reset_index(drop=True),
        places=places[same],
        rows=(len(base), len(head)),
        relabelled=int((~same).sum()),
    )


def _joined(
    left: "pd.Series[Any]", right: "pd.Series[Any]"
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where the keys that are in both stand in `left` and in `right`."""
    if left.dtype == right.dtype and left.array.equals(right.array):  # the same split: no join
        return np.arange(len(left)), np.arange(len(left))
    if left.dtype != right.dtype:
        left, right = left.astype(str), right.astype(str)
    sides = []
    for keys in (left, right):
        side = pd.DataFrame({"key": keys.array, "place": np.arange(len(keys))})
        sides.append(side.assign(nth=side.groupby("key", dropna=False).cumcount()))
    both = sides[0].merge(sides[1], on=["key", "nth"], suffixes=("", "_right"))
    return both["place"].to_numpy(), both["place_right"].to_numpy()


def predictions(
    frame: pd.DataFrame, costs: AnyCosts | None, bins: int, task: str = "binary"
) -> AnyPredictions:
    """Return the rows of `frame` as what the metrics of `task` take.

    Raises:
        ValueError: there are no rows, a column is missing, or values are impossible.
    """
    if task == "regression":
        return NumberPredictions(
            y_true=frame["y_true"].to_numpy(np.float64),
            y_pred=frame["y_pred"].to_numpy(np.float64),
            costs=costs if isinstance(costs, NumberCosts) else None,
            rule_decisions=frame["rule"].to_numpy(np.float64),
        )
    names = [name for name in frame.columns if name.startswith(PROBABILITY)]
    if not (names if task == "multiclass" else "y_prob" in frame.columns):
        raise ValueError(f"the predictions have no column y_prob or {PROBABILITY}...")
    if task == "multiclass":
        classes = tuple(name.removeprefix(PROBABILITY) for name in names)
        actual, decided, rule = (
            codes_of(frame[name].to_numpy(object), classes) for name in ("y_true", "y_pred", "rule")
        )
        return ClassPredictions(
            y_true=actual,
            y_prob=frame[names].to_numpy(np.float64),
            y_pred=decided,
            classes=classes,
            costs=costs if isinstance(costs, ClassCosts) else None,
            rule_decisions=rule,
            calibration_bins=bins,
        )
    return Predictions(
        y_true=frame["y_true"].to_numpy(np.int64),
        y_prob=frame["y_prob"].to_numpy(np.float64),
        y_pred=frame["y_pred"].to_numpy(np.int64),
        costs=costs if isinstance(costs, Costs) else None,
        rule_decisions=frame["rule"].to_numpy(np.int64),
        calibration_bins=bins,
    )


@dataclass(frozen=True, eq=False)
class Paired:
    """A metric of both revisions on the same rows and the same draws."""

    metric: Metric
    base: Drawn
    head: Drawn

    @property
    def difference(self) -> Estimate:
        """The new value - the old one, with the interval over rows."""
        return (self.head - self.base).estimate()


def measure_both(
    base: AnyPredictions,
    head: AnyPredictions,
    metrics: Sequence[Metric],
    draws: int,
    seed: Seed,
    groups: npt.ArrayLike | None = None,
) -> dict[str, Paired]:
    """Return each metric of both, by name; rows (or entities) are drawn together."""

    def columns(weights: Weights) -> Floats:
        return np.stack([m.compute(p, weights) for m in metrics for p in (base, head)], axis=1)

    once = columns(np.ones((1, len(head)), dtype=np.int64))[0]
    drawn = bootstrap(columns, len(head), draws, seed, groups)
    both = [Drawn(float(value), drawn[:, i]) for i, value in enumerate(once)]
    return {m.name: Paired(m, both[2 * i], both[2 * i + 1]) for i, m in enumerate(metrics)}


@dataclass(frozen=True)
class Decision:
    """The verdict.

    Attributes:
        judgement: what is told.
        why: one sentence; where nothing can be compared, one for each reason.
        difference: the new value - the old one, and its plain 95 % interval over rows.
        decisive: the interval that decides: also for training, and for the looks.
        comparisons: how many models were held against the old one on these rows.
    """

    judgement: Judgement
    why: tuple[str, ...]
    difference: Estimate | None = None
    decisive: tuple[float, float] | None = None
    comparisons: int = 1


def stretch(n: int, trained_on: int, comparisons: int) -> float:
    """Return by how much the plain interval is stretched to the one that decides.

    For training, the variance grows by ``TRAINING_SHARE * n / trained_on``. For `comparisons`
    models that were tried, the level is that of Bonferroni: 1 - 0.05 / comparisons.

    Args:
        n: the rows that are compared on.
        trained_on: the rows that the model was fitted on.
        comparisons: how many models were tried against the old one, at least 1.
    """
    normal = NormalDist()
    plain, adjusted = (-normal.inv_cdf((1 - LEVEL) / 2 / k) for k in (1, comparisons))
    return adjusted / plain * sqrt(1 + TRAINING_SHARE * n / trained_on)


def decide(paired: Paired, n: int, trained_on: int, comparisons: int) -> Decision:
    """Hold the difference against chance.

    Args:
        paired: the main metric.
        n: the rows that are compared on.
        trained_on: the rows that the model was fitted on.
        comparisons: how many models were tried against the old one.
    """
    metric, found = paired.metric, paired.difference
    if found["value"] is None or found["interval"] is None:
        return not_comparable([f"{metric.title} is undefined on the shared rows"])
    value, (low, high) = found["value"], found["interval"]
    factor = stretch(n, trained_on, comparisons)
    # A value outside its own percentile interval is rare, and no reason to turn it around.
    decisive = (value - factor * max(value - low, 0.0), value + factor * max(high - value, 0.0))
    above, below = decisive[0] > 0, decisive[1] < 0
    gained, lost = (above, below) if metric.direction == "higher" else (below, above)
    judgement: Judgement
    if gained or lost:
        judgement = "better" if gained else "worse"
        why = "the whole interval that decides lies on one side of 0"
    elif value == low == high == 0:
        judgement, why = "no evidence of a difference", "both are the same on every draw of rows"
    else:
        judgement = "no evidence of a difference"
        why = "chance in the rows, in training and in the choice among the tries may explain it"
    return Decision(judgement, (why,), found, decisive, comparisons)


def not_comparable(reasons: Sequence[str]) -> Decision:
    """Return the verdict that nothing can be told, and why."""
    return Decision("not comparable", tuple(reasons))


def entities(keys: "pd.Series[Any]", groups: "pd.Series[Any] | None") -> npt.NDArray[Any] | None:
    """Return what is drawn together: the group, else a key that repeats, else nothing."""
    if groups is not None:
        return groups.to_numpy()
    return keys.to_numpy() if keys.duplicated().any() else None
