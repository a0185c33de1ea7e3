"""Does one wrong code turn a decision?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.audit.evidence import Check, Evidence, Findings, bounded
from stages.audit.safety.inputs import of_kind
from stages.audit.safety.rows import mean_of
from stages.core.params import AuditSafety
from stages.core.statistics import Estimate, Floats
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "safety.wrong_code",
        "Does one wrong code turn a decision?",
        "share of decisions that turn when a categorical input takes another value, drawn as "
        "often as train has it; the input where it is the most",
        "audit.safety.max_code_flip_rate",
        "what the team accepts of a code that is mistyped",
    ),
)


def another(
    column: "pd.Series[Any]", seen: "pd.Series[Any]", rng: np.random.Generator
) -> "pd.Series[Any] | None":
    """Return another seen value for each row, None where train has no second value.

    Each is drawn as often as train has it beside the row's own. Missing values stay missing.
    """
    counts = seen.value_counts().sort_index()
    if len(counts) < 2:
        return None
    own = counts.index.get_indexer(pd.Index(column))
    until = counts.to_numpy(dtype=np.float64).cumsum()
    # The last, of row -1, stands for a value that train does not hold.
    size = np.append(counts.to_numpy(dtype=np.float64), 0.0)[own]
    before = until[own] - size
    place = rng.random(len(column)) * (until[-1] - size)
    # What is drawn beyond the row's own value skips it.
    place += np.where((own >= 0) & (place >= before), size, 0.0)
    drawn = np.searchsorted(until, place, side="right")
    values = pd.Series(counts.index.to_numpy()[drawn], index=column.index).astype(column.dtype)
    return values.where(column.notna(), column)


def flips(e: Evidence, columns: Sequence[str]) -> dict[str, Floats]:
    """Return by column which decisions turn when it takes another value, each (rows,)."""
    rng = np.random.default_rng(e.random_state)
    turned = {}
    for name in columns:
        values = another(e.rows[name], e.train[name], rng)
        if values is not None:
            after = e.ask(e.rows.assign(**{name: values}))
            turned[name] = e.turned(e.predicted, after).astype(np.float64)
    return turned


def wrong_code(
    e: Evidence, shares: dict[str, Estimate], bound: float, evidence: tuple[str, ...]
) -> Verdict:
    """Hold the input whose wrong code turns most decisions against the bound."""
    check = "safety.wrong_code"
    if not shares:
        why = "the model has no categorical input with two values in train"
        return Verdict(check, "not_applicable", None, None, None, evidence, why)
    worst = max(shares, key=lambda name: shares[name]["value"] or 0.0)
    why = (
        f"of {len(shares)} categorical inputs a wrong code turns most decisions in {e.title(worst)}"
    )
    return bounded(check, shares[worst], "at_most", bound, evidence, why)


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Give each categorical input another value."""
    columns = [name for name in of_kind(e.inputs, e.schema, "categorical") if name in e.rows]
    turned = flips(e, columns)
    shares = {name: mean_of(e, per_row) for name, per_row in turned.items()}
    found = Findings([wrong_code(e, shares, bounds.max_code_flip_rate, e.paths())])
    if shares:
        found.tables["Wrong codes"] = [
            {
                "Input": e.title(name),
                "Decisions that turn": share["value"],
                "Low": share["interval"][0] if share["interval"] else None,
                "High": share["interval"][1] if share["interval"] else None,
            }
            for name, share in shares.items()
        ]
    return found
