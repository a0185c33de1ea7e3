"""How sure is it: sets of answers that hold the truth as often as they promise.

A conformal set holds every answer that is no stranger than most true answers were on other
rows: those of validation, as in use, so that a model that has seen validation, or a world that
has changed since, promises too much and is found out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import beta, betabinom

from stages.audit.evidence import Check, Evidence, Findings, listed, plain
from stages.audit.safety.rows import mean_of
from stages.audit.safety.slices import Slices, slices
from stages.core.figures import BLUE, INK, VERMILION, elide, figure
from stages.core.metrics import (
    AnyPredictions,
    ClassPredictions,
    NumberPredictions,
    Predictions,
)
from stages.core.params import AuditSafety
from stages.core.statistics import Floats
from stages.core.verdicts import Status, Verdict

CHECKS = (
    Check(
        "safety.coverage",
        "Can a set of answers be given that holds the truth as often as promised?",
        "share of test rows whose truth is in their prediction set: of classes by adaptive sets, "
        "of a number by its absolute residual",
        "audit.safety.coverage",
        "split conformal prediction: Romano, Sesia and Candes, NeurIPS 2020; a miss passes that "
        "chance explains with 1 % or more",
    ),
    Check(
        "safety.slice_coverage",
        "Is there a part of the population for which such sets promise too much?",
        "lowest coverage of a slice, with exact binomial intervals that hold for all slices at "
        "once (Bonferroni)",
        "audit.safety.min_slice_coverage; a warning for what chance does not explain below "
        "audit.safety.coverage",
        "what the team accepts; slices below audit.safety.min_slice_size are not judged",
    ),
)

ALPHA = 0.05
# How likely chance may at most be where the whole is said to be missed: a fail stops a release.
MISSED = 0.01
BARS = 12

Way = Literal["least sets", "adaptive sets", "absolute residual"]


@dataclass(frozen=True)
class Sets:
    """The prediction sets of all test rows, by what validation showed.

    Attributes:
        way: how the sets are made.
        seen: the true answers of validation that they were made by.
        covered: 1 where the truth is in the set, (rows,).
        size: the number of classes in the set, of a number the width of the interval, (rows,);
            infinite where there are too few rows to promise anything.
    """

    way: Way
    seen: int
    covered: Floats
    size: Floats


def strangeness(y_prob: Floats, way: Way, u: Floats) -> Floats:
    """Return how strange each class would be to each row, (rows, classes).

    Args:
        y_prob: probabilities, (rows, classes).
        way: ``least sets``: one less the probability (Sadinle, Lei and Wasserman, JASA 114,
            2019), the smallest sets in the mean; ``adaptive sets``: the probability of all
            classes that are likelier, and a random part of its own (Romano, Sesia and
            Candes, NeurIPS 2020), which covers easy and hard rows alike.
        u: the random part, from 0 to 1, (rows,).
    """
    if way == "least sets":
        return 1 - y_prob
    order = np.argsort(-y_prob, axis=1, kind="stable")
    ranked = np.take_along_axis(y_prob, order, axis=1)
    above = ranked.cumsum(axis=1) - ranked + u[:, None] * ranked
    strange = np.empty_like(y_prob)
    np.put_along_axis(strange, order, above, axis=1)
    return strange


def limit(strange: Floats, coverage: float) -> float:
    """Return how strange an answer may be, by what true answers were on other rows.

    With n of them it is the ceil((n + 1) * coverage)th smallest; infinite where n is too small.
    """
    place = int(np.ceil((len(strange) + 1) * coverage))
    return float(np.sort(strange)[place - 1]) if place <= len(strange) else float("inf")


def judged(
    way: Way, known: Floats, strange: Floats, candidates: Floats | None, coverage: float
) -> Sets:
    """Make the sets of test by the true answers of validation.

    Args:
        way: how strangeness was measured.
        known: that of the true answers of validation.
        strange: that of the true answer, (rows,).
        candidates: that of each class, (rows, classes); None for a number.
        coverage: what the sets promise.
    """
    most = limit(known, coverage)
    covered = (strange <= most).astype(np.float64)
    if candidates is None or np.isinf(most):
        size = np.full(len(strange), 2 * most)
    else:
        size = (candidates <= most).sum(axis=1).astype(np.float64)
    return Sets(way, len(known), covered, size)


def prediction_sets(e: Evidence, coverage: float) -> list[Sets]:
    """Return the sets of each way that the task has; the one that is judged is the last."""
    p, before = e.predictions, e.tried
    if isinstance(p, NumberPredictions) and isinstance(before, NumberPredictions):
        known, strange = np.abs(before.residuals), np.abs(p.residuals)
        return [judged("absolute residual", known, strange, None, coverage)]
    rng = np.random.default_rng((e.random_state, 3))
    u, u_before = rng.random(len(p)), rng.random(len(before))
    ways: tuple[Way, ...] = ("least sets", "adaptive sets")
    found = []
    for way in ways:
        candidates = strangeness(probabilities(p), way, u)
        known = of_truth(strangeness(probabilities(before), way, u_before), before)
        found.append(judged(way, known, of_truth(candidates, p), candidates, coverage))
    return found


def probabilities(p: AnyPredictions) -> Floats:
    """Return the probability of each class, (rows, classes)."""
    if isinstance(p, Predictions):
        return np.column_stack([1 - p.y_prob, p.y_prob])
    assert isinstance(p, ClassPredictions)  # noqa: S101 - a number has none
    return p.y_prob


def of_truth(strange: Floats, p: AnyPredictions) -> Floats:
    """Return how strange the true class is, (rows,); one that the model does not know is in no set.

    Args:
        strange: that of each class, (rows, classes).
        p: knows which one is true.
    """
    own: Floats = np.take_along_axis(strange, np.maximum(p.y_true, 0)[:, None], axis=1)[:, 0]
    return np.where(p.y_true < 0, np.inf, own)


def by_chance(covered: Any, rows: Any, seen: int, coverage: float) -> Any:
    """Return how likely it is that so few of `rows` are covered while the promise holds.

    The limit comes from `seen` rows, themselves by chance: the count that it covers of others
    is beta-binomial (Vovk, Conditional validity of inductive conformal predictors, 2012).
    """
    place = int(np.ceil((seen + 1) * coverage))
    return betabinom.cdf(covered, rows, place, seen + 1 - place)


def exact_interval(covered: Floats, rows: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the exact interval of shares (Clopper and Pearson, Biometrika 26, 1934)."""
    tail = (1 - level) / 2
    low = np.where(covered > 0, beta.ppf(tail, covered, rows - covered + 1), 0.0)
    high = np.where(covered < rows, beta.ppf(1 - tail, covered + 1, rows - covered), 1.0)
    return low, high


def slice_table(e: Evidence, sets: Sets, cut: Slices, coverage: float) -> list[dict[str, Any]]:
    """Return the coverage of each slice, the lowest first.

    The p-value asks whether chance explains what is missing; both it and the interval are
    corrected for the number of slices.
    """
    rows = cut.inside.sum(axis=0)
    covered = sets.covered @ cut.inside
    count = len(rows)
    low, high = exact_interval(covered, rows, 1 - ALPHA / count)
    p_value = np.minimum(by_chance(covered, rows, sets.seen, coverage) * count, 1.0)
    size = sets.size @ cut.inside / rows
    return [
        {
            "Column": e.title(cut.names[place][0]),
            "Slice": cut.names[place][1],
            "Rows": int(rows[place]),
            "Coverage": float(covered[place] / rows[place]),
            "Low": float(low[place]),
            "High": float(high[place]),
            "Corrected p-value": float(p_value[place]),
            "Mean size of the set": float(size[place]),
        }
        for place in np.argsort(covered / rows, kind="stable")
    ]


def covers(e: Evidence, sets: Sets, coverage: float, evidence: tuple[str, ...]) -> Verdict:
    """Ask that the sets hold the truth as often as promised, or that chance explains a miss."""
    check, threshold = "safety.coverage", f">= {plain(coverage)}"
    measured = mean_of(e, sets.covered)
    value, interval = measured["value"], measured["interval"]
    if value is None or interval is None or np.isinf(sets.size).any():
        why = "too few rows of validation to make sets of this coverage"
        return Verdict(check, "insufficient", None, None, threshold, evidence, why)
    of = "interval is" if e.task == "regression" else "set holds"
    unit = " wide" if e.task == "regression" else " classes"
    why = (
        f"share of test rows whose truth is in their prediction set; in the mean a {of} "
        f"{sets.size.mean():.4g}{unit}"
    )
    chance = by_chance(sets.covered.sum(), len(sets.covered), sets.seen, coverage)
    # Entities make the interval wider than rows alone: both have to speak against it.
    missed = interval[1] < coverage and chance < MISSED
    status: Status = "fail" if missed else "pass"
    return Verdict(check, status, value, interval, threshold, evidence, why)


def covers_slices(
    table: Sequence[Mapping[str, Any]], bounds: AuditSafety, evidence: tuple[str, ...]
) -> Verdict:
    """Hold the slice with the lowest coverage against its bound."""
    check, threshold = "safety.slice_coverage", f">= {plain(bounds.min_slice_coverage)}"
    if not table:
        why = f"no slice has {bounds.min_slice_size} rows"
        return Verdict(check, "insufficient", None, None, threshold, evidence, why)
    short = [row for row in table if row["Corrected p-value"] < ALPHA]
    worst = table[0]
    failed = any(row["High"] < bounds.min_slice_coverage for row in table)
    status: Status = "fail" if failed else "warn" if short else "pass"
    why = (
        f"of {len(table)} slices the sets cover {worst['Column']} = {worst['Slice']} least; chance "
        f"explains what is missing from {plain(bounds.coverage)}"
    )
    if short:
        names = [f"{row['Column']} = {row['Slice']} ({row['Coverage']:.2f})" for row in short]
        why = (
            f"of {len(table)} slices, those that the sets cover less than "
            f"{plain(bounds.coverage)}, beyond chance: {listed(names)}"
        )
    interval = (float(worst["Low"]), float(worst["High"]))
    return Verdict(check, status, worst["Coverage"], interval, threshold, evidence, why)


def draw_coverage(table: Sequence[Mapping[str, Any]], coverage: float) -> Figure:
    """Draw the slices with the lowest coverage, and what was promised."""
    shown = table[:BARS]
    fig, ax = figure(7.2, 1.5 + 0.3 * len(shown))
    ax.axvline(coverage, color=INK, linewidth=1.0)
    for place, row in enumerate(shown):
        colour = VERMILION if row["Corrected p-value"] < ALPHA else BLUE
        ax.plot((row["Low"], row["High"]), (place, place), color=colour, linewidth=2.2)
        ax.plot(row["Coverage"], place, "o", color=colour)
    ax.set(
        title="Who is promised too much?",
        xlabel="share of rows whose truth is in the set\n"
        "line: promised; vermilion: missed beyond chance",
        yticks=range(len(shown)),
        yticklabels=[
            f"{elide(row['Column'], 32)}: {elide(row['Slice'], 18)} ({row['Rows']:,})"
            for row in shown
        ],
        ylim=(len(shown) - 0.5, -0.5),
    )
    ax.grid(axis="y", visible=False)
    return fig


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Make prediction sets, and see for whom they hold."""
    ways = prediction_sets(e, bounds.coverage)
    last = ways[-1]
    cut = slices(e, bounds.min_slice_size)
    enough = bool(cut.names) and bool(np.isfinite(last.size).all())
    table = slice_table(e, last, cut, bounds.coverage) if enough else []
    shown = e.paths("coverage") if table else e.paths()
    found = Findings([covers(e, last, bounds.coverage, shown), covers_slices(table, bounds, shown)])
    found.tables["Prediction sets"] = [
        {
            "Sets": sets.way,
            "Coverage": float(sets.covered.mean()),
            "Mean size": float(sets.size.mean()),
            **(
                {}
                if e.task == "regression"
                else {
                    "Empty": float((sets.size == 0).mean()),
                    "One class": float((sets.size == 1).mean()),
                }
            ),
        }
        for sets in ways
    ]
    if table:
        found.tables["Coverage by slice"] = table
        found.figures["coverage"] = draw_coverage(table, bounds.coverage)
    return found
