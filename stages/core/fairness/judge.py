"""All that is asked about groups, of whatever decides: verdicts, tables and pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from stages.core.fairness.comparison import Comparison, Draws, compare
from stages.core.fairness.drawing import pictures
from stages.core.fairness.groups import Grouping, crossed
from stages.core.fairness.tables import disparity_table, group_table
from stages.core.fairness.verdicts import BOUNDED, group_size, intersections, worst
from stages.core.metrics import Predictions
from stages.core.params import AuditFairness
from stages.core.verdicts import Verdict

# The figure that shows a disparity.
_SHOWN_BY = {
    "demographic_parity_difference": "selection_rate",
    "demographic_parity_ratio": "selection_rate",
    "equalized_odds_difference": "error_rates",
    "error_rate_difference": "error_rates",
    "calibration_error": "group_calibration",
}


@dataclass(frozen=True)
class Judged:
    """The answer.

    Attributes:
        compared: the groups of each feature; of several outcomes of the most frequent one.
        verdicts: on group sizes, disparities and intersections.
        tables: rows by column title.
        figures: by name.
    """

    compared: tuple[Comparison, ...]
    verdicts: list[Verdict]
    tables: dict[str, list[dict[str, Any]]]
    figures: dict[str, Figure]


def judge(
    groupings: Sequence[Grouping],
    sides: Sequence[tuple[str, Predictions]],
    how: Draws,
    bounds: AuditFairness,
    titles: Mapping[str, str],
    paths: Callable[..., tuple[str, ...]],
    *,
    prob: bool,
) -> Judged:
    """Compare the groups of each feature, and of each pair of features.

    Args:
        groupings: one a feature, at least one.
        sides: each outcome with what was predicted and decided, at least one.
        how: how the bootstrap draws rows.
        bounds: what is accepted.
        titles: what a person calls each feature.
        paths: gives the files that show an answer, by the names of figures.
        prob: whether there are probabilities; without, calibration is not asked about.
    """
    asked = [name for name in BOUNDED if prob or name != "calibration_error"]
    least = bounds.min_group_size
    pairs = [crossed(first, second) for first, second in combinations(groupings, 2)]
    by_feature = [[compare(g, side, how, least) for side in sides] for g in groupings]
    crossings = [compare(g, side, how, least) for g in pairs for side in sides]
    frequent = int(np.argmax([p.y_true.sum() for _, p in sides]))
    compared = tuple(of_all[frequent] for of_all in by_feature)
    verdicts = [
        *(group_size(c, least, paths("selection_rate")) for c in compared),
        *(
            worst(
                of_all,
                name,
                bounds,
                f"fairness.{name}:{of_all[0].grouping.name}",
                how,
                paths(_SHOWN_BY[name]),
            )
            for name in asked
            for of_all in by_feature
        ),
        *intersections(crossings, asked, bounds, how, paths()),
    ]
    flat = [c for of_all in by_feature for c in of_all]
    tables = {
        "Groups": group_table(flat),
        "Intersections": group_table(crossings),
        "Disparities": disparity_table([*flat, *crossings]),
    }
    return Judged(compared, verdicts, tables, pictures(compared, bounds, titles, prob=prob))
