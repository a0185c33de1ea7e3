"""Are groups treated alike? What the audit of a model and that of a column both ask."""

from stages.core.fairness.comparison import Comparison, Draws, compare, of_greatest
from stages.core.fairness.groups import Grouping, crossed, group
from stages.core.fairness.judge import Judged, judge
from stages.core.fairness.measures import DISPARITIES, contrasts, measures, sums
from stages.core.fairness.verdicts import BOUNDED

__all__ = [
    "BOUNDED",
    "DISPARITIES",
    "Comparison",
    "Draws",
    "Grouping",
    "Judged",
    "compare",
    "contrasts",
    "crossed",
    "group",
    "judge",
    "measures",
    "of_greatest",
    "sums",
]
