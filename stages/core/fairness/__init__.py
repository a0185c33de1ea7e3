"""Are groups treated alike? What the audit of a model and that of a column both ask."""

from stages.core.fairness.comparison import Comparison, Draws, compare
from stages.core.fairness.drawing import draw_groups, pictures
from stages.core.fairness.groups import Grouping, crossed, group
from stages.core.fairness.measures import DISPARITIES, MEASURES, RATIOS, measures, sums
from stages.core.fairness.tables import disparity_table, group_table
from stages.core.fairness.verdicts import BOUNDED, group_size, intersections, worst

__all__ = [
    "BOUNDED",
    "DISPARITIES",
    "MEASURES",
    "RATIOS",
    "Comparison",
    "Draws",
    "Grouping",
    "compare",
    "crossed",
    "disparity_table",
    "draw_groups",
    "group",
    "group_size",
    "group_table",
    "intersections",
    "measures",
    "pictures",
    "sums",
    "worst",
]
