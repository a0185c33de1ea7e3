"""The groups and their disparities as rows of a table."""

from collections.abc import Sequence
from typing import Any

from stages.core.fairness.comparison import Comparison
from stages.core.fairness.measures import DISPARITIES, MEASURES
from stages.core.statistics import interval


def group_table(compared: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return one row a group: its size, its measures and their intervals."""
    table = []
    several = len({c.side for c in compared}) > 1
    for c in compared:
        for place, label in enumerate(c.grouping.labels):
            row: dict[str, Any] = {
                **({"Outcome": c.side} if several else {}),
                "Feature": c.grouping.name,
                "Group": label,
                "Rows": int(c.sizes[place]),
            }
            for name in MEASURES:
                low, high = interval(c.drawn[name][:, place])
                judged = bool(c.large[place])
                row[name] = float(c.once[name][place]) if judged else None
                row[f"{name}, low"] = low if judged else None
                row[f"{name}, high"] = high if judged else None
            table.append(row)
    return table


def disparity_table(compared: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return one row a grouping and disparity."""
    table = []
    several = len({c.side for c in compared}) > 1
    for c in compared:
        for name in DISPARITIES:
            found = c.disparity(name)
            low, high = found["interval"] or (None, None)
            table.append(
                {
                    **({"Outcome": c.side} if several else {}),
                    "Features": c.grouping.name,
                    "Disparity": name,
                    "Groups judged": int(c.large.sum()),
                    "Value": found["value"],
                    "Low": low,
                    "High": high,
                }
            )
    return table
