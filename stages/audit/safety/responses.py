"""Does the answer follow a column as the charter promises: one way only, or not at all?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import Check, Evidence, Findings, spread
from stages.audit.safety.inputs import like
from stages.core.figures import BLUE, VERMILION, panels
from stages.core.params import AuditSafety
from stages.core.statistics import Floats
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "safety.monotonic",
        "Does the answer go only the promised way with a column?",
        "rows of a sample whose answer goes the wrong way anywhere along the column's values in "
        "train, all else as it is",
        "= 0",
        "charter.monotonic: the charter's promise",
    ),
    Check(
        "safety.invariant",
        "Does the answer not move with what must not matter?",
        "rows of a sample whose answer moves anywhere along the column's values in train, all "
        "else as it is",
        "= 0",
        "charter.invariant: the charter's promise",
    ),
)

# Rows that are asked at each value of the grid.
ROWS = 300
# Values of a column that are tried: quantiles of a number, the most frequent of a code.
GRID = 12
# A difference of rounding, as a share of the answer's unit.
LAST_BITS = 1e-9
LINES = 40


@dataclass(frozen=True)
class Response:
    """How the answers to some rows follow one column.

    Attributes:
        column: which one.
        way: ``increasing``, ``decreasing`` or, where it must not matter, ``none``.
        grid: the values that it was given, rising.
        answers: what is shown of each answer, (rows, values).
        wrong: how far each row's answer goes the wrong way at most, (rows,), in the unit of
            `Evidence.moved`.
    """

    column: str
    way: str
    grid: list[Any]
    answers: Floats
    wrong: Floats

    @property
    def violated(self) -> int:
        """The number of rows that break the promise."""
        return int((self.wrong > LAST_BITS).sum())


def grid(e: Evidence, column: str) -> "pd.Series[Any]":
    """Return rising values of `column` to try, in its own type."""
    seen = e.train[column].dropna()
    if pd.api.types.is_numeric_dtype(seen) and not pd.api.types.is_bool_dtype(seen):
        if seen.nunique() <= GRID:
            return pd.Series(np.sort(seen.unique()), dtype=seen.dtype)
        cuts = np.quantile(seen.to_numpy(dtype=np.float64), np.linspace(0, 1, GRID))
        return like(seen.iloc[:GRID].reset_index(drop=True), cuts).drop_duplicates()
    checks = e.schema.columns[column].checks if column in e.schema.columns else None
    known = [
        value for value in (checks.isin if checks and checks.isin else ()) if value in set(seen)
    ]
    frequent = known or sorted(seen.value_counts().sort_index().nlargest(GRID).index)
    return pd.Series(frequent, dtype=seen.dtype)


def respond(e: Evidence, column: str, way: str) -> Response:
    """Ask some rows at each value of `column`, and see how the answers go."""
    rows = e.rows.iloc[spread(len(e.rows), ROWS)]
    values = grid(e, column)
    asked = pd.concat([rows] * len(values), ignore_index=True)
    asked[column] = values.repeat(len(rows)).array
    given = e.ask(asked).reshape(len(values), len(rows), -1)
    if way == "none":
        usual = np.repeat(given[:1], len(values), axis=0)
        moved = e.moved(*(_flat(e, answers) for answers in (usual, given)))
        wrong = moved.reshape(len(values), len(rows)).max(axis=0)
    else:
        sign = 1 if way == "increasing" else -1
        # The highest so far less what comes next: also a slow fall over many steps counts.
        rising = sign * given[:, :, 0]
        fall = (np.maximum.accumulate(rising, axis=0) - rising).max(axis=0)
        wrong = fall / e.spread_of_target
    shown = e.shown(_flat(e, given)).reshape(len(values), len(rows)).T
    return Response(column, way, list(values), shown, wrong)


def _flat(e: Evidence, given: Floats) -> Floats:
    """Return answers (values, rows, outputs) in the shape that `Evidence.ask` gives."""
    flat = given.reshape(-1, given.shape[2])
    return flat if e.task == "multiclass" else flat[:, 0]


def judged(e: Evidence, check: str, told: Response, evidence: tuple[str, ...]) -> Verdict:
    """Hold the rows that break the promise against none."""
    rows, broken = len(told.wrong), told.violated
    unit = "standard deviations of the target" if e.task == "regression" else "of probability"
    promise = "move" if told.way == "none" else f"are not {told.way}"
    why = (
        f"of {rows} rows at {len(told.grid)} values of {e.title(told.column)}, those that {promise}"
    )
    if broken:
        why += f": by up to {told.wrong.max():.3g} {unit}"
    status = "fail" if broken else "pass"
    name = f"{check}:{told.column}"
    return Verdict(name, status, broken, None, "= 0", evidence, why)  # type: ignore[arg-type]


def draw_responses(e: Evidence, found: list[Response]) -> Figure:
    """Draw the answers of some rows along each column, those that break the promise on top."""
    fig, axes = panels(
        len(found),
        2,
        (3.1, 2.0),
        "Does the answer follow as promised?",
        f"Each line: a test row's {e.subject} along the values of one column.",
        keys=(("as promised", BLUE), ("breaks the promise", VERMILION)),
        gap=(0.6, 1.0),
    )
    for ax, told in zip(axes, found, strict=True):
        order = np.argsort(told.wrong, kind="stable")
        numeric = pd.api.types.is_number(told.grid[0])
        x = told.grid if numeric else list(range(len(told.grid)))
        for row in order[np.unique(np.linspace(0, len(order) - 1, LINES).astype(int))]:
            colour = VERMILION if told.wrong[row] > LAST_BITS else BLUE
            ax.plot(x, told.answers[row], color=colour, linewidth=0.8, alpha=0.7)
        promise = "must not matter" if told.way == "none" else f"promised: {told.way}"
        ax.set(title=promise, xlabel=e.title(told.column))
        if not numeric:
            ax.set_xticks(x, [str(value) for value in told.grid])
    return fig


def examine(e: Evidence, bounds: AuditSafety) -> Findings:  # as every part has it
    """Follow the answers along each column of which something is promised."""
    found, told = Findings(), []
    for check, key, promises in (
        ("safety.monotonic", "monotonic", dict(e.monotonic)),
        ("safety.invariant", "invariant", dict.fromkeys(e.invariant, "none")),
    ):
        if not promises:
            why = f"charter.{key} promises nothing"
            found.verdicts.append(
                Verdict(check, "not_applicable", None, None, None, e.paths(), why)
            )
        for column, way in promises.items():
            if e.train[column].isna().all():
                why = f"train holds no value of {e.title(column)}"
                name = f"{check}:{column}"
                found.verdicts.append(
                    Verdict(name, "insufficient", None, None, "= 0", e.paths(), why)
                )
                continue
            told.append(respond(e, column, way))
            found.verdicts.append(judged(e, check, told[-1], e.paths("responses")))
    if told:
        found.figures["responses"] = draw_responses(e, told)
        found.tables["Promised responses"] = [
            {
                "Column": e.title(one.column),
                "Promise": "does not matter" if one.way == "none" else one.way,
                "Rows": len(one.wrong),
                "Rows that break it": one.violated,
                "Worst": float(one.wrong.max()),
            }
            for one in told
        ]
    return found
