"""Is there a part of the population about which the model is systematically wrong?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from stages.audit.evidence import Check, Evidence, Findings, plain
from stages.core.figures import BLUE, FAINT, INK, amounts, elide, figure
from stages.core.metrics import PER_DECISIONS, NumberPredictions, Predictions
from stages.core.params import AuditSafety
from stages.core.statistics import Floats, bootstrap
from stages.core.verdicts import Verdict, at_most

BARS = 10

CHECKS = (
    Check(
        "safety.worst_slice",
        "Is there a part of the population about which it is systematically wrong?",
        "largest distance of mean probability from share of positives over all slices, with an "
        "interval that holds for all of them at once; of several classes that of the likeliest, "
        "of a number that of the mean, in standard deviations of the target",
        "audit.safety.worst_slice_gap",
        "what the team accepts; slices below audit.safety.min_slice_size are not judged",
    ),
)


@dataclass(frozen=True)
class Slices:
    """Parts of the test split: names (k,), and which rows each holds (n, k)."""

    names: tuple[tuple[str, str], ...]
    inside: npt.NDArray[np.float64]


def slices(e: Evidence, min_size: int) -> Slices:
    """Cut test by every value of a code and every quarter (in train) of a number.

    A slice with fewer than `min_size` rows is left out, and so is one that is nearly all.
    """
    names, masks = [], []
    for column, spec in e.schema.columns.items():
        if column in (e.target.column, e.key) or spec.kind in ("identifier", "datetime"):
            continue
        for label, mask in _parts(e, column, min_size):
            if min_size <= mask.sum() <= len(mask) - min_size:
                names.append((column, label))
                masks.append(mask)
    inside = np.array(masks, dtype=np.float64).T if masks else np.empty((len(e.test), 0))
    return Slices(tuple(names), inside)


def _parts(e: Evidence, column: str, min_size: int) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    spec, values = e.schema.columns[column], e.test[column]
    if spec.kind == "numeric":
        edges = np.unique(e.train[column].quantile([0, 0.25, 0.5, 0.75, 1]).dropna())
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        shown = amounts([float(edge) for edge in edges])
        for place in range(len(edges) - 1):
            # The first and the last quarter are open: test may go beyond train.
            above = numbers > edges[place] if place else numbers == numbers
            below = numbers <= edges[place + 1] if place + 2 < len(edges) else numbers == numbers
            yield f"{shown[place]} to {shown[place + 1]}", above & below
    else:
        # A rare value is no slice, and there may be thousands of them.
        rows = values.value_counts()
        for value in sorted(rows.index[rows >= min_size]):
            yield spec.label(value), (values == value).to_numpy(dtype=bool, na_value=False)
    yield "missing", values.isna().to_numpy()


def off(e: Evidence) -> Floats:
    """Return by how much the answer to each row is too high, shape (rows,).

    Binary: probability less outcome. Multiclass: the probability of the likeliest class,
    less 1 where that happened. Regression: the residual, in standard deviations.
    """
    p = e.predictions
    if isinstance(p, NumberPredictions):
        return p.residuals / e.spread_of_target
    return p.confidence - p.hit


def slice_gaps(
    off: Floats,
    inside: Floats,
    draws: int,
    random_state: int,
    entities: npt.ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Return how far off the mean answer of each slice is, and half its interval.

    The intervals hold for all slices at once with 95 %: their half width is the same
    number of standard errors for each, the 95 % quantile over bootstrap draws of the
    largest deviation in any slice (Romano and Wolf, Econometrica 73, 2005). So the worst
    of many slices is not taken for more than chance makes of it.

    Args:
        off: by how much each answer is too high, shape (n,).
        inside: 1 where a row belongs to a slice, (n, k).
        draws: the number of draws.
        random_state: the seed.
        entities: the entity of each row where entities repeat.

    Returns:
        The gaps and the half widths, both (k,).
    """
    wrong = off[:, None] * inside
    gaps: Floats = wrong.sum(axis=0) / inside.sum(axis=0)
    k = inside.shape[1]
    both = np.hstack([wrong, inside])

    def drawn(weights: npt.NDArray[Any]) -> Floats:
        sums: Floats = weights @ both
        return sums[:, :k] / np.maximum(sums[:, k:], 1)

    deviation = bootstrap(drawn, len(off), draws, random_state, entities) - gaps
    error = deviation.std(axis=0)
    largest = np.abs(deviation / np.maximum(error, np.finfo(np.float64).tiny)).max(axis=1)
    return gaps, float(np.quantile(largest, 0.95)) * error


def worst_slice(
    cut: Slices, gaps: Floats, half: Floats, bounds: AuditSafety, evidence: tuple[str, ...]
) -> Verdict:
    """Hold the slice with the largest gap against the bound."""
    threshold = f"<= {plain(bounds.worst_slice_gap)}"
    if not cut.names:
        why = f"no slice has {bounds.min_slice_size} rows"
        return Verdict("safety.worst_slice", "insufficient", None, None, threshold, evidence, why)
    worst = int(np.argmax(np.abs(gaps)))
    value = abs(float(gaps[worst]))
    # Of the largest gap, whichever slice has it.
    interval = (
        max(float((np.abs(gaps) - half).max()), 0.0),
        float((np.abs(gaps) + half).max()),
    )
    column, label = cut.names[worst]
    side = "too high" if gaps[worst] > 0 else "too low"
    why = (
        f"of {len(cut.names)} slices, the model's answer is furthest off in {column} = "
        f"{label}, {side} in the mean; the interval holds for all slices at once"
    )
    status = at_most(value, interval, bounds.worst_slice_gap)
    return Verdict("safety.worst_slice", status, value, interval, threshold, evidence, why)


def slice_table(e: Evidence, cut: Slices, gaps: Floats, half: Floats) -> list[dict[str, Any]]:
    """Return one row a slice, the worst first."""
    p = e.predictions
    size = cut.inside.sum(axis=0)
    if isinstance(p, NumberPredictions):
        told = {"Mean truth": p.y_true, "Mean prediction": p.y_pred}
        wrong = {"Mean absolute error": np.abs(p.residuals)}
    else:
        binary = isinstance(p, Predictions)
        told = {
            "Share of positives" if binary else "Likeliest class came true": p.hit,
            "Mean probability" if binary else "Mean probability of it": p.confidence,
        }
        wrong = {"Wrong decisions": 1 - p.row_right}
    means = {
        **{title: values @ cut.inside / size for title, values in told.items()},
        "Gap": gaps,
        "Gap, low": gaps - half,
        "Gap, high": gaps + half,
        **{title: values @ cut.inside / size for title, values in wrong.items()},
        f"Value per 1,000, {e.costs.currency}": PER_DECISIONS
        * (p.row_values() @ cut.inside / size),
    }
    order = np.argsort(-np.abs(gaps), kind="stable")
    return [
        {
            "Column": e.title(cut.names[place][0]),
            "Slice": cut.names[place][1],
            "Rows": int(size[place]),
            **{title: float(column[place]) for title, column in means.items()},
        }
        for place in order
    ]


def draw_slices(table: Sequence[Mapping[str, Any]], bound: float) -> Figure:
    """Draw the worst slices with their common intervals, and the bound."""
    shown = table[:BARS]
    fig, ax = figure(7.2, 1.5 + 0.3 * len(shown))
    low = min(-bound, *(row["Gap, low"] for row in shown))
    high = max(bound, *(row["Gap, high"] for row in shown))
    pad = 0.05 * (high - low)
    for left, right in ((low - pad, -bound), (bound, high + pad)):
        ax.axvspan(left, right, color=FAINT)
    ax.axvline(0, color=INK, linewidth=1.0)
    for place, row in enumerate(shown):
        ax.plot((row["Gap, low"], row["Gap, high"]), (place, place), color=BLUE, linewidth=2.2)
        ax.plot(row["Gap"], place, "o", color=BLUE)
    ax.set(
        title="About whom is the model most wrong?",
        xlabel="how far the mean answer is off\n"
        "left: too low; right: too high; grey: beyond the bound",
        yticks=range(len(shown)),
        yticklabels=[
            f"{elide(row['Column'], 32)}: {elide(row['Slice'], 18)} ({row['Rows']:,})"
            for row in shown
        ],
        ylim=(len(shown) - 0.5, -0.5),
        xlim=(low - pad, high + pad),
    )
    ax.grid(axis="y", visible=False)
    return fig


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Look at the parts one by one."""
    cut = slices(e, bounds.min_slice_size)
    if cut.names:
        gaps, half = slice_gaps(off(e), cut.inside, e.draws, e.random_state, e.entities)
    else:
        gaps, half = np.empty(0), np.empty(0)
    rows = slice_table(e, cut, gaps, half)
    shown = e.paths("slices") if cut.names else e.paths()
    found = Findings([worst_slice(cut, gaps, half, bounds, shown)], {"Slices": rows})
    if cut.names:
        found.figures["slices"] = draw_slices(rows, bounds.worst_slice_gap)
    return found
