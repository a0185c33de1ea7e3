"""Audit of fairness: does the model treat groups of people alike?

Names and definitions are fairlearn's. What is computed here for all bootstrap draws at
once equals fairlearn's numbers on the rows as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from stages.audit.evidence import (
    Check,
    Evidence,
    Findings,
    as_numbers,
    bounded,
    conduct,
    listed,
    plain,
)
from stages.core.errors import LoopwrightError
from stages.core.figures import BLUE, FAINT, GREEN, MUTED, VERMILION, amounts, elide, figure
from stages.core.metrics import METRICS, Predictions, measure_all, roc_auc
from stages.core.params import AuditFairness, read_params
from stages.core.statistics import Estimate, Floats, bootstrap, estimate, interval, ratio
from stages.core.verdicts import SEVERITY, Verdict

# Below ten of an outcome, a rate among them says nothing (the rule of thumb n p >= 10).
MIN_OUTCOMES = 10
# The small model that looks for proxies.
PROXY_TREES, PROXY_DEPTH, PROXY_LEAF, PROXY_FOLDS = 40, 8, 20, 3
MISSING = "missing"

CHECKS = (
    Check(
        "fairness.group_size",
        "Is every group large enough to be judged?",
        "rows of the smallest group in test, by sensitive feature",
        "audit.fairness.min_group_size",
        "what the team takes for the least; smaller groups are named and left out below",
    ),
    Check(
        "fairness.demographic_parity_difference",
        "Are all groups acted on equally often?",
        "greatest less smallest selection rate over the groups of a sensitive feature",
        "audit.fairness.max_demographic_parity_difference",
        "what the team accepts",
    ),
    Check(
        "fairness.demographic_parity_ratio",
        "Is no group acted on much less often than another?",
        "smallest selection rate by the greatest over the groups of a sensitive feature",
        "audit.fairness.min_demographic_parity_ratio",
        "the four-fifths rule: US Uniform Guidelines on Employee Selection, 29 CFR 1607.4 D",
    ),
    Check(
        "fairness.equalized_odds_difference",
        "Are errors spread equally over the groups?",
        "the greater of the differences of true and of false positive rates over the groups",
        "audit.fairness.max_equalized_odds_difference",
        "what the team accepts; Hardt, Price and Srebro, NeurIPS 2016",
    ),
    Check(
        "fairness.intersections",
        "Do two features together hide a group that each alone does not show?",
        "the three measures above over all pairs of sensitive features; the worst pair",
        "the bounds of the three measures; a warning where chance alone makes as much of it",
        "Kearns and others, Preventing Fairness Gerrymandering, ICML 2018",
    ),
    Check(
        "fairness.proxy",
        "Can the model's inputs tell the group, though it is left out?",
        "ROC AUC of a small cross-validated model from the inputs to each group; the highest",
        "audit.fairness.max_proxy_roc_auc",
        "what the team accepts",
    ),
    Check(
        "fairness.attribute_flip",
        "Does a decision turn when only the group changes?",
        "share of test decisions that turn when the feature takes another group's value",
        "= 0",
        "a model that does not read a feature cannot turn; one that reads it is told",
    ),
)

# --- groups -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grouping:
    """The test rows by group.

    Attributes:
        name: the feature, or both of a pair.
        labels: the groups, in order, (k,).
        codes: the group of each row, 0 to k - 1, (n,).
    """

    name: str
    labels: tuple[str, ...]
    codes: npt.NDArray[np.intp]

    @property
    def sizes(self) -> npt.NDArray[np.intp]:
        """The number of rows of each group, (k,)."""
        return np.bincount(self.codes, minlength=len(self.labels))


def group(column: "pd.Series[Any]", e: Evidence, age_bands: Sequence[float]) -> Grouping:
    """Group rows by a sensitive feature: codes by value, years by bands, numbers by quarters.

    Raises:
        LoopwrightError: a number of years lies outside of `age_bands`.
    """
    name = str(column.name)
    spec = e.schema.column(name, "charter.sensitive_features")
    if spec.kind == "numeric":
        labels, codes = _banded(column, e.train[name], age_bands if spec.unit == "years" else None)
    else:
        known = sorted(column.dropna().unique())
        labels = [spec.label(value) for value in known]
        codes = pd.Categorical(column, categories=known).codes.astype(np.intp)
    if (codes < 0).any():
        labels = [*labels, MISSING]
        codes = np.where(codes < 0, len(labels) - 1, codes)
    return Grouping(name, tuple(labels), codes)


def _banded(
    column: "pd.Series[Any]", train: "pd.Series[Any]", bands: Sequence[float] | None
) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Cut a number at `bands`, or at its quartiles in train; -1 where it is missing."""
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if bands is None:
        edges = np.unique(train.quantile([0.25, 0.5, 0.75]).dropna())
        shown = amounts([float(edge) for edge in edges])
        between = (f"{low} to {high}" for low, high in pairwise(shown))
        labels = [f"below {shown[0]}", *between, f"{shown[-1]} and above"]
        codes = np.searchsorted(edges, numbers, side="right")
    else:
        edges = np.array(bands)
        outside = numbers[(numbers < edges[0]) | (numbers >= edges[-1])]
        if len(outside):
            raise LoopwrightError(
                f"audit.fairness.age_bands: {column.name} = {outside[0]:g} lies outside of "
                f"{edges[0]:g} to {edges[-1]:g}; widen the first or the last band"
            )
        labels = [f"{a:g} to {b - 1:g}" for a, b in pairwise(edges)]
        codes = np.searchsorted(edges, numbers, side="right") - 1
    # Bands that nobody is in are no groups.
    codes = np.where(np.isnan(numbers), -1, codes)
    kept = [place for place in range(len(labels)) if (codes == place).any()]
    place_of = np.full(len(labels) + 1, -1)
    place_of[kept] = np.arange(len(kept))
    return [labels[place] for place in kept], place_of[codes]


def crossed(first: Grouping, second: Grouping) -> Grouping:
    """Return the groups that two groupings make together; empty ones are left out."""
    both = first.codes * len(second.labels) + second.codes
    found, codes = np.unique(both, return_inverse=True)
    labels = [
        f"{first.labels[cell // len(second.labels)]}, {second.labels[cell % len(second.labels)]}"
        for cell in found
    ]
    return Grouping(f"{first.name} x {second.name}", tuple(labels), codes.astype(np.intp))


# --- measures -----------------------------------------------------------------------------

# The sums from which every measure of a group follows.
TP, FP, TN, FN, SCORE = range(5)

MEASURES = (
    "Selection rate",
    "True positive rate",
    "False positive rate",
    "Precision",
    "Calibration",
)


def sums(grouping: Grouping, p: Predictions, weights: npt.NDArray[Any]) -> Floats:
    """Return the sums of each group for each draw, (d, k, 5): TP, FP, TN, FN, probability."""
    k = len(grouping.labels)
    cells = np.hstack([p.outcomes, p.y_prob[:, None]])
    one_hot = np.eye(k)[grouping.codes]
    spread_out = (one_hot[:, :, None] * cells[:, None, :]).reshape(len(p), k * 5)
    found: Floats = weights @ spread_out
    return found.reshape(len(weights), k, 5)


def measures(found: Floats) -> dict[str, Floats]:
    """Return every measure of every group from its `sums`, each (d, k); NaN where undefined.

    Calibration is the mean probability less the share of positives: above 0, the model
    overstates the group's risk.
    """
    tp, fp, tn, fn, score_sum = np.moveaxis(found, -1, 0)
    rows = tp + fp + tn + fn
    rates = (
        ratio(tp + fp, rows),
        ratio(tp, tp + fn),
        ratio(fp, fp + tn),
        ratio(tp, tp + fp),
        ratio(score_sum - tp - fn, rows),
    )
    return dict(zip(MEASURES, rates, strict=True))


def demographic_parity_difference(rates: Mapping[str, Floats]) -> Floats:
    """Return the greatest less the smallest selection rate of each draw, (d,)."""
    return _range(rates["Selection rate"])


def demographic_parity_ratio(rates: Mapping[str, Floats]) -> Floats:
    """Return the smallest by the greatest selection rate, (d,); NaN where nobody is selected."""
    selected = rates["Selection rate"]
    return ratio(selected.min(axis=1), selected.max(axis=1))


def equalized_odds_difference(rates: Mapping[str, Floats]) -> Floats:
    """Return the greater of the ranges of true and of false positive rates, (d,)."""
    return np.maximum(_range(rates["True positive rate"]), _range(rates["False positive rate"]))


def _range(rates: Floats) -> Floats:
    widest: Floats = rates.max(axis=1) - rates.min(axis=1)
    return widest


DISPARITIES = {
    "demographic_parity_difference": demographic_parity_difference,
    "demographic_parity_ratio": demographic_parity_ratio,
    "equalized_odds_difference": equalized_odds_difference,
}
# Of these 1 is best, of the others 0.
RATIOS = frozenset({"demographic_parity_ratio"})


@dataclass(frozen=True)
class Comparison:
    """What is known about the groups of one grouping.

    Attributes:
        grouping: all groups.
        side: the outcome that it is about.
        counts: their `sums` on the rows as they are, (k, 5).
        large: which groups have the rows to be judged, (k,).
        mixed: which groups have both outcomes often enough for rates of errors, (k,).
        once: the measures on the rows as they are, each (k,).
        drawn: the measures on each draw, each (draws, k).
    """

    grouping: Grouping
    side: str
    counts: Floats
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
        errors = name == "equalized_odds_difference"
        return np.flatnonzero(self.large & self.mixed if errors else self.large)

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
        """Return the disparity that chance makes of a model with one rate for all, (draws,).

        Each group that can be judged keeps its rows; what happens to them is drawn with the
        rate that all groups have together.
        """
        tp, fp, tn, fn, _ = self.counts[self.judged(name)].T

        def drawn(successes: Floats, trials: Floats) -> Floats:
            rate = successes.sum() / trials.sum()
            return rng.binomial(trials.astype(np.int64), rate, (draws, len(trials))) / trials

        if name == "equalized_odds_difference":
            return equalized_odds_difference(
                {
                    "True positive rate": drawn(tp, tp + fn),
                    "False positive rate": drawn(fp, fp + tn),
                }
            )
        return DISPARITIES[name]({"Selection rate": drawn(tp + fp, tp + fp + tn + fn)})


def compare(
    grouping: Grouping, side: tuple[str, Predictions], e: Evidence, min_group_size: int
) -> Comparison:
    """Measure every group on one side of the target, as it is and on bootstrap draws."""
    outcome, p = side
    found = sums(grouping, p, np.ones((1, len(p))))
    drawn = bootstrap(
        lambda weights: sums(grouping, p, weights), len(p), e.draws, e.random_state, e.entities
    )
    positive = found[0, :, TP] + found[0, :, FN]
    negative = found[0, :, FP] + found[0, :, TN]
    return Comparison(
        grouping=grouping,
        side=outcome,
        counts=found[0],
        large=grouping.sizes >= min_group_size,
        mixed=np.minimum(positive, negative) >= MIN_OUTCOMES,
        once={name: rates[0] for name, rates in measures(found).items()},
        drawn=measures(drawn),
    )


# --- verdicts -----------------------------------------------------------------------------


def group_size(c: Comparison, min_group_size: int, evidence: tuple[str, ...]) -> Verdict:
    """Name the groups that are too small: about them the audit knows nothing."""
    small = [
        f"{label} ({size})"
        for label, size, large in zip(c.grouping.labels, c.sizes, c.large, strict=True)
        if not large
    ]
    why = f"each of the {len(c.sizes)} groups of {c.grouping.name} has the rows to be judged"
    if small:
        why = f"too few test rows to judge these groups of {c.grouping.name}: {listed(small, 10)}"
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
    bound = {
        "demographic_parity_difference": bounds.max_demographic_parity_difference,
        "demographic_parity_ratio": bounds.min_demographic_parity_ratio,
        "equalized_odds_difference": bounds.max_equalized_odds_difference,
    }[name]
    why = f"{name.replace('_', ' ')} over the groups of {c.grouping.name}{_extremes(c, name)}"
    side: Literal["at_least", "at_most"] = "at_least" if name in RATIOS else "at_most"
    return bounded(check, c.disparity(name), side, bound, evidence, why)


def of_all_sides(
    compared: Sequence[Comparison], name: str, bounds: AuditFairness, evidence: tuple[str, ...]
) -> Verdict:
    """Return the verdict on a disparity, of several outcomes that of the worst."""
    check = f"fairness.{name}:{compared[0].grouping.name}"
    found = [disparity(c, name, bounds, check, evidence) for c in compared]
    direction = -1 if name in RATIOS else 1
    worst = max(
        range(len(found)),
        key=lambda place: (
            found[place].status != "insufficient",
            -SEVERITY.index(found[place].status),
            direction * float(found[place].value or 0),
        ),
    )
    if len(found) == 1:
        return found[0]
    why = f"of {len(found)} outcomes the worst, {compared[worst].side}: {found[worst].why}"
    return replace(found[worst], why=why)


def _extremes(c: Comparison, name: str) -> str:
    """Name the groups between which the disparity lies."""
    titles = ["Selection rate"]
    if name == "equalized_odds_difference":
        titles = ["True positive rate", "False positive rate"]
    places = c.judged(name)
    if len(places) < 2:
        return ""
    title = max(titles, key=lambda title: float(np.ptp(c.once[title][places])))
    rates = c.once[title][places]
    low, high = places[rates.argmin()], places[rates.argmax()]
    return (
        f"; {title.lower()} from {rates.min():.1%} ({c.grouping.labels[low]}) "
        f"to {rates.max():.1%} ({c.grouping.labels[high]})"
    )


def intersections(
    pairs: Sequence[Comparison],
    bounds: AuditFairness,
    draws: int,
    random_state: int,
    evidence: tuple[str, ...],
) -> Iterator[Verdict]:
    """Yield the worst pair's verdict on each disparity.

    The most different of many small groups differ much by chance alone. What misses its
    bound fails only where it is more than chance makes of the worst pair in one case of
    twenty, with one rate for all groups; else it warns.
    """
    for name in DISPARITIES:
        check = f"fairness.intersections:{name}"
        if not pairs:
            why = "fewer than two sensitive features are declared"
            yield Verdict(check, "not_applicable", None, None, None, evidence, why)
            continue
        verdicts = [disparity(pair, name, bounds, check, evidence) for pair in pairs]
        known = [place for place, v in enumerate(verdicts) if v.status != "insufficient"]
        if not known:
            yield verdicts[0]
            continue
        rng = np.random.default_rng(random_state)
        chance = np.array([pairs[place].by_chance(name, draws, rng) for place in known])
        # A ratio is the worse the smaller, a difference the worse the greater.
        direction = -1 if name in RATIOS else 1
        limit = direction * float(np.quantile((direction * chance).max(axis=0), 0.95))
        worst = max(
            (verdicts[place] for place in known),
            key=lambda v: (-SEVERITY.index(v.status), direction * float(v.value or 0)),
        )
        beyond = direction * float(worst.value or 0) > direction * limit
        side = "down to" if name in RATIOS else "up to"
        yield replace(
            worst,
            status="warn" if worst.status == "fail" and not beyond else worst.status,
            why=f"{worst.why}; chance alone makes it {side} {limit:.3f} on groups of these sizes",
        )


def proxy(
    grouping: Grouping, e: Evidence, bounds: AuditFairness, evidence: tuple[str, ...]
) -> Verdict:
    """Ask whether the model's other inputs can tell the groups of a sensitive feature."""
    check = f"fairness.proxy:{grouping.name}"
    others = [name for name in e.inputs if name in e.rows and name != grouping.name]
    large = np.flatnonzero(grouping.sizes >= max(bounds.min_group_size, PROXY_FOLDS))
    if grouping.name in e.inputs or not others:
        why = f"the model reads {grouping.name} itself; see the attribute flip"
        if not others:
            why = f"the model has no inputs that could tell {grouping.name}"
        return Verdict(check, "not_applicable", None, None, None, evidence, why)
    threshold = f"<= {plain(bounds.max_proxy_roc_auc)}"
    if len(large) < 2:
        why = f"fewer than two groups of {grouping.name} are large enough to be told apart"
        return Verdict(check, "insufficient", None, None, threshold, evidence, why)
    inside = np.isin(grouping.codes, large)
    numbers = as_numbers(e.rows.loc[inside, others])
    told = tell_apart(numbers, grouping.codes[inside], e.random_state)
    # Of two groups, each is told as well as the other.
    places = range(len(large) if len(large) > 2 else 1)
    ranked = [_told(grouping.codes[inside] == large[place], told[:, place]) for place in places]
    best = int(np.argmax([roc_auc(p, np.ones((1, len(p))))[0] for p in ranked]))
    measured = measure_all(
        ranked[best],
        e.draws,
        e.random_state,
        None if e.entities is None else e.entities[inside],
        [METRICS["roc_auc"]],
    )
    label = grouping.labels[large[best]]
    why = (
        f"how well {len(others)} inputs of the model tell {label} from the "
        f"other groups of {grouping.name} (0.5: not at all, 1: always)"
    )
    return bounded(
        check,
        measured["roc_auc"].estimate(),
        "at_most",
        bounds.max_proxy_roc_auc,
        evidence,
        why,
    )


def _told(is_group: npt.NDArray[np.bool_], probability: Floats) -> Predictions:
    members = is_group.astype(np.int64)
    return Predictions(members, probability, members)


def tell_apart(inputs: pd.DataFrame, codes: npt.NDArray[np.intp], random_state: int) -> Floats:
    """Return the out-of-fold probability of each group, (n, groups), groups by code."""
    trees = ExtraTreesClassifier(
        n_estimators=PROXY_TREES,
        max_depth=PROXY_DEPTH,
        min_samples_leaf=PROXY_LEAF,
        random_state=random_state,
    )
    folds = StratifiedKFold(PROXY_FOLDS, shuffle=True, random_state=random_state)
    told: Floats = cross_val_predict(
        trees, inputs.to_numpy(), codes, cv=folds, method="predict_proba"
    )
    return np.clip(told, 0, 1)


def attribute_flip(grouping: Grouping, e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Give every row the value of a row of another group, and count the decisions that turn."""
    name, check = grouping.name, f"fairness.attribute_flip:{grouping.name}"
    if len(grouping.labels) < 2:
        why = f"test holds one group of {name} only"
        return Verdict(check, "insufficient", None, None, "= 0", evidence, why)
    flipped = e.rows.assign(**{name: _of_another_group(e.rows[name], grouping, e.random_state)})
    answers = e.ask(flipped)
    turned = e.turned(e.predicted, answers).astype(np.float64)
    moved = int(np.sum(e.moved(e.predicted, answers) != 0))
    drawn = bootstrap(
        lambda weights: weights @ turned / weights.sum(axis=1),
        len(turned),
        e.draws,
        e.random_state,
        e.entities,
    )
    value, between = float(turned.mean()), interval(drawn)
    if not moved:
        why = f"the model does not look at {name}: no answer moves when it changes"
        return Verdict(check, "pass", value, between, "= 0", evidence, why)
    why = f"share of decisions that turn when {name} alone changes ({moved:,} answers move)"
    if name in e.inputs:
        return Verdict(check, "warn", value, between, "= 0", evidence, f"{why}; it is an input")
    why += f"; its manifest says that the model does not read {name}"
    return Verdict(check, "fail", value, between, "= 0", evidence, why)


def _of_another_group(
    column: "pd.Series[Any]", grouping: Grouping, random_state: int
) -> "pd.Series[Any]":
    """Return for each row the value of a random row of another group."""
    rng = np.random.default_rng(random_state)
    donors = np.empty(len(column), dtype=np.intp)
    for code in range(len(grouping.labels)):
        own = grouping.codes == code
        donors[own] = rng.choice(np.flatnonzero(~own), size=int(own.sum()))
    return column.iloc[donors].set_axis(column.index)


# --- tables and figures -------------------------------------------------------------------


def group_table(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return one row a group: its size, its measures and their intervals."""
    table = []
    several = len({c.side for c in comparisons}) > 1
    for c in comparisons:
        for place, label in enumerate(c.grouping.labels):
            row: dict[str, Any] = {
                **({"Outcome": c.side} if several else {}),
                "Feature": c.grouping.name,
                "Group": label,
                "Rows": int(c.sizes[place]),
            }
            for name in MEASURES:
                low, high = interval(c.drawn[name][:, place])
                judged = bool(c.large[place])
                row[name] = float(c.once[name][place]) if judged else None
                row[f"{name}, low"] = low if judged else None
                row[f"{name}, high"] = high if judged else None
            table.append(row)
    return table


def disparity_table(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return one row a grouping and disparity."""
    table = []
    several = len({c.side for c in comparisons}) > 1
    for c in comparisons:
        for name in DISPARITIES:
            found = c.disparity(name)
            low, high = found["interval"] or (None, None)
            table.append(
                {
                    **({"Outcome": c.side} if several else {}),
                    "Features": c.grouping.name,
                    "Disparity": name,
                    "Groups judged": int(c.large.sum()),
                    "Value": found["value"],
                    "Low": low,
                    "High": high,
                }
            )
    return table


def draw_groups(
    comparisons: Sequence[Comparison],
    measured: Sequence[tuple[str, str, str]],
    title: str,
    xlabel: str,
    e: Evidence,
    least_ratio: float | None = None,
) -> Figure:
    """Draw measures of the groups of each feature, one panel a feature.

    Args:
        comparisons: one a feature.
        measured: (measure, colour, label) of what is drawn.
        title: what is asked.
        xlabel: what the axis shows.
        e: the evidence, for the features' titles.
        least_ratio: where given, the zone below that share of the panel's greatest value
            is grey.
    """
    heights = [max(len(c.grouping.labels), 2) for c in comparisons]
    fig, axes = figure(
        7.2,
        1.2 + 0.3 * sum(heights) + 0.35 * len(heights),
        nrows=len(comparisons),
        squeeze=False,
        sharex=True,
        gridspec_kw={"height_ratios": heights},
    )
    for ax, c in zip(axes[:, 0], comparisons, strict=True):
        for step, (name, colour, _) in enumerate(measured):
            for place in np.flatnonzero(c.large):
                y = place + 0.24 * (step - (len(measured) - 1) / 2)
                low, high = interval(c.drawn[name][:, place])
                ax.plot((low, high), (y, y), color=colour, linewidth=2.2)
                ax.plot(c.once[name][place], y, "o", color=colour)
        for place in np.flatnonzero(~c.large):
            ax.text(
                0.01,
                place,
                "too few rows to judge",
                color=MUTED,
                va="center",
                transform=ax.get_yaxis_transform(),
            )
        if least_ratio is not None and c.large.any():
            most = float(c.once[measured[0][0]][c.large].max())
            ax.axvspan(0, least_ratio * most, color=FAINT, zorder=0)
        k = len(c.grouping.labels)
        ax.set(
            title=elide(e.title(c.grouping.name), 60),
            yticks=range(k),
            yticklabels=[
                f"{elide(label, 30)} ({size:,})"
                for label, size in zip(c.grouping.labels, c.sizes, strict=True)
            ],
            ylim=(k - 0.5, -0.5),
        )
        ax.grid(axis="y", visible=False)
    ends = [
        interval(c.drawn[name][:, place])[1]
        for c in comparisons
        for name, *_ in measured
        for place in np.flatnonzero(c.large)
    ]
    axes[-1, 0].set(xlabel=xlabel, xlim=(0, min(1.05 * np.nanmax([*ends, 0.1]), 1.02)))
    if len(measured) > 1:
        handles = [axes[0, 0].plot([], [], "o-", color=colour)[0] for _, colour, _ in measured]
        fig.legend(handles, [label for *_, label in measured], loc="outside lower left", ncols=2)
    fig.suptitle(title)
    return fig


# --- the pillar ---------------------------------------------------------------------------


def examine(e: Evidence, bounds: AuditFairness) -> Findings:
    """Answer every check of the pillar.

    Raises:
        LoopwrightError: a sensitive feature is not a column of the table, or a number of
            years lies outside of the age bands.
    """
    found = Findings()
    if not e.sensitive_features:
        why = "the charter declares no sensitive features"
        found.verdicts = [
            Verdict(check.id, "not_applicable", None, None, None, e.paths(), why)
            for check in CHECKS
        ]
        return found
    for name in e.sensitive_features:
        if name not in e.test:
            raise LoopwrightError(f"charter.sensitive_features: the table has no column '{name}'")
    groupings = [group(e.test[name], e, bounds.age_bands) for name in e.sensitive_features]
    pairs = [crossed(first, second) for first, second in combinations(groupings, 2)]
    least = bounds.min_group_size
    by_feature = [[compare(g, side, e, least) for side in e.sides] for g in groupings]
    # Of several outcomes the pictures are of the most frequent one.
    frequent = int(np.argmax([p.y_true.sum() for _, p in e.sides]))
    compared = [sides[frequent] for sides in by_feature]
    crossings = [compare(g, side, e, least) for g in pairs for side in e.sides]
    found.verdicts = [
        *(group_size(c, bounds.min_group_size, e.paths("selection_rate")) for c in compared),
        *(
            of_all_sides(sides, name, bounds, e.paths(picture))
            for name, picture in (
                ("demographic_parity_difference", "selection_rate"),
                ("demographic_parity_ratio", "selection_rate"),
                ("equalized_odds_difference", "error_rates"),
            )
            for sides in by_feature
        ),
        *intersections(crossings, bounds, e.draws, e.random_state, e.paths()),
        *(proxy(grouping, e, bounds, e.paths()) for grouping in groupings),
        *(attribute_flip(grouping, e, e.paths()) for grouping in groupings),
    ]
    found.tables = {
        "Groups": group_table([c for sides in by_feature for c in sides]),
        "Intersections": group_table(crossings),
        "Disparities": disparity_table([*(c for sides in by_feature for c in sides), *crossings]),
    }
    found.figures = {
        "selection_rate": draw_groups(
            compared,
            [("Selection rate", BLUE, "acted on")],
            "Are all groups acted on equally often?",
            "share of the group that the model acts on, with 95 % interval\n"
            f"grey: below {bounds.min_demographic_parity_ratio:.0%} of the group acted on most",
            e,
            bounds.min_demographic_parity_ratio,
        ),
        "error_rates": draw_groups(
            compared,
            [
                ("True positive rate", GREEN, "of those who need action: found"),
                ("False positive rate", VERMILION, "of those who do not: acted on in vain"),
            ],
            "Are errors spread equally over the groups?",
            "share, with 95 % interval",
            e,
        ),
    }
    return found


def main(
    *,
    params: Path,
    schema: Path,
    lock: Path,
    train: Path,
    test: Path,
    model: Path,
    model_manifest: Path,
    evaluation: Path,
    verdicts: Path,
    figures: Path,
    files: Path,
) -> None:
    """Audit the fairness of `model` on `test`; write `verdicts`, `figures` and `files`."""
    chosen = read_params(params)
    conduct(
        CHECKS,
        partial(examine, bounds=chosen.audit.fairness),
        params=params,
        schema=schema,
        lock=lock,
        train=train,
        test=test,
        model=model,
        model_manifest=model_manifest,
        evaluation=evaluation,
        verdicts=verdicts,
        figures=figures,
        files=files,
    )
