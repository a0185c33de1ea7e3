"""A number a row, as its mean with an interval."""

from stages.audit.evidence import Evidence
from stages.core.statistics import Estimate, Floats, bootstrap, estimate, weighted_mean


def mean_of(e: Evidence, per_row: Floats) -> Estimate:
    """Return the mean of one number a row, with its interval."""
    drawn = bootstrap(
        lambda weights: weighted_mean(per_row, weights),
        len(per_row),
        e.draws,
        e.random_state,
        e.entities,
    )
    return estimate(float(per_row.mean()), drawn)
