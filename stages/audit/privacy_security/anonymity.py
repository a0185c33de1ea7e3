"""How many persons share what outsiders may know of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import Check, Evidence, Findings, Ints, holds, plain
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.figures import BLUE, INK, VERMILION, figure, percents
from stages.core.params import AuditPrivacySecurity
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "privacy_security.k_anonymity",
        "With how many others does everybody share what outsiders may know of them?",
        "rows of the smallest group with equal quasi-identifiers, in train and test",
        "audit.privacy_security.min_k; a warning while at most max_unique_share of the rows "
        "are in smaller groups",
        "k-anonymity: Sweeney, IJUFKS 10 (2002); the team's k",
    ),
    Check(
        "privacy_security.uniqueness",
        "How many persons stand alone?",
        "share of rows, in train and test, whose quasi-identifiers no other row has",
        "audit.privacy_security.max_unique_share",
        "what the team accepts",
    ),
)


def group_sizes(frame: pd.DataFrame, quasi_identifiers: Sequence[str]) -> Ints:
    """Return the number of rows of each group with equal quasi-identifiers.

    A missing value is a value: it is known to be missing.

    Raises:
        LoopwrightError: a quasi-identifier is not a column of `frame`.
    """
    for name in quasi_identifiers:
        if name not in frame:
            raise LoopwrightError(
                "audit.privacy_security.quasi_identifiers: the table has no column "
                f"'{name}'{did_you_mean(name, map(str, frame))}"
            )
    sizes = frame.groupby(list(quasi_identifiers), dropna=False, observed=True).size()
    return np.asarray(sizes, dtype=np.int64)


def verdicts(sizes: Ints, bounds: AuditPrivacySecurity, evidence: tuple[str, ...]) -> list[Verdict]:
    """Judge the smallest group, and the share of rows that stand alone."""
    names = ", ".join(bounds.quasi_identifiers)
    rows = int(sizes.sum())
    small = int(sizes[sizes < bounds.min_k].sum())
    alone = int(sizes[sizes == 1].sum())
    smallest = int(sizes.min())
    few = small <= bounds.max_unique_share * rows
    return [
        Verdict(
            "privacy_security.k_anonymity",
            "pass" if smallest >= bounds.min_k else "warn" if few else "fail",
            smallest,
            None,
            f">= {bounds.min_k}",
            evidence,
            f"{small:,} of {rows:,} rows ({small / rows:.1%}) share {names} with fewer than "
            f"{bounds.min_k - 1} others; keep them out of what is published row by row",
        ),
        Verdict(
            "privacy_security.uniqueness",
            holds(alone <= bounds.max_unique_share * rows),
            alone / rows,
            None,
            f"<= {plain(bounds.max_unique_share)}",
            evidence,
            f"{alone:,} of {rows:,} rows are the only ones with their {names}",
        ),
    ]


def anonymity_table(sizes: Ints, min_k: int) -> list[dict[str, Any]]:
    """Return how many rows are in groups of which size."""
    edges = [1, 2, max(min_k, 3), max(2 * min_k, 10), 100]
    table = []
    for place, low in enumerate(edges):
        high = edges[place + 1] - 1 if place + 1 < len(edges) else None
        inside = sizes[(sizes >= low) & (sizes <= (high or sizes.max()))]
        label = f"{low} or more" if high is None else f"{low} to {high}"
        if low == high:
            label = str(low)
        table.append({"Group of": label, "Groups": len(inside), "Rows": int(inside.sum())})
    return table


def draw_anonymity(table: Sequence[dict[str, Any]], names: Sequence[str], min_k: int) -> Figure:
    """Draw how many rows share their quasi-identifiers with how many."""
    fig, ax = figure(7.2, 3.0)
    rows = np.array([row["Rows"] for row in table], dtype=np.float64)
    share = rows / max(rows.sum(), 1)
    unsafe = [int(str(row["Group of"]).split()[0]) < min_k for row in table]
    colours = [VERMILION if low else BLUE for low in unsafe]
    ax.barh(range(len(table)), 100 * share, color=colours, height=0.6)
    for place, text in enumerate(percents([float(s) for s in share])):
        note = f"{text}, too few to hide among" if unsafe[place] else text
        ax.text(100 * share[place] + 1, place, note, va="center", color=INK)
    ax.set(
        title=f"How many people are equal in {', '.join(names)}?",
        xlabel="share of all rows (%)",
        ylabel="people who are equal",
        yticks=range(len(table)),
        yticklabels=[str(row["Group of"]) for row in table],
        ylim=(len(table) - 0.5, -0.5),
        xlim=(0, 100),
    )
    ax.grid(axis="y", visible=False)
    return fig


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Count who is equal in the quasi-identifiers.

    Raises:
        LoopwrightError: a quasi-identifier is not a column of the table.
    """
    if not bounds.quasi_identifiers:
        why = "audit.privacy_security.quasi_identifiers names no column"
        return Findings(
            [Verdict(c.id, "not_applicable", None, None, None, e.paths(), why) for c in CHECKS]
        )
    sizes = group_sizes(pd.concat([e.train, e.test]), bounds.quasi_identifiers)
    shown = anonymity_table(sizes, bounds.min_k)
    names = [e.title(name) for name in bounds.quasi_identifiers]
    return Findings(
        verdicts(sizes, bounds, e.paths("anonymity")),
        {"Anonymity": shown},
        {"anonymity": draw_anonymity(shown, names, bounds.min_k)},
    )
