"""The groups of one feature side by side, as they are, on bootstrap draws and by chance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stages.core.fairness.groups import Grouping
from stages.core.fairness.measures import (
    DISPARITIES,
    DOUBT,
    FN,
    FP,
    OF_ERRORS,
    RATIOS,
    TN,
    TP,
    contrasts,
    measures,
    sums,
)
from stages.core.metrics import Predictions
from stages.core.statistics import UNDEFINED, Drawn, Estimate, Floats, Seed, bootstrap, estimate

# Below ten of an outcome, a rate among them says nothing (the rule of thumb n p >= 10).
MIN_OUTCOMES = 10


@dataclass(frozen=True)
class Draws:
    """How the bootstrap draws rows.

    Attributes:
        number: of draws.
        random_state: the seed.
        entities: the entity of each row where entities repeat, (n,), else None.
    """

    number: int
    random_state: Seed
    entities: npt.ArrayLike | None = None


@dataclass(frozen=True)
class Comparison:
    """What is known about the groups of one grouping.

    Attributes:
        grouping: all groups.
        side: the outcome that it is about.
        counts: their `sums` on the rows as they are, with what each row counts, (k, 6).
        squares: the same with the squares of what each row counts, (k, 6).
        large: which groups have the rows to be judged, (k,).
        mixed: which groups have both outcomes often enough for rates of errors, (k,).
        once: the measures on the rows as they are, each (k,).
        drawn: the measures on each draw, each (draws, k).
    """

    grouping: Grouping
    side: str
    counts: Floats
    squares: Floats
    large: npt.NDArray[np.bool_]
    mixed: npt.NDArray[np.bool_]
    once: dict[str, Floats]
    drawn: dict[str, Floats]

    @property
    def sizes(self) -> npt.NDArray[np.intp]:
        """The rows of each group, (k,)."""
        return self.grouping.sizes

    def judged(self, name: str) -> npt.NDArray[np.intp]:
        """Return the groups that a disparity is about."""
        return np.flatnonzero(self.large & self.mixed if name in OF_ERRORS else self.large)

    def disparity(self, name: str) -> Estimate:
        """Return a disparity over the groups that can be judged, with its interval."""
        judged = self.judged(name)
        if len(judged) < 2:
            return UNDEFINED
        once = contrasts(name, {title: rates[None, judged] for title, rates in self.once.items()})
        each = contrasts(name, {title: rates[:, judged] for title, rates in self.drawn.items()})
        if name not in RATIOS:
            return of_greatest(once[0], each, least=0.0)
        found = of_greatest(-once[0], -each, least=-1.0)
        if found["value"] is None or found["interval"] is None:
            return UNDEFINED
        low, high = found["interval"]
        return {"value": -found["value"], "interval": (-high, -low)}

    def drawn_disparity(self, name: str) -> Drawn:
        """Return a disparity as it is and on each draw, to be compared with another one."""
        judged = self.judged(name)
        if len(judged) < 2:
            return Drawn(float("nan"), np.full(len(self.drawn["Selection rate"]), np.nan))
        measure = DISPARITIES[name]
        value = measure({title: rates[None, judged] for title, rates in self.once.items()})
        drawn = measure({title: rates[:, judged] for title, rates in self.drawn.items()})
        return Drawn(float(value[0]), drawn)

    def by_chance(self, name: str, draws: int, rng: np.random.Generator) -> Floats:
        """Return the disparity that chance makes of a model that is fair, (draws,).

        Each group that can be judged keeps its rows; what happens to them is drawn with the
        rate that all groups have together, and for calibration with the probabilities given.
        Where rows count differently, a group has the rows of equal count that would tell as
        much (Kish, Survey Sampling, 1965).
        """
        places = self.judged(name)
        counts, squares = self.counts[places], self.squares[places]
        cells = [TP, FP, TN, FN]

        def drawn(successes: list[int], trials: list[int]) -> Floats:
            of = counts[:, trials].sum(axis=1)
            rate = counts[:, successes].sum() / max(of.sum(), np.finfo(float).tiny)
            rows = of**2 / np.maximum(squares[:, trials].sum(axis=1), np.finfo(float).tiny)
            effective = np.maximum(np.rint(rows).astype(np.int64), 1)
            return np.asarray(rng.binomial(effective, rate, (draws, len(of))) / effective)

        if name == "calibration_error":
            spread = np.sqrt(squares[:, DOUBT]) / counts[:, cells].sum(axis=1)
            rates = {"Calibration": rng.normal(0, 1, (draws, len(places))) * spread}
        elif name in OF_ERRORS:
            rates = {
                "True positive rate": drawn([TP], [TP, FN]),
                "False positive rate": drawn([FP], [FP, TN]),
            }
        elif name == "error_rate_difference":
            rates = {"Error rate": drawn([FP, FN], cells)}
        else:
            rates = {"Selection rate": drawn([TP, FP], cells)}
        return DISPARITIES[name](rates)


def of_greatest(once: Floats, each: Floats, least: float, level: float = 0.95) -> Estimate:
    """Return the greatest of several contrasts with its interval.

    The greatest of what is drawn lies above the greatest of what is so, for chance is in it
    twice: percentiles of it are no interval, and may even miss the value. The upper end here
    is the greatest of the contrasts' own upper ends: that of the truly greatest one is among
    them. The lower end is below the value by what, in `level` of the draws, no contrast
    rises above its own value (simultaneous: Westfall and Young, 1993).

    Args:
        once: the contrasts on the rows as they are, (m,).
        each: the same on each draw, (draws, m).
        least: what the greatest cannot be below.
        level: of the interval.
    """
    value, samples = float(once.max()), each.max(axis=1)
    if estimate(value, samples, level)["interval"] is None:
        return UNDEFINED
    each = each[~np.isnan(samples)]
    upper = float(np.quantile(each, (1 + level) / 2, axis=0).max())
    risen = float(np.quantile((each - once).max(axis=1), level))
    low, high = max(value - risen, least), max(upper, value)
    return {"value": value, "interval": (min(low, value), high)}


def compare(
    grouping: Grouping, side: tuple[str, Predictions], how: Draws, min_group_size: int
) -> Comparison:
    """Measure every group on one side of the target, as it is and on bootstrap draws."""
    outcome, p = side
    own = np.ones(len(p)) if p.sample_weight is None else p.sample_weight
    found, squares = sums(grouping, p, np.stack([own, own**2]))
    drawn = bootstrap(
        lambda weights: sums(grouping, p, weights * own),
        len(p),
        how.number,
        how.random_state,
        how.entities,
    )
    rows = sums(grouping, p, np.ones((1, len(p))))[0]
    return Comparison(
        grouping=grouping,
        side=outcome,
        counts=found,
        squares=squares,
        large=grouping.sizes >= min_group_size,
        mixed=np.minimum(rows[:, TP] + rows[:, FN], rows[:, FP] + rows[:, TN]) >= MIN_OUTCOMES,
        once={name: rates[0] for name, rates in measures(found[None]).items()},
        drawn=measures(drawn),
    )
