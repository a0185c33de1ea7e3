"""What would have turned the decision: the fewest and smallest changes that a person can make."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import Evidence, counted, plain, spread
from stages.audit.transparency.words import decision, value
from stages.core.figures import BLUE, MUTED, elide, figure
from stages.core.params import AuditTransparency
from stages.core.statistics import Floats, wilson_interval
from stages.core.verdicts import Verdict, at_least

# Values of an input that are tried for a row, and sets of inputs that are followed further.
VALUES, BEAM = 16, 4

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Tried:
    """Test rows with some values changed.

    Attributes:
        places: the rows of test, (c,).
        given: the values of the mutable inputs, (c, m); NaN where the row keeps its own.
    """

    places: Places
    given: Floats

    def __getitem__(self, which: Any) -> "Tried":
        """Return some of them."""
        return Tried(self.places[which], self.given[which])


@dataclass(frozen=True)
class Counterfactuals:
    """For each explained row the changes that turn its decision, where some were found.

    Attributes:
        inputs: the columns that a person can change and the model reads, m.
        places: the rows of test, (n,).
        found: which rows have a counterfactual, (n,).
        given: the new values of the inputs, (n, m); NaN where the row keeps its own.
        distances: the sum of the changes, in interquartile ranges of train, (n,).
        most: how many inputs may change.
    """

    inputs: tuple[str, ...]
    places: Places
    found: npt.NDArray[np.bool_]
    given: Floats
    distances: Floats
    most: int


@dataclass(frozen=True)
class Search:
    """What the search for counterfactuals asks and knows.

    Attributes:
        e: the evidence.
        inputs: the columns that may change, m.
        old: their values in test, (rows, m).
        seen: their values in train, ascending.
        scale: their interquartile ranges in train, (m,).
        change: of a regression, how far the answer must move, in standard deviations of
            the target.
    """

    e: Evidence
    inputs: tuple[str, ...]
    old: Floats
    seen: tuple[Floats, ...]
    scale: Floats
    change: float

    def turned(self, places: Places, answers: Floats) -> npt.NDArray[np.bool_]:
        """Return where `answers` are other decisions than those on the rows themselves."""
        before = self.e.predicted[places]
        if self.e.task == "regression":
            return np.asarray(self.e.moved(before, answers) >= self.change)
        return np.asarray(self.e.decide(before) != self.e.decide(answers))

    def progress(self, places: Places, answers: Floats) -> Floats:
        """Return how far `answers` are on the way to another decision."""
        before = self.e.predicted[places]
        if self.e.task == "regression":
            return self.e.moved(before, answers)
        if self.e.task == "multiclass":
            decided = np.asarray(self.e.decide(before), dtype=np.intp)
            return np.asarray(-answers[np.arange(len(answers)), decided])
        return np.where(self.e.decide(before) == 1, -answers, answers)

    def distance(self, tried: Tried) -> Floats:
        """Return the sum of the changes, in interquartile ranges of train, (c,)."""
        return np.asarray(
            np.nansum(np.abs(tried.given - self.old[tried.places]) / self.scale, axis=1)
        )

    def ask(self, tried: Tried) -> Floats:
        """Return what the model says of the changed rows."""
        return self.e.ask(changed_rows(self.e, self.inputs, tried))

    def values(self, place: int, j: int) -> Floats:
        """Return values of train that lie in the declared direction from the row's own."""
        own, seen = self.old[place, j], self.seen[j]
        if np.isnan(own):
            return seen[:0]
        way = self.e.mutable[self.inputs[j]]
        below = seen[: np.searchsorted(seen, own, "left")] if way != "increase" else seen[:0]
        above = seen[np.searchsorted(seen, own, "right") :] if way != "decrease" else seen[:0]
        return np.concatenate([_some(side) for side in (below, above)])


def _some(values: Floats) -> Floats:
    return values[spread(len(values), VALUES)] if len(values) else values


def changed_rows(e: Evidence, inputs: Sequence[str], tried: Tried) -> pd.DataFrame:
    """Return test rows with the given values in place of their own."""
    rows = e.rows.iloc[tried.places].reset_index(drop=True)
    for j, name in enumerate(inputs):
        new = tried.given[:, j]
        if not np.isnan(new).all():
            given = np.where(np.isnan(new), _numbers(rows[name]), new)
            rows[name] = pd.Series(given).astype(rows[name].dtype)
    return rows


def _numbers(column: "pd.Series[Any]") -> Floats:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def search(
    e: Evidence, inputs: Sequence[str], places: Places, most: int, change: float
) -> Counterfactuals:
    """Look for the fewest changed inputs, then the smallest change, that turn each decision.

    All single changes are tried, then pairs, up to `most` inputs; where there are many, the
    sets of inputs that come nearest are followed further (beam search). What is found is
    then drawn back towards the row, one input after the other. Wachter, Mittelstadt and
    Russell, Harvard JOLT 31, 2018; sparse and actionable: Ustun, Spangher and Liu, FAT*
    2019.

    Args:
        e: the evidence.
        inputs: the columns that may change, numbers that the model reads.
        places: the rows of test to explain.
        most: how many inputs may change.
        change: of a regression, how far the answer must move, in standard deviations of
            the target.
    """
    names = tuple(inputs)
    train = [np.unique(_numbers(e.train[name].dropna())) for name in names]
    known = Search(
        e,
        names,
        np.column_stack([_numbers(e.rows[name]) for name in names]),
        tuple(train),
        np.array([_scale(_numbers(e.train[name].dropna())) for name in names]),
        change,
    )
    given = np.full((len(places), len(names)), np.nan)
    found = np.zeros(len(places), dtype=bool)
    beams = [np.full((1, len(names)), np.nan) for _ in places]
    for _ in range(min(most, len(names))):
        open_ = [n for n in range(len(places)) if not found[n]]
        grown = [_grown(known, int(places[n]), beams[n]) for n in open_]
        tried = Tried(
            np.repeat(places[open_], [len(one) for one in grown]),
            np.concatenate(grown) if grown else given[:0],
        )
        if not len(tried.places):
            break
        answers = known.ask(tried)
        turned, distances = known.turned(tried.places, answers), known.distance(tried)
        nearer = known.progress(tried.places, answers)
        ends = np.cumsum([len(one) for one in grown])
        for n, one, end in zip(open_, grown, ends, strict=True):
            here = slice(int(end) - len(one), int(end))
            valid = np.flatnonzero(turned[here])
            if len(valid):
                best = valid[np.argmin(distances[here][valid])]
                given[n], found[n] = one[best], True
            else:
                beams[n] = _nearest(one, nearer[here])
    given = _drawn_back(known, places, given)
    distances = known.distance(Tried(places, given))
    return Counterfactuals(names, places, found, given, distances, most)


def _scale(values: Floats) -> float:
    low, high = np.quantile(values, [0.25, 0.75]) if len(values) else (0.0, 0.0)
    return float(high - low) or float(np.ptp(values) if len(values) else 0.0) or 1.0


def _grown(known: Search, place: int, beam: Floats) -> Floats:
    """Return the changes of a row with one more input changed, (c, m)."""
    grown = [np.empty((0, beam.shape[1]))]
    for one in beam:
        for j in np.flatnonzero(np.isnan(one)):
            values = known.values(place, int(j))
            more = np.repeat(one[None], len(values), axis=0)
            more[:, j] = values
            grown.append(more)
    return np.unique(np.concatenate(grown), axis=0)


def _nearest(tried: Floats, nearer: Floats) -> Floats:
    """Return the best of each set of changed inputs, for the sets that come nearest."""
    sets: dict[tuple[bool, ...], int] = {}
    for place in np.argsort(-nearer, kind="stable"):
        sets.setdefault(tuple(~np.isnan(tried[place])), int(place))
    return tried[list(sets.values())[:BEAM]]


def _drawn_back(known: Search, places: Places, given: Floats) -> Floats:
    """Return the changes made as small as they can be, one input after the other."""
    given = given.copy()
    for j in range(given.shape[1]):
        rows, trials = [], []
        for n in map(int, np.flatnonzero(~np.isnan(given[:, j]))):
            own, new = known.old[places[n], j], given[n, j]
            between = known.seen[j][
                (known.seen[j] > min(own, new)) & (known.seen[j] < max(own, new))
            ]
            for smaller in _some(between):
                trial = given[n].copy()
                trial[j] = smaller
                rows.append(n)
                trials.append(trial)
        if not rows:
            continue
        tried = Tried(places[rows], np.array(trials))
        turned = known.turned(tried.places, known.ask(tried))
        distances = known.distance(tried)
        for n in dict.fromkeys(rows):
            valid = np.flatnonzero(turned & (np.array(rows) == n))
            if len(valid):
                given[n] = tried.given[valid[np.argmin(distances[valid])]]
    return given


# --- the checks ---------------------------------------------------------------------------


def explained_rows(e: Evidence, count: int) -> Places:
    """Return the rows that ask why: those acted on; of other tasks any, spread over test."""
    rows = np.arange(len(e.rows))
    if e.task == "binary":
        rows = np.flatnonzero(e.decide(e.predicted) == 1)
    return rows[spread(len(rows), count)] if len(rows) else rows


def faults(e: Evidence, found: Counterfactuals, change: float) -> list[str]:
    """Return what is wrong with the counterfactuals that are given; asked anew, row by row."""
    rows, turned = _asked(e, found, change)
    wrong = []
    own = e.rows.iloc[found.places[found.found]].reset_index(drop=True)
    train = {name: set(_numbers(e.train[name].dropna())) for name in found.inputs}
    for n in range(len(rows)):
        moved = [str(c) for c in own if not _same(own[c].iloc[n], rows[c].iloc[n])]
        if not turned[n]:
            wrong.append("the decision does not turn")
        if not moved or len(moved) > found.most:
            wrong.append(f"{len(moved)} inputs change, not 1 to {found.most}")
        for name in moved:
            old, new = own[name].iloc[n], rows[name].iloc[n]
            way = e.mutable.get(name)
            if way is None:
                wrong.append(f"{e.title(name)} cannot be changed")
            elif (way == "increase" and new < old) or (way == "decrease" and new > old):
                wrong.append(f"{e.title(name)} can only {way}")
            elif name in train and float(new) not in train[name]:
                wrong.append(f"{e.title(name)} never had this value in train")
    return wrong


def _asked(
    e: Evidence, found: Counterfactuals, change: float
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    tried = Tried(found.places, found.given)[found.found]
    rows = changed_rows(e, found.inputs, tried)
    if not len(rows):
        return rows, np.zeros(0, dtype=bool)
    before, after = e.predicted[tried.places], e.ask(rows)
    if e.task == "regression":
        return rows, np.asarray(e.moved(before, after) >= change)
    return rows, np.asarray(e.decide(before) != e.decide(after))


def _same(a: Any, b: Any) -> bool:
    return bool(pd.isna(a) and pd.isna(b)) or bool(not pd.isna(a) and not pd.isna(b) and a == b)


def valid(e: Evidence, found: Counterfactuals, change: float, evidence: tuple[str, ...]) -> Verdict:
    """Hold every counterfactual that is given against what it promises."""
    if not found.found.any():
        why = "no counterfactual was found, so none is given; see recourse"
        check = "transparency.counterfactuals"
        return Verdict(check, "not_applicable", None, None, "= 0", evidence, why)
    wrong = faults(e, found, change)
    why = (
        f"each of {int(found.found.sum())} counterfactuals turns the decision, by at most "
        f"{found.most} declared changes to values seen in train"
    )
    if wrong:
        why = f"{len(wrong)} faults; the first: {wrong[0]}"
    return counted("transparency.counterfactuals", len(wrong), evidence, why)


def recourse(
    e: Evidence, found: Counterfactuals, min_recourse: float, evidence: tuple[str, ...]
) -> Verdict:
    """Count the rows that a change can help; too few are a warning, for a person to judge."""
    share = float(found.found.mean())
    low, high = (float(end) for end in wilson_interval(found.found.sum(), len(found.found)))
    status = at_least(share, (low, high), min_recourse)
    titles = ", ".join(e.title(name) for name in found.inputs)
    whom = "test rows that are acted on" if e.task == "binary" else "test rows"
    why = (
        f"share of {len(found.found)} {whom} whose decision some change of at most {found.most} "
        f"inputs turns (of {titles})"
    )
    return Verdict(
        "transparency.recourse",
        "warn" if status == "fail" else status,
        share,
        (low, high),
        f">= {plain(min_recourse)}",
        evidence,
        why,
    )


def look_for(
    e: Evidence, inputs: Sequence[str], bounds: AuditTransparency
) -> tuple[Counterfactuals | None, list[Verdict]]:
    """Search, and answer both checks; None where there is nothing to search among."""
    places = explained_rows(e, bounds.counterfactual_rows)
    usable = [name for name in e.mutable if name in inputs and e.train[name].notna().any()]
    why = ""
    if not e.mutable:
        why = "charter.mutable names nothing that a person can change"
    elif not usable:
        why = "the model reads nothing that charter.mutable names"
    elif not len(places):
        why = "no test row is acted on"
    if why:
        names = ("transparency.counterfactuals", "transparency.recourse")
        return None, [
            Verdict(name, "not_applicable", None, None, None, e.paths(), why) for name in names
        ]
    change = bounds.counterfactual_change
    found = search(e, usable, places, bounds.max_changed_inputs, change)
    shown = e.paths("counterfactuals")
    return found, [valid(e, found, change, shown), recourse(e, found, bounds.min_recourse, shown)]


# --- what is shown ------------------------------------------------------------------------


def counterfactual_table(e: Evidence, found: Counterfactuals) -> list[dict[str, Any]]:
    """Return each explained row with the changes that would have turned its decision."""
    after = iter(e.ask(changed_rows(e, found.inputs, Tried(found.places, found.given))))
    table = []
    for n, (place, answer) in enumerate(zip(found.places, after, strict=True)):
        before, changes = e.predicted[place : place + 1], list(_changes(e, found, n))
        table.append(
            {
                "Example": n + 1,
                "Answer": float(e.shown(before)[0]),
                "Decision": decision(e, before),
                "Had been otherwise": "; ".join(changes) or "nothing found",
                "Answer then": float(e.shown(answer[None])[0]) if changes else None,
                "Decision then": decision(e, answer[None]) if changes else None,
                "Distance (interquartile ranges)": float(found.distances[n]) if changes else None,
            }
        )
    return table


def _changes(e: Evidence, found: Counterfactuals, n: int) -> Iterator[str]:
    for j, name in enumerate(found.inputs):
        if not np.isnan(found.given[n, j]):
            old = value(e, name, e.rows[name].iloc[found.places[n]])
            yield f"{e.title(name)}: {value(e, name, found.given[n, j])} and not {old}"


def draw_counterfactuals(e: Evidence, found: Counterfactuals) -> Figure:
    """Draw how often each input is part of what turns a decision, and how often nothing does."""
    total = len(found.found)
    shares = list(100 * (~np.isnan(found.given)).sum(axis=0) / total)
    order = np.argsort(-np.array(shares), kind="stable")
    names = [*(elide(e.title(found.inputs[j]), 40) for j in order), "nothing found"]
    widths = [*(shares[j] for j in order), 100 * float((~found.found).mean())]
    fig, ax = figure(7.2, 1.4 + 0.32 * len(names))
    colours = [BLUE] * len(order) + [MUTED]
    ax.barh(range(len(names)), widths, color=colours, height=0.6)
    ax.set(
        title="What would have turned the decision?",
        xlabel=f"% of {total} explained test rows; a row of two changes counts for both",
        yticks=range(len(names)),
        yticklabels=names,
        ylim=(len(names) - 0.5, -0.5),
        xlim=(0, 100),
    )
    ax.grid(axis="y", visible=False)
    return fig
