"""Does a decision turn when only the group changes?"""

from typing import Any

import numpy as np
import pandas as pd

from stages.audit.evidence import Evidence
from stages.core.fairness import Grouping
from stages.core.statistics import bootstrap, interval
from stages.core.verdicts import Verdict


def attribute_flip(grouping: Grouping, e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Give every row the value of a row of another group, and count the decisions that turn."""
    name, check = grouping.name, f"fairness.attribute_flip:{grouping.name}"
    if len(grouping.labels) < 2:
        why = f"test holds one group of {name} only"
        return Verdict(check, "insufficient", None, None, "= 0", evidence, why)
    flipped = e.rows.assign(**{name: _of_another_group(e.rows[name], grouping, e.random_state)})
    answers = e.ask(flipped)
    turned = e.turned(e.predicted, answers).astype(np.float64)
    moved = int(np.sum(e.moved(e.predicted, answers) != 0))
    drawn = bootstrap(
        lambda weights: weights @ turned / weights.sum(axis=1),
        len(turned),
        e.draws,
        e.random_state,
        e.entities,
    )
    value, between = float(turned.mean()), interval(drawn)
    if not moved:
        why = f"the model does not look at {name}: no answer moves when it changes"
        return Verdict(check, "pass", value, between, "= 0", evidence, why)
    why = f"share of decisions that turn when {name} alone changes ({moved:,} answers move)"
    if name in e.inputs:
        return Verdict(check, "warn", value, between, "= 0", evidence, f"{why}; it is an input")
    why += f"; its manifest says that the model does not read {name}"
    return Verdict(check, "fail", value, between, "= 0", evidence, why)


def _of_another_group(
    column: "pd.Series[Any]", grouping: Grouping, random_state: int
) -> "pd.Series[Any]":
    """Return for each row the value of a random row of another group."""
    rng = np.random.default_rng(random_state)
    donors = np.empty(len(column), dtype=np.intp)
    for code in range(len(grouping.labels)):
        own = grouping.codes == code
        donors[own] = rng.choice(np.flatnonzero(~own), size=int(own.sum()))
    return column.iloc[donors].set_axis(column.index)
