"""`loopwright audit-column`: does a system outside of this project treat groups alike?

Its scores or decisions stand in a column of the validated table. The questions, bounds and
numbers are those of the fairness pillar; what needs a model to ask is left out.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from operate.pipeline import read_pipeline
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.fairness import Draws, Judged, group, judge
from stages.core.figures import house_style, save
from stages.core.files import published, write_json, write_text
from stages.core.markdown import code, escape
from stages.core.metrics import Predictions, cost_threshold
from stages.core.params import BinaryCharter, Costs, read_params
from stages.core.schema import read_schema
from stages.core.statistics import Floats
from stages.core.tables import read_table
from stages.core.targets import truth, weights_of
from stages.core.verdicts import Verdict, as_documents, worst

JSON, PAGE, FIGURES = "fairness.json", "fairness.md", "figures"
DECIMALS = 6


def audit_column(root: Path, column: str, threshold: float | None, out: Path) -> list[Verdict]:
    """Judge the scores or decisions in `column`; write a page, a JSON file and pictures.

    Args:
        root: the repository.
        column: of the validated table: numbers from 0 to 1.
        threshold: the score from which on the system acts; decisions (0 and 1) need none.
        out: the folder to write; there may be none of that name yet.

    Raises:
        LoopwrightError: there is no such column, it holds other values, the target is missing
            or no yes-or-no question, or there are no sensitive features to ask about.
    """
    if out.exists():
        raise LoopwrightError(f"--out: {out} is there already; name a new folder")
    pipeline = read_pipeline(root)
    chosen = read_params(root / pipeline.path("params"))
    charter, bounds = chosen.charter, chosen.audit.fairness
    if not isinstance(charter, BinaryCharter):
        raise LoopwrightError(
            f"charter.task is {charter.task}: audit-column asks about yes-or-no decisions (binary)"
        )
    if not charter.sensitive_features:
        raise LoopwrightError(
            "charter.sensitive_features is empty: there are no groups to compare; name the "
            "columns that say who a person is"
        )
    file = root / pipeline.path("validated")
    table = read_table(file)
    target = charter.target
    for name in (column, target.column, *charter.sensitive_features):
        if name not in table:
            possible = list(map(str, table))
            raise LoopwrightError(
                f"{file}: no column '{name}'{did_you_mean(name, possible)}; "
                f"possible: {', '.join(possible)}"
            )
    if column == target.column:
        raise LoopwrightError(f"'{column}' is the target itself, not what a system said of it")
    scores = _scores(table[column], file)
    decides = bool(np.isin(scores, (0, 1)).all())
    y_pred = scores.astype(np.int64) if decides else _acts(scores, threshold, charter.costs)
    predictions = Predictions(
        truth(table, target),
        scores,
        y_pred,
        sample_weight=weights_of(table, charter.sample_weight),
    )
    schema = read_schema(root / pipeline.path("schema"))
    features = [
        (table[name], schema.column(name, "charter.sensitive_features"))
        for name in charter.sensitive_features
    ]
    entity = chosen.split.group or charter.key
    repeats = entity is not None and bool(table[entity].duplicated().any())
    how = Draws(
        chosen.audit.bootstrap, chosen.audit.random_state, table[entity] if repeats else None
    )
    with house_style():
        judged = judge(
            [group(values, spec, values, bounds.age_bands) for values, spec in features],
            [(target.meaning, predictions)],
            how,
            bounds,
            {str(values.name): spec.title for values, spec in features},
            partial(_paths, out),
            prob=not decides,
        )
        about = {
            "column": column,
            "kind": "decisions" if decides else "scores",
            "threshold": None if decides else threshold,
            "rows": len(table),
            "acted_on": float(y_pred.mean()),
            "positive": float(predictions.y_true.mean()),
        }
        _write(out, about, judged)
    return judged.verdicts


def _paths(out: Path, *figures: str) -> tuple[str, ...]:
    pictures = [(out / FIGURES / f"{name}.png").as_posix() for name in figures]
    return (*pictures, (out / JSON).as_posix())


def _scores(values: "pd.Series[Any]", file: Path) -> Floats:
    """Return a column as numbers from 0 to 1, (n,).

    Raises:
        LoopwrightError: it holds something else; the first such row is named.
    """
    where = f"{file}: column '{values.name}'"
    if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)):
        raise LoopwrightError(
            f"{where} is {values.dtype}: scores from 0 to 1, or decisions 0 and 1, were expected"
        )
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    for fault, what in (
        (np.isnan(numbers), "is missing"),
        (~((numbers >= 0) & (numbers <= 1)), "lies outside of 0 to 1"),
    ):
        if fault.any():
            row = int(fault.argmax())
            raise LoopwrightError(
                f"{where}: a value {what} in {int(fault.sum()):,} rows, first in row {row} "
                f"({numbers[row]:g}); scores from 0 to 1, or decisions 0 and 1, were expected"
            )
    return numbers


def _acts(scores: Floats, threshold: float | None, costs: Costs) -> "np.ndarray[Any, Any]":
    if threshold is None:
        raise LoopwrightError(
            "the column holds scores: give the one from which on the system acts, "
            f"--decision-threshold X; by the charter's costs it would be {cost_threshold(costs):g}"
        )
    if not 0 <= threshold <= 1:
        raise LoopwrightError(f"--decision-threshold: {threshold:g} lies outside of 0 to 1")
    return (scores >= threshold).astype(np.int64)


def _write(out: Path, about: Mapping[str, Any], judged: Judged) -> None:
    with published(out) as folder:
        (folder / FIGURES).mkdir(parents=True)
        for name, picture in judged.figures.items():
            save(picture, folder / FIGURES / f"{name}.png")
        verdicts = as_documents(judged.verdicts)
        document = _plain({**about, "verdicts": verdicts, "tables": judged.tables})
        write_json(folder / JSON, document)
        write_text(folder / PAGE, page(about, judged.verdicts, list(judged.figures)))


def page(about: Mapping[str, Any], verdicts: Sequence[Verdict], figures: Sequence[str]) -> str:
    """Return the answer in Markdown: the verdicts, then the pictures."""
    acts = "" if about["threshold"] is None else f" It acts from {about['threshold']:g} on."
    lines = [
        f"# Fairness of {escape(about['column'])}: {worst(v.status for v in verdicts)}",
        "",
        f"The column holds {about['kind']} of {about['rows']:,} rows.{acts} "
        f"{about['acted_on']:.1%} are acted on; {about['positive']:.1%} are positive. What each "
        "check means stands in docs/audit.md, the numbers by group in "
        f"{code(JSON)}.",
        "",
        "| status | check | value | 95 % interval | bound | why |",
        "|---|---|---|---|---|---|",
    ]
    for v in verdicts:
        between = "" if v.interval is None else f"{v.interval[0]:.3f} to {v.interval[1]:.3f}"
        value = f"{v.value:.3f}" if isinstance(v.value, float) else v.value
        told = ("" if value is None else value, between, v.threshold or "", v.why)
        cells = (v.status, code(v.id), *map(escape, told))
        lines.append(f"| {' | '.join(cells)} |")
    for name in figures:
        lines += ["", f"![{escape(name.replace('_', ' '))}]({FIGURES}/{name}.png)"]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    """Return `value` for JSON: floats to six decimals, None for what is not a number."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return round(float(value), DECIMALS) + 0.0 if isfinite(value) else None
    return value
