"""What could be done about a disparity, and what it would cost: measured, never done.

The model and its decisions stay as they are. What is set by group is fitted on validation
and measured on test, so what is shown is of rows that it has not seen. To decide by group
can itself be unlawful: whether to do it is for the charter's owners.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from stages.audit.evidence import Evidence
from stages.audit.fairness.numbers import ERROR, compare_numbers
from stages.audit.fairness.offsets import by_offsets, fit_offsets
from stages.audit.fairness.reweighing import refitted
from stages.audit.fairness.shifts import by_shifts, fit_shifts
from stages.audit.fairness.thresholds import Aim, by_thresholds, fit_thresholds
from stages.core.fairness import Comparison, Grouping, compare, group
from stages.core.figures import BLUE, MUTED, VERMILION, elide, figure
from stages.core.metrics import (
    METRICS,
    AnyPredictions,
    ClassPredictions,
    NumberPredictions,
    Predictions,
    measure_all,
)
from stages.core.params import AuditFairness
from stages.core.statistics import UNDEFINED, Drawn, Estimate
from stages.core.verdicts import Verdict

CHECK = "fairness.mitigation"
AS_IT_IS, REWEIGHING, SHIFTS = "as it is", "reweighing of train", "mean error of each group off"
PARITY, ODDS, ERRORS = (
    "demographic parity difference",
    "equalized odds difference",
    "mean error difference",
)
AIMS: tuple[tuple[Aim, str], ...] = (("demographic_parity", PARITY), ("equalized_odds", ODDS))
# Fewer of an outcome in a group tell no rate of errors.
MIN_OUTCOMES = 10

Codes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Disparity:
    """A disparity to be shown, and to be compared with that of other decisions.

    Attributes:
        shown: as the verdicts have it.
        drawn: as it is and on each draw.
    """

    shown: Estimate
    drawn: Drawn


@dataclass(frozen=True)
class Measured:
    """Decisions about the groups of one feature, measured on test.

    Attributes:
        disparities: two, by name.
        groups: what is done about each group, in words.
        prices: what decisions bring, and of a number how far off it is, by metric.
    """

    disparities: dict[str, Disparity]
    groups: str
    prices: dict[str, Drawn]


@dataclass(frozen=True)
class Way:
    """One way to decide.

    Attributes:
        name: what is done.
        treats: the disparity that it is for.
        measured: on test.
        set: what is set for each group, rows of a table; empty where nothing is.
    """

    name: str
    treats: str
    measured: Measured
    set: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Offer:
    """The ways to decide about the groups of one feature; the first is as it is.

    Attributes:
        grouping: the test rows by group.
        ways: at least one.
        failed: why the model could not be fitted anew; empty where it could or was not.
    """

    grouping: Grouping
    ways: tuple[Way, ...]
    failed: str

    def saved(self, way: Way) -> Estimate:
        """Return how much less of the disparity that it is for `way` leaves, paired."""
        before, after = (w.measured.disparities[way.treats].drawn for w in (self.ways[0], way))
        return (before - after).estimate()

    def gain(self, way: Way) -> Estimate:
        """Return what 1,000 decisions bring more than as it is, paired; a loss is below 0."""
        if way is self.ways[0]:
            return UNDEFINED
        after, before = (w.measured.prices["expected_value"] for w in (way, self.ways[0]))
        return (after - before).estimate()


@dataclass(frozen=True)
class Asked:
    """What every way needs to know.

    Attributes:
        grouping: the test rows by group.
        codes: the group of each row of validation, -1 for one that test has not, (n,).
        e: the evidence.
        bounds: of the pillar.
    """

    grouping: Grouping
    codes: Codes
    e: Evidence
    bounds: AuditFairness

    @classmethod
    def of(cls, grouping: Grouping, e: Evidence, bounds: AuditFairness) -> "Asked":
        """Find the groups of test among the rows of validation."""
        feature = grouping.name
        spec = e.schema.column(feature, "charter.sensitive_features")
        seen = group(e.validation[feature], spec, e.train[feature], bounds.age_bands)
        places = {label: place for place, label in enumerate(grouping.labels)}
        place = np.array([places.get(label, -1) for label in seen.labels], dtype=np.intp)
        return cls(grouping, place[seen.codes], e, bounds)

    @property
    def large(self) -> Codes:
        """The groups with rows enough to be fitted to and to be judged."""
        tried = np.bincount(self.codes[self.codes >= 0], minlength=len(self.grouping.labels))
        least = np.minimum(tried, self.grouping.sizes) >= self.bounds.min_group_size
        return np.flatnonzero(least)

    def most(self, aim: Aim) -> float:
        """Return the disparity up to which groups count as alike: half the bound."""
        bound = {
            "demographic_parity": self.bounds.max_demographic_parity_difference,
            "equalized_odds": self.bounds.max_equalized_odds_difference,
        }
        return bound[aim] / 2


def measured(p: AnyPredictions, a: Asked) -> Measured:
    """Measure decisions about the test rows; of several classes the worst one, as the verdicts."""
    e, least = a.e, a.bounds.min_group_size
    sides = [compare(a.grouping, side, e.how, least) for side in e.sides_of(p)]
    parity = _greatest([(c, c.disparity(_NAMES[PARITY])) for c in sides])
    metrics = [METRICS["expected_value"]]
    if isinstance(p, NumberPredictions):
        numbers = compare_numbers(a.grouping, replace(e, predicted=p.y_pred), least)
        errors = Disparity(numbers.disparity(), numbers.drawn_disparity())
        disparities = {ERRORS: errors, PARITY: _disparity([parity], PARITY)}
        by_group, shape = numbers.once[:, ERROR], "{:+.3f}"
        scoring = METRICS.get(str(e.manifest.get("scoring")))
        metrics += [scoring] if scoring and "regression" in scoring.tasks else []
    else:
        disparities = {name: _disparity(sides, name) for name in (PARITY, ODDS)}
        by_group, shape = parity.once["Selection rate"], "{:.1%}"
    judged = np.flatnonzero(parity.large)
    told = ", ".join(f"{a.grouping.labels[g]} {shape.format(by_group[g])}" for g in judged)
    of = f"{parity.side}: " if len(sides) > 1 else ""
    prices = measure_all(p, e.draws, e.random_state, e.entities, metrics)
    return Measured(disparities, of + told, prices)


_NAMES = {PARITY: "demographic_parity_difference", ODDS: "equalized_odds_difference"}


def _greatest(found: Sequence[tuple[Comparison, Estimate]]) -> Comparison:
    """Return the side with the greatest disparity, the first where none is defined."""
    return max(found, key=lambda one: -1.0 if one[1]["value"] is None else one[1]["value"])[0]


def _disparity(sides: Sequence[Comparison], name: str) -> Disparity:
    """Return the disparity of the worst of several outcomes."""
    measure = _NAMES[name]
    shown = _greatest([(c, c.disparity(measure)) for c in sides]).disparity(measure)
    each = [drawn for c in sides if not np.isnan((drawn := c.drawn_disparity(measure)).value)]
    if not each:
        return Disparity(UNDEFINED, sides[0].drawn_disparity(measure))
    samples = np.fmax.reduce([drawn.samples for drawn in each])
    return Disparity(shown, Drawn(max(drawn.value for drawn in each), samples))


# --- the ways -----------------------------------------------------------------------------


def offer(grouping: Grouping, e: Evidence, bounds: AuditFairness, missed: Sequence[str]) -> Offer:
    """Measure each way to treat the groups of a feature more alike.

    Args:
        grouping: the test rows by group.
        e: the evidence.
        bounds: of the pillar.
        missed: the disparities that are beyond their bounds.
    """
    a = Asked.of(grouping, e, bounds)
    before = measured(e.predictions, a)
    first = next(iter(before.disparities))
    ways = [Way(AS_IT_IS, first, before)]
    ways += by_group(a, missed) if len(a.large) > 1 else ()
    failed = ""
    if e.level == "deep":
        spec = e.schema.column(grouping.name, "charter.sensitive_features")
        known = e.train[grouping.name]
        try:
            answers = refitted(group(known, spec, known, bounds.age_bands), e)
        except Exception as fault:  # a model may fail in any way; the audit tells it
            failed = f"{type(fault).__name__}: {fault}"
        else:
            ways.append(Way(REWEIGHING, PARITY, measured(e.measured(answers), a)))
    return Offer(grouping, tuple(ways), failed)


def by_group(a: Asked, missed: Sequence[str]) -> Iterator[Way]:
    """Yield what can be set for each group, by the task."""
    p, seen = a.e.predictions, a.e.tried
    if isinstance(p, Predictions) and isinstance(seen, Predictions):
        yield from _thresholds(p, seen, a)
    elif isinstance(p, ClassPredictions) and isinstance(seen, ClassPredictions):
        yield from _offsets(p, seen, a)
    # Predictions that are right on average for every group are left as they are.
    elif (
        isinstance(p, NumberPredictions)
        and isinstance(seen, NumberPredictions)
        and ERRORS in missed
    ):
        yield _shifts(p, seen, a)


def _thresholds(p: Predictions, seen: Predictions, a: Asked) -> Iterator[Way]:
    counts = np.array([np.bincount(seen.y_true[a.codes == g], minlength=2) for g in a.large])
    for aim, treats in AIMS:
        told = aim == "demographic_parity" or counts.min(axis=1) >= MIN_OUTCOMES
        groups = a.large[np.broadcast_to(told, len(a.large))]
        if len(groups) < 2:
            continue
        fitted = fit_thresholds(seen, a.codes, groups, aim, a.most(aim))
        decisions = by_thresholds(p, a.grouping.codes, groups, fitted)
        rows = tuple(
            {"Group": a.grouping.labels[g], "Act from": _from(threshold)}
            for g, threshold in zip(groups, fitted, strict=True)
        )
        name = f"thresholds for {aim.replace('_', ' ')}"
        yield Way(name, treats, measured(replace(p, y_pred=decisions), a), rows)


def _from(threshold: float) -> float | str:
    return float(threshold) if np.isfinite(threshold) else "never"


def _offsets(p: ClassPredictions, seen: ClassPredictions, a: Asked) -> Iterator[Way]:
    unit = f"Counted as {getattr(a.e.costs, 'currency', '')} more"
    for aim, treats in AIMS:
        fitted = fit_offsets(seen, a.codes, a.large, aim, a.most(aim), MIN_OUTCOMES)
        decisions = by_offsets(p, a.grouping.codes, a.large, fitted)
        rows = tuple(
            {"Group": a.grouping.labels[g], "Class": label, unit: float(amount)}
            for g, of_group in zip(a.large, fitted, strict=True)
            for label, amount in zip(p.classes, of_group, strict=True)
        )
        name = f"offsets for {aim.replace('_', ' ')}"
        yield Way(name, treats, measured(replace(p, y_pred=decisions), a), rows)


def _shifts(p: NumberPredictions, seen: NumberPredictions, a: Asked) -> Way:
    e = a.e
    entities = None if e.entities is None else e.validation[e.entities.name]
    fitted = fit_shifts(seen, a.codes, a.large, e.draws, e.random_state, entities)
    shifts = np.array([drawn.value for drawn in fitted])
    numbers = by_shifts(p, a.grouping.codes, a.large, shifts)
    of = dict(zip(a.large.tolist(), fitted, strict=True))
    rows = tuple(
        {"Group": label, **_columns("Taken off", of[g].estimate() if g in of else UNDEFINED)}
        for g, label in enumerate(a.grouping.labels)
    )
    return Way(SHIFTS, ERRORS, measured(replace(p, y_pred=numbers), a), rows)


# --- the answer ---------------------------------------------------------------------------


def mitigation(
    c: Comparison, verdicts: Sequence[Verdict], e: Evidence, bounds: AuditFairness
) -> tuple[Verdict, Offer | None]:
    """Return what could be done about the disparities of a feature, and the offer behind it.

    Nothing is offered against a difference that holds its bound, or that chance explains.

    Args:
        c: its groups as they are.
        verdicts: those on its disparities.
        e: the evidence.
        bounds: of the pillar.
    """
    feature = c.grouping.name
    check, evidence = f"{CHECK}:{feature}", e.paths("mitigation")
    missed = [verdict for verdict in verdicts if verdict.status == "fail"]
    if c.large.sum() < 2:
        why = f"fewer than two groups of {feature} have the rows to fit anything on"
        return Verdict(check, "not_applicable", None, None, None, e.paths(), why), None
    if not missed:
        surely = all(verdict.status == "pass" for verdict in verdicts)
        why = f"nothing to do: the differences over {feature} hold their bounds"
        if not surely:
            why = f"nothing to do: no difference over {feature} misses its bound beyond chance"
        return Verdict(check, "pass", None, None, None, e.paths(), why), None
    names = [verdict.id.split(".")[1].partition(":")[0].replace("_", " ") for verdict in missed]
    offered = offer(c.grouping, e, bounds, names)
    told = "; ".join(_told(way, offered, e) for way in offered.ways[1:])
    why = (
        f"offered, and not done: {told}" if told else f"of {feature}, nothing is to be set by group"
    )
    if offered.failed:
        why += f"; the model could not be fitted anew on reweighed rows: {offered.failed}"
    elif e.level != "deep":
        why += "; reweighing of train is measured at audit.level: deep"
    gain = offered.gain(offered.ways[min(1, len(offered.ways) - 1)])
    return Verdict(check, "pass", gain["value"], gain["interval"], None, evidence, why), offered


def _told(way: Way, offered: Offer, e: Evidence) -> str:
    was, now = (w.measured.disparities[way.treats].shown for w in (offered.ways[0], way))
    saved, gain = offered.saved(way), offered.gain(way)
    if was["value"] is None or now["value"] is None or gain["value"] is None:
        return f"{way.name}: the rows leave it undefined"
    less = "less, not surely" if saved["interval"] is None or saved["interval"][0] <= 0 else "less"
    if now["value"] >= was["value"]:
        less = "no less"
    currency = getattr(e.costs, "currency", "")
    return (
        f"{way.name}: {way.treats} {was['value']:.3f} to {now['value']:.3f} ({less}) "
        f"for {gain['value']:+,.0f} {currency} per 1,000"
    )


def mitigation_table(offers: Sequence[Offer], e: Evidence) -> list[dict[str, Any]]:
    """Return one row a feature and way: before and after."""
    groups = "Mean errors" if e.task == "regression" else "Selection rates"
    return [
        {
            "Feature": offered.grouping.name,
            "Done": way.name,
            groups: way.measured.groups,
            **_disparity_columns(way.measured),
            **_price_columns(way.measured),
            **_columns("Value gained per 1,000", offered.gain(way)),
        }
        for offered in offers
        for way in offered.ways
    ]


def _disparity_columns(found: Measured) -> dict[str, float | None]:
    columns: dict[str, float | None] = {}
    for name, disparity in found.disparities.items():
        columns |= _columns(name.capitalize(), disparity.shown)
    return columns


def _price_columns(found: Measured) -> dict[str, float | None]:
    columns: dict[str, float | None] = {}
    for name, drawn in found.prices.items():
        if name != "expected_value":
            columns |= _columns(METRICS[name].title, drawn.estimate())
    return columns


def _columns(title: str, found: Estimate) -> dict[str, float | None]:
    low, high = found["interval"] or (None, None)
    return {title: found["value"], f"{title}, low": low, f"{title}, high": high}


def set_table(offers: Sequence[Offer]) -> list[dict[str, Any]]:
    """Return what would be set for each group, one row a feature, aim and group."""
    return [
        {"Feature": offered.grouping.name, "For": way.treats, **row}
        for offered in offers
        for way in offered.ways
        for row in way.set
    ]


def draw_mitigation(offers: Sequence[Offer], e: Evidence) -> Figure:
    """Draw each way by its disparities and by what it brings, one row of panels a feature."""
    heights = [len(offered.ways) for offered in offers]
    fig, axes = figure(
        8.4,
        1.6 + 0.42 * sum(heights) + 0.4 * len(heights),
        nrows=len(offers),
        ncols=2,
        squeeze=False,
        sharex="col",
        gridspec_kw={"height_ratios": heights},
    )
    colours = dict(zip(offers[0].ways[0].measured.disparities, (BLUE, VERMILION), strict=True))
    for (left, right), offered in zip(axes, offers, strict=True):
        for place, way in enumerate(offered.ways):
            for step, (name, found) in enumerate(way.measured.disparities.items()):
                _draw(left, found.shown, place + 0.2 * (step - 0.5), colours[name])
            _draw(right, offered.gain(way), place, BLUE)
        k = len(offered.ways)
        left.set(
            title=elide(e.title(offered.grouping.name), 40),
            yticks=range(k),
            yticklabels=[way.name for way in offered.ways],
            ylim=(k - 0.5, -0.5),
        )
        right.axvline(0, color=MUTED, linewidth=1)
        right.set(yticks=range(k), yticklabels=[], ylim=(k - 0.5, -0.5))
        for ax in (left, right):
            ax.grid(axis="y", visible=False)
    unit = "\n(of mean errors in standard deviations of the target)"
    axes[-1, 0].set_xlabel(
        f"difference between groups, with 95 % interval{unit if e.task == 'regression' else ''}"
    )
    axes[-1, 1].set_xlabel(
        f"{getattr(e.costs, 'currency', '')} per 1,000 decisions, gained or lost"
    )
    axes[-1, 0].set_xlim(left=0)
    handles = [axes[0, 0].plot([], [], "o-", color=colour)[0] for colour in colours.values()]
    fig.legend(handles, list(colours), loc="outside lower left", ncols=2)
    fig.suptitle("What would less difference between groups cost?")
    return fig


def _draw(ax: Any, found: Estimate, y: float, colour: str) -> None:
    if found["value"] is None or found["interval"] is None:
        return
    ax.plot(found["interval"], (y, y), color=colour, linewidth=2.2)
    ax.plot(found["value"], y, "o", color=colour)
