"""A tree of five questions that retells the model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from stages.audit.evidence import Evidence, as_numbers, bounded
from stages.core.figures import amounts
from stages.core.statistics import Floats, bootstrap, estimate, ratio
from stages.core.verdicts import Verdict

SURROGATE_DEPTH, SURROGATE_LEAF, SURROGATE_GAIN = 5, 50, 1e-4
# So many codes of a leaf are named.
LISTED = 12
# Far above the last bits of a sum of probabilities, far below what anyone could read.
LAST_BITS = 1e-9


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
        min_impurity_decrease=max(SURROGATE_GAIN * float(y_prob.var()), LAST_BITS),
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
        more = f", {len(held) - LISTED:,} more" if len(held) > LISTED else ""
        return f"{title}: {', '.join(held[:LISTED])}{more}"
    if np.isinf(low):
        return f"{title} at most {amounts([high])[0]}"
    if np.isinf(high):
        return f"{title} above {amounts([low])[0]}"
    return f"{title} {' to '.join(amounts([low, high]))}"
