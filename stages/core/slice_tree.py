"""Parts of the table in which a model errs, found by a shallow tree on the loss of its rows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stages.core.parts import Condition, Mask, between
from stages.core.statistics import Floats, Seed, entity_codes
from stages.core.variables import Variable

# Three conditions are as many as a person keeps in mind, and thins the rows out eightfold.
MAX_DEPTH = 3
# Below this share of its rows a leaf is chance more often than not.
MIN_LEAF_SHARE = 0.02


def weak_parts(
    variables: Sequence[Variable],
    loss: Floats,
    found_on: Mask,
    min_rows: int,
    sample_weight: Floats | None = None,
) -> list[tuple[Condition, ...]]:
    """Return the nodes of a regression tree whose mean loss is above that of all rows.

    A tree on the loss is one of the searches of Chung and others (Slice Finder, ICDE 2019).
    Only the rows of `found_on` are looked at, so that the others can say how bad a part
    really is: a part is chosen because its loss is high, and on the rows that it was chosen
    by it always looks worse than it is. Nodes of one condition are left out: the parts of
    one column are looked at anyway.

    Args:
        variables: the columns.
        loss: the loss of each row, shape (rows,).
        found_on: the rows to look at, shape (rows,).
        min_rows: the fewest of them that make a part.
        sample_weight: how much each row counts, shape (rows,).

    Returns:
        The conditions of each part, from the root down; one a column.
    """
    rows = int(found_on.sum())
    leaf = max(min_rows, round(MIN_LEAF_SHARE * rows))
    if not variables or rows < 2 * leaf:
        return []
    from sklearn.tree import DecisionTreeRegressor

    weight = None if sample_weight is None else sample_weight[found_on]
    columns = [_ranked(variable, loss, found_on) for variable in variables]
    tree = DecisionTreeRegressor(max_depth=MAX_DEPTH, min_samples_leaf=leaf, random_state=0)
    matrix = np.column_stack(columns)
    # A missing value that no row of the half shows has no side of its own.
    tree.fit(matrix[found_on], loss[found_on], sample_weight=weight)
    built, means = tree.tree_, tree.tree_.value[:, 0, 0]
    found: list[tuple[Condition, ...]] = []

    def descend(node: int, path: tuple[Condition, ...]) -> None:
        if len(path) > 1 and means[node] > means[0]:
            found.append(path)
        if built.children_left[node] == -1:
            return
        place, edge = int(built.feature[node]), float(built.threshold[node])
        variable, column = variables[place], columns[place]
        lost_left = bool(built.missing_go_to_left[node])
        left, right = _sides(variable, column, edge, lost_left, found_on)
        descend(int(built.children_left[node]), _with(path, left))
        descend(int(built.children_right[node]), _with(path, right))

    descend(0, ())
    return found


def _ranked(variable: Variable, loss: Floats, found_on: Mask) -> Floats:
    """Return the column as a tree can cut it: categories without order by their mean loss.

    Of all ways to deal categories to two sides the best is among the cuts of that order
    (Fisher, Journal of the American Statistical Association 53, 1958).
    """
    if variable.ordered:
        return variable.values
    known = ~np.isnan(variable.values)
    codes = variable.values[known & found_on].astype(np.int64)
    size = len(variable.levels)
    count = np.bincount(codes, minlength=size)
    total = np.bincount(codes, weights=loss[known & found_on], minlength=size)
    # A category that is not seen here stands at the mean.
    mean = np.where(count > 0, total / np.maximum(count, 1), loss[found_on].mean())
    ranked = np.full(len(variable.values), np.nan)
    ranked[known] = np.round(mean, 9)[variable.values[known].astype(np.int64)]
    return ranked


def _sides(
    variable: Variable, column: Floats, edge: float, lost_left: bool, found_on: Mask
) -> tuple[Condition, Condition]:
    """Return the conditions of both sides of a cut."""
    lost = bool(np.isnan(variable.values).any())
    below, beyond = lost and lost_left, lost and not lost_left
    if variable.levels:
        known = ~np.isnan(column)
        codes = variable.values[known]
        left = tuple(float(code) for code in np.unique(codes[column[known] <= edge]))
        right = tuple(float(code) for code in np.unique(codes[column[known] > edge]))
        return (
            Condition(variable, among=left, missing=below),
            Condition(variable, among=right, missing=beyond),
        )
    seen = column[found_on]
    if not (seen > edge).any():
        return Condition(variable, missing=below), Condition(variable, among=(), missing=beyond)
    short = between(float(np.max(seen[seen <= edge])), float(np.min(seen[seen > edge])))
    return (
        Condition(variable, up_to=short, missing=below),
        Condition(variable, above=short, missing=beyond),
    )


def _with(path: tuple[Condition, ...], added: Condition) -> tuple[Condition, ...]:
    """Return the path with one condition more; two of a column become one."""
    names = [each.variable.name for each in path]
    if added.variable.name not in names:
        return (*path, added)
    place = names.index(added.variable.name)
    return (*path[:place], path[place].meet(added), *path[place + 1 :])


def honest_halves(n: int, random_state: Seed, groups: npt.ArrayLike | None = None) -> Mask:
    """Return which rows to look for parts in; the others measure them. Shape (n,).

    Half of the rows, or of the entities where rows of one repeat.
    """
    rng = np.random.default_rng(random_state)
    if groups is None:
        return np.asarray(rng.permutation(n) < n // 2)
    codes = entity_codes(groups)
    first = rng.permutation(int(codes.max()) + 1) < (int(codes.max()) + 1) // 2
    return np.asarray(first[codes])
