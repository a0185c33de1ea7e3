"""Why single decisions came out as they did, and what the model looks at over all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import Evidence, holds, spread
from stages.audit.transparency.importance import agreement
from stages.audit.transparency.shapley import antithetic_orders, shapley_values
from stages.audit.transparency.words import capital, decision, points, value
from stages.core.figures import (
    BLUE,
    INK,
    MUTED,
    SEQUENTIAL,
    VERMILION,
    amounts,
    dress,
    elide,
    figure,
    percents,
)
from stages.core.statistics import Floats
from stages.core.verdicts import Verdict

# Each seed has a background and orders of its own; the reasons are the mean over seeds.
SEEDS, BACKGROUND = 3, 20
# The background is drawn from so many rows of train, dealt by their answer.
POOL = 1000
# Rows to explain: as many as so many questions to the model allow.
QUESTIONS, FEWEST, MOST = 300_000, 12, 200
# Far above the last bits of a sum of probabilities, far below what anyone could read.
EXACT = 1e-6
# Reasons for and against a decision, each, that a person is told.
TOLD = 3


@dataclass(frozen=True)
class Explained:
    """Test rows with the reasons of their answers.

    Attributes:
        inputs: the columns that the model reads, k.
        places: the rows of test, (n,).
        examples: which of them are told one by one.
        answers: what the model says of them, (n,) or (n, classes).
        repeats: what each input adds to the background's mean, by seed, (seeds, n, k): to
            the answer; of several classes to the probability of the one that is decided.
        told: that answer, (n,).
        base: the background's mean of it, (n,).
    """

    inputs: tuple[str, ...]
    places: npt.NDArray[np.intp]
    examples: tuple[int, ...]
    answers: Floats
    repeats: Floats
    told: Floats
    base: Floats

    @cached_property
    def values(self) -> Floats:
        """What each input adds, the mean over seeds, (n, k)."""
        mean: Floats = self.repeats.mean(axis=0)
        return mean

    @cached_property
    def order(self) -> list[int]:
        """The inputs by the mean size of what they add, the greatest first."""
        return list(np.argsort(-np.abs(self.values).mean(axis=0), kind="stable"))


def background(e: Evidence, rng: np.random.Generator) -> pd.DataFrame:
    """Draw rows of train that stand for all: one from each part by the model's answer."""
    pool = e.train.iloc[np.sort(rng.permutation(len(e.train))[:POOL])]
    pool = pool.drop(columns=e.target.column)
    order = np.argsort(e.shown(e.ask(pool)), kind="stable")
    parts = [part for part in np.array_split(order, BACKGROUND) if len(part)]
    return pool.iloc[[part[rng.integers(len(part))] for part in parts]]


def examples(e: Evidence) -> npt.NDArray[np.intp]:
    """Return the clearest decision on each side, and the narrowest; else those at the middle."""
    told = e.shown(e.predicted)
    order = np.argsort(-told, kind="stable")
    acted = int(e.predictions.y_pred.sum()) if e.task == "binary" else len(order) // 2
    wanted = np.clip([0, acted - 1, acted, len(order) - 1], 0, len(order) - 1)
    found: npt.NDArray[np.intp] = order[np.unique(wanted)]
    return found


def explain(e: Evidence, inputs: Sequence[str]) -> Explained:
    """Explain examples and rows that are spread over test."""
    first = examples(e)
    size = QUESTIONS // (SEEDS * BACKGROUND * 2 * (len(inputs) + 1))
    more = spread(len(e.rows), int(np.clip(size, FEWEST, MOST)))
    places = np.concatenate([first, more[~np.isin(more, first)]])
    rows, answers = e.rows.iloc[places], e.predicted[places]
    asked = np.zeros(len(places), dtype=np.intp)
    if e.task == "multiclass":
        asked = np.asarray(e.decide(answers), dtype=np.intp)
    at = np.arange(len(places))
    repeats, bases = [], []
    for seed in range(SEEDS):
        rng = np.random.default_rng((e.random_state, seed))
        behind = background(e, rng)
        orders = antithetic_orders(len(behind), len(inputs), rng)
        every = shapley_values(e.ask, rows, behind, list(inputs), orders)
        repeats.append(every[at, :, asked])
        bases.append(e.ask(behind).reshape(len(behind), -1).mean(axis=0)[asked])
    return Explained(
        tuple(inputs),
        places,
        tuple(range(len(first))),
        answers,
        np.stack(repeats),
        answers.reshape(len(places), -1)[at, asked],
        np.mean(bases, axis=0),
    )


# --- verdicts -----------------------------------------------------------------------------


def add_up(e: Evidence, explained: Explained, evidence: tuple[str, ...]) -> Verdict:
    """Hold base and reasons together against the answer, for every explained row."""
    missed = explained.base + explained.values.sum(axis=1) - explained.told
    off = float(np.abs(missed).max()) / e.spread_of_target
    why = (
        f"the mean answer of the background and the reasons add up to the answer in each of "
        f"{len(missed)} test rows"
    )
    if off > EXACT:
        why = f"the reasons miss the answer by {off:.2g}: something else moves the model"
    threshold = f"<= {EXACT:f}"
    return Verdict("transparency.reasons", holds(off <= EXACT), off, None, threshold, evidence, why)


def stable_reasons(
    explained: Explained, min_rank_correlation: float, evidence: tuple[str, ...]
) -> Verdict:
    """Compare the seeds: do they order the inputs alike?"""
    sizes = np.abs(explained.repeats)
    first = sizes.argmax(axis=2)
    same = float(np.mean((first == first[0]).all(axis=0)))
    why = (
        f"how alike {len(sizes)} seeds, each with its own background and orders, rank the inputs "
        f"by the mean size of what they add; of {first.shape[1]} rows, {same:.0%} have the same "
        "first reason with each seed"
    )
    return agreement(
        "transparency.stable_reasons", sizes.mean(axis=1), min_rank_correlation, evidence, why
    )


# --- words --------------------------------------------------------------------------------


def subject(e: Evidence, explained: Explained, place: int) -> str:
    """Return what the reasons of a row add to: the probability, that of its class, the number."""
    if e.task != "multiclass":
        return e.subject
    return f"probability of {decision(e, explained.answers[place : place + 1])}"


def sentence(e: Evidence, explained: Explained, place: int, j: int) -> str:
    """Return one reason as a person is told it."""
    name, adds = explained.inputs[j], float(explained.values[place, j])
    given = value(e, name, e.rows[name].iloc[explained.places[place]])
    size, unit = points(e)
    by = amounts([abs(adds)])[0] if e.task == "regression" else f"{size * abs(adds):.1f}"
    unit = unit if e.task == "regression" else "points"
    way = "raised" if adds > 0 else "lowered"
    return f"{e.title(name)}: {given} {way} the {subject(e, explained, place)} by {by} {unit}"


def told_reasons(e: Evidence, explained: Explained, place: int) -> tuple[list[str], list[str]]:
    """Return the strongest reasons for a row's decision, and those against it.

    Those for it are what moves the answer to the side of the decision: up where the model
    acts and for the class that it decides, down where it does not act; for a number, the
    side on which it lies of the background's mean.
    """
    adds = explained.values[place]
    if e.task == "binary":
        side = 1.0 if e.decide(explained.told[place : place + 1])[0] else -1.0
    elif e.task == "multiclass":
        side = 1.0
    else:
        side = 1.0 if explained.told[place] >= explained.base[place] else -1.0
    size, _ = points(e)
    # What is told as 0.0 points is no reason.
    least = 0.05 / size if e.task != "regression" else EXACT * e.spread_of_target
    order = [j for j in np.argsort(-np.abs(adds), kind="stable") if abs(adds[j]) >= least]
    both = ([j for j in order if adds[j] * sign * side > 0][:TOLD] for sign in (1, -1))
    speak, oppose = ([sentence(e, explained, place, j) for j in one] for one in both)
    return speak, oppose


def reason_table(e: Evidence, explained: Explained) -> list[dict[str, Any]]:
    """Return each example: the answer, the decision, and the reasons for and against it."""
    table = []
    for place in explained.examples:
        speak, oppose = told_reasons(e, explained, place)
        table.append(
            {
                "Example": place + 1,
                "Answer": float(explained.told[place]),
                "Decision": decision(e, explained.answers[place : place + 1]),
                "Mean of the background": float(explained.base[place]),
                "For": "; ".join(speak) or "nothing",
                "Against": "; ".join(oppose) or "nothing",
            }
        )
    return table


def shapley_table(e: Evidence, explained: Explained) -> list[dict[str, Any]]:
    """Return what each input adds in the mean over the explained rows, the most first."""
    size, unit = points(e)
    sizes = size * np.abs(explained.repeats).mean(axis=1)
    return [
        {
            "Input": e.title(explained.inputs[j]),
            "Column": explained.inputs[j],
            f"{capital(unit)}, mean size": float(size * np.abs(explained.values[:, j]).mean()),
            "Least of the seeds": float(sizes[:, j].min()),
            "Greatest of the seeds": float(sizes[:, j].max()),
        }
        for j in explained.order
    ]


# --- figures ------------------------------------------------------------------------------


def draw_reasons(e: Evidence, explained: Explained, top: int) -> Figure:
    """Draw the strongest reasons of each example, one panel a decision."""
    size, unit = points(e)
    count = len(explained.examples)
    fig, axes = figure(
        7.2, 0.9 + count * (0.6 + 0.24 * (top + 1)), nrows=count, squeeze=False, sharex=True
    )
    for ax, place in zip(axes[:, 0], explained.examples, strict=True):
        adds = size * explained.values[place]
        order = np.argsort(-np.abs(adds), kind="stable")
        row = e.rows.iloc[explained.places[place]]
        bars = [
            (
                elide(f"{e.title(name)} = {value(e, name, row[name])}", 50),
                float(adds[j]),
            )
            for j, name in ((j, explained.inputs[j]) for j in order[:top])
        ]
        if len(order) > top:
            bars.append(("all other inputs", float(adds[order[top:]].sum())))
        for y, (_, width) in enumerate(bars):
            ax.barh(y, width, color=VERMILION if width > 0 else BLUE, height=0.6)
        ax.axvline(0, color=INK, linewidth=1.0)
        both = [float(explained.told[place]), float(explained.base[place])]
        given, start = amounts(both) if e.task == "regression" else percents(both)
        if e.task != "regression":
            given += f": {decision(e, explained.answers[place : place + 1])}"
        ax.set(
            title=f"{given} (in the mean {start})",
            yticks=range(len(bars)),
            yticklabels=[label for label, _ in bars],
            ylim=(len(bars) - 0.5, -0.5),
        )
        ax.grid(axis="y", visible=False)
    what = "probability of the class" if e.task == "multiclass" else e.subject
    axes[-1, 0].set_xlabel(f"what each input adds\nto the {what} ({unit})")
    fig.suptitle("Why these answers? The highest and the lowest, and two between")
    return fig


def draw_shapley(e: Evidence, explained: Explained, top: int) -> Figure:
    """Draw what the first inputs add: its mean size, and every row by the input's value."""
    size, unit = points(e)
    shown = explained.order[: max(top, 1)]
    fig, (bars, strip) = figure(
        9.0, 1.5 + 0.34 * len(shown), ncols=2, sharey=True, width_ratios=(2, 3)
    )
    rows = e.rows.iloc[explained.places]
    for y, j in enumerate(shown):
        adds = size * explained.values[:, j]
        bars.barh(y, np.abs(adds).mean(), color=BLUE, height=0.6)
        heights, column = y + swarm(adds), rows[explained.inputs[j]]
        if pd.api.types.is_numeric_dtype(column):
            shades = column.rank(pct=True).to_numpy(dtype=np.float64, na_value=np.nan)
            known = ~np.isnan(shades)
            style = {"s": 9, "linewidths": 0, "cmap": SEQUENTIAL, "vmin": 0, "vmax": 1}
            strip.scatter(adds[known], heights[known], c=shades[known], **style)
        else:
            known = np.zeros(len(adds), dtype=bool)
        strip.scatter(adds[~known], heights[~known], s=9, linewidths=0, color=MUTED)
    bars.set(
        title="Mean size",
        xlabel=unit,
        yticks=range(len(shown)),
        yticklabels=[elide(e.title(explained.inputs[j]), 40) for j in shown],
        ylim=(len(shown) - 0.5, -0.5),
    )
    strip.set(title=f"Each of {len(rows)} test rows", xlabel=unit)
    strip.axvline(0, color=INK, linewidth=1.0, zorder=0)
    for ax in (bars, strip):
        ax.grid(axis="y", visible=False)
    shade = matplotlib.cm.ScalarMappable(cmap=SEQUENTIAL)
    bar = fig.colorbar(shade, ax=strip, ticks=(0, 1), aspect=30, label="value (grey: no number)")
    bar.ax.set_yticklabels(("low", "high"))
    dress(bar.ax)
    bar.ax.set_yticks((0, 1), ("low", "high"))
    what = "probability of the class" if e.task == "multiclass" else e.subject
    fig.suptitle(f"What does each input add to the {what}? Shapley values")
    return fig


def swarm(values: Floats, bins: int = 50, step: float = 0.05, most: float = 0.4) -> Floats:
    """Return heights that set points of about one value side by side, (n,), from -most to most."""
    low, high = float(values.min()), float(values.max())
    place = np.floor((values - low) / ((high - low) or 1.0) * (bins - 1)).astype(np.intp)
    heights = np.zeros(len(values))
    for bin_ in np.unique(place):
        inside = np.flatnonzero(place == bin_)
        heights[inside] = (np.arange(len(inside)) - (len(inside) - 1) / 2) * step
    widest = float(np.abs(heights).max())
    return heights * (most / widest) if widest > most else heights
