"""Interventional Shapley values of any model, by sampled orders of its inputs."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.core.statistics import Floats

Orders = npt.NDArray[np.intp]

# Rows that are put together and predicted at once.
CHUNK_ROWS = 60_000


def antithetic_orders(
    background: int, inputs: int, rng: np.random.Generator, pairs: int = 1
) -> Orders:
    """Return `pairs` orders of the inputs for each background row, each with its reverse.

    What an input does early in an order it does late in the reverse, so that the mean of
    both varies less (Mitchell and others, JMLR 23, 2022).

    Returns:
        Orders of shape (background, 2 * pairs, inputs).
    """
    forward = rng.permuted(
        np.broadcast_to(np.arange(inputs), (background, pairs, inputs)).copy(), axis=2
    )
    return np.concatenate([forward, forward[:, :, ::-1]], axis=1)


def shapley_values(
    ask: Callable[[pd.DataFrame], Floats],
    rows: pd.DataFrame,
    background: pd.DataFrame,
    inputs: Sequence[str],
    orders: Orders,
) -> Floats:
    """Return how much each input moves each row's answer away from the background's mean.

    A background row is turned into the row one input after the other, and each input gets
    the change at its turn; the mean over background rows and orders estimates the Shapley
    value of the game "the mean answer, were only these inputs known" with the others drawn
    independently of them (Lundberg and Lee, NeurIPS 2017; orders: Castro, Gomez and Tejada,
    Computers & Operations Research 36, 2009). Whatever the orders, the values add up to the
    whole way; with all orders of the inputs they are exact.

    Args:
        ask: takes rows, gives one number a row, (rows,), or several, (rows, outputs).
        rows: the rows to explain, (n, columns).
        background: rows of the same columns, (b, columns).
        inputs: the k columns that the model reads; what it reads besides stays that of the
            background, and is missing in the sum.
        orders: places of `inputs`, (b, orders, k).

    Returns:
        The values, (n, k, outputs).
    """
    b, p, k = orders.shape
    # turn[z, o, j]: when input j is changed; step s has changed all with turn < s.
    turn = np.argsort(orders, axis=2)
    changed = turn[:, :, None, :] < np.arange(k + 1)[:, None]
    way = changed.reshape(-1, k)
    start = np.repeat(np.arange(b), p * (k + 1))
    size = max(1, CHUNK_ROWS // len(way))
    found = []
    for first in range(0, len(rows), size):
        part = rows.iloc[first : first + size]
        c = len(part)
        mixed = {}
        for name in rows.columns:
            both = pd.concat([background[name], part[name]]).astype(part[name].dtype)
            places = np.broadcast_to(start, (c, len(way)))
            if name in inputs:
                own = b + np.arange(c)[:, None]
                places = np.where(way[:, inputs.index(name)], own, start)
            mixed[name] = both.array.take(places.ravel())
        steps = ask(pd.DataFrame(mixed)).reshape(c, b, p, k + 1, -1)
        change = np.diff(steps, axis=3)
        own_turn = np.broadcast_to(turn[None, ..., None], change.shape)
        found.append(np.take_along_axis(change, own_turn, axis=3).mean(axis=(1, 2)))
    values: Floats = np.concatenate(found)
    return values
