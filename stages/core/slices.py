"""Where a model errs more than elsewhere: parts of the table, held against the rest of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core.many_tests import ALPHA, holm
from stages.core.metrics import AnyPredictions, Metric, NumberPredictions, Predictions
from stages.core.part_means import entity_sums, part_means
from stages.core.parts import MIN_ROWS, Condition, Mask, definition, parts
from stages.core.slice_tree import honest_halves, weak_parts
from stages.core.statistics import (
    Drawn,
    Floats,
    Seed,
    Weights,
    bootstrap,
    ratio,
)
from stages.core.variables import Variable

# Cells of rows and slices that are held at once: a large table with many codes has many.
BLOCK_CELLS = 10_000_000


def find_slices(
    p: AnyPredictions,
    variables: Sequence[Variable],
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
    metric: Metric | None = None,
    min_rows: int = MIN_ROWS,
) -> list[dict[str, Any]]:
    """Return parts of the table with their mean loss, held against the rest.

    Two kinds are looked at: each part of one column (`stages.core.parts.parts`), on
    all rows; and the nodes of a shallow tree, which are found on one half of the rows and
    measured on the other (`stages.core.slice_tree.weak_parts`). A slice is flagged where
    its loss is above that of the rest with p < `ALPHA` after Holm's correction for all
    slices looked at, so that in nineteen of twenty tables without a weak part nothing is.

    Args:
        p: n rows.
        variables: the columns of the same rows by which to cut.
        draws: the number of bootstrap draws, for the intervals.
        random_state: of the halves and the draws.
        groups: the entity of each row, where rows of one repeat.
        metric: is measured on each slice as well.
        min_rows: the fewest rows that a slice has, and that it leaves to the rest.

    Returns:
        The flagged first, those with most to gain leading, then those that err more, by
        p-value, then all others. For each:

        - definition: in words; column: its one column, None for a part found by the tree;
          value: the label of the part in that column, else None
        - rows and share: how many of the rows that it is measured on
        - loss: the mean loss of its rows; metric: the value of `metric` there
        - difference: that loss - the mean loss of the rest, with its interval, which is
          that of this slice alone
        - gap: how much too high predictions are in the mean (binary: probability - outcome;
          multiclass: probability of the likeliest class - whether it happened; regression:
          predicted - true). A high loss without a gap is a hard part, where columns are
          missing that know more; with a gap the model is off there
        - excess: the share of all loss that would go if the slice were like the rest
        - p_value, and p_adjusted: corrected for all slices
        - flagged
        - off: whether the gap is not 0, with a p-value below `ALPHA` after Holm's correction
          for all slices
        - within: of a flagged slice, the definition of a clearer one without whose rows it
          would not be worse than the rest; None where it stands by itself
    """
    measured_on = ~honest_halves(len(p), random_state, groups)
    by_tree = weak_parts(variables, p.row_loss, ~measured_on, min_rows, p.sample_weight)
    everywhere = np.ones(len(p), dtype=bool)
    looked_at: list[tuple[tuple[Condition, ...], Mask]] = [
        ((part,), everywhere) for variable in variables for part in parts(variable)
    ]
    looked_at += [(path, measured_on) for path in by_tree]
    kept, inside, whole, scopes = [], [], [], []
    for conditions, scope in looked_at:
        rows = np.logical_and.reduce([each.mask for each in conditions])
        mask = rows & scope
        if min_rows <= mask.sum() <= scope.sum() - min_rows:
            kept.append(conditions)
            inside.append(mask)
            whole.append(rows)
            scopes.append(scope is measured_on)
    if not kept:
        return []
    of_half = np.array(scopes)
    weight = np.ones(len(p)) if p.sample_weight is None else p.sample_weight

    def block(own: slice) -> tuple[Floats, ...]:
        """Return all that is measured of some slices; they are along the last axis."""
        member, half = np.stack(inside[own], axis=1).astype(np.float64), of_half[own]
        held = np.stack([everywhere, measured_on], axis=1)[:, half.astype(int)].astype(np.float64)
        return (
            *_measured(p, member, half, measured_on, weight, draws, random_state, groups),
            difference_p_values(p.row_loss, member, held - member, weight, groups),
            zero_p_values(prediction_gaps(p), member * weight[:, None], groups),
            np.full(len(half), np.nan) if metric is None else metric.compute(p, member.T * weight),
            member.sum(axis=0),
            held.sum(axis=0),
        )

    size = max(BLOCK_CELLS // len(p), 1)
    blocks = [block(slice(i, i + size)) for i in range(0, len(kept), size)]
    once, drawn, p_values, of_gaps, scores, count, total = (
        np.concatenate(parts, axis=-1) for parts in zip(*blocks, strict=True)
    )
    adjusted, off = holm(p_values), holm(of_gaps) < ALPHA
    found = []
    for i, conditions in enumerate(kept):
        loss, difference, gap, excess = (
            Drawn(float(once[j, i]), drawn[:, j, i]).estimate() for j in range(4)
        )
        alone = len(conditions) == 1 and not of_half[i]
        score = None if np.isnan(scores[i]) else float(scores[i])
        worse = float(once[1, i]) > 0
        found.append(
            {
                "definition": definition(conditions),
                "column": conditions[0].variable.name if alone else None,
                "value": conditions[0].value if alone else None,
                "rows": int(count[i]),
                "share": float(count[i] / total[i]),
                "loss": loss,
                "metric": score,
                "difference": difference,
                "gap": gap,
                "excess": excess["value"],
                "p_value": float(p_values[i]),
                "p_adjusted": float(adjusted[i]),
                "flagged": bool(worse and adjusted[i] < ALPHA),
                "off": bool(off[i]),
                "within": None,
            }
        )
    _explain_overlaps(
        found,
        whole,
        [everywhere if not half else measured_on for half in scopes],
        p.row_loss,
        weight,
        groups,
        min_rows,
    )
    return sorted(found, key=_rank)


def _rank(found: Mapping[str, Any]) -> tuple[bool, bool, bool, float]:
    worse = (found["difference"]["value"] or 0.0) > 0
    clear = found["flagged"]
    # Rounded: the last bits, which differ between processors, order nothing.
    gain = -round(found["excess"] or 0.0, 6) if clear else round(found["p_value"], 9)
    return not clear, found["within"] is not None, not worse, gain


def _explain_overlaps(
    found: Sequence[dict[str, Any]],
    whole: Sequence[Mask],
    held: Sequence[Mask],
    loss: Floats,
    weight: Floats,
    groups: npt.ArrayLike | None,
    min_rows: int,
) -> None:
    """Set ``within`` of each flagged slice, the clearest first.

    Args:
        found: the slices.
        whole: all rows of each.
        held: the rows on which each is measured.
        loss: the loss of each row.
        weight: how much each row counts.
        groups: the entity of each row.
        min_rows: with fewer rows of its own a slice does not stand by itself.
    """
    flagged = [i for i, each in enumerate(found) if each["flagged"]]
    leaders: list[int] = []
    covered = np.zeros(len(loss), dtype=bool)
    for i in sorted(flagged, key=lambda i: (found[i]["p_value"], i)):
        own, rest = (held[i] & ~covered & side for side in (whole[i], ~whole[i]))
        alone = own.sum() >= min_rows <= rest.sum()
        if leaders and alone:
            p_value = difference_p_values(
                loss,
                own[:, None].astype(np.float64),
                rest[:, None].astype(np.float64),
                weight,
                groups,
            )[0]
            worse = np.average(loss[own], weights=weight[own]) > np.average(
                loss[rest], weights=weight[rest]
            )
            alone = bool(worse and p_value < ALPHA)
        if leaders and not alone:
            shared = [int((whole[i] & whole[leader]).sum()) for leader in leaders]
            found[i]["within"] = found[leaders[int(np.argmax(shared))]]["definition"]
        else:
            leaders.append(i)
            covered |= whole[i]


def prediction_gaps(p: AnyPredictions) -> Floats:
    """Return how much too high each prediction is, shape (n,).

    Binary: the probability less the outcome. Multiclass: the probability of the likeliest
    class, less 1 where it happened. Regression: the prediction less the truth.
    """
    if isinstance(p, Predictions):
        return p.y_prob - p.y_true
    return p.residuals if isinstance(p, NumberPredictions) else p.confidence - p.hit


def _measured(
    p: AnyPredictions,
    member: Floats,
    of_half: Mask,
    half: Mask,
    weight: Floats,
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None,
) -> tuple[Floats, Floats]:
    """Return loss, difference, gap and excess of each slice: (4, k), and (draws, 4, k)."""
    loss, gaps, k = p.row_loss * weight, prediction_gaps(p) * weight, member.shape[1]
    halved = np.stack([np.ones(len(p)), half], axis=1)
    columns = np.hstack(
        [
            member * weight[:, None],
            member * loss[:, None],
            member * gaps[:, None],
            halved * weight[:, None],
            halved * loss[:, None],
        ]
    )
    if groups is not None:
        columns = entity_sums(columns, groups)
    place = of_half.astype(int)

    def statistic(weights: Weights) -> Floats:
        sums = weights @ columns
        own, lost, off = (sums[:, i * k : (i + 1) * k] for i in range(3))
        rows, losses = sums[:, 3 * k + place], sums[:, 3 * k + 2 + place]
        mean = ratio(lost, own)
        difference = mean - ratio(losses - lost, rows - own)
        return np.stack(
            [mean, difference, ratio(off, own), ratio(difference * own, losses)], axis=1
        )

    units = len(columns)
    once = statistic(np.ones((1, units), dtype=np.int64))[0]
    return once, bootstrap(statistic, units, draws, random_state)


def difference_p_values(
    values: Floats,
    inside: Floats,
    rest: Floats,
    weight: Floats,
    groups: npt.ArrayLike | None = None,
) -> Floats:
    """Return how likely chance makes so large a difference of means, for each part, (k,).

    Without groups and weights it is Welch's t test (Biometrika 34, 1947), which asks for
    no equal spread on both sides. Where rows of an entity repeat, the deviations of one
    entity are summed first, so that it counts once (the cluster-robust variance: Liang and
    Zeger, Biometrika 73, 1986).

    Args:
        values: shape (n,).
        inside: 1 where a row is in the part, (n, k).
        rest: 1 where it is in what the part is held against, (n, k).
        weight: how much each row counts, (n,).
        groups: the entity of each row.
    """
    from scipy.stats import t as student

    own, other = (part_means(values, side * weight[:, None], groups) for side in (inside, rest))
    # An entity on both sides moves both means alike.
    shared = (own.pulls * other.pulls).sum(axis=0)
    spread = own.variance, other.variance
    variance = np.maximum(spread[0] + spread[1] - 2 * shared, 0)
    freedom = ratio(
        (spread[0] + spread[1]) ** 2,
        spread[0] ** 2 / (own.units - 1) + spread[1] ** 2 / (other.units - 1),
    )
    difference = own.mean - other.mean
    statistic = ratio(np.abs(difference), np.sqrt(variance))
    p_values = np.asarray(2 * student.sf(statistic, np.nan_to_num(freedom, nan=1.0)))
    # Without any spread a difference is certain; of one entity no spread is known.
    certain = (variance == 0) & (difference != 0)
    return np.where(np.isnan(statistic), np.where(certain, 0.0, 1.0), p_values)


def zero_p_values(values: Floats, own: Floats, groups: npt.ArrayLike | None = None) -> Floats:
    """Return how likely chance makes a mean so far from 0, for each part, (k,).

    Student's t test on one sample, by entity as in `difference_p_values`.

    Args:
        values: shape (n,).
        own: how much each row counts in each part, 0 outside it, (n, k).
        groups: the entity of each row.
    """
    from scipy.stats import t as student

    found = part_means(values, own, groups)
    statistic = ratio(np.abs(found.mean), np.sqrt(found.variance))
    p_values = np.asarray(2 * student.sf(statistic, np.maximum(found.units - 1, 1)))
    certain = (found.variance == 0) & (found.mean != 0)
    return np.where(np.isnan(statistic), np.where(certain, 0.0, 1.0), p_values)
