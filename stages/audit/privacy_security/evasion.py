"""Evasion: can a small change of what a person can change turn the decision?

The attacker sees answers only and tries changes at random, all at once or some of them,
inside a box around the row: a black-box search with a budget of questions.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import Check, Evidence, Findings, bounded, spread
from stages.core.figures import VERMILION, figure
from stages.core.params import AuditPrivacySecurity, Change
from stages.core.statistics import UNDEFINED, Floats, bootstrap, estimate, weighted_mean
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "privacy_security.evasion",
        "Can a person turn the decision by small changes of what they can change?",
        "decisions to act that a search turns, with audit.privacy_security.evasion_queries "
        "questions, by changes of charter.mutable of at most "
        "audit.privacy_security.evasion_distance standard deviations each; of classes, "
        "decisions of any kind; of numbers, those that move further than the changes",
        "audit.privacy_security.max_evasion",
        "Biggio and others, ECML PKDD 2013; 0.2 is what a tenth of a standard deviation turns of "
        "a normal score that moves with it in full, where one in twenty is acted on",
    ),
)

ROWS = 400
# Fewer decisions to act are no share.
MIN_ROWS = 30

Bools = npt.NDArray[np.bool_]


def reach(
    rows: pd.DataFrame, train: pd.DataFrame, mutable: Mapping[str, Change], distance: float
) -> dict[str, tuple[Floats, Floats]]:
    """Return how far each column may fall and rise in each row, (rows,) each, by column.

    The distance is in standard deviations of train; no value leaves the range of train.
    """
    box = {}
    for name, change in mutable.items():
        seen = train[name].to_numpy(dtype=np.float64, na_value=np.nan)
        here = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
        step = distance * float(np.nanstd(seen))
        down = np.clip(here - np.nanmin(seen), 0, step) * (change != "increase")
        up = np.clip(np.nanmax(seen) - here, 0, step) * (change != "decrease")
        box[name] = (down, up)
    return box


def changed(
    rows: pd.DataFrame, box: Mapping[str, tuple[Floats, Floats]], moves: Mapping[str, Floats]
) -> pd.DataFrame:
    """Return `rows` with each column moved by a share, -1 (as far down as it may) to 1.

    A column of whole numbers keeps whole numbers, and stays inside the box.
    """
    new = {}
    for name, (down, up) in box.items():
        step = np.where(moves[name] < 0, moves[name] * down, moves[name] * up)
        column = rows[name]
        if pd.api.types.is_integer_dtype(column):
            whole = pd.Series(np.nan_to_num(np.trunc(step)), rows.index).astype("int64")
            new[name] = (column + whole).astype(column.dtype)
        else:
            new[name] = (column + step).astype(column.dtype)
    return rows.assign(**new)


def turned(e: Evidence, before: Floats, after: Floats, distance: float) -> Bools:
    """Return where the attacker got what they want, shape (rows,).

    A number is no decision: there it must move by more standard deviations than any input.
    """
    if e.task == "regression":
        return np.asarray(e.moved(before, after) > distance)
    return e.turned(before, after)


def targets(e: Evidence) -> npt.NDArray[np.intp]:
    """Return the test rows that are attacked: those acted on, or all where nothing is acting."""
    acted = np.flatnonzero(e.decide(e.predicted) == 1) if e.task == "binary" else None
    eligible = np.arange(len(e.test)) if acted is None else acted
    return eligible[spread(len(eligible), ROWS)] if len(eligible) else eligible


def search(
    e: Evidence, places: npt.NDArray[np.intp], box: Any, bounds: AuditPrivacySecurity
) -> Any:
    """Return with which question each row turned, shape (rows,); 0 where none did."""
    rng = np.random.default_rng([e.random_state, 7])
    rows, before = e.rows.iloc[places], e.predicted[places]
    first = np.zeros(len(places), dtype=np.int64)
    for query in range(1, bounds.evasion_queries + 1):
        open_ = np.flatnonzero(first == 0)
        moves = {name: _moves(rng, len(places), query)[open_] for name in box}
        if not len(open_):
            break
        inside = {name: (down[open_], up[open_]) for name, (down, up) in box.items()}
        after = e.ask(changed(rows.iloc[open_], inside, moves))
        hit = turned(e, before[open_], after, bounds.evasion_distance)
        first[open_[hit]] = query
    return first


def _moves(rng: np.random.Generator, n: int, query: int) -> Floats:
    """Return a share to move by, (n,): first all the way, then nothing, some or all of it."""
    moves = rng.uniform(-1, 1, n)
    corner = np.sign(moves) * rng.integers(0, 2, n)
    return np.sign(moves) if query <= 4 else np.where(rng.random(n) < 0.5, corner, moves)


def draw_search(first: Any, queries: int) -> Figure:
    """Draw the share of decisions that turned, by the number of questions."""
    fig, ax = figure(7.2, 3.4)
    counts = np.bincount(first, minlength=queries + 1)[1 : queries + 1]
    share = 100 * np.cumsum(counts) / len(first)
    ax.step(np.arange(1, queries + 1), share, where="post", color=VERMILION, linewidth=2)
    ax.set(
        title="How soon do small changes turn a decision?",
        xlabel="questions asked of the model about one person",
        ylabel="decisions turned (%)",
        xlim=(1, max(queries, 2)),
        ylim=(0, max(5.0, 1.15 * float(share[-1]))),
    )
    return fig


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Try to turn decisions by small changes."""
    check = CHECKS[0].id
    mutable = {name: way for name, way in e.mutable.items() if name in e.inputs}
    if not mutable:
        why = "charter.mutable names no input of the model: nobody can change what it reads"
        return Findings([Verdict(check, "not_applicable", None, None, None, e.paths(), why)])
    places = targets(e)
    if len(places) < MIN_ROWS:
        why = f"{len(places)} decisions to act on test, fewer than {MIN_ROWS}"
        none = bounded(check, UNDEFINED, "at_most", bounds.max_evasion, e.paths(), why)
        return Findings([none])
    box = reach(e.rows.iloc[places], e.train, mutable, bounds.evasion_distance)
    first = search(e, places, box, bounds)
    found = (first > 0).astype(np.float64)
    drawn = bootstrap(
        lambda weights: weighted_mean(found, weights),
        len(found),
        e.draws,
        e.random_state,
        None if e.entities is None else e.entities.iloc[places],
    )
    names = ", ".join(e.title(name) for name in mutable)
    why = (
        f"{int(found.sum())} of {len(found)} decisions turn when {names} move by at most "
        f"{bounds.evasion_distance:g} standard deviations, within {bounds.evasion_queries} "
        "questions each"
    )
    measured = estimate(float(found.mean()), drawn)
    return Findings(
        [bounded(check, measured, "at_most", bounds.max_evasion, e.paths("evasion"), why)],
        {"Evasion": alone(e, places, box, bounds.evasion_distance)},
        {"evasion": draw_search(first, bounds.evasion_queries)},
    )


def alone(
    e: Evidence, places: npt.NDArray[np.intp], box: Any, distance: float
) -> list[dict[str, Any]]:
    """Return what each column turns when it alone moves as far as it may, either way."""
    rows, before = e.rows.iloc[places], e.predicted[places]
    table = []
    for name in box:
        hit = np.zeros(len(places), dtype=np.bool_)
        for way in (-1.0, 1.0):
            after = e.ask(changed(rows, {name: box[name]}, {name: np.full(len(rows), way)}))
            hit |= turned(e, before, after, distance)
        table.append(
            {
                "Column": e.title(name),
                "Change": e.mutable[name],
                "Decisions that it turns alone": float(hit.mean()),
            }
        )
    return table
