"""Look at the train split before anything is built on it: seven pictures, and what stands out.

Only train is looked at: a choice made after a look at validation or test would make their
scores better than the model is.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.core.associations import correlations, mean_separation, spearman
from stages.core.errors import LoopwrightError
from stages.core.figures import house_style, save
from stages.core.files import published, write_json
from stages.core.findings import Finding, find
from stages.core.joints import draw_correlation, draw_pair, draw_scatter
from stages.core.marginals import draw_box, draw_histograms, draw_missing, draw_scatter_target
from stages.core.params import Explore, Target, read_params
from stages.core.schema import Schema, read_schema
from stages.core.tables import read_table
from stages.core.targets import described, questions
from stages.core.variables import read_variables
from stages.core.view import View, class_names, view


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
    asked = questions(frame, target)
    y = asked[0][1]
    answers = [answer for _, answer in asked]
    title = schema.column(target.column, "charter.target.column").title
    variables = read_variables(frame, schema, target.column, key)
    separations = [mean_separation(one, answers, bounds.random_state) for one in variables]
    ordered = [variable.values for variable in variables if variable.ordered]
    matrix = np.column_stack(ordered) if ordered else np.empty((len(frame), 0))
    found = find(
        frame,
        schema,
        target,
        variables,
        separations,
        spearman(matrix),
        correlations(matrix),
        bounds,
    )
    names = class_names(frame, schema, target)
    return found, view(variables, separations, y, title, names, bounds)


def pictures(frame: pd.DataFrame, schema: Schema, seen: View) -> Iterator[tuple[str, Figure]]:
    """Yield the name and the figure of each picture."""
    yield "histograms", draw_histograms(seen)
    yield "scatter", draw_scatter(seen)
    yield "scatter_target", draw_scatter_target(seen)
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
        },
    )
