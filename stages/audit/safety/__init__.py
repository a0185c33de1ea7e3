"""Audit of safety: does the model stay sound when its input does not, and whom may it harm?"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import (
    Check,
    Evidence,
    Findings,
    bounded,
    conduct,
    counted,
    listed,
    plain,
    spread,
)
from stages.core.errors import LoopwrightError
from stages.core.figures import BLUE, FAINT, INK, VERMILION, amounts, elide, figure
from stages.core.metrics import (
    PER_DECISIONS,
    ClassPredictions,
    NumberPredictions,
    Predictions,
)
from stages.core.params import AuditSafety, NumberCosts, read_params
from stages.core.schema import Schema
from stages.core.statistics import (
    Estimate,
    Floats,
    bootstrap,
    estimate,
    paired_difference,
    weighted_mean,
)
from stages.core.targets import truth
from stages.core.verdicts import Verdict, at_most

# How often noise is drawn; each row's share of flips is a mean of these.
NOISE_DRAWS = 5
# Rows for a disturbed input (one prediction a column) and for predictions one by one.
DISTURBED_ROWS = 1000
SINGLE_ROWS = 64
# How far beyond the trained range an extreme value lies, in widths of that range.
FAR = 10
# A difference of rounding: far above the last bits of a probability.
LAST_BITS = 1e-12
UNSEEN = "a value that nobody has seen"
BARS = 10

CHECKS = (
    Check(
        "safety.noise",
        "Does a small error of measurement turn a decision?",
        "share of decisions that turn when every number moves by normal noise of "
        "audit.safety.noise times its interquartile range in train",
        "audit.safety.max_flip_rate",
        "what the team accepts",
    ),
    Check(
        "safety.missing_values",
        "Does the model survive a missing value in each of its inputs?",
        "inputs without which it neither gives an answer nor, where schema.yaml forbids a "
        "missing value, refuses it with a clear error",
        "= 0",
        "an input that is missing in use must not stop the service",
    ),
    Check(
        "safety.unseen_category",
        "Does it survive a code that was not in train?",
        "categorical and ordinal inputs whose new code leaves it without an answer",
        "= 0",
        "new codes appear in every table that lives",
    ),
    Check(
        "safety.extreme_values",
        "Does it stay sound far outside of what it was trained on?",
        "numeric inputs whose extreme value (ten ranges beyond) leaves it without an answer",
        "= 0",
        "a wrong unit must not break the service",
    ),
    Check(
        "safety.out_of_range",
        "How much of its work lies outside of what it was trained on?",
        "share of test rows with an input outside its range in train",
        "audit.safety.max_out_of_range",
        "what the team accepts",
    ),
    Check(
        "safety.row_by_row",
        "Is a row's answer the same alone and in a crowd?",
        "rows whose answer differs in any bit",
        "= 0; a warning while no answer differs by more than 1e-12 and no decision turns",
        "a server predicts row by row what was measured in one batch",
    ),
    Check(
        "safety.column_order",
        "Does the order of the columns not matter?",
        "rows whose answer differs in any bit",
        "= 0",
        "columns have names; their order is chance",
    ),
    Check(
        "safety.repeatable",
        "Does the same question get the same answer, and is the question left as it was?",
        "rows whose answer differs in any bit, and columns that predicting changed",
        "= 0",
        "a decision must be reproducible when it is contested",
    ),
    Check(
        "safety.worst_slice",
        "Is there a part of the population about which it is systematically wrong?",
        "largest distance of mean probability from share of positives over all slices, with an "
        "interval that holds for all of them at once; of several classes that of the likeliest, "
        "of a number that of the mean, in standard deviations of the target",
        "audit.safety.worst_slice_gap",
        "what the team accepts; slices below audit.safety.min_slice_size are not judged",
    ),
    Check(
        "safety.expected_harm",
        "Do its decisions cost no more than the best of deciding alike for all?",
        "value of 1,000 decisions over those of one and the same decision, never or always to "
        "act, one class, or the number that costs least on train; paired on the same rows",
        ">= 0",
        "a model that does worse than no model does harm",
    ),
)


# --- disturbed inputs ---------------------------------------------------------------------


def noisy(
    frame: pd.DataFrame, scales: Mapping[str, float], rng: np.random.Generator
) -> pd.DataFrame:
    """Return a copy of `frame` in which each column of `scales` has normal noise of that size.

    Whole numbers stay whole, missing values stay missing.
    """
    moved = frame.copy()
    for name, scale in scales.items():
        values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        values = values + rng.normal(0, scale, len(frame))
        moved[name] = _like(frame[name], values)
    return moved


def _like(column: "pd.Series[Any]", values: Floats) -> "pd.Series[Any]":
    """Return `values` with the type of `column`; whole numbers are rounded."""
    floats = pd.Series(values, index=column.index)
    if pd.api.types.is_integer_dtype(column):
        limits = np.iinfo(np.int64)
        # 1024 keeps clear of the last floats, which round beyond the limit.
        floats = floats.round().clip(limits.min + 1024, limits.max - 1024)
    return floats.astype(column.dtype)


def without(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a copy of `frame` with `column` missing in every row."""
    return frame.assign(**{column: frame[column].mask(np.ones(len(frame), dtype=bool))})


def with_unseen(frame: pd.DataFrame, column: str, train: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of `frame` whose `column` holds a code that is not in `train`."""
    seen = train[column]
    if pd.api.types.is_numeric_dtype(seen):
        return frame.assign(**{column: _like(frame[column], np.full(len(frame), seen.max() + 1.0))})
    return frame.assign(**{column: pd.Series(UNSEEN, index=frame.index, dtype="str")})


def far_out(frame: pd.DataFrame, column: str, train: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of `frame` whose `column` lies far below and far above its trained range."""
    low, high = float(train[column].min()), float(train[column].max())
    beyond = FAR * ((high - low) or 1.0)
    values = np.where(np.arange(len(frame)) % 2, low - beyond, high + beyond)
    return frame.assign(**{column: _like(frame[column], values)})


@dataclass(frozen=True)
class Response:
    """What the model did with a disturbed column.

    Attributes:
        column: the disturbed one.
        turned: share of decisions that turned; None where there was no answer.
        moved: how far the answers moved in the mean, as `Evidence.moved` has it.
        fault: why there was no answer.
        refused: whether it said so with one clear error.
    """

    column: str
    turned: float | None
    moved: float | None
    fault: str | None = None
    refused: bool = False


def respond(
    e: Evidence, disturbed: Iterator[tuple[str, pd.DataFrame]], usual: Floats
) -> list[Response]:
    """Let the model predict each frame of `disturbed`, held against its `usual` answers."""
    responses = []
    for column, frame in disturbed:
        try:
            changed = e.ask(frame)
        except LoopwrightError:
            responses.append(Response(column, None, None, "refused", refused=True))
            continue
        except Exception as fault:  # a model may fail in any way; the audit tells it
            responses.append(Response(column, None, None, type(fault).__name__))
            continue
        if not e.sound(changed):
            responses.append(Response(column, None, None, "no sound answer"))
            continue
        turned = float(e.turned(usual, changed).mean())
        responses.append(Response(column, turned, float(e.moved(usual, changed).mean())))
    return responses


def survived(
    check: str,
    responses: Sequence[Response],
    what: str,
    evidence: tuple[str, ...],
    may_refuse: Collection[str] = (),
) -> Verdict:
    """Ask that every disturbed column gave answers, or was refused where it may be."""
    if not responses:
        why = f"the model has no input that could hold {what}"
        return Verdict(check, "not_applicable", None, None, "= 0", evidence, why)
    refused = [r.column for r in responses if r.refused and r.column in may_refuse]
    broken = [f"{r.column} ({r.fault})" for r in responses if r.fault and r.column not in refused]
    why = f"with {what}, {len(responses) - len(refused)} inputs still give an answer"
    if refused:
        why += f"; {len(refused)} are refused with a clear error, as schema.yaml asks"
    if broken:
        why = f"with {what}, no answer from: {listed(broken)}"
    return counted(check, len(broken), evidence, why)


def noise(e: Evidence, bounds: AuditSafety, evidence: tuple[str, ...]) -> Verdict:
    """Measure how many decisions turn under small noise in all numeric inputs."""
    scales = {}
    for name in _of_kind(e.inputs, e.schema, "numeric"):
        low, high = e.train[name].quantile([0.25, 0.75])
        scales[name] = bounds.noise * (float(high - low) or float(e.train[name].std()))
    if not scales:
        why = "the model has no numeric input"
        return Verdict("safety.noise", "not_applicable", None, None, None, evidence, why)
    rng = np.random.default_rng(e.random_state)
    turned: Floats = np.mean(
        [
            e.turned(e.predicted, e.ask(noisy(e.rows, scales, rng))).astype(np.float64)
            for _ in range(NOISE_DRAWS)
        ],
        axis=0,
    )
    why = (
        f"share of decisions that turn when {len(scales)} numeric inputs move by noise of "
        f"{bounds.noise:g} interquartile ranges"
    )
    measured = _share(e, turned)
    return bounded("safety.noise", measured, "at_most", bounds.max_flip_rate, evidence, why)


def out_of_range(e: Evidence, bounds: AuditSafety, evidence: tuple[str, ...]) -> Verdict:
    """Measure how many test rows lie outside the trained range of an input."""
    numbers = _of_kind(e.inputs, e.schema, "numeric", "ordinal")
    numbers = [name for name in numbers if pd.api.types.is_numeric_dtype(e.train[name])]
    if not numbers:
        why = "the model has no numeric or ordinal input"
        return Verdict("safety.out_of_range", "not_applicable", None, None, None, evidence, why)
    outside = pd.DataFrame(
        {
            name: (e.test[name] < e.train[name].min()) | (e.test[name] > e.train[name].max())
            for name in numbers
        },
        index=e.test.index,
    ).fillna(False)
    most = outside.sum().sort_values(ascending=False, kind="stable")
    names = [f"{e.title(str(name))} ({count})" for name, count in most.items() if count]
    why = "share of test rows with an input below the least or above the greatest value in train"
    why += f": {listed(names, 3)}" if names else ""
    measured = _share(e, outside.any(axis=1).to_numpy().astype(np.float64))
    return bounded(
        "safety.out_of_range", measured, "at_most", bounds.max_out_of_range, evidence, why
    )


def _of_kind(columns: Sequence[str], schema: Schema, *kinds: str) -> list[str]:
    known = [name for name in columns if name in schema.columns]
    return [name for name in known if schema.columns[name].kind in kinds]


def _share(e: Evidence, per_row: Floats) -> Estimate:
    """Return the mean of one number a row, with its interval."""
    drawn = bootstrap(
        lambda weights: weighted_mean(per_row, weights),
        len(per_row),
        e.draws,
        e.random_state,
        e.entities,
    )
    return estimate(float(per_row.mean()), drawn)


# --- one answer to one question -----------------------------------------------------------


def row_by_row(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Predict some rows alone, and hold them against the batch bit by bit.

    Linear algebra adds up one row in another order than many, and the last bits differ:
    that is told, and fails only where it could matter.
    """
    places = spread(len(e.rows), SINGLE_ROWS)
    alone = np.array([e.ask(e.rows.iloc[[place]])[0] for place in places])
    batch = e.predicted[places]
    why = f"of {len(places)} rows predicted alone, those that differ from the batch"
    verdict = _identical("safety.row_by_row", alone, batch, evidence, why)
    last_bits = LAST_BITS * e.spread_of_target
    same = np.abs(alone - batch).max() <= last_bits and not e.turned(batch, alone).any()
    if verdict.status == "pass" or not same:
        return verdict
    return replace(verdict, status="warn", why=f"{verdict.why}; no decision turns")


def column_order(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Predict with the columns in reverse order."""
    why = "rows that differ when the columns come in reverse order"
    reverse = e.ask(e.rows[e.rows.columns[::-1]])
    return _identical("safety.column_order", reverse, e.predicted, evidence, why)


def repeatable(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Predict a second time, and look whether predicting changed the rows."""
    rows = e.rows
    asked = rows.copy()
    again = e.ask(asked)
    changed = [str(name) for name in asked if name not in rows]
    changed += [
        str(name) for name in rows if name not in asked or not asked[name].equals(rows[name])
    ]
    if changed:
        why = f"predicting changed the table that it was given: {listed(changed)}"
        return counted("safety.repeatable", len(changed), evidence, why)
    why = "rows that differ when they are predicted again; the table is left as it was"
    return _identical("safety.repeatable", again, e.predicted, evidence, why)


def _identical(
    check: str, found: Floats, expected: Floats, evidence: tuple[str, ...], why: str
) -> Verdict:
    differ = int(np.sum((found != expected).reshape(len(found), -1).any(axis=1)))
    if differ:
        why += f": the largest difference is {np.abs(found - expected).max():.1g}"
    return counted(check, differ, evidence, why)


# --- slices -------------------------------------------------------------------------------


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
        for label, mask in _parts(e, column):
            if min_size <= mask.sum() <= len(mask) - min_size:
                names.append((column, label))
                masks.append(mask)
    inside = np.array(masks, dtype=np.float64).T if masks else np.empty((len(e.test), 0))
    return Slices(tuple(names), inside)


def _parts(e: Evidence, column: str) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
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
        for value in sorted(values.dropna().unique()):
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


# --- harm ---------------------------------------------------------------------------------


def policies(e: Evidence) -> dict[str, npt.NDArray[Any]]:
    """Return the decisions that are compared, by name, each (rows,)."""
    p, n = e.predictions, len(e.test)
    known: dict[str, npt.NDArray[Any]] = {"the model": p.y_pred}
    if p.rule_decisions is not None:
        known["the rule in use"] = p.rule_decisions
    return known | {name: np.full(n, decision) for name, decision in constants(e).items()}


def constants(e: Evidence) -> dict[str, float | int]:
    """Return the ways to decide alike for all rows, by name.

    Of several classes, each of them; of a number, the quantile of train that costs least
    (Koenker and Bassett, Regression Quantiles, Econometrica 46, 1978).
    """
    p = e.predictions
    if isinstance(p, Predictions):
        return {"act on nobody": 0, "act on everybody": 1}
    if isinstance(p, ClassPredictions):
        return {f"always {label}": place for place, label in enumerate(p.classes)}
    costs = e.costs
    level = 0.5
    if isinstance(costs, NumberCosts) and costs.per_unit_over + costs.per_unit_under:
        level = costs.per_unit_under / (costs.per_unit_over + costs.per_unit_under)
    number = float(np.quantile(truth(e.train, e.target), level))
    return {f"always {number:.6g}": number}


def harm_table(e: Evidence) -> list[dict[str, Any]]:
    """Return what 1,000 decisions of each policy cost, with its interval."""
    table = []
    p = e.predictions
    for name, decisions in policies(e).items():
        measured = _share(e, -PER_DECISIONS * p.row_values(decisions))
        low, high = measured["interval"] or (None, None)
        acts = {"Acts on": float(decisions.mean())} if isinstance(p, Predictions) else {}
        table.append(
            {
                "Policy": name,
                **acts,
                f"Cost per 1,000, {e.costs.currency}": measured["value"],
                "Low": low,
                "High": high,
            }
        )
    return table


def expected_harm(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Hold the model's decisions against the best of deciding alike for all."""
    values = {
        name: PER_DECISIONS * e.predictions.row_values(decisions)
        for name, decisions in policies(e).items()
    }
    better = max(constants(e), key=lambda name: float(values[name].mean()))
    gain = paired_difference(
        values["the model"], values[better], e.draws, e.random_state, e.entities
    )
    why = (
        f"what 1,000 decisions bring more than to {better}, the best of the ways to decide "
        f"without looking, in {e.costs.currency}"
    )
    return bounded("safety.expected_harm", gain, "at_least", 0.0, evidence, why)


# --- figures ------------------------------------------------------------------------------


def draw_harm(table: Sequence[Mapping[str, Any]], currency: str) -> Figure:
    """Draw what each policy costs."""
    fig, ax = figure(7.2, 2.7)
    cost = f"Cost per 1,000, {currency}"
    for place, row in enumerate(table):
        colour = VERMILION if place == 0 else BLUE
        ax.plot((row["Low"], row["High"]), (place, place), color=colour, linewidth=2.4)
        ax.plot(row[cost], place, "o", color=colour, markersize=7)
    ax.set(
        title="What do 1,000 decisions cost? Left is better",
        xlabel=f"cost of 1,000 decisions with 95 % interval ({currency})",
        yticks=range(len(table)),
        yticklabels=[str(row["Policy"]) for row in table],
        ylim=(len(table) - 0.5, -0.5),
    )
    ax.grid(axis="y", visible=False)
    return fig


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


def draw_disturbed(e: Evidence, disturbed: Mapping[str, Sequence[Response]]) -> Figure:
    """Draw the disturbed inputs that turn most decisions."""
    turned = [
        (100 * response.turned, f"{elide(e.title(response.column), 36)}: {disturbance}")
        for disturbance, responses in disturbed.items()
        for response in responses
        if response.turned is not None
    ]
    shown = sorted(turned, key=lambda bar: -bar[0])[:BARS]
    fig, ax = figure(7.2, 1.2 + 0.28 * len(shown))
    ax.barh(range(len(shown)), [share for share, _ in shown], color=BLUE, height=0.6)
    ax.set(
        title="Which wrong input would turn most decisions?",
        xlabel="share of decisions that turn, were it wrong in every row (%)",
        yticks=range(len(shown)),
        yticklabels=[label for _, label in shown],
        ylim=(len(shown) - 0.5, -0.5),
    )
    ax.grid(axis="y", visible=False)
    return fig


# --- the pillar ---------------------------------------------------------------------------


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Answer every check of the pillar."""
    places = spread(len(e.rows), DISTURBED_ROWS)
    some, usual = e.rows.iloc[places], e.predicted[places]
    inputs = [name for name in e.inputs if name in some]
    codes = _of_kind(inputs, e.schema, "categorical", "ordinal")
    codes = [name for name in codes if not pd.api.types.is_bool_dtype(e.train[name])]
    numbers = _of_kind(inputs, e.schema, "numeric")
    disturbed = {
        "missing": respond(e, ((name, without(some, name)) for name in inputs), usual),
        "unseen code": respond(
            e, ((name, with_unseen(some, name, e.train)) for name in codes), usual
        ),
        "extreme": respond(e, ((name, far_out(some, name, e.train)) for name in numbers), usual),
    }
    whole = [name for name in inputs if not e.schema.column(name, "inputs").nullable]
    answered = any(r.turned is not None for responses in disturbed.values() for r in responses)
    shown = e.paths("disturbed") if answered else e.paths()

    cut = slices(e, bounds.min_slice_size)
    if cut.names:
        gaps, half = slice_gaps(off(e), cut.inside, e.draws, e.random_state, e.entities)
    else:
        gaps, half = np.empty(0), np.empty(0)
    harms, slice_rows = harm_table(e), slice_table(e, cut, gaps, half)

    found = Findings()
    found.verdicts = [
        noise(e, bounds, e.paths()),
        survived("safety.missing_values", disturbed["missing"], "a missing value", shown, whole),
        survived(
            "safety.unseen_category",
            disturbed["unseen code"],
            "a code that train does not hold",
            shown,
        ),
        survived("safety.extreme_values", disturbed["extreme"], "an extreme value", shown),
        out_of_range(e, bounds, e.paths()),
        row_by_row(e, e.paths()),
        column_order(e, e.paths()),
        repeatable(e, e.paths()),
        worst_slice(cut, gaps, half, bounds, e.paths("slices") if cut.names else e.paths()),
        expected_harm(e, e.paths("harm")),
    ]
    found.tables = {
        "Cost of deciding": harms,
        "Slices": slice_rows,
        "Disturbed inputs": [
            {
                "Disturbance": disturbance,
                "Input": e.title(response.column),
                "Decisions that turn": response.turned,
                "Mean change of the answer": response.moved,
                "Fault": response.fault,
            }
            for disturbance, responses in disturbed.items()
            for response in responses
        ],
    }
    found.figures = {"harm": draw_harm(harms, e.costs.currency)}
    if answered:
        found.figures["disturbed"] = draw_disturbed(e, disturbed)
    if cut.names:
        found.figures["slices"] = draw_slices(slice_rows, bounds.worst_slice_gap)
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
    """Audit the safety of `model` on `test`; write `verdicts`, `figures` and `files`."""
    chosen = read_params(params)
    conduct(
        CHECKS,
        partial(examine, bounds=chosen.audit.safety),
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
