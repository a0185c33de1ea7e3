"""A predicted number by group: how high it is, how far off, and to which side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from stages.audit.evidence import Evidence, bounded
from stages.core.fairness import Draws, Grouping, of_greatest
from stages.core.figures import BLUE, MUTED, elide, figure
from stages.core.metrics import NumberPredictions
from stages.core.params import AuditFairness
from stages.core.statistics import Drawn, Estimate, Floats, bootstrap, interval, weighted_mean
from stages.core.verdicts import Verdict

# Of what chance makes of errors alike in all groups, the share that is told as chance.
CHANCE = 0.95

PREDICTED, ERROR, ABSOLUTE = range(3)
TITLES = ("Mean prediction", "Mean error", "Mean absolute error")


@dataclass(frozen=True)
class NumberComparison:
    """What is known about a predicted number in the groups of one feature.

    Errors are prediction less truth, in standard deviations of the target in train.

    Attributes:
        grouping: all groups.
        large: which groups have the rows to be judged, (k,).
        once: mean prediction, mean error and mean absolute error of each group, (k, 3).
        drawn: the same on each draw, (draws, k, 3).
        deviation: the standard deviation of a group's mean error, were all alike, (k,).
    """

    grouping: Grouping
    large: npt.NDArray[np.bool_]
    once: Floats
    drawn: Floats
    deviation: Floats

    def disparity(self) -> Estimate:
        """Return the greatest less the smallest mean error, with its interval."""
        judged = np.flatnonzero(self.large)
        if len(judged) < 2:
            return {"value": None, "interval": None}
        once, drawn = self.once[judged, ERROR], self.drawn[:, judged, ERROR]
        each = (drawn[:, :, None] - drawn[:, None, :]).reshape(len(drawn), -1)
        return of_greatest((once[:, None] - once).ravel(), each, least=0.0)

    def drawn_disparity(self) -> Drawn:
        """Return the same as it is and on each draw, to be compared with another one."""
        judged = np.flatnonzero(self.large)
        if len(judged) < 2:
            return Drawn(float("nan"), np.full(len(self.drawn), np.nan))
        errors = self.drawn[:, judged, ERROR]
        return Drawn(float(np.ptp(self.once[judged, ERROR])), np.ptp(errors, axis=1))

    def by_chance(self, how: Draws) -> float:
        """Return what chance makes of it in one case of twenty, if errors are alike in all."""
        rng = np.random.default_rng(how.random_state)
        spread = self.deviation[self.large]
        drawn = rng.normal(0, 1, (how.number, len(spread))) * spread
        return float(np.quantile(np.ptp(drawn, axis=1), CHANCE))


def compare_numbers(grouping: Grouping, e: Evidence, min_group_size: int) -> NumberComparison:
    """Measure a predicted number in every group, as it is and on bootstrap draws.

    Raises:
        ValueError: the model does not predict numbers.
    """
    p = e.predictions
    if not isinstance(p, NumberPredictions):
        raise ValueError("numbers by group need a predicted number")
    k = len(grouping.labels)
    errors = p.residuals / e.spread_of_target
    values = np.stack([p.y_pred, errors, np.abs(errors)], axis=1)
    own = np.ones(len(p)) if p.sample_weight is None else p.sample_weight
    members = np.eye(k)[grouping.codes] * own[:, None]

    def means(weights: npt.NDArray[Any]) -> Floats:
        return np.stack(
            [weighted_mean(values, weights * members[:, place]) for place in range(k)], axis=1
        )

    once = means(np.ones((1, len(p))))[0]
    # The errors less the mean of their group: what is left is chance.
    left = errors - np.nan_to_num(once[grouping.codes, ERROR])
    pooled = float(np.average(left**2, weights=own)) ** 0.5
    total = members.sum(axis=0)
    tiny = np.finfo(float).tiny
    rows = total**2 / np.maximum((members**2).sum(axis=0), tiny)
    return NumberComparison(
        grouping,
        grouping.sizes >= min_group_size,
        once,
        bootstrap(means, len(p), e.draws, e.random_state, e.entities),
        pooled / np.sqrt(np.maximum(rows, 1)),
    )


def mean_error_difference(
    c: NumberComparison, bounds: AuditFairness, how: Draws, evidence: tuple[str, ...]
) -> Verdict:
    """Hold the difference of mean errors against its bound; what chance explains only warns."""
    feature = c.grouping.name
    why = f"mean error difference over the groups of {feature}"
    judged = np.flatnonzero(c.large)
    told = ""
    if len(judged) > 1:
        errors = c.once[judged, ERROR]
        low, high = judged[errors.argmin()], judged[errors.argmax()]
        told = (
            f"; in standard deviations of the target, mean error from {errors.min():+.3f} "
            f"({c.grouping.labels[low]}) to {errors.max():+.3f} ({c.grouping.labels[high]})"
        )
    found = bounded(
        f"fairness.mean_error_difference:{feature}",
        c.disparity(),
        "at_most",
        bounds.max_mean_error_difference,
        evidence,
        why + told,
    )
    if not isinstance(found.value, float):
        return found
    limit = c.by_chance(how)
    return replace(
        found,
        status="warn" if found.status == "fail" and found.value <= limit else found.status,
        why=f"{found.why}; chance alone makes it up to {limit:.3f} on groups of these sizes",
    )


def number_table(compared: Sequence[NumberComparison]) -> list[dict[str, Any]]:
    """Return one row a group: its size, its measures and their intervals."""
    table = []
    for c in compared:
        for place, label in enumerate(c.grouping.labels):
            row: dict[str, Any] = {
                "Feature": c.grouping.name,
                "Group": label,
                "Rows": int(c.grouping.sizes[place]),
            }
            for column, name in enumerate(TITLES):
                low, high = interval(c.drawn[:, place, column])
                judged = bool(c.large[place])
                row[name] = float(c.once[place, column]) if judged else None
                row[f"{name}, low"] = low if judged else None
                row[f"{name}, high"] = high if judged else None
            table.append(row)
    return table


def draw_numbers(compared: Sequence[NumberComparison], e: Evidence) -> Figure:
    """Draw the mean error of the groups of each feature, one panel a feature."""
    heights = [max(len(c.grouping.labels), 2) for c in compared]
    fig, axes = figure(
        7.2,
        1.2 + 0.3 * sum(heights) + 0.35 * len(heights),
        nrows=len(compared),
        squeeze=False,
        sharex=True,
        gridspec_kw={"height_ratios": heights},
    )
    for ax, c in zip(axes[:, 0], compared, strict=True):
        ax.axvline(0, color=MUTED, linewidth=1)
        for place in np.flatnonzero(c.large):
            ax.plot(interval(c.drawn[:, place, ERROR]), (place, place), color=BLUE, linewidth=2.2)
            ax.plot(c.once[place, ERROR], place, "o", color=BLUE)
        k = len(c.grouping.labels)
        ax.set(
            title=elide(e.title(c.grouping.name), 60),
            yticks=range(k),
            yticklabels=[
                f"{elide(label, 30)} ({size:,})" if large else f"{elide(label, 22)} (too few)"
                for label, size, large in zip(
                    c.grouping.labels, c.grouping.sizes, c.large, strict=True
                )
            ],
            ylim=(k - 0.5, -0.5),
        )
        ax.grid(axis="y", visible=False)
    axes[-1, 0].set(
        xlabel="mean error in standard deviations of the target, with 95 % interval\n"
        "right of 0: predicted too high"
    )
    fig.suptitle("Is the number right for every group?")
    return fig
