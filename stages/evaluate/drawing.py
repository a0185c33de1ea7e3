"""The figures, by the name of their file: those that the task has."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.core import charts, class_charts, number_charts
from stages.core.curves import decision_point
from stages.core.metrics import ClassPredictions, Predictions
from stages.evaluate.measurement import Measurement


def draw(
    m: Measurement, tables: Mapping[str, pd.DataFrame], names: Sequence[str], currency: str
) -> dict[str, Figure]:
    """Return the figures by name.

    Args:
        m: what was measured.
        tables: what `tables_of` gives.
        names: of the classes.
        currency: of the costs.
    """
    p = m.model
    of_task: dict[str, Figure] = {}
    if isinstance(p, Predictions):
        of_task = _binary(m, p, tables, names, currency)
    elif isinstance(p, ClassPredictions):
        of_task = {
            "confusion": class_charts.confusion(p, names),
            "roc": class_charts.roc_by_class(tables["roc_by_class"], p, names),
            "calibration": class_charts.reliability_by_class(p, names),
        }
    else:
        of_task = {
            "predicted": number_charts.predicted_against_true(p),
            "by_prediction": number_charts.by_prediction(tables["by_prediction"]),
            "residuals": number_charts.residuals_by_prediction(p),
            "residual_distribution": number_charts.residual_distribution(p),
        }
    errors = {name: m.error(subject).value for name, subject in _BASELINES.items()}
    of_task["learning_curve"] = charts.learning_curve(
        tables["learning_curve"], m.terms.scoring, errors, m.more_rows
    )
    if m.probes:
        error = m.error("validation").value
        of_task["validation_curve"] = charts.validation_curve(
            tables["validation_curve"],
            m.terms.scoring,
            error,
            m.error("train").value,
            m.probes[0].rows,
        )
    return of_task


_BASELINES = {"one answer for all": "dummy", "the rule": "rule"}


def _binary(
    m: Measurement,
    p: Predictions,
    tables: Mapping[str, pd.DataFrame],
    names: Sequence[str],
    currency: str,
) -> dict[str, Figure]:
    rule, threshold, searched = m.subjects["rule"], m.terms.threshold, m.searched
    assert isinstance(rule, Predictions)  # noqa: S101 - all subjects are of one task
    assert threshold is not None and searched is not None  # noqa: S101 - as above
    scores = {name: drawn.estimate() for name, drawn in m.metrics["validation"].items()}
    places = {"at the threshold": decision_point(p), "the rule": decision_point(rule)}
    others = {"the rule": m.decisions["rule"].value, "never to act": m.decisions["never"].value}
    return {
        "roc": charts.roc(
            tables["roc"],
            scores["roc_auc"],
            {label: (found["fpr"], found["recall"]) for label, found in places.items()},
        ),
        "precision_recall": charts.precision_recall(
            tables["precision_recall"],
            scores["average_precision"],
            float(np.average(p.y_true, weights=p.sample_weight)),
            {label: (found["recall"], found["precision"]) for label, found in places.items()},
        ),
        "confusion": charts.confusion(p, threshold, names[0], names[1]),
        "calibration": charts.calibration(
            tables["calibration"], p, scores["expected_calibration_error"]
        ),
        "threshold": charts.threshold(
            tables["threshold"],
            (threshold, m.decisions["model"].value),
            searched["threshold"]["interval"],
            others,
            currency,
        ),
        "scores": charts.scores(p, threshold, names[0], names[1]),
    }
