"""Audit of transparency: can a person see what the model looks at, and why it decided so?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from sklearn.tree import DecisionTreeRegressor

from stages.audit.evidence import (
    Check,
    Evidence,
    Findings,
    as_numbers,
    bounded,
    conduct,
    counted,
    holds,
    listed,
    plain,
    spread,
)
from stages.core.figures import (
    BLUE,
    INK,
    VERMILION,
    amounts,
    elide,
    figure,
    fit,
    panels,
    percents,
)
from stages.core.params import AuditTransparency, read_params
from stages.core.schema import Schema
from stages.core.statistics import Floats, bootstrap, estimate, rank_correlation, ratio
from stages.core.verdicts import Verdict, at_least

# Rows that are predicted again for each input: enough for a stable order, and quick.
PERMUTED_ROWS = 1000
CURVE_ROWS, CURVE_POINTS = 300, 12
# The surrogate asks at most five questions.
SURROGATE_DEPTH, SURROGATE_LEAF, SURROGATE_GAIN = 5, 50, 1e-4
# Reasons are a mean over these orders of the inputs, half of them the reverse of the other.
REASON_ORDERS = 10
# Far above the last bits of a sum of probabilities, far below what anyone could read.
EXACT = 1e-9

CHECKS = (
    Check(
        "transparency.documented",
        "Does schema.yaml say what each input means?",
        "inputs without a title, a number without its unit, a code without its label",
        "= 0",
        "a reason that nobody can read is none",
    ),
    Check(
        "transparency.importance",
        "Is it clear which inputs matter, whatever the seed?",
        "rank correlation of the inputs' permutation importance between repeats, the mean of "
        "all pairs; the interval holds the least and the greatest pair",
        "audit.transparency.min_rank_correlation",
        "what the team accepts",
    ),
    Check(
        "transparency.surrogate",
        "Can a few questions retell the model?",
        "1 - R2, on test, of a tree of five questions fitted on train to the model's answer",
        "audit.transparency.max_surrogate_gap",
        "what the team accepts; Craven and Shavlik, NeurIPS 1995",
    ),
    Check(
        "transparency.reasons",
        "Do the reasons given for a decision add up to it?",
        "largest distance between the sum of a decision's reasons and what they explain",
        "<= 1e-9",
        "the efficiency of Shapley values: nothing is left unexplained",
    ),
)


# --- documentation ------------------------------------------------------------------------


def documented(
    inputs: Sequence[str], schema: Schema, table: pd.DataFrame, evidence: tuple[str, ...]
) -> Verdict:
    """Look for inputs that schema.yaml leaves without words."""
    silent = [gap for name in inputs for gap in _gaps(name, schema, table)]
    why = f"schema.yaml says what each of {len(inputs)} inputs and its values mean"
    if silent:
        why = f"schema.yaml does not say: {listed(silent)}"
    return counted("transparency.documented", len(silent), evidence, why)


def _gaps(name: str, schema: Schema, table: pd.DataFrame) -> Iterator[str]:
    spec = schema.columns.get(name)
    if spec is None:
        yield f"what {name} is"
        return
    if not spec.title.strip():
        yield f"the title of {name}"
    if spec.kind == "numeric" and not (spec.unit or "").strip():
        yield f"the unit of {name}"
    if spec.kind in ("categorical", "ordinal") and not spec.unit and name in table:
        # Codes need words; text is its own.
        coded = pd.api.types.is_numeric_dtype(table[name])
        coded = coded and not pd.api.types.is_bool_dtype(table[name])
        values = list(table[name].dropna().unique()) if coded else []
        unknown = [value for value in values if str(value) not in (spec.labels or {})]
        if unknown:
            yield f"the label of {name} = {unknown[0]}"


# --- importance ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Importance:
    """How much each input matters, each of shape (repeats, inputs).

    Attributes:
        inputs: their names.
        moved: how far the answer moves in the mean when the input is shuffled, as
            `Evidence.moved` has it.
        lost: mean loss added by shuffling it: the log loss, or the squared error.
    """

    inputs: tuple[str, ...]
    moved: Floats
    lost: Floats

    @property
    def order(self) -> list[str]:
        """The inputs by `moved`, the most important first."""
        return [self.inputs[i] for i in np.argsort(-self.moved.mean(axis=0), kind="stable")]


def permutation_importance(
    e: Evidence, inputs: Sequence[str], repeats: int, size: int = PERMUTED_ROWS
) -> Importance:
    """Shuffle each input in turn, on other rows and in another way at each repeat.

    Importance is how far the probability moves and not how much accuracy is lost (Breiman,
    2001; here `lost`): it is about the model's answer, and free of the noise of the
    outcomes, which on a few thousand rows hides the order of all but the first inputs.
    """
    moved, lost = [], []
    for repeat in range(repeats):
        rng = np.random.default_rng((e.random_state, repeat))
        places = np.sort(rng.permutation(len(e.rows))[:size])
        rows, usual = e.rows.iloc[places], e.predicted[places]
        loss = e.predictions.row_loss[places]
        for name in inputs:
            shuffled = rows[name].iloc[rng.permutation(len(rows))].set_axis(rows.index)
            answers = e.ask(rows.assign(**{name: shuffled}))
            moved.append(e.moved(usual, answers).mean())
            all_rows = e.predicted.copy()
            all_rows[places] = answers
            lost.append((e.measured(all_rows).row_loss[places] - loss).mean())
    shape = (repeats, len(inputs))
    return Importance(tuple(inputs), np.reshape(moved, shape), np.reshape(lost, shape))


def stable(
    found: Importance, titles: Sequence[str], min_rank_correlation: float, evidence: tuple[str, ...]
) -> Verdict:
    """Compare the order of the inputs between all pairs of repeats."""
    check, threshold = "transparency.importance", f">= {plain(min_rank_correlation)}"
    pairs = [rank_correlation(a, b) for a, b in combinations(found.moved, 2)]
    if len(found.inputs) < 3 or np.isnan(pairs).any():
        why = "an order needs three inputs that matter, or more"
        return Verdict(check, "not_applicable", None, None, threshold, evidence, why)
    value, interval = float(np.mean(pairs)), (min(pairs), max(pairs))
    status = at_least(value, interval, min_rank_correlation)
    why = (
        f"how alike {len(found.moved)} repeats order the {len(found.inputs)} inputs; most "
        f"important: {listed(titles)}"
    )
    return Verdict(check, status, value, interval, threshold, evidence, why)


# --- surrogate ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Surrogate:
    """A small tree that retells the model.

    Attributes:
        tree: the fitted tree, on inputs as numbers.
        numbers: the inputs of test as numbers, (rows, inputs).
        values: the values behind the codes of an input that is no number, in order.
    """

    tree: DecisionTreeRegressor
    numbers: pd.DataFrame
    values: dict[str, list[Any]]

    def predict(self) -> Floats:
        """Return what the tree makes of the model's probability on test, (rows,)."""
        return np.asarray(self.tree.predict(self.numbers.to_numpy()), dtype=np.float64)


def fit_surrogate(e: Evidence, inputs: Sequence[str]) -> Surrogate:
    """Fit a tree of five questions on train to the model's probability."""
    both = pd.concat([e.train[list(inputs)], e.test[list(inputs)]], ignore_index=True)
    numbers = as_numbers(both)
    seen = numbers.iloc[: len(e.train)].to_numpy()
    y_prob = e.shown(e.ask(e.train.drop(columns=e.target.column)))
    tree = DecisionTreeRegressor(
        max_depth=SURROGATE_DEPTH,
        min_samples_leaf=SURROGATE_LEAF,
        # No question for the last bits of a probability, nor for next to nothing.
        min_impurity_decrease=max(SURROGATE_GAIN * float(y_prob.var()), EXACT),
        random_state=e.random_state,
    ).fit(seen, y_prob)
    codes = {
        name: sorted(both[name].dropna().unique())
        for name in inputs
        if not pd.api.types.is_numeric_dtype(both[name]) or e.schema.column(name, "inputs").labels
    }
    return Surrogate(tree, numbers.iloc[len(e.train) :].reset_index(drop=True), codes)


def unexplained(y_prob: Floats, retold: Floats, weights: npt.NDArray[Any]) -> Floats:
    """Return 1 - R2 of `retold` on each draw, (d,); NaN where all probabilities are equal."""
    total = weights.sum(axis=1)
    mean = weights @ y_prob / total
    variance = weights @ y_prob**2 / total - mean**2
    return ratio(weights @ (y_prob - retold) ** 2 / total, np.maximum(variance, 0))


def retold(
    e: Evidence, surrogate: Surrogate, max_surrogate_gap: float, evidence: tuple[str, ...]
) -> Verdict:
    """Ask how much of the probability the tree leaves unexplained."""
    again = surrogate.predict()
    told = e.shown(e.predicted)
    once = unexplained(told, again, np.ones((1, len(again))))[0]
    drawn = bootstrap(
        lambda weights: unexplained(told, again, weights),
        len(again),
        e.draws,
        e.random_state,
        e.entities,
    )
    why = (
        f"share of the variance of the {e.subject} that a tree of "
        f"{surrogate.tree.get_n_leaves()} leaves does not explain"
    )
    if e.task == "binary":
        same = float(np.mean(e.decide(again) == e.predictions.y_pred))
        why += f"; it comes to the same decision in {same:.0%} of cases"
    return bounded(
        "transparency.surrogate",
        estimate(float(once), drawn),
        "at_most",
        max_surrogate_gap,
        evidence,
        why,
    )


def surrogate_table(e: Evidence, surrogate: Surrogate) -> list[dict[str, Any]]:
    """Return each leaf in words, the likeliest first: who is in it, how many, how likely."""
    tree = surrogate.tree.tree_
    leaf_of = surrogate.tree.apply(surrogate.numbers.to_numpy())
    told = e.shown(e.predicted)
    table = []
    for leaf, bounds in _leaves(tree):
        inside = leaf_of == leaf
        conditions = [
            _condition(e, surrogate, name, low, high)
            for name, (low, high) in (
                (str(surrogate.numbers.columns[i]), limits) for i, limits in bounds.items()
            )
        ]
        table.append(
            {
                "Who": "; ".join(conditions) or "everybody",
                "Share of test": float(inside.mean()),
                f"Tree's {e.subject}": float(tree.value[leaf].ravel()[0]),
                f"Model's mean {e.subject}": float(told[inside].sum()) / max(inside.sum(), 1),
            }
        )
    return sorted(table, key=lambda row: -row[f"Tree's {e.subject}"])


def _leaves(tree: Any) -> Iterator[tuple[int, dict[int, tuple[float, float]]]]:
    """Yield each leaf with what it asks of each input: above low, and at most high."""
    waiting: list[tuple[int, dict[int, tuple[float, float]]]] = [(0, {})]
    while waiting:
        node, bounds = waiting.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left == right:
            yield node, bounds
            continue
        asked, threshold = int(tree.feature[node]), float(tree.threshold[node])
        low, high = bounds.get(asked, (-np.inf, np.inf))
        waiting.append((right, {**bounds, asked: (threshold, high)}))
        waiting.append((left, {**bounds, asked: (low, threshold)}))


def _condition(e: Evidence, surrogate: Surrogate, name: str, low: float, high: float) -> str:
    title = e.title(name)
    if name in surrogate.values:
        values = surrogate.values[name]
        codes = [
            value if isinstance(value, (int, float, np.number)) else code
            for code, value in enumerate(values)
        ]
        spec = e.schema.columns[name]
        held = [
            spec.label(value)
            for code, value in zip(codes, values, strict=True)
            if low < float(code) <= high
        ]
        return f"{title}: {', '.join(held)}"
    if np.isinf(low):
        return f"{title} at most {amounts([high])[0]}"
    if np.isinf(high):
        return f"{title} above {amounts([low])[0]}"
    return f"{title} {' to '.join(amounts([low, high]))}"


# --- reasons ------------------------------------------------------------------------------


def typical_row(train: pd.DataFrame) -> pd.DataFrame:
    """Return one row: the middle value of each number, the most frequent of anything else."""
    values = {}
    for name, column in train.items():
        known = column.dropna()
        if known.empty:
            values[name] = column.iloc[:1]
        elif pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            middle = known.sort_values().iloc[[(len(known) - 1) // 2]]
            values[name] = middle.astype(column.dtype)
        else:
            values[name] = known.mode().iloc[:1].astype(column.dtype)
    return pd.DataFrame({name: value.reset_index(drop=True) for name, value in values.items()})


def reasons(
    ask: Callable[[pd.DataFrame], Floats],
    rows: pd.DataFrame,
    reference: pd.DataFrame,
    inputs: Sequence[str],
    rng: np.random.Generator,
) -> Floats:
    """Return how much each input moves each row's answer away from the reference's.

    The reference is turned into the row one input after the other, and each input gets the
    change at its turn: whatever the order, the changes add up to the whole way. Their mean
    over orders estimates Shapley values (Castro, Gomez and Tejada, Computers & Operations
    Research 36, 2009; each order together with its reverse, Mitchell and others, JMLR 23,
    2022).

    Args:
        ask: takes rows, gives one number a row.
        rows: the rows to explain, (n, columns).
        reference: one row with the same columns.
        inputs: the columns that the model reads.
        rng: the source of the orders.

    Returns:
        The reasons, (n, inputs).
    """
    k, n = len(inputs), len(rows)
    half = [rng.permutation(k) for _ in range(REASON_ORDERS // 2)]
    orders = [order for one in half for order in (one, one[::-1])]
    # turn[o, j]: when input j is changed in order o; step s has changed all with turn < s.
    turn = np.argsort(np.array(orders), axis=1)
    changed = turn[:, None, :] < np.arange(k + 1)[None, :, None]
    way = changed.reshape(-1, k)
    places = np.repeat(np.arange(n), len(way))
    start = pd.concat([reference] * len(places), ignore_index=True)
    for j, name in enumerate(inputs):
        target = rows[name].iloc[places].reset_index(drop=True)
        start[name] = start[name].where(~np.tile(way[:, j], n), target).astype(rows[name].dtype)
    steps = ask(start).reshape(n, len(orders), k + 1)
    change = np.diff(steps, axis=2)
    mean: Floats = np.take_along_axis(change, turn[None], axis=2).mean(axis=1)
    return mean


@dataclass(frozen=True)
class Explained:
    """Example decisions with their reasons.

    Attributes:
        places: the rows of test, (n,).
        told: their answers, each as one number, (n,).
        start: the answer to the typical row.
        contributions: what each input adds, (n, inputs).
    """

    places: npt.NDArray[np.intp]
    told: Floats
    start: float
    contributions: Floats


def explain_examples(e: Evidence, inputs: Sequence[str]) -> Explained:
    """Explain the clearest decision on each side, and the narrowest; else those at the middle."""
    told = e.shown(e.predicted)
    order = np.argsort(-told, kind="stable")
    acted = int(e.predictions.y_pred.sum()) if e.task == "binary" else len(order) // 2
    wanted = np.clip([0, acted - 1, acted, len(order) - 1], 0, len(order) - 1)
    places = order[np.unique(wanted)]
    reference = typical_row(e.train.drop(columns=e.target.column))
    rng = np.random.default_rng(e.random_state)
    rows = e.rows.iloc[places]
    return Explained(
        places,
        told[places],
        float(e.shown(e.ask(reference))[0]),
        reasons(lambda frame: e.shown(e.ask(frame)), rows, reference, inputs, rng),
    )


def add_up(e: Evidence, explained: Explained, evidence: tuple[str, ...]) -> Verdict:
    """Hold the sum of the reasons against the way from the typical row's answer."""
    way = explained.told - explained.start
    off = float(np.abs(explained.contributions.sum(axis=1) - way).max()) / e.spread_of_target
    why = (
        f"the reasons of {len(way)} example decisions add up to the way from the typical "
        f"row's {e.subject} ({explained.start:.3f})"
    )
    if off > EXACT:
        why = f"the reasons miss the decision by {off:.2g}: something else moves the model"
    threshold = f"<= {EXACT:g}"
    return Verdict("transparency.reasons", holds(off <= EXACT), off, None, threshold, evidence, why)


def reason_table(
    e: Evidence, explained: Explained, inputs: Sequence[str], top: int
) -> list[dict[str, Any]]:
    """Return the strongest reasons of each example."""
    table = []
    for example, place in enumerate(explained.places):
        contributions = explained.contributions[example]
        for j in np.argsort(-np.abs(contributions), kind="stable")[:top]:
            table.append(
                {
                    "Example": example + 1,
                    _capital(e.subject): float(explained.told[example]),
                    "Input": e.title(inputs[j]),
                    "Value": _shown(e, inputs[j], e.rows[inputs[j]].iloc[place]),
                    "Adds": float(contributions[j]),
                }
            )
    return table


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _points(e: Evidence) -> tuple[float, str]:
    """Return by what a change of the answer is multiplied to be read, and its unit."""
    if e.task != "regression":
        return 100.0, "percentage points"
    spec = e.schema.columns.get(e.target.column)
    return 1.0, spec.unit if spec and spec.unit else e.title(e.target.column)


def _shown(e: Evidence, name: str, value: Any) -> str:
    if pd.isna(value):
        return "missing"
    spec = e.schema.columns.get(name)
    if spec is not None and spec.labels:
        return spec.label(value)
    return amounts([float(value)])[0] if isinstance(value, (int, float, np.number)) else str(value)


# --- figures ------------------------------------------------------------------------------


def draw_importance(e: Evidence, found: Importance, top: int) -> Figure:
    """Draw how far the answer moves without each of the first inputs."""
    names = found.order[: max(top, 1)]
    size, unit = 100.0, "percentage points by which the probability moves when the\n"
    if e.task == "regression":
        size, unit = 1.0, "standard deviations by which the prediction moves when the\n"
    fig, ax = figure(7.2, 1.3 + 0.3 * len(names))
    for y, name in enumerate(names):
        column = size * found.moved[:, found.inputs.index(name)]
        ax.barh(y, column.mean(), color=BLUE, height=0.6)
        ax.plot((column.min(), column.max()), (y, y), color=INK, linewidth=2.0)
    ax.set(
        title="What does the model look at?",
        xlabel=f"{unit}input is shuffled; black: least to greatest of {len(found.moved)} repeats",
        yticks=range(len(names)),
        yticklabels=[elide(e.title(name), 40) for name in names],
        ylim=(len(names) - 0.5, -0.5),
    )
    ax.grid(axis="y", visible=False)
    return fig


def curve(e: Evidence, name: str) -> tuple[list[Any], Floats]:
    """Return values of an input, and the mean answer if all rows had each (Friedman, 2001).

    Numbers are taken at their quantiles in train from 2 % to 98 %; of codes, the most
    frequent ones.
    """
    column, spec = e.train[name].dropna(), e.schema.columns.get(name)
    grid: list[Any]
    if spec is not None and spec.kind == "numeric":
        quantiles = np.linspace(0.02, 0.98, CURVE_POINTS)
        grid = list(np.unique(column.quantile(quantiles, interpolation="nearest")))
    else:
        grid = sorted(column.value_counts().index[:CURVE_POINTS])
    rows = e.rows.iloc[spread(len(e.rows), CURVE_ROWS)]
    frames = [
        rows.assign(**{name: pd.Series([value] * len(rows), index=rows.index, dtype=column.dtype)})
        for value in grid
    ]
    told = e.shown(e.ask(pd.concat(frames, ignore_index=True)))
    return grid, told.reshape(len(grid), len(rows)).mean(axis=1)


def draw_curves(e: Evidence, names: Sequence[str]) -> Figure:
    """Draw the mean answer along each of the first inputs."""
    size, unit = _points(e)
    unit = "%" if e.task != "regression" else unit
    fig, axes = panels(
        len(names),
        3,
        (2.3, 1.7),
        f"How does the {e.subject} change with the most important inputs?",
        f"mean {e.subject} ({unit}) of {min(len(e.rows), CURVE_ROWS)} test rows, were the input as "
        "shown for all of them and nothing else changed",
        gap=(0.5, 0.95),
        margin=(0.55, 0.7),
    )
    low, top = np.inf, -np.inf
    for ax, name in zip(axes, names, strict=True):
        grid, means = curve(e, name)
        means = size * means
        low, top = min(low, float(means.min())), max(top, float(means.max()))
        spec = e.schema.columns.get(name)
        numeric = all(isinstance(value, (int, float, np.number)) for value in grid)
        if numeric and not (spec and spec.labels):
            ax.plot(grid, means, "o-", color=BLUE, markersize=3.5)
        else:
            labels = [spec.label(value) if spec else str(value) for value in grid]
            ax.plot(range(len(grid)), means, "o", color=BLUE, markersize=5)
            ax.set_xticks(range(len(grid)), [elide(label, 12) for label in labels], rotation=45)
        ax.set_title(fit(e.title(name), 2.3, lines=2))
        ax.set_xlabel(spec.unit if spec and spec.unit else "")
    for ax in axes:
        room = 0.1 * (top - low or abs(top) or 1.0)
        ax.set_ylim(low - room if e.task == "regression" else 0, top + room)
    return fig


def draw_reasons(e: Evidence, explained: Explained, inputs: Sequence[str], top: int) -> Figure:
    """Draw the strongest reasons of each example, one panel a decision."""
    size, unit = _points(e)
    fig, axes = figure(
        7.2,
        0.9 + len(explained.places) * (0.6 + 0.24 * (top + 1)),
        nrows=len(explained.places),
        squeeze=False,
        sharex=True,
    )
    for example, (ax, place) in enumerate(zip(axes[:, 0], explained.places, strict=True)):
        contributions = size * explained.contributions[example]
        order = np.argsort(-np.abs(contributions), kind="stable")
        bars = [
            (
                f"{elide(e.title(inputs[j]), 34)} = "
                f"{_shown(e, inputs[j], e.rows[inputs[j]].iloc[place])}",
                float(contributions[j]),
            )
            for j in order[:top]
        ]
        if len(order) > top:
            bars.append(("all other inputs", float(contributions[order[top:]].sum())))
        for y, (_, width) in enumerate(bars):
            ax.barh(y, width, color=VERMILION if width > 0 else BLUE, height=0.6)
        ax.axvline(0, color=INK, linewidth=1.0)
        both = [float(explained.told[example]), explained.start]
        given, start = amounts(both) if e.task == "regression" else percents(both)
        if e.task == "binary":
            acts = bool(e.decide(explained.told[example : example + 1])[0])
            given += ": act" if acts else ": do not act"
        ax.set(
            title=f"{given} (the typical row has {start})",
            yticks=range(len(bars)),
            yticklabels=[label for label, _ in bars],
            ylim=(len(bars) - 0.5, -0.5),
        )
        ax.grid(axis="y", visible=False)
    axes[-1, 0].set_xlabel(f"what each input adds to the {e.subject} ({unit})")
    fig.suptitle("Why these answers? The highest and the lowest, and two between")
    return fig


# --- the pillar ---------------------------------------------------------------------------


def importance_table(e: Evidence, found: Importance) -> list[dict[str, Any]]:
    """Return every input with its importance, the most important first."""
    moved, lost = found.moved.mean(axis=0), found.lost.mean(axis=0)
    return [
        {
            "Input": e.title(name),
            "Column": name,
            "Moves the answer by": float(moved[found.inputs.index(name)]),
            "Least": float(found.moved[:, found.inputs.index(name)].min()),
            "Greatest": float(found.moved[:, found.inputs.index(name)].max()),
            "Loss added": float(lost[found.inputs.index(name)]),
        }
        for name in found.order
    ]


def examine(e: Evidence, bounds: AuditTransparency) -> Findings:
    """Answer every check of the pillar."""
    found = Findings()
    inputs = [name for name in e.inputs if name in e.rows]
    table = pd.concat([e.train, e.test], ignore_index=True)
    found.verdicts = [documented(e.inputs, e.schema, table, e.paths())]
    if not inputs:
        why = "the model reads no input"
        found.verdicts += [
            Verdict(check.id, "not_applicable", None, None, None, e.paths(), why)
            for check in CHECKS[1:]
        ]
        return found
    importance = permutation_importance(e, inputs, bounds.permutation_repeats)
    first = importance.order[: bounds.top_features]
    surrogate = fit_surrogate(e, inputs)
    explained = explain_examples(e, inputs)
    titles = [e.title(name) for name in first]
    found.verdicts += [
        stable(importance, titles, bounds.min_rank_correlation, e.paths("importance")),
        retold(e, surrogate, bounds.max_surrogate_gap, e.paths()),
        add_up(e, explained, e.paths("reasons")),
    ]
    found.tables = {
        "Importance": importance_table(e, importance),
        "The model in five questions": surrogate_table(e, surrogate),
        "Reasons": reason_table(e, explained, inputs, bounds.top_features),
    }
    found.figures = {
        "importance": draw_importance(e, importance, 2 * bounds.top_features),
        "partial_dependence": draw_curves(e, first),
        "reasons": draw_reasons(e, explained, inputs, bounds.top_features),
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
    """Audit the transparency of `model` on `test`; write `verdicts`, `figures` and `files`."""
    chosen = read_params(params)
    conduct(
        CHECKS,
        partial(examine, bounds=chosen.audit.transparency),
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
