"""Products of rows with a matrix in which each row is answered by itself."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def row_products(rows: Floats, weights: Floats) -> Floats:
    """Return `rows` @ `weights`, shape (rows, outputs), added column by column.

    A library of linear algebra adds in an order that depends on how many rows there are, and
    so does the last bit of what it gives: a row that a server is asked for alone would get
    another answer than the same row in a table.

    Args:
        rows: shape (rows, columns).
        weights: shape (columns, outputs).
    """
    found = np.zeros((len(rows), weights.shape[1]))
    for column, weight in zip(rows.T, weights, strict=True):
        found += column[:, None] * weight
    return found
