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
    TN,
    TP,
    measures,
    sums,
)
from stages.core.metrics import Predictions
from stages.core.statistics import Estimate, Floats, Seed, bootstrap, estimate

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
            return {"value": None, "interval": None}
        measure = DISPARITIES[name]
        value = measure({title: column[None, judged] for title, column in self.once.items()})
        drawn = measure({title: column[:, judged] for title, column in self.drawn.items()})
        return estimate(float(value[0]), drawn)

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
