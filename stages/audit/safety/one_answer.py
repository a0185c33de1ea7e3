"""Is there one answer to one question: alone or in a crowd, in any order, every time?"""

from dataclasses import replace

import numpy as np

from stages.audit.evidence import Check, Evidence, Findings, counted, listed, spread
from stages.core.params import AuditSafety
from stages.core.statistics import Floats
from stages.core.verdicts import Verdict

# Rows that are predicted one by one.
SINGLE_ROWS = 64
# A difference of rounding: far above the last bits of a probability.
LAST_BITS = 1e-12

CHECKS = (
    Check(
        "safety.row_by_row",
        "Is a row's answer the same alone and in a crowd?",
        "rows whose answer differs in any bit",
        "= 0; a warning while no answer differs by more than 1e-12 and no decision turns",
        "a server predicts row by row what was measured in one batch",
    ),
    Check(
        "safety.column_order",
        "Does the order of the columns not matter?",
        "rows whose answer differs in any bit",
        "= 0",
        "columns have names; their order is chance",
    ),
    Check(
        "safety.repeatable",
        "Does the same question get the same answer, and is the question left as it was?",
        "rows whose answer differs in any bit, and columns that predicting changed",
        "= 0",
        "a decision must be reproducible when it is contested",
    ),
)


def row_by_row(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Predict some rows alone, and hold them against the batch bit by bit.

    Linear algebra adds up one row in another order than many, and the last bits differ:
    that is told, and fails only where it could matter.
    """
    places = spread(len(e.rows), SINGLE_ROWS)
    alone = np.array([e.ask(e.rows.iloc[[place]])[0] for place in places])
    batch = e.predicted[places]
    why = f"of {len(places)} rows predicted alone, those that differ from the batch"
    verdict = _identical("safety.row_by_row", alone, batch, evidence, why)
    last_bits = LAST_BITS * e.spread_of_target
    same = np.abs(alone - batch).max() <= last_bits and not e.turned(batch, alone).any()
    if verdict.status == "pass" or not same:
        return verdict
    return replace(verdict, status="warn", why=f"{verdict.why}; no decision turns")


def column_order(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Predict with the columns in reverse order."""
    why = "rows that differ when the columns come in reverse order"
    reverse = e.ask(e.rows[e.rows.columns[::-1]])
    return _identical("safety.column_order", reverse, e.predicted, evidence, why)


def repeatable(e: Evidence, evidence: tuple[str, ...]) -> Verdict:
    """Predict a second time, and look whether predicting changed the rows."""
    rows = e.rows
    asked = rows.copy()
    again = e.ask(asked)
    changed = [str(name) for name in asked if name not in rows]
    changed += [
        str(name) for name in rows if name not in asked or not asked[name].equals(rows[name])
    ]
    if changed:
        why = f"predicting changed the table that it was given: {listed(changed)}"
        return counted("safety.repeatable", len(changed), evidence, why)
    why = "rows that differ when they are predicted again; the table is left as it was"
    return _identical("safety.repeatable", again, e.predicted, evidence, why)


def _identical(
    check: str, found: Floats, expected: Floats, evidence: tuple[str, ...], why: str
) -> Verdict:
    differ = int(np.sum((found != expected).reshape(len(found), -1).any(axis=1)))
    if differ:
        why += f": the largest difference is {np.abs(found - expected).max():.1g}"
    return counted(check, differ, evidence, why)


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Ask the same question in three other ways."""
    shown = e.paths()
    return Findings([row_by_row(e, shown), column_order(e, shown), repeatable(e, shown)])
