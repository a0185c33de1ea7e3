"""What all pillars share: the checks they declare, the evidence they look at, the answer.

A pillar declares its checks in a tuple `CHECKS` and answers them in a function `examine`
from `Evidence` to `Findings`; `conduct` reads the files, calls it and writes the answer.
The audit alone looks at the sealed test split.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from stages.core.criteria import strictest
from stages.core.curves import calibration_points
from stages.core.errors import LoopwrightError
from stages.core.figures import house_style, save
from stages.core.files import published, read_json, write_json
from stages.core.metrics import Predictions
from stages.core.models import load_model, recorded_sha256
from stages.core.params import Costs, Criterion, Owners, Scope, Target, read_params
from stages.core.personal_data import personal_data
from stages.core.rules import parse_rule
from stages.core.schema import Schema, read_schema
from stages.core.statistics import Estimate, Floats
from stages.core.tables import read_table
from stages.core.targets import truth
from stages.core.verdicts import Status, Verdict, as_documents, at_least, at_most

Ints = npt.NDArray[np.int64]

DECIMALS = 6


class UnusableModelError(LoopwrightError):
    """The model, or what belongs to it, cannot be used: every check of the pillar fails."""


@dataclass(frozen=True)
class Check:
    """A question that a pillar always asks.

    Attributes:
        id: ``pillar.check``; asked of many things, each answer is ``pillar.check:thing``.
        question: in plain words.
        metric: what is measured to answer it.
        threshold: the key in params.yaml of the bound, or the bound itself where it is fixed.
        source: where the bound comes from.
    """

    id: str
    question: str
    metric: str
    threshold: str
    source: str


@dataclass(frozen=True)
class Evidence:
    """What a pillar may look at. Frames are shared: a worker changes copies only.

    Attributes:
        schema: what each column is.
        target: the column to predict.
        key: the column that names a row, if there is one.
        sensitive_features: the columns that say who a person is.
        costs: what one decision brings.
        criteria: what the charter promises, the strictest of each metric and side.
        rule_role: whether the charter's rule is a ``start`` or an ``ideal``.
        calibration_bins: the bins of the calibration error, those of evaluate.
        scope: what the model is for.
        owners: who answers for what.
        entities: the entity of each test row where entities repeat, else None.
        draws: the number of bootstrap draws.
        random_state: the seed of every draw in the audit.
        lock: the text of the locked environment.
        train: the rows that the model has seen, with the target.
        test: the rows that nobody has seen before, with the target.
        model: the fitted classifier; it takes rows and picks its inputs.
        model_file: where it is stored.
        manifest: what train wrote about it.
        evaluation: what evaluate wrote about it.
        threshold: the probability from which on the decision is to act.
        y_prob: the model's probability of the positive class on test, shape (rows,).
        rule_decisions: what the charter's rule decides on test, shape (rows,).
        verdicts: where the answer goes.
        figures: where its pictures go.
    """

    schema: Schema
    target: Target
    key: str | None
    sensitive_features: tuple[str, ...]
    costs: Costs
    criteria: tuple[Criterion, ...]
    rule_role: Literal["start", "ideal"]
    calibration_bins: int
    scope: Scope
    owners: Owners
    entities: "pd.Series[Any] | None"
    draws: int
    random_state: int
    lock: str
    train: pd.DataFrame
    test: pd.DataFrame
    model: Any
    model_file: Path
    manifest: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    threshold: float
    y_prob: Floats
    rule_decisions: Ints
    verdicts: Path
    figures: Path

    @cached_property
    def y_true(self) -> Ints:
        """1 for positive and 0 for negative on test, shape (rows,)."""
        return truth(self.test, self.target)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The test rows as they stand at decision time: without the target."""
        return self.test.drop(columns=self.target.column)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The columns that the model reads, as its manifest says."""
        return tuple(str(name) for name in self.manifest.get("inputs", ()))

    @cached_property
    def predictions(self) -> Predictions:
        """The model on test, ready to be measured."""
        return Predictions(
            self.y_true,
            self.y_prob,
            self.decide(self.y_prob),
            self.costs,
            self.rule_decisions,
            self.calibration_bins,
        )

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """The bins of probability on test, as `calibration_points` gives them."""
        return calibration_points(self.predictions)

    def decide(self, y_prob: Floats) -> Ints:
        """Return 1 where the probability asks to act, else 0, shape (rows,)."""
        return (y_prob >= self.threshold).astype(np.int64)

    def title(self, column: str) -> str:
        """Return what a person calls `column`; a column without schema keeps its name."""
        known = self.schema.columns.get(column)
        return known.title if known else column

    def paths(self, *figures: str) -> tuple[str, ...]:
        """Return the files that show an answer: the tables, and the figures by name."""
        pictures = [(self.figures / f"{name}.png").as_posix() for name in figures]
        return (*pictures, self.verdicts.as_posix())


@dataclass
class Findings:
    """A pillar's answer: verdicts, tables for the report (rows by column title), figures."""

    verdicts: list[Verdict] = field(default_factory=list)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)


# --- verdicts -----------------------------------------------------------------------------


def bounded(
    check: str,
    measured: Estimate,
    side: Literal["at_least", "at_most"],
    bound: float,
    evidence: tuple[str, ...],
    why: str,
) -> Verdict:
    """Return the verdict that holds a measured value against a bound.

    A measured None means that the rows leave the value undefined: ``insufficient``.
    """
    value, interval = measured["value"], measured["interval"]
    status: Status = "insufficient"
    if value is None or interval is None:
        why = f"the rows leave it undefined: {why}"
    else:
        status = (at_least if side == "at_least" else at_most)(value, interval, bound)
    sign = ">=" if side == "at_least" else "<="
    return Verdict(check, status, value, interval, f"{sign} {plain(bound)}", evidence, why)


def counted(check: str, found: int, evidence: tuple[str, ...], why: str) -> Verdict:
    """Return the verdict that asks for none of what was counted."""
    return Verdict(check, holds(not found), found, None, "= 0", evidence, why)


def holds(true: bool) -> Status:
    """Return ``pass`` for what is true and ``fail`` for what is not."""
    return "pass" if true else "fail"


def plain(number: float) -> str:
    """Return `number` with at most six decimals and none that is 0: ``0.02``, ``100000``."""
    return f"{number:.{DECIMALS}f}".rstrip("0").rstrip(".")


def listed(names: Sequence[str], limit: int = 5) -> str:
    """Return the first names for a sentence, and how many are left out."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def completed(checks: Sequence[Check], verdicts: Sequence[Verdict], missing: str) -> list[Verdict]:
    """Return `verdicts` in the order of `checks`; a check without a verdict fails.

    Raises:
        ValueError: a verdict answers none of `checks`, or two have the same id.
    """
    answers: dict[str, list[Verdict]] = {check.id: [] for check in checks}
    for verdict in verdicts:
        base = verdict.id.partition(":")[0]
        if base not in answers or any(verdict.id == other.id for other in answers[base]):
            raise ValueError(f"a verdict on an undeclared check, or a second one: {verdict.id}")
        answers[base].append(verdict)
    for check in checks:
        if not answers[check.id]:
            silent = Verdict(check.id, "fail", None, None, None, (), f"no evidence: {missing}")
            answers[check.id].append(silent)
    return [verdict for found in answers.values() for verdict in found]


# --- frames -------------------------------------------------------------------------------


def score(model: Any, frame: pd.DataFrame) -> Floats:
    """Return the model's probability of the positive class, shape (rows,)."""
    return np.asarray(model.predict_proba(frame), dtype=np.float64)[:, 1]


def as_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return every column as float64: numbers as they are, others as the code of their value.

    Codes follow the sorted values. What is missing is NaN.
    """
    columns = {}
    for name, column in frame.items():
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            columns[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            codes, _ = pd.factorize(column, sort=True)
            columns[name] = np.where(codes < 0, np.nan, codes.astype(np.float64))
    return pd.DataFrame(columns, index=frame.index)


def spread(n: int, size: int) -> npt.NDArray[np.intp]:
    """Return at most `size` row numbers, evenly spread over `n` rows."""
    return np.unique(np.linspace(0, n - 1, min(n, size)).astype(np.intp))


# --- files --------------------------------------------------------------------------------


def gather(
    *,
    params: Path,
    schema: Path,
    lock: Path,
    train: Path,
    test: Path,
    model: Path,
    model_manifest: Path,
    evaluation: Path,
    verdicts: Path,
    figures: Path,
) -> Evidence:
    """Read all that the pillars look at, and let the model predict the test split.

    Raises:
        LoopwrightError: a table or a document is missing or broken, or the charter names a
            metric or a column that there is not.
        UnusableModelError: the model's bytes are not those of its manifest, it holds a type
            that is not trusted, it does not predict, or evaluate left no threshold.
    """
    chosen = read_params(params)
    rows = read_table(test)
    if not len(rows):
        raise LoopwrightError(f"{test}: the test split has no rows; see `split` in {params}")
    rule = parse_rule(chosen.charter.rule.expression, "charter.rule.expression")
    measured = read_json(evaluation)
    fitted = _load(model, model_manifest)
    return Evidence(
        schema=read_schema(schema),
        target=chosen.charter.target,
        key=chosen.charter.key,
        sensitive_features=chosen.charter.sensitive_features,
        costs=chosen.charter.costs,
        criteria=tuple(strictest(chosen.charter.success_criteria)),
        rule_role=chosen.charter.rule.role,
        calibration_bins=chosen.evaluate.calibration_bins,
        scope=chosen.charter.scope,
        owners=chosen.charter.owners,
        entities=_entities(rows, chosen.split.group or chosen.charter.key),
        draws=chosen.audit.bootstrap,
        random_state=chosen.audit.random_state,
        lock=lock.read_text(encoding="utf-8"),
        train=read_table(train),
        test=rows,
        model=fitted,
        model_file=model,
        manifest=read_json(model_manifest),
        evaluation=measured,
        threshold=_threshold(measured, evaluation),
        y_prob=_predicted(fitted, rows.drop(columns=chosen.charter.target.column), test),
        rule_decisions=rule.mask(rows).astype(np.int64),
        verdicts=verdicts,
        figures=figures,
    )


def _load(model: Path, manifest: Path) -> Any:
    try:
        return load_model(model, recorded_sha256(manifest))
    except LoopwrightError as fault:
        raise UnusableModelError(str(fault)) from None


def _threshold(evaluation: Mapping[str, Any], where: Path) -> float:
    threshold = evaluation.get("threshold")
    if not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
        raise UnusableModelError(f"{where}: no threshold from 0 to 1, so nothing is decided")
    return float(threshold)


def _predicted(model: Any, rows: pd.DataFrame, where: Path) -> Floats:
    try:
        y_prob = score(model, rows)
    except Exception as fault:  # a model may fail in any way; the audit tells it
        raise UnusableModelError(
            f"{where}: the model does not predict these rows: {type(fault).__name__}: {fault}"
        ) from fault
    if not ((y_prob >= 0) & (y_prob <= 1)).all():
        raise UnusableModelError(f"{where}: the model gives numbers that are no probabilities")
    return y_prob


def _entities(rows: pd.DataFrame, column: str | None) -> "pd.Series[Any] | None":
    """Return the entity of each row where entities repeat: rows of one are not independent."""
    if column is None or not rows[column].duplicated().any():
        return None
    return rows[column]


def conduct(
    checks: Sequence[Check],
    examine: Callable[[Evidence], Findings],
    *,
    verdicts: Path,
    figures: Path,
    **sources: Path,
) -> None:
    """Ask `checks` and write the answer: verdicts.json and the figures.

    A model that cannot be used does not stop the pipeline: every check fails for want of
    evidence, so that the report is built and shows it.

    Args:
        checks: what the pillar declares.
        examine: answers them.
        verdicts: the JSON file to write.
        figures: the folder to write.
        sources: the other paths of `gather`.

    Raises:
        LoopwrightError: a table or a document is missing or broken.
    """
    missing = "the check gave no answer"
    found = Findings()
    try:
        evidence = gather(verdicts=verdicts, figures=figures, **sources)
    except UnusableModelError as fault:
        missing = str(fault)
    else:
        with house_style():
            found = examine(evidence)
    answers = [_rounded(verdict) for verdict in completed(checks, found.verdicts, missing)]
    with published(figures) as folder:
        folder.mkdir()
        for name, picture in found.figures.items():
            save(picture, folder / f"{name}.png")
    write_json(
        verdicts,
        {
            "pillar": checks[0].id.partition(".")[0],
            "verdicts": as_documents(answers),
            "tables": without_persons(_plain(found.tables)),
        },
    )


def _rounded(verdict: Verdict) -> Verdict:
    return replace(verdict, value=_plain(verdict.value), interval=_plain(verdict.interval))


def without_persons(tables: Any) -> Any:
    """Return `tables` with every text that holds personal data withheld: reports are shared."""
    if isinstance(tables, dict):
        return {key: without_persons(inner) for key, inner in tables.items()}
    if isinstance(tables, list):
        return [without_persons(inner) for inner in tables]
    found = personal_data([tables]) if isinstance(tables, str) else {}
    return f"withheld: {', '.join(found)}" if found else tables


def _plain(value: Any) -> Any:
    """Return `value` for JSON: floats to six decimals, None for what is not a number."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(inner) for inner in value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        # Adding 0 turns a minus zero into zero.
        return round(value, DECIMALS) + 0.0 if isfinite(value) else None
    return value
