"""Look at the train split before anything is built on it: its pictures, and what stands out.

Only train is looked at: a choice made after a look at validation or test would make their
scores better than the model is.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.core.associations import correlations, spearman
from stages.core.errors import LoopwrightError
from stages.core.figures import house_style, save
from stages.core.files import published, write_json
from stages.core.params import Explore, Target, read_params
from stages.core.schema import Schema, read_schema
from stages.core.tables import read_table
from stages.core.targets import described
from stages.core.variables import read_variables
from stages.explore.boxes import draw_box, draw_box_target
from stages.explore.findings import Finding, find
from stages.explore.heatmap import draw_correlation
from stages.explore.histograms import draw_histograms
from stages.explore.missing import draw_missing
from stages.explore.outcomes import Classes, Number, YesNo, outcome_of
from stages.explore.pair_plot import draw_pair
from stages.explore.ranking import draw_ranking
from stages.explore.rates import draw_class_shares, draw_means, draw_rates
from stages.explore.scatter import draw_scatter, draw_scatter_target
from stages.explore.targets import draw_classes, draw_number
from stages.explore.view import View, view


def explore(
    frame: pd.DataFrame, schema: Schema, target: Target, key: str | None, bounds: Explore
) -> tuple[list[Finding], View]:
    """Return what stands out in `frame`, and what its pictures are drawn from.

    Args:
        frame: the train split, one row or more.
        schema: what its columns are.
        target: the column to predict.
        key: the column that names a row, or none.
        bounds: the section of params.yaml.

    Raises:
        LoopwrightError: the target or a column is not in both the table and the schema.
    """
    outcome = outcome_of(frame, schema, target, bounds.random_state)
    variables = read_variables(frame, schema, target.column, key)
    strengths = [outcome.strength(variable) for variable in variables]
    ordered = [variable.values for variable in variables if variable.ordered]
    matrix = np.column_stack(ordered) if ordered else np.empty((len(frame), 0))
    found = find(
        frame,
        schema,
        target,
        variables,
        strengths,
        outcome,
        spearman(matrix),
        correlations(matrix),
        bounds,
    )
    return found, view(variables, strengths, outcome, bounds)


def pictures(frame: pd.DataFrame, schema: Schema, seen: View) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the figure of each picture."""
    outcome = seen.outcome
    if isinstance(outcome, Number):
        yield "target", draw_number(seen, outcome)
    elif isinstance(outcome, Classes):
        yield "target", draw_classes(outcome)
    if not isinstance(outcome, YesNo):
        yield "ranking", draw_ranking(seen)
    yield "histograms", draw_histograms(seen)
    yield "scatter", draw_scatter(seen)
    if isinstance(outcome, YesNo):
        yield "scatter_target", draw_rates(seen, outcome)
    elif isinstance(outcome, Classes):
        yield "scatter_target", draw_class_shares(seen, outcome)
    elif isinstance(outcome, Number):
        yield "target_means", draw_means(seen, outcome)
        yield "scatter_target", draw_scatter_target(seen, outcome)
        yield "box_target", draw_box_target(seen, outcome)
    yield "pair", draw_pair(seen)
    yield "correlation", draw_correlation(seen)
    yield "box", draw_box(seen)
    yield "missing", draw_missing(frame, schema, seen.bounds.max_columns)


def summary(
    frame: pd.DataFrame, target: Target, found: list[Finding], seen: View
) -> dict[str, Any]:
    """Return the table in a few numbers."""
    return {
        "rows": len(frame),
        "columns": len(frame.columns),
        "features": len(seen.variables) + seen.hidden,
        "features_drawn": len(seen.variables),
        "features_not_drawn": seen.hidden,
        **described(frame, target),
        "findings": len(found),
    }


def main(*, params: Path, schema: Path, train: Path, findings: Path, explore_figures: Path) -> None:
    """Read the train split; write the findings and the folder of pictures."""
    chosen = read_params(params)
    described = read_schema(schema)
    frame = read_table(train)
    if frame.empty:
        raise LoopwrightError(
            f"{train}: no rows; params.yaml's split.fractions say how many it gets"
        )
    found, seen = explore(
        frame, described, chosen.charter.target, chosen.charter.key, chosen.explore
    )
    titles = []
    with published(explore_figures) as folder, house_style():
        folder.mkdir()
        for name, picture in pictures(frame, described, seen):
            save(picture, folder / f"{name}.png")
            title = " ".join(picture.get_suptitle().split())
            titles.append({"file": f"{name}.png", "title": title})
    write_json(
        findings,
        {
            "summary": summary(frame, chosen.charter.target, found, seen),
            "figures": titles,
            "findings": [finding.as_document() for finding in found],
            **({"associations": list(seen.associations)} if seen.associations else {}),
        },
    )
