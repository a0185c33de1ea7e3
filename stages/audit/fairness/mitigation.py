"""What could be done about a disparity, and what it would cost: measured, never done.

The model and its threshold stay as they are. Thresholds by group are fitted on one half of
test and measured on the other, so what is shown is of rows that they have not seen. To
decide by group can itself be unlawful: whether to do it is for the charter's owners.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from stages.audit.evidence import Evidence
from stages.audit.fairness.reweighing import refitted
from stages.audit.fairness.thresholds import Aim, Fitted, cross_fitted, halves
from stages.core.fairness import Comparison, Grouping, compare, group
from stages.core.figures import BLUE, MUTED, VERMILION, elide, figure
from stages.core.metrics import METRICS, Predictions, measure_all
from stages.core.params import AuditFairness
from stages.core.statistics import UNDEFINED, Drawn, Estimate
from stages.core.verdicts import Verdict

CHECK = "fairness.mitigation"
SHOWN = ("demographic_parity_difference", "equalized_odds_difference")
AIMS: dict[Aim, str] = {
    "demographic_parity": "thresholds for demographic parity",
    "equalized_odds": "thresholds for equalized odds",
}
AS_IT_IS, REWEIGHING = "as it is", "reweighing of train"


@dataclass(frozen=True)
class Way:
    """One way to decide, measured on test.

    Attributes:
        name: what is done.
        comparison: the groups, decided so.
        gain: what 1,000 decisions bring more than as it is, paired; a loss is below 0.
        fitted: the thresholds by group, if that is what is done.
    """

    name: str
    comparison: Comparison
    gain: Estimate
    fitted: Fitted | None


@dataclass(frozen=True)
class Offer:
    """The ways to decide about the groups of one feature; the first is as it is.

    Attributes:
        grouping: the test rows by group.
        ways: at least two.
        failed: why the model could not be fitted anew; empty where it could or was not.
    """

    grouping: Grouping
    ways: tuple[Way, ...]
    failed: str


def offer(c: Comparison, grouping: Grouping, e: Evidence, bounds: AuditFairness) -> Offer:
    """Measure each way to treat the groups of a feature more alike.

    Args:
        c: the groups as they are, at least two of which can be judged by their errors.
        grouping: the test rows by group.
        e: the evidence, of a binary task.
        bounds: of the pillar.
    """
    p = e.predictions
    if not isinstance(p, Predictions):
        raise ValueError("a mitigation needs yes-or-no decisions")
    value = _value(p, e)
    failed = ""

    def way(name: str, other: Predictions, fitted: Fitted | None = None) -> Way:
        compared = compare(grouping, (c.side, other), e.how, bounds.min_group_size)
        return Way(name, compared, (_value(other, e) - value).estimate(), fitted)

    ways = [Way(AS_IT_IS, c, UNDEFINED, None)]
    first = halves(2 * grouping.codes + p.y_true, e.entities, e.random_state)
    most = {
        "demographic_parity": bounds.max_demographic_parity_difference / 2,
        "equalized_odds": bounds.max_equalized_odds_difference / 2,
    }
    for aim, name in AIMS.items():
        judged = c.judged("equalized_odds_difference")
        fitted = cross_fitted(p, grouping, judged, first, aim, most[aim])
        ways.append(way(name, replace(p, y_pred=fitted.decisions), fitted))
    if e.level == "deep":
        feature = grouping.name
        spec = e.schema.column(feature, "charter.sensitive_features")
        known = e.train[feature]
        try:
            answers = refitted(group(known, spec, known, bounds.age_bands), e)
        except Exception as fault:  # a model may fail in any way; the audit tells it
            failed = f"{type(fault).__name__}: {fault}"
        else:
            refit = replace(p, y_prob=answers, y_pred=e.decide(answers))
            ways.append(way(REWEIGHING, refit))
    return Offer(grouping, tuple(ways), failed)


def _value(p: Predictions, e: Evidence) -> Drawn:
    metric = METRICS["expected_value"]
    return measure_all(p, e.draws, e.random_state, e.entities, [metric])["expected_value"]


def mitigation(
    c: Comparison, verdicts: Sequence[Verdict], e: Evidence, bounds: AuditFairness
) -> tuple[Verdict, Offer | None]:
    """Return what could be done about the disparities of a feature, and the offer behind it.

    Args:
        c: its groups as they are.
        verdicts: those on its disparities.
        e: the evidence.
        bounds: of the pillar.
    """
    check, evidence = f"{CHECK}:{c.grouping.name}", e.paths("mitigation")
    if len(c.judged("equalized_odds_difference")) < 2:
        why = f"fewer than two groups of {c.grouping.name} have the rows to fit anything on"
        return Verdict(check, "not_applicable", None, None, None, e.paths(), why), None
    if all(verdict.status == "pass" for verdict in verdicts):
        why = f"nothing to do: the disparities over {c.grouping.name} hold their bounds"
        return Verdict(check, "pass", None, None, None, e.paths(), why), None
    offered = offer(c, c.grouping, e, bounds)
    told = "; ".join(_told(way, offered.ways[0], e) for way in offered.ways[1:])
    why = f"offered, and not done: {told}"
    if offered.failed:
        why += f"; the model could not be fitted anew on reweighed rows: {offered.failed}"
    elif e.level != "deep":
        why += "; reweighing of train is measured at audit.level: deep"
    gain = offered.ways[1].gain
    return Verdict(check, "pass", gain["value"], gain["interval"], None, evidence, why), offered


def _told(way: Way, before: Way, e: Evidence) -> str:
    name = SHOWN[1] if way.name == AIMS["equalized_odds"] else SHOWN[0]
    was, now = (w.comparison.disparity(name)["value"] for w in (before, way))
    gain = way.gain["value"]
    if was is None or now is None or gain is None:
        return f"{way.name}: the rows leave it undefined"
    currency = getattr(e.costs, "currency", "")
    words = name.replace("_", " ")
    return f"{way.name}: {words} {was:.3f} to {now:.3f} for {gain:+,.0f} {currency} per 1,000"


def mitigation_table(offers: Sequence[Offer]) -> list[dict[str, Any]]:
    """Return one row a feature and way: before and after."""
    return [
        {
            "Feature": offered.grouping.name,
            "Done": way.name,
            "Selection rates": _rates(way.comparison),
            **_columns("Demographic parity difference", way.comparison.disparity(SHOWN[0])),
            **_columns("Equalized odds difference", way.comparison.disparity(SHOWN[1])),
            **_columns("Value gained per 1,000", way.gain),
        }
        for offered in offers
        for way in offered.ways
    ]


def _rates(c: Comparison) -> str:
    rates = c.once["Selection rate"]
    return ", ".join(f"{c.grouping.labels[g]} {rates[g]:.1%}" for g in np.flatnonzero(c.large))


def _columns(title: str, found: Estimate) -> dict[str, float | None]:
    low, high = found["interval"] or (None, None)
    return {title: found["value"], f"{title}, low": low, f"{title}, high": high}


def threshold_table(offers: Sequence[Offer]) -> list[dict[str, Any]]:
    """Return one row a group and aim: from which probability on it would be acted on."""
    return list(_threshold_rows(offers))


def _threshold_rows(offers: Sequence[Offer]) -> Iterator[dict[str, Any]]:
    for offered in offers:
        for way in offered.ways:
            if way.fitted is None:
                continue
            for place, of_group in enumerate(way.fitted.groups):
                one, two = way.fitted.thresholds[:, place]
                yield {
                    "Feature": offered.grouping.name,
                    "For": way.name.removeprefix("thresholds for "),
                    "Group": offered.grouping.labels[of_group],
                    "Act from, by the first half": _from(one),
                    "Act from, by the second half": _from(two),
                }


def _from(threshold: float) -> float | str:
    return float(threshold) if np.isfinite(threshold) else "never"


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
    colours = (BLUE, VERMILION)
    for (left, right), offered in zip(axes, offers, strict=True):
        for place, way in enumerate(offered.ways):
            for step, (name, colour) in enumerate(zip(SHOWN, colours, strict=True)):
                _draw(left, way.comparison.disparity(name), place + 0.2 * (step - 0.5), colour)
            _draw(right, way.gain, place, BLUE)
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
    axes[-1, 0].set_xlabel("difference between groups, with 95 % interval")
    axes[-1, 1].set_xlabel(
        f"{getattr(e.costs, 'currency', '')} per 1,000 decisions, gained or lost"
    )
    axes[-1, 0].set_xlim(left=0)
    handles = [axes[0, 0].plot([], [], "o-", color=colour)[0] for colour in colours]
    fig.legend(
        handles, [name.replace("_", " ") for name in SHOWN], loc="outside lower left", ncols=2
    )
    fig.suptitle("What would less difference between groups cost?")
    return fig


def _draw(ax: Any, found: Estimate, y: float, colour: str) -> None:
    if found["value"] is None or found["interval"] is None:
        return
    ax.plot(found["interval"], (y, y), color=colour, linewidth=2.2)
    ax.plot(found["value"], y, "o", color=colour)
