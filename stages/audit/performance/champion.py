"""Is it worth more than the model in use today?

A champion is the model of an earlier release or of someone else. What it said of each row is
a column of the table: nothing of it has to be loaded or run.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.audit.evidence import Check, Evidence, Findings
from stages.audit.performance.gains import better
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.metrics import PER_DECISIONS, codes_of, cost_threshold
from stages.core.params import AuditPerformance, Costs
from stages.core.statistics import Floats, paired_difference
from stages.core.targets import class_label
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "performance.better_than_champion",
        "Is it worth more than the model in use today?",
        "value over the decisions by audit.performance.champion per 1,000, paired on the rows "
        "for which it says something",
        "> 0",
        "a challenger replaces the champion only for a reason",
    ),
)

WHERE = "audit.performance.champion.predictions"


def told(e: Evidence, column: str) -> "pd.Series[Any]":
    """Return what the champion said of each test row, missing where nothing.

    Raises:
        LoopwrightError: there is no such column, the model reads it, or it holds something
            else than predictions.
    """
    if column not in e.rows:
        known = (str(name) for name in e.rows)
        raise LoopwrightError(
            f"{WHERE}: the table has no column '{column}'{did_you_mean(column, known)}"
        )
    if column in e.inputs:
        raise LoopwrightError(
            f"{WHERE}: the model reads '{column}', so it is no rival; see featurize.exclude"
        )
    said = e.rows[column]
    if e.task == "multiclass":
        return said
    if not pd.api.types.is_numeric_dtype(said):
        raise LoopwrightError(f"{WHERE}: '{column}' is no number")
    if e.task == "binary" and not said.dropna().between(0, 1).all():
        raise LoopwrightError(f"{WHERE}: '{column}' holds values that are no probability, 0 to 1")
    return said


def decisions(e: Evidence, said: "pd.Series[Any]") -> npt.NDArray[Any]:
    """Return what the champion would decide; a probability acts from the costs' threshold on."""
    if e.task == "multiclass":
        labels = np.array([class_label(value) for value in said], dtype=object)
        return codes_of(labels, e.classes)
    numbers = said.to_numpy(dtype=np.float64, na_value=np.nan)
    if isinstance(e.costs, Costs):
        return (numbers >= cost_threshold(e.costs)).astype(np.int64)
    return numbers


def over_champion(e: Evidence, bounds: AuditPerformance, evidence: tuple[str, ...]) -> Verdict:
    """Compare the model's decisions with the champion's, in money, row by row."""
    check = "performance.better_than_champion"
    if bounds.champion is None:
        why = "audit.performance.champion names none"
        return Verdict(check, "not_applicable", None, None, None, evidence, why)
    said = told(e, bounds.champion.predictions)
    there = said.notna().to_numpy()
    rows = int(there.sum())
    if rows < bounds.min_events:
        why = f"the champion says something of {rows} test rows"
        return Verdict(check, "insufficient", None, None, "> 0", evidence, why)
    # Where it says nothing its decision is not looked at: any will do.
    whole = said.where(there, said[there].iloc[0])
    p = e.predictions
    ours: Floats = PER_DECISIONS * p.row_values()
    theirs: Floats = PER_DECISIONS * p.row_values(decisions(e, whole))
    entities = None if e.entities is None else e.entities[there]
    gain = paired_difference(ours[there], theirs[there], e.draws, e.random_state, entities)
    why = (
        f"what 1,000 decisions bring more than those of the champion, in {e.costs.currency}, on "
        f"the {rows:,} rows of {len(p):,} for which it says something"
    )
    return better(check, gain, evidence, why)


def examine(e: Evidence, bounds: AuditPerformance) -> Findings:
    """Hold the model against the champion, if there is one."""
    return Findings([over_champion(e, bounds, e.paths())])
