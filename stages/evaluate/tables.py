"""The tables behind the figures, by the name of their CSV file: those that the task has."""

from collections.abc import Sequence

import pandas as pd

from stages.core import probes
from stages.core.curves import (
    calibration_points,
    confusion_cases,
    number_points,
    precision_recall_points,
    roc_points,
    roc_points_by_class,
    value_points,
)
from stages.core.metrics import ClassPredictions, Predictions
from stages.core.params import BinaryTarget, Target
from stages.core.sample import Sample
from stages.core.schema import Schema
from stages.core.targets import class_label
from stages.evaluate.measurement import Measurement

# One curve a class is drawn for so many of the most frequent.
MOST_CLASSES = 9


def class_names(schema: Schema, target: Target, classes: Sequence[str]) -> list[str]:
    """Return what the classes are called; of a binary target the negative one first."""
    column = schema.column(target.column, "charter.target.column")
    if not isinstance(target, BinaryTarget):
        return [column.label(name) for name in classes]
    positive = column.label(class_label(target.positive))
    others = [label for label in (column.labels or {}).values() if label != positive]
    return [others[0] if len(others) == 1 else f"not {positive}", positive]


def tables_of(m: Measurement, names: Sequence[str], validation: Sample) -> dict[str, pd.DataFrame]:
    """Return the tables by name.

    Args:
        m: what was measured.
        names: of the classes.
        validation: the rows that were measured on.
    """
    p, terms = m.model, m.terms
    found = {"learning_curve": m.curve.points, "validation_curve": probes.table(m.probes)}
    if isinstance(p, Predictions):
        assert p.costs is not None  # noqa: S101 - `Terms` has them
        return {
            "roc": roc_points(p),
            "precision_recall": precision_recall_points(p),
            "confusion": confusion_cases(p, names),
            "calibration": calibration_points(p),
            "threshold": value_points(p, p.costs, terms.draws, validation.seed, validation.groups),
            **found,
        }
    if isinstance(p, ClassPredictions):
        return {
            "roc_by_class": roc_points_by_class(p, names, MOST_CLASSES),
            "confusion": confusion_cases(p, names),
            "calibration": calibration_points(p),
            **found,
        }
    return {"by_prediction": number_points(p, terms.calibration_bins), **found}
