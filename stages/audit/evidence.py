"""What all pillars share: the checks they declare, the evidence they look at, the answer.

A pillar declares its checks in a tuple `CHECKS` and answers them in a function `examine`
from `Evidence` to `Findings`; `conduct` reads the files, calls it and writes the answer.
The audit alone looks at the sealed test split.
"""

import csv
import io
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

from stages.core.bounds import DECIMALS
from stages.core.bounds import bounded as bounded
from stages.core.bounds import listed as listed
from stages.core.bounds import plain as plain
from stages.core.criteria import strictest
from stages.core.curves import calibration_points
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.fairness import Draws, Grouping, group
from stages.core.figures import house_style, notice, save
from stages.core.files import published, read_json, write_json
from stages.core.metrics import (
    AnyPredictions,
    ClassPredictions,
    Predictions,
    best_classes,
    cost_threshold,
    decided,
)
from stages.core.models import load_model, recorded_sha256
from stages.core.params import (
    AnyCosts,
    Change,
    ClassCosts,
    Costs,
    Criterion,
    Level,
    Owners,
    Scope,
    Target,
    Task,
    read_params,
)
from stages.core.personal_data import personal_data
from stages.core.ranges import Ranges, trained_ranges
from stages.core.rules import parse_rule
from stages.core.schema import Schema, read_schema
from stages.core.scoring import predicted
from stages.core.statistics import Floats
from stages.core.tables import read_table
from stages.core.targets import truth, weights_of
from stages.core.verdicts import Status, Verdict, as_documents

Ints = npt.NDArray[np.int64]

CHECKS_FILE = "checks.csv"

# A number that moved by less than a tenth of the target's standard deviation is taken for
# the same: a small effect by Cohen (1988) is twice that. A choice of this project.
TURNED = 0.1


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
        weight: the column that says how much a row counts, if there is one.
        sensitive_features: the columns that say who a person is.
        monotonic: the columns with which the answer may only rise, or fall.
        invariant: the columns that must not matter.
        mutable: the columns that a person can change about themselves, and which way.
        costs: what one decision brings, by the task.
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
        validation: the rows by which it was chosen, with the target.
        test: the rows that nobody has seen before, with the target.
        model: the fitted model; it takes rows and picks its inputs.
        model_file: where it is stored.
        manifest: what train wrote about it.
        evaluation: what evaluate wrote about it.
        threshold: of a binary task the probability from which on the decision is to act;
            else None.
        predicted: what `stages.core.scoring.predicted` gives on test, shape (rows,), of a
            multiclass task (rows, classes).
        rule_decisions: what the charter's rule gives on test, shape (rows,).
        verdicts: where the answer goes.
        figures: where its pictures go.
        files: where its files go.
        level: how far costly checks go; a ``deep`` one may fit models anew.
    """

    schema: Schema
    target: Target
    key: str | None
    weight: str | None
    sensitive_features: tuple[str, ...]
    monotonic: Mapping[str, Literal["increasing", "decreasing"]]
    invariant: tuple[str, ...]
    mutable: Mapping[str, Change]
    costs: AnyCosts
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
    validation: pd.DataFrame
    test: pd.DataFrame
    model: Any
    model_file: Path
    manifest: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    threshold: float | None
    predicted: Floats
    rule_decisions: npt.NDArray[Any]
    verdicts: Path
    figures: Path
    files: Path
    level: Level

    @property
    def task(self) -> Task:
        """What is predicted: one of two outcomes, one of several classes, a number."""
        return self.target.task

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Of a multiclass task the labels in the order of the model; else none."""
        return tuple(map(str, self.model.classes_)) if self.task == "multiclass" else ()

    @cached_property
    def y_true(self) -> npt.NDArray[Any]:
        """What happened on test, as `stages.core.targets.truth` gives it, shape (rows,)."""
        return truth(self.test, self.target)

    @cached_property
    def spread_of_target(self) -> float:
        """Of a regression the standard deviation of the target in train; else 1."""
        if self.task != "regression":
            return 1.0
        return float(np.std(truth(self.train, self.target))) or 1.0

    @cached_property
    def sample_weight(self) -> Floats | None:
        """How much each test row counts, shape (rows,); None where all count alike."""
        return weights_of(self.test, self.weight)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The test rows as they stand at decision time: without the target."""
        return self.test.drop(columns=self.target.column)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The columns that the model reads, as its manifest says."""
        return tuple(str(name) for name in self.manifest.get("inputs", ()))

    @cached_property
    def ranges(self) -> Ranges:
        """The range in train of each numeric or ordinal input."""
        return trained_ranges(self.train, self.inputs, self.schema)

    @cached_property
    def predictions(self) -> AnyPredictions:
        """The model on test, ready to be measured."""
        return self.measured(self.predicted)

    def measured(self, predicted: Floats) -> AnyPredictions:
        """Return other answers to the test rows, ready to be measured."""
        return decided(
            self.y_true,
            predicted,
            self.costs,
            threshold=self.threshold,
            classes=self.classes,
            rule_decisions=self.rule_decisions,
            calibration_bins=self.calibration_bins,
            sample_weight=self.sample_weight,
        )

    @cached_property
    def tried(self) -> AnyPredictions:
        """The model on validation, ready to be measured: what may be fitted to."""
        return decided(
            truth(self.validation, self.target),
            self.ask(self.validation.drop(columns=self.target.column)),
            self.costs,
            threshold=self.threshold,
            classes=self.classes,
            calibration_bins=self.calibration_bins,
            sample_weight=weights_of(self.validation, self.weight),
        )

    @cached_property
    def calibration(self) -> pd.DataFrame | None:
        """The bins of probability on test, as `calibration_points` gives them, if it is binary."""
        p = self.predictions
        return calibration_points(p) if isinstance(p, Predictions) else None

    @cached_property
    def sides(self) -> tuple[tuple[str, Predictions], ...]:
        """The yes-or-no questions that the model answers, each with its predictions.

        Binary: the one that it was made for. Multiclass: of each class whether it is this
        one. Regression: whether the number is above the median of train. So what is defined
        for two outcomes can be asked of every model.
        """
        return self.sides_of(self.predictions)

    def sides_of(self, p: AnyPredictions) -> tuple[tuple[str, Predictions], ...]:
        """Return the answers of other decisions about the test rows to the same questions."""
        if isinstance(p, Predictions):
            return ((self.target.meaning, p),)
        if isinstance(p, ClassPredictions):
            return tuple((label, p.one_class(place)) for place, label in enumerate(p.classes))
        middle = float(np.median(truth(self.train, self.target)))
        above = p.y_pred > middle
        side = Predictions(
            (p.y_true > middle).astype(np.int64),
            above.astype(np.float64),
            above.astype(np.int64),
            sample_weight=p.sample_weight,
        )
        return ((f"above {middle:g}", side),)

    def ask(self, frame: pd.DataFrame) -> Floats:
        """Return what the model says of `frame`, as `predicted` does of the test rows."""
        return predicted(self.model, frame, self.task)

    def decide(self, predicted: Floats) -> npt.NDArray[Any]:
        """Return the decisions on answers, shape (rows,): 1 or 0, a class's place, a number."""
        costs = self.costs
        if isinstance(costs, Costs):
            from_here = cost_threshold(costs) if self.threshold is None else self.threshold
            return (predicted >= from_here).astype(np.int64)
        if isinstance(costs, ClassCosts):
            return best_classes(predicted, costs, self.classes)
        return predicted

    def turned(self, before: Floats, after: Floats) -> npt.NDArray[np.bool_]:
        """Return where the decision differs between two answers, shape (rows,).

        A number is no decision: it counts as turned where it moved by more than `TURNED`
        standard deviations of the target.
        """
        if self.task == "regression":
            return self.moved(before, after) > TURNED
        return np.asarray(self.decide(before) != self.decide(after))

    def moved(self, before: Floats, after: Floats) -> Floats:
        """Return how far each answer moved, shape (rows,).

        Binary: the change of the probability. Multiclass: the probability that changed its
        class (total variation distance). Regression: standard deviations of the target.
        """
        change = np.abs(after - before)
        return change.sum(axis=1) / 2 if change.ndim == 2 else change / self.spread_of_target

    @cached_property
    def subject(self) -> str:
        """What `shown` shows, for a sentence: the probability, that of a class, the number."""
        if self.task == "multiclass":
            return f"probability of {self.classes[self._frequent]}"
        return "probability" if self.task == "binary" else "prediction"

    @cached_property
    def _frequent(self) -> int:
        """The place of the class that is most frequent in train."""
        seen = truth(self.train, self.target)
        return int(np.argmax([np.sum(seen == label) for label in self.classes]))

    def shown(self, predicted: Floats) -> Floats:
        """Return one number of each answer, shape (rows,).

        Of several classes it is the probability of the one that is most frequent in train.
        """
        return predicted[:, self._frequent] if self.task == "multiclass" else predicted

    def sound(self, predicted: Floats) -> bool:
        """Return whether answers are probabilities, or finite numbers."""
        if self.task == "regression":
            return bool(np.isfinite(predicted).all())
        return bool(((predicted >= 0) & (predicted <= 1)).all())

    @property
    def how(self) -> Draws:
        """How the bootstrap draws test rows."""
        return Draws(self.draws, self.random_state, self.entities)

    def grouping(self, feature: str, age_bands: Sequence[float]) -> Grouping:
        """Return the test rows by the groups of a sensitive feature.

        Raises:
            LoopwrightError: a number of years lies outside of `age_bands`.
        """
        spec = self.schema.column(feature, "charter.sensitive_features")
        return group(self.test[feature], spec, self.train[feature], age_bands)

    def title(self, column: str) -> str:
        """Return what a person calls `column`; a column without schema keeps its name."""
        known = self.schema.columns.get(column)
        return known.title if known else column

    def paths(self, *figures: str) -> tuple[str, ...]:
        """Return the files that show an answer: the tables, and the figures by name."""
        pictures = [(self.figures / f"{name}.png").as_posix() for name in figures]
        return (*pictures, self.verdicts.as_posix())

    def file(self, name: str) -> str:
        """Return the path of a file of `Findings.files`, as evidence."""
        return (self.files / name).as_posix()


@dataclass
class Findings:
    """A pillar's answer.

    Attributes:
        verdicts: at least one on each of its checks.
        tables: for the report, rows by column title.
        figures: for the report, by name.
        files: to give to others, the text by the name of the file.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


# --- verdicts -----------------------------------------------------------------------------


def counted(check: str, found: int, evidence: tuple[str, ...], why: str) -> Verdict:
    """Return the verdict that asks for none of what was counted."""
    return Verdict(check, holds(not found), found, None, "= 0", evidence, why)


def holds(true: bool) -> Status:
    """Return ``pass`` for what is true and ``fail`` for what is not."""
    return "pass" if true else "fail"


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
    validation: Path,
    test: Path,
    model: Path,
    model_manifest: Path,
    evaluation: Path,
    verdicts: Path,
    figures: Path,
    files: Path,
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
    target = chosen.charter.target
    task = target.task
    rule = parse_rule(chosen.charter.rule.expression, "charter.rule.expression", task)
    measured = read_json(evaluation)
    fitted = _load(model, model_manifest)
    return Evidence(
        schema=read_schema(schema),
        target=target,
        key=chosen.charter.key,
        weight=chosen.charter.sample_weight,
        sensitive_features=chosen.charter.sensitive_features,
        monotonic=chosen.charter.monotonic,
        invariant=chosen.charter.invariant,
        mutable=_changed(chosen.charter.mutable, rows),
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
        validation=read_table(validation),
        test=rows,
        model=fitted,
        model_file=model,
        manifest=read_json(model_manifest),
        evaluation=measured,
        threshold=_threshold(measured, evaluation) if task == "binary" else None,
        predicted=_predicted(fitted, rows.drop(columns=target.column), task, test),
        rule_decisions=rule.values(rows),
        verdicts=verdicts,
        figures=figures,
        files=files,
        level=chosen.audit.level,
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


def _predicted(model: Any, rows: pd.DataFrame, task: Task, where: Path) -> Floats:
    try:
        answers = predicted(model, rows, task)
    except Exception as fault:  # a model may fail in any way; the audit tells it
        raise UnusableModelError(
            f"{where}: the model does not predict these rows: {type(fault).__name__}: {fault}"
        ) from fault
    if not np.isfinite(answers).all():
        raise UnusableModelError(f"{where}: the model gives answers that are no finite numbers")
    if task != "regression" and not ((answers >= 0) & (answers <= 1)).all():
        raise UnusableModelError(f"{where}: the model gives numbers that are no probabilities")
    return answers


def _changed(mutable: Mapping[str, Change], rows: pd.DataFrame) -> Mapping[str, Change]:
    for name in mutable:
        if name not in rows or not pd.api.types.is_numeric_dtype(rows[name]):
            fault = "is no number" if name in rows else "is no column"
            raise LoopwrightError(
                f"charter.mutable: '{name}' {fault}{did_you_mean(name, map(str, rows))}"
            )
    return mutable


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
    files: Path,
    **sources: Path,
) -> None:
    """Ask `checks` and write the answer: verdicts.json, the figures and the files.

    Among the files is always `CHECKS_FILE`: each verdict beside its question, for a spreadsheet.

    A model that cannot be used does not stop the pipeline: every check fails for want of
    evidence, so that the report is built and shows it.

    Args:
        checks: what the pillar declares.
        examine: answers them.
        verdicts: the JSON file to write.
        figures: the folder of pictures to write.
        files: the folder of other files to write.
        sources: the other paths of `gather`.

    Raises:
        LoopwrightError: a table or a document is missing or broken.
    """
    missing = "the check gave no answer"
    found = Findings()
    try:
        evidence = gather(verdicts=verdicts, figures=figures, files=files, **sources)
    except UnusableModelError as fault:
        missing = str(fault)
    else:
        with house_style():
            found = examine(evidence)
            if not found.figures:
                why = "None of the checks of this pillar has anything to draw."
                found.figures["nothing"] = notice("Nothing to draw", why)
    answers = [_rounded(verdict) for verdict in completed(checks, found.verdicts, missing)]
    with published(figures) as folder:
        folder.mkdir()
        for name, picture in found.figures.items():
            save(picture, folder / f"{name}.png")
    with published(files) as folder:
        folder.mkdir()
        for name, text in {CHECKS_FILE: _asked(checks, answers), **found.files}.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    write_json(
        verdicts,
        {
            "pillar": checks[0].id.partition(".")[0],
            "verdicts": as_documents(answers),
            "tables": without_persons(_plain(found.tables)),
        },
    )


def _asked(checks: Sequence[Check], answers: Sequence[Verdict]) -> str:
    """Return a CSV table of the verdicts, each beside what was asked."""
    asked = {check.id: check for check in checks}
    lines = io.StringIO()
    table = csv.writer(lines, lineterminator="\n")
    table.writerow(
        ("id", "question", "metric", "status", "value", "low", "high", "threshold", "source", "why")
    )
    for verdict in answers:
        check = asked[verdict.id.partition(":")[0]]
        low, high = verdict.interval or (None, None)
        table.writerow(
            (
                *(verdict.id, check.question, check.metric, verdict.status, verdict.value),
                # What begins with = is a formula to a spreadsheet.
                *(low, high, (verdict.threshold or check.threshold).removeprefix("= ")),
                *(check.source, verdict.why),
            )
        )
    return lines.getvalue()


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
