"""Weights of training rows under which group and outcome are independent.

Kamiran and Calders, Data preprocessing techniques for classification without
discrimination, Knowledge and Information Systems 33 (2012). Nothing there asks for two
outcomes only: of several classes each is an outcome, of a number each tenth of its values.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from stages.audit.evidence import Evidence
from stages.core.fairness import Grouping
from stages.core.fitting import fit
from stages.core.scoring import predicted
from stages.core.statistics import Floats
from stages.core.targets import strata, truth, weights_of


def reweighed(
    codes: npt.NDArray[np.intp], y: npt.NDArray[Any], sample_weight: Floats | None
) -> Floats:
    """Return for each row P(group) P(outcome) / P(group and outcome), (n,).

    Args:
        codes: the group of each row, (n,).
        y: the outcome of each row, (n,).
        sample_weight: how much each row counts already, (n,); the result is multiplied by it.
    """
    own = np.ones(len(y)) if sample_weight is None else sample_weight
    _, outcome = np.unique(y, return_inverse=True)
    cells = np.zeros((int(codes.max()) + 1, int(outcome.max()) + 1))
    np.add.at(cells, (codes, outcome), own)
    expected = np.outer(cells.sum(axis=1), cells.sum(axis=0)) / cells.sum()
    factor = np.divide(expected, cells, out=np.ones_like(cells), where=cells > 0)
    return np.asarray(own * factor[codes, outcome])


def refitted(grouping: Grouping, e: Evidence) -> Floats:
    """Return what a copy of the model, fitted on reweighed train, says of the test rows.

    Args:
        grouping: the rows of train by group.
        e: the evidence; its model is left as it is.
    """
    y = truth(e.train, e.target)
    outcomes = strata(e.train, e.target)
    weights = reweighed(grouping.codes, outcomes, weights_of(e.train, e.weight))
    return predicted(fit(clone(e.model), e.train, y, weights), e.rows, e.task)
