"""Does a small error of measurement turn a decision?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import Check, Evidence, Findings, bounded
from stages.audit.safety.inputs import like, of_kind
from stages.audit.safety.rounding import rounded
from stages.audit.safety.rows import mean_of
from stages.core.figures import BLUE, MUTED, VERMILION, figure
from stages.core.params import AuditSafety
from stages.core.statistics import Floats
from stages.core.verdicts import Verdict

# How often noise is drawn; each row's share of flips is a mean of these.
NOISE_DRAWS = 5
# The curve's sizes of noise, in times of that of the check.
TIMES = (0.3, 1.0, 3.0, 10.0, 30.0)

CHECKS = (
    Check(
        "safety.noise",
        "Does a small error of measurement turn a decision?",
        "share of decisions that turn when every number moves by normal noise of "
        "audit.safety.noise times its interquartile range in train",
        "audit.safety.max_flip_rate",
        "what the team accepts",
    ),
)


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
        moved[name] = like(frame[name], values)
    return moved


def scales(e: Evidence) -> dict[str, float]:
    """Return the interquartile range in train of each numeric input, or its deviation."""
    found = {}
    for name in of_kind(e.inputs, e.schema, "numeric"):
        low, high = e.train[name].quantile([0.25, 0.75])
        found[name] = float(high - low) or float(e.train[name].std())
    return found


def noise(
    e: Evidence, ranges: Mapping[str, float], bounds: AuditSafety, evidence: tuple[str, ...]
) -> Verdict:
    """Measure how many decisions turn under small noise in all numeric inputs."""
    rng = np.random.default_rng(e.random_state)
    sizes = {name: bounds.noise * width for name, width in ranges.items()}
    turned: Floats = np.mean(
        [
            e.turned(e.predicted, e.ask(noisy(e.rows, sizes, rng))).astype(np.float64)
            for _ in range(NOISE_DRAWS)
        ],
        axis=0,
    )
    why = (
        f"share of decisions that turn when {len(ranges)} numeric inputs move by noise of "
        f"{bounds.noise:g} interquartile ranges"
    )
    measured = mean_of(e, turned)
    return bounded("safety.noise", measured, "at_most", bounds.max_flip_rate, evidence, why)


def changes(
    e: Evidence, ranges: Mapping[str, float], bounds: AuditSafety
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield the ways in which numbers are changed, and how much, with the changed rows."""
    rng = np.random.default_rng((e.random_state, 1))
    for times in TIMES:
        size = bounds.noise * times
        sizes = {name: size * width for name, width in ranges.items()}
        yield "noise", f"{size:g} interquartile ranges", noisy(e.rows, sizes, rng)
    for digits in (3, 2, 1):
        told = f"{digits} significant digit{'s' if digits > 1 else ''}"
        yield "rounding", told, rounded(e.rows, list(ranges), digits)


def curve(e: Evidence, ranges: Mapping[str, float], bounds: AuditSafety) -> list[dict[str, Any]]:
    """Return what changes of several sizes do: one row each, noise first.

    The size is the mean change of all numeric inputs, in interquartile ranges of train.
    """
    usual = float(e.predictions.row_loss.mean())
    table = []
    for way, told, frame in changes(e, ranges, bounds):
        after = e.ask(frame)
        if not e.sound(after):
            continue
        moved = [(frame[name] - e.rows[name]).abs() / width for name, width in ranges.items()]
        loss = float(e.measured(after).row_loss.mean())
        table.append(
            {
                "Change": way,
                "By": told,
                "Mean size, interquartile ranges": float(np.mean([m.mean() for m in moved])),
                "Decisions that turn": float(e.turned(e.predicted, after).mean()),
                "Loss added, share": loss / usual - 1 if usual else None,
            }
        )
    return table


def draw_curve(table: Sequence[Mapping[str, Any]], bound: float) -> Figure:
    """Draw the decisions that turn and the loss that is added, against the size of change."""
    fig, (turn, lose) = figure(7.2, 3.4, ncols=2)
    for way, colour, mark in (("noise", BLUE, "o"), ("rounding", VERMILION, "s")):
        rows = [row for row in table if row["Change"] == way]
        rows = [row for row in rows if row["Mean size, interquartile ranges"] > 0]
        rows.sort(key=lambda row: row["Mean size, interquartile ranges"])
        size = [row["Mean size, interquartile ranges"] for row in rows]
        turned = [100 * row["Decisions that turn"] for row in rows]
        added = [100 * (row["Loss added, share"] or 0.0) for row in rows]
        turn.plot(size, turned, mark + "-", color=colour, label=way)
        lose.plot(size, added, mark + "-", color=colour, label=way)
    turn.axhline(100 * bound, color=MUTED, linestyle="--", linewidth=1.0)
    turn.set(title="Decisions that turn", ylabel="share of test rows (%); dashed: the bound")
    lose.set(title="Loss that is added", ylabel="share of the usual loss (%)")
    for ax in (turn, lose):
        ax.set(xscale="log", xlabel="mean change of all numbers\n(interquartile ranges)")
    turn.legend(loc="upper left")
    return fig


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Move all numbers, by little and by more."""
    ranges = scales(e)
    if not ranges:
        why = "the model has no numeric input"
        none = Verdict("safety.noise", "not_applicable", None, None, None, e.paths(), why)
        return Findings([none])
    usable = {name: width for name, width in ranges.items() if width > 0}
    table = curve(e, usable, bounds) if usable else []
    found = Findings([noise(e, ranges, bounds, e.paths("change") if table else e.paths())])
    if table:
        found.tables["Size of change"] = table
        found.figures["change"] = draw_curve(table, bounds.max_flip_rate)
    return found
