"""Each disparity held against its bound: what misses it and chance explains only warns.

The difference between the most different of a few groups is never negative, so that with
few rows chance alone misses a bound. A verdict fails where the value misses its bound and is
more than chance makes of a fair model in one case of twenty, on groups of these sizes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from stages.core.bounds import bounded, listed
from stages.core.fairness.comparison import Comparison, Draws
from stages.core.fairness.measures import COMPARED, RATIOS
from stages.core.params import AuditFairness
from stages.core.statistics import Floats
from stages.core.verdicts import SEVERITY, Verdict

# Of what chance makes of a fair model, the share that is told as chance.
CHANCE = 0.95

# The disparities that have a bound, in the order in which they are asked about. Nobody has
# set one for the ratio of equalized odds: it is told beside the difference.
BOUNDED = (
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equalized_odds_difference",
    "error_rate_difference",
    "calibration_error",
)


def bound_of(name: str, bounds: AuditFairness) -> float:
    """Return the bound of a disparity."""
    return {
        "demographic_parity_difference": bounds.max_demographic_parity_difference,
        "demographic_parity_ratio": bounds.min_demographic_parity_ratio,
        "equalized_odds_difference": bounds.max_equalized_odds_difference,
        "error_rate_difference": bounds.max_error_rate_difference,
        "calibration_error": bounds.max_group_calibration_error,
    }[name]


def group_size(c: Comparison, min_group_size: int, evidence: tuple[str, ...]) -> Verdict:
    """Name the groups that are too small: about them the audit knows nothing."""
    small = [
        f"{label} ({size})"
        for label, size, large in zip(c.grouping.labels, c.sizes, c.large, strict=True)
        if not large
    ]
    why = f"each of the {len(c.sizes)} groups of {c.grouping.name} has the rows to be judged"
    if small:
        why = f"too few rows to judge these groups of {c.grouping.name}: {listed(small, 10)}"
    return Verdict(
        f"fairness.group_size:{c.grouping.name}",
        "insufficient" if small else "pass",
        int(c.sizes.min()),
        None,
        f">= {min_group_size}",
        evidence,
        why,
    )


def disparity(
    c: Comparison, name: str, bounds: AuditFairness, check: str, evidence: tuple[str, ...]
) -> Verdict:
    """Hold one disparity of one grouping against its bound, naming the extreme groups."""
    why = f"{name.replace('_', ' ')} over the groups of {c.grouping.name}{_extremes(c, name)}"
    side: Literal["at_least", "at_most"] = "at_least" if name in RATIOS else "at_most"
    return bounded(check, c.disparity(name), side, bound_of(name, bounds), evidence, why)


def worst(
    compared: Sequence[Comparison],
    name: str,
    bounds: AuditFairness,
    check: str,
    how: Draws,
    evidence: tuple[str, ...],
) -> Verdict:
    """Return the verdict on the worst of several comparisons, `CHANCE` in mind.

    Args:
        compared: at least one; several outcomes, or several pairs of features.
        name: the disparity.
        bounds: of the pillar.
        check: the id of the verdict.
        how: how many draws tell what chance makes of it, and their seed.
        evidence: the files that show it.
    """
    verdicts = [disparity(c, name, bounds, check, evidence) for c in compared]
    known = [place for place, v in enumerate(verdicts) if v.status != "insufficient"]
    if not known:
        return verdicts[0]
    # A ratio is the worse the smaller, a difference the worse the greater.
    direction = -1 if name in RATIOS else 1
    at = max(
        known,
        key=lambda place: (
            -SEVERITY.index(verdicts[place].status),
            direction * float(verdicts[place].value or 0),
        ),
    )
    found = verdicts[at]
    rng = np.random.default_rng(how.random_state)
    chance = np.array([compared[place].by_chance(name, how.number, rng) for place in known])
    limit = direction * float(np.nanquantile((direction * chance).max(axis=0), CHANCE))
    beyond = direction * float(found.value or 0) > direction * limit
    side = "down to" if name in RATIOS else "up to"
    sides = {c.side for c in compared}
    start = f"of {len(sides)} outcomes the worst, {compared[at].side}: " if len(sides) > 1 else ""
    return replace(
        found,
        status="warn" if found.status == "fail" and not beyond else found.status,
        why=f"{start}{found.why}; chance alone makes it {side} {limit:.3f} on groups of "
        "these sizes",
    )


def _extremes(c: Comparison, name: str) -> str:
    """Name the groups between which the disparity lies."""
    places = c.judged(name)
    if len(places) < 2:
        return ""
    labels = [c.grouping.labels[place] for place in places]
    if name == "calibration_error":
        off = c.once["Calibration"][places]
        at = int(np.abs(off).argmax())
        way = "above" if off[at] > 0 else "below"
        return (
            f"; the mean probability of {labels[at]} lies {abs(off[at]):.1%} {way} "
            "the share of positives"
        )
    title = max(COMPARED[name], key=lambda title: float(np.ptp(c.once[title][places])))
    rates: Floats = c.once[title][places]
    told = (
        f"; {title.lower()} from {rates.min():.1%} ({labels[rates.argmin()]}) "
        f"to {rates.max():.1%} ({labels[rates.argmax()]})"
    )
    ratio = c.disparity("equalized_odds_ratio")["value"]
    if name == "equalized_odds_difference" and ratio is not None:
        told += f"; equalized odds ratio {ratio:.2f}"
    return told


def intersections(
    pairs: Sequence[Comparison],
    names: Sequence[str],
    bounds: AuditFairness,
    how: Draws,
    evidence: tuple[str, ...],
) -> list[Verdict]:
    """Return the worst pair's verdict on each disparity of `names`."""
    if pairs:
        return [
            worst(pairs, name, bounds, f"fairness.intersections:{name}", how, evidence)
            for name in names
        ]
    why = "fewer than two sensitive features are declared"
    return [
        Verdict(f"fairness.intersections:{name}", "not_applicable", None, None, None, evidence, why)
        for name in names
    ]
