"""How a model errs: all that is asked of its predictions on rows that it was not fitted on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from stages.core import error_charts
from stages.core.confused import confused_pairs
from stages.core.doubtful import doubtful_labels, reading
from stages.core.metrics import AnyPredictions, Metric, NumberPredictions
from stages.core.numbers import number, percent
from stages.core.recalibration import Recalibration, recalibration
from stages.core.residuals import residual_structure
from stages.core.slices import find_slices, prediction_gaps
from stages.core.statistics import Seed
from stages.core.variables import Variable
from stages.core.worst import keys_of, worst_predictions


@dataclass(frozen=True, eq=False)
class ErrorAnalysis:
    """What was found.

    Attributes:
        task: of the predictions.
        rows: how many were looked at.
        slices: as `stages.core.slices.find_slices` returns them.
        worst: as `stages.core.worst.worst_predictions` returns them.
        confused: as `stages.core.confused.confused_pairs` returns them; None of a regression.
        structure: as `stages.core.residuals.residual_structure` returns it first.
        residuals: as that returns them second.
        doubtful: as `stages.core.doubtful.doubtful_labels` returns them.
        recalibration: as `stages.core.recalibration.recalibration` returns it; None of a
            regression.
    """

    task: str
    rows: int
    slices: Sequence[Mapping[str, Any]]
    worst: pd.DataFrame
    confused: pd.DataFrame | None
    structure: pd.DataFrame
    residuals: pd.DataFrame
    doubtful: pd.DataFrame
    recalibration: Recalibration | None

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return what is written as CSV, by name; those without rows have their header."""
        found = {
            "worst_predictions": self.worst,
            "residual_structure": self.structure,
            "residuals_by_bin": self.residuals,
            "doubtful_labels": self.doubtful,
        }
        return found if self.confused is None else {**found, "confused_pairs": self.confused}

    def document(self) -> dict[str, Any]:
        """Return what evaluation.json holds of it."""
        tried = self.recalibration
        return {
            "findings": self.findings(),
            "slices": list(self.slices),
            "residual_structure": self.structure.to_dict("records"),
            "recalibration": tried
            and {
                "advice": tried.advice,
                "why": tried.why,
                "log_loss": tried.log_loss,
                "gains": dict(tried.gains),
            },
        }

    def findings(self) -> list[str]:
        """Return what was found in sentences, for a person."""
        said = [self._of_slices(), self._of_gaps(), self._of_columns()]
        if self.confused is not None and len(self.confused) and self.task == "multiclass":
            first = self.confused.iloc[0]
            said.append(
                f"{percent(float(first['share_of_actual']))} of {first['actual']} is taken for "
                f"{first['decided']}: {percent(float(first['share_of_errors']))} of all wrong "
                "decisions."
            )
        if self.recalibration is not None:
            why = self.recalibration.why
            said.append(f"{why[0].upper()}{why[1:]}.")
        return [*said, reading(self.doubtful, self.rows)]

    def _of_slices(self) -> str:
        looks = f"{number(len(self.slices))} parts of the table"
        clear = [s for s in self.slices if s["flagged"] and s["within"] is None]
        if not clear:
            return f"In none of {looks} does the model clearly err more than elsewhere."
        first = clear[0]
        return (
            f"The model errs more in {number(len(clear))} of {looks}. Most is lost in "
            f"{first['definition']}, {percent(first['share'])} of rows: were they like the rest, "
            f"{percent(first['excess'])} of all loss would go."
        )

    def _of_gaps(self) -> str:
        off = [s for s in self.slices if s["off"]]
        if not off:
            return (
                "In no part are predictions clearly too high or too low in the mean: where the "
                "model errs more, the outcome is harder to tell from these columns."
            )
        worst = max(off, key=lambda s: round(abs(s["gap"]["value"] or 0.0), 6))
        gap = worst["gap"]["value"] or 0.0
        return (
            f"In {number(len(off))} part{'s' * (len(off) > 1)} predictions are too high or too "
            "low in the mean, which a better model of the same columns can mend; "
            f"most in {worst['definition']}: too "
            f"{'high' if gap > 0 else 'low'} by {number(abs(gap))}."
        )

    def _of_columns(self) -> str:
        clear = self.structure[self.structure["flagged"].astype(bool)]
        if not len(clear):
            return "No column clearly explains anything of what the model leaves."
        share = percent(float(clear["explained"].iloc[0]), 2)
        return (
            f"{clear['title'].iloc[0]} would still explain {share} of the variance that the model "
            f"leaves; {number(len(clear))} of {number(len(self.structure))} columns explain some."
        )

    def draw(self, p: AnyPredictions, variables: Sequence[Variable]) -> dict[str, Figure]:
        """Return the figures by name.

        Args:
            p: the predictions that were analysed.
            variables: the columns that residuals were held against.
        """
        found = {
            "slices": error_charts.slices(self.slices, self.task),
            "residual_structure": error_charts.residuals(
                self.structure, self.residuals, variables, self.task
            ),
        }
        if self.confused is not None and self.task == "multiclass":
            found["confused_pairs"] = error_charts.confused(self.confused)
        if (
            self.recalibration
            and self.recalibration.y_prob
            and not isinstance(p, NumberPredictions)
        ):
            found["recalibration"] = error_charts.recalibrated(p, self.recalibration)
        return found


def analyse(
    frame: pd.DataFrame,
    p: AnyPredictions,
    variables: Sequence[Variable],
    *,
    sliced: Sequence[Variable],
    metric: Metric,
    draws: int,
    random_state: Seed,
    groups: npt.ArrayLike | None = None,
    key: str | None = None,
    labels: Sequence[str] = (),
    leave_out: Collection[str] = (),
    listed: int = 50,
) -> ErrorAnalysis:
    """Ask all that can be asked of predictions on rows that the model was not fitted on.

    Args:
        frame: n rows of validation.
        p: their predictions.
        variables: the columns against which residuals are held, and that are shown beside
            the worst predictions.
        sliced: the columns by which the table is cut into parts.
        metric: is measured in each part.
        draws: the number of bootstrap draws.
        random_state: the seed.
        groups: the entity of each row, where rows of one repeat.
        key: the column by which a row is found again.
        labels: what the classes are called: negative and positive, or in the order of
            ``p.classes``.
        leave_out: columns that are not shown row by row: the sensitive ones.
        listed: how many worst predictions and doubtful labels are listed at most.
    """
    of_classes = None if isinstance(p, NumberPredictions) else p
    structure, residuals = residual_structure(
        prediction_gaps(p), variables, draws, random_state, groups, p.sample_weight
    )
    return ErrorAnalysis(
        task=p.task,
        rows=len(p),
        slices=find_slices(p, sliced, draws, random_state, groups, metric),
        worst=worst_predictions(
            frame, p, variables, listed, key=key, labels=labels, leave_out=leave_out
        ),
        confused=None if of_classes is None else confused_pairs(of_classes, labels, groups),
        structure=structure,
        residuals=residuals,
        doubtful=doubtful_labels(p, keys_of(frame, key), listed, tuple(labels)),
        recalibration=(
            None if of_classes is None else recalibration(of_classes, draws, random_state, groups)
        ),
    )
