"""What the lines say together: means, paired differences with intervals, ranks and costs."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import mean
from typing import Any

import numpy as np
from scipy.stats import rankdata, t

Line = dict[str, Any]

# What is scored, and whether more is better.
SCORES = {
    "log_loss": False,
    "roc_auc": True,
    "accuracy": True,
    "root_mean_squared_error": False,
    "r2": True,
}
# The score that ranks the entrants of a table.
RANKED = ("log_loss", "root_mean_squared_error")

# Who is held against whom.
PAIRS = (
    ("loopwright_best", "autogluon_medium"),
    ("loopwright_quick", "autogluon_boosters"),
    ("loopwright_quick", "autogluon_medium"),
    ("loopwright_quick", "default_boosting"),
)


def paired(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of ours - theirs and its 95 % interval by Student's t.

    Args:
        ours: a score on each split.
        theirs: the same score on the same splits, two or more.
    """
    differences = np.asarray(ours) - np.asarray(theirs)
    middle = float(differences.mean())
    half = float(t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1))
    half /= len(differences) ** 0.5
    return middle, middle - half, middle + half


def mean_ranks(lines: Sequence[Line]) -> dict[str, float]:
    """Return the mean rank of each entrant over the tables; 1 is the best.

    Within a table an entrant's rank is its mean over the splits that all have run, so that
    a table of many splits counts no more than another.
    """
    tables = []
    for _, group in _by(lines, "table"):
        scored = _by_split(group)
        names = sorted(set.intersection(*(set(row) for row in scored.values())))
        rows = [[_ranked(row[name]) for name in names] for row in scored.values()]
        ranks = np.mean([rankdata(row) for row in rows], axis=0)
        tables.append(dict(zip(names, ranks, strict=True)))
    everywhere = sorted(set.intersection(*(set(table) for table in tables)))
    return {name: mean(float(table[name]) for table in tables) for name in everywhere}


def summary(lines: Sequence[Line]) -> str:
    """Return the summary as Markdown tables."""
    parts = []
    for table, group in _by(lines, "table"):
        parts += [f"### {table}", "", *_means(group), "", *_differences(group), ""]
    real = [line for line in lines if not line["table"].startswith("made_")]
    if real:
        parts += ["### Mean of ranks over the tables", "", "| entrant | rank |", "|---|---|"]
        ranks = sorted(mean_ranks(real).items(), key=lambda item: item[1])
        parts += [f"| {name} | {rank:.2f} |" for name, rank in ranks]
    return "\n".join(parts)


def _means(lines: Sequence[Line]) -> list[str]:
    scores = [name for name in SCORES if name in lines[0]]
    costs = ["cpu_seconds", "work_cpu_seconds", "peak_rss_mb"]
    head = ["entrant", "splits", *scores, "CPU s", "of them work", "MB"]
    rows = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, group in _by(lines, "entrant"):
        values = [f"{mean(line[score] for line in group):.5g}" for score in scores]
        values += [f"{mean(line[cost] for line in group):.4g}" for cost in costs]
        rows.append(f"| {name} | {len(group)} | {' | '.join(values)} |")
    return rows


def _differences(lines: Sequence[Line]) -> list[str]:
    scored = _by_split(lines)
    rows = []
    for ours, theirs in PAIRS:
        both = [row for row in scored.values() if ours in row and theirs in row]
        if len(both) < 2:
            continue
        for score, more in SCORES.items():
            if score not in both[0][ours]:
                continue
            middle, low, high = paired(
                [row[ours][score] for row in both], [row[theirs][score] for row in both]
            )
            sign = 1 if more else -1
            says = "no difference shown"
            if min(sign * low, sign * high) > 0:
                says = "better"
            elif max(sign * low, sign * high) < 0:
                says = "worse"
            rows.append(
                f"| {ours} - {theirs} | {score} | {middle:+.5g} | {low:+.5g} to {high:+.5g} "
                f"| {len(both)} | {says} |"
            )
    head = ["| pair | score | mean difference | 95 % interval | splits | |", "|---" * 6 + "|"]
    return head + rows if rows else []


def _ranked(line: Line) -> float:
    return float(next(line[score] for score in RANKED if score in line))


def _by(lines: Iterable[Line], key: str) -> list[tuple[str, list[Line]]]:
    ordered = sorted(lines, key=lambda line: str(line[key]))
    return [(str(name), list(group)) for name, group in groupby(ordered, lambda line: line[key])]


def _by_split(lines: Iterable[Line]) -> dict[int, dict[str, Line]]:
    found: dict[int, dict[str, Line]] = {}
    for line in lines:
        found.setdefault(line["split"], {})[line["entrant"]] = line
    return found
