"""What a table is for, guessed from the table and the one column that a person named."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from operate.inference import Guess
from stages.core.associations import mean_separation
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import (
    BinaryTarget,
    MulticlassTarget,
    RegressionTarget,
    Target,
    Task,
)
from stages.core.quality import PARTS
from stages.core.schema import Checks, Column, Schema
from stages.core.statistics import rank_correlation
from stages.core.targets import class_label, questions
from stages.core.variables import read_variables

# Whole numbers with up to so many values are classes; with more, a number to predict.
CLASSES = 20
# A column that alone ranks the target as well as this is suspected to know it.
SUSPECT = 0.95
# What remains of the target's variance where columns give it by adding and scaling.
IDENTITY = 1e-6
# Rows that are looked at for suspects and for a rule.
LOOKED_AT = 20_000
MIN_CLASS = 10

_YES = ("yes", "y", "true", "t", "1", "positive", "default", "churn", "fraud", "bad", "left")
_SENSITIVE = re.compile(
    r"(^|[^a-z])(sex|gender|age|race|ethnic\w*|religion|nationality|native|marital\w*|marriage"
    r"|married|disab\w*|pregnan\w*|orientation|birth\w*|citizen\w*|senior\w*|hispan\w*"
    r"|latin[oax]|nonwhite|geschlecht|sexo|sexe|género|edad|âge)([^a-z]|$)"
    # other things than people are black or white: only as the whole name
    r"|^(is_)?(black|white|male|female|alter)$",
    re.IGNORECASE,
)
_BIRTH = re.compile(r"birth|dob", re.IGNORECASE)
_ENTITY = re.compile(
    r"(?i:(^|[^a-z])id$)|[a-z]I[Dd]$|^nr$"
    # the word itself, and not what is known of it: customer, customer_no; never customer_age
    r"|(?i:(customer|client|patient|user|account|household|subject|person|participant|employee"
    r"|student|respondent|individual)s?[^a-z]?(id|no|nr|num|number|key|code|name)?$)"
)
# From this rank correlation on, a column of numbers tells the target's order nearly row by row.
SAME_ORDER = 0.98


@dataclass(frozen=True)
class Note:
    """A guess, for a person to look at.

    Attributes:
        key: where it is written down.
        guess: what was written.
        why: what it rests on.
        sure: whether little speaks against it.
    """

    key: str
    guess: str
    why: str
    sure: bool


@dataclass(frozen=True)
class Proposal:
    """What the table seems to be for.

    Attributes:
        target: the column to predict, with its task.
        columns: the lines of schema.yaml.
        key: the column that names a row.
        group: the column whose rows stay together.
        time: the column by which rows are cut in time.
        sensitive: the columns that say who a person is.
        suspects: the columns that seem to know the answer, and the evidence.
        unlabelled: how many rows have no label.
        rule: an expression that decides without machine learning.
        share: of positives, of a binary task.
        notes: every guess.
    """

    target: Target
    columns: dict[str, Column]
    key: str | None
    group: str | None
    time: str | None
    sensitive: tuple[str, ...]
    suspects: dict[str, str]
    unlabelled: int
    rule: str
    share: float | None
    notes: tuple[Note, ...]


def target_of(
    guesses: Mapping[str, Guess], name: str, task: Task | None, positive: str | None
) -> tuple[Target, Column, list[Note]]:
    """Return the target, its line in schema.yaml, and what was guessed.

    Args:
        guesses: of all columns.
        name: the column that a person named.
        task: as a person says, else it is guessed.
        positive: of a binary task, as a person says.

    Raises:
        LoopwrightError: there is no such column, it has one value, or does not fit the task.
    """
    if name not in guesses:
        raise LoopwrightError(
            f"--target: the table has no column '{name}'{did_you_mean(name, list(guesses))}; "
            f"possible: {', '.join(guesses)}"
        )
    guess, notes = guesses[name], []
    column = guess.column
    if guess.distinct < 2:
        raise LoopwrightError(
            f"--target: column '{name}' has {'one value only' if guess.distinct else 'no value'}; "
            f"there is nothing to predict; possible: {', '.join(n for n in guesses if n != name)}"
        )
    if guess.unique and column.dtype in ("str", "datetime64[ns]"):
        raise LoopwrightError(
            f"--target: column '{name}' has another value in every row: it names rows, and nothing "
            f"can be learned from it; possible: {', '.join(n for n in guesses if n != name)}"
        )
    number = column.dtype in ("int64", "Int64", "float64")
    many = guess.distinct > CLASSES or column.dtype == "float64" or guess.rarest < PARTS
    guessed: Task = (
        "binary" if guess.distinct == 2 else "regression" if number and many else "multiclass"
    )
    why = f"'{name}' has {guess.distinct:,} different values"
    sure = task is not None or not number or guess.distinct == 2
    notes.append(Note("charter.task", task or guessed, why, sure))
    task = task or guessed
    if guess.missing:
        told = f"{guess.missing:,} rows have no label: nothing can be learned of them"
        notes.append(Note("validate.missing_labels", "drop", told, sure=False))
    plain = {"title": column.title, "unit": column.unit}
    if task == "regression":
        if not number:
            raise LoopwrightError(f"--task regression: column '{name}' holds {guess.why}")
        return (
            RegressionTarget(column=name, meaning=f"TODO: what is {column.title}?"),
            Column.model_validate({"dtype": column.dtype, "kind": "numeric", **plain}),
            notes,
        )
    return *_classes(guess, name, task, positive, notes, plain), notes


def _classes(
    guess: Guess,
    name: str,
    task: Task,
    positive: str | None,
    notes: list[Note],
    plain: dict[str, Any],
) -> tuple[Target, Column]:
    column = guess.column
    if column.dtype == "boolean":
        values: list[Any] = [False, True]
    elif column.checks is not None and column.checks.isin is not None:
        values = list(column.checks.isin)
    else:
        values = []
    known = Checks(isin=tuple(values)) if values and column.dtype != "boolean" else None
    described = Column.model_validate(
        {"dtype": column.dtype, "kind": "categorical", **plain, "checks": known}
    )
    if task == "multiclass":
        return MulticlassTarget(column=name, meaning=f"TODO: what is {column.title}?"), described
    if len(values) != 2 and positive is None:
        raise LoopwrightError(
            f"--task binary: column '{name}' has {guess.distinct:,} values; name the positive one "
            "by --positive"
        )
    chosen = _positive(values, positive, name)
    sure = positive is not None or class_label(chosen).lower() in _YES
    why = "it reads like a yes" if sure else "nothing says which of the two it is"
    notes.append(Note("charter.target.positive", repr(chosen), why, sure))
    meaning = f"TODO: what does it mean that {column.title} is {chosen}?"
    return BinaryTarget(column=name, positive=chosen, meaning=meaning), described


def _positive(values: list[Any], positive: str | None, name: str) -> Any:
    spelled = {class_label(value): value for value in values}
    lower = {label.lower(): value for label, value in spelled.items()}
    if positive is not None:
        if positive in spelled or positive.lower() in lower:
            return spelled.get(positive, lower.get(positive.lower()))
        raise LoopwrightError(
            f"--positive: column '{name}' has no value {positive!r}; possible: {', '.join(spelled)}"
        )
    return next((lower[word] for word in _YES if word in lower), values[-1])


def propose(
    guesses: Mapping[str, Guess], frame: pd.DataFrame, target: Target, columns: dict[str, Column]
) -> Proposal:
    """Return what the table seems to be for.

    Args:
        guesses: of all columns.
        frame: the typed table.
        target: the column to predict.
        columns: the lines of schema.yaml, the target's among them.
    """
    others = [name for name in guesses if name != target.column]
    notes: list[Note] = []
    unique = [name for name in others if columns[name].unique]
    key = next((name for name in unique if _ENTITY.search(name)), next(iter(unique), None))
    if key:
        notes.append(Note("charter.key", key, "no value stands twice", sure=True))
    group = _group(guesses, others, key, notes)
    time = _time(frame, columns, others, notes)
    sensitive = tuple(name for name in others if _SENSITIVE.search(name) and name != key)
    if sensitive:
        why = "by their names; they stay out of the model, and the audit compares their groups"
        notes.append(Note("charter.sensitive_features", ", ".join(sensitive), why, sure=False))
    rows = frame
    if len(frame) > LOOKED_AT:
        rows = frame.sample(LOOKED_AT, random_state=0).sort_index()
    schema = Schema(columns=columns)
    suspects, strong = suspected(rows, schema, target, key)
    for name, evidence in strong.items():
        why = f"{evidence}: is it known at the decision? It is left in"
        notes.append(Note(f"schema.yaml {name}", "an input", why, sure=False))
    for name, evidence in suspects.items():
        notes.append(Note("featurize.exclude", name, evidence, sure=False))
    asked = questions(rows, target)
    inputs = [
        name
        for name in others
        if name not in (key, group, *sensitive, *suspects)
        and columns[name].kind not in ("identifier", "datetime", "text")
    ]
    rule = simple_rule(rows, schema, target, inputs)
    notes.append(Note("charter.rule", rule, "the best single question, not your process", False))
    share = float(asked[0][1].mean()) if isinstance(target, BinaryTarget) else None
    return Proposal(
        target,
        columns,
        key,
        group,
        time,
        sensitive,
        suspects,
        guesses[target.column].missing,
        rule,
        share,
        tuple(notes),
    )


def _group(
    guesses: Mapping[str, Guess], others: list[str], key: str | None, notes: list[Note]
) -> str | None:
    """Return a column that names what a row is about, where it stands in several rows."""
    for name in others:
        guess = guesses[name]
        if name == key or guess.unique or guess.missing or not _ENTITY.search(name):
            continue
        if guess.column.kind in ("datetime", "text") or guess.column.dtype == "float64":
            continue
        if guess.distinct < 50:
            continue
        why = f"{guess.distinct:,} different values that repeat: rows of one stay together"
        notes.append(Note("split.group", name, why, sure=False))
        return name
    return None


def _time(
    frame: pd.DataFrame, columns: dict[str, Column], others: list[str], notes: list[Note]
) -> str | None:
    """Return the column by which rows are ordered in time, where there is one."""
    dated = [name for name in others if columns[name].kind == "datetime"]
    for name in dated:
        values = frame[name]
        ordered = bool(values.notna().all() and values.is_monotonic_increasing)
        if _BIRTH.search(name) or values.nunique() < 20 or values.isna().any():
            continue
        if ordered:
            why = "the rows stand in its order: the latest are kept for validation and test"
            notes.append(Note("split.time", name, why, sure=False))
            return name
        why = f"'{name}' is a date, and the rows are not in its order: is it when a row was known?"
        notes.append(Note("split.strategy", "stratified", why, sure=False))
    return None


def suspected(
    frame: pd.DataFrame, schema: Schema, target: Target, key: str | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the columns that seem to know the answer and those that tell much, with evidence.

    A column knows it that alone ranks the target nearly perfectly. To tell the upper half of a
    number from its lower one is no more than a good input does: such a column knows the number
    if it has its order row by row, and so do columns from which it follows by adding and scaling.
    """
    answers = [
        y for _, y in questions(frame, target) if min(y.sum(), len(y) - y.sum()) >= MIN_CLASS
    ]
    found: dict[str, str] = {}
    strong: dict[str, str] = {}
    for variable in read_variables(frame, schema, target.column, key) if answers else ():
        alone = mean_separation(variable, answers, random_state=0)
        if alone.roc_auc >= SUSPECT:
            area = f"{alone.roc_auc:.3f}"
            knows = not isinstance(target, RegressionTarget) or _has_its_order(
                frame[variable.name], frame[target.column]
            )
            evidence = f"its {alone.by} alone ranks the target, ROC AUC {area}"
            (found if knows else strong)[variable.name] = evidence
    if isinstance(target, RegressionTarget):
        for name in _parts_of_the_target(frame, schema, target.column, key):
            found.setdefault(name, "the target follows from it and others by adding and scaling")
    return found, {name: told for name, told in strong.items() if name not in found}


def _has_its_order(values: pd.Series, target: pd.Series) -> bool:
    """Return whether numbers or moments rise or fall with the target, nearly row by row."""
    if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_dtype(values)):
        return False
    known = values.notna().to_numpy()
    if known.sum() < MIN_CLASS:
        return False
    ranked = rank_correlation(values[known].rank(), target[known].rank())
    return bool(abs(ranked) >= SAME_ORDER)


def _parts_of_the_target(
    frame: pd.DataFrame, schema: Schema, target: str, key: str | None
) -> list[str]:
    names = [
        name
        for name, column in schema.columns.items()
        if column.kind == "numeric" and name not in (target, key) and name in frame
    ]
    numbers = frame[[*names, target]].astype("float64").dropna()
    if len(names) < 1 or len(numbers) < 10 * len(names):
        return []
    y = numbers.pop(target).to_numpy()
    X = numbers.to_numpy()
    spread, of_y = X.std(axis=0), y.std()
    varies = spread > 0
    if not varies.any() or not of_y:
        return []
    Z = (X - X.mean(axis=0))[:, varies] / spread[varies]
    z = (y - y.mean()) / of_y
    weights, *_ = np.linalg.lstsq(Z, z, rcond=None)
    if float(np.mean((z - Z @ weights) ** 2)) > IDENTITY:
        return []
    kept = np.array(names)[varies]
    return [str(name) for name, weight in zip(kept, weights, strict=True) if abs(weight) > 1e-3]


def simple_rule(frame: pd.DataFrame, schema: Schema, target: Target, inputs: list[str]) -> str:
    """Return an expression that decides by one question, or by none.

    Binary: the cut of one number that tells most. Multiclass: the most frequent class.
    Regression: the median.
    """
    if isinstance(target, RegressionTarget):
        return f"{float(frame[target.column].median()):.6g}"
    if isinstance(target, MulticlassTarget):
        return _quoted(class_label(frame[target.column].mode().iloc[0]))
    numeric = [name for name in inputs if schema.columns[name].kind == "numeric"]
    y = questions(frame, target)[0][1]
    if not numeric or len(np.unique(y)) < 2:
        return _most_telling_category(frame, inputs, y)
    X = frame[numeric].astype("float64")
    tree = DecisionTreeClassifier(max_depth=1, class_weight="balanced", random_state=0)
    tree.fit(X.fillna(X.median()).fillna(0.0), y)
    place = int(tree.tree_.feature[0])
    if place < 0:
        return _most_telling_category(frame, inputs, y)
    cut = f"{float(tree.tree_.threshold[0]):.6g}"
    above = X.iloc[:, place] > float(cut)
    higher = y[above].mean() if above.any() else 0.0
    sign = ">" if higher > y.mean() else "<="
    return f"{_column(numeric[place])} {sign} {cut}"


def _most_telling_category(frame: pd.DataFrame, inputs: list[str], y: Any) -> str:
    best, gain = None, 0.0
    for name in inputs:
        if frame[name].dtype == "float64":
            continue
        for value, count in frame[name].value_counts().items():
            inside = (frame[name] == value).to_numpy(dtype=bool, na_value=False)
            found = (y[inside].mean() - y.mean()) * count
            if found > gain:
                text = isinstance(value, str)
                shown = _quoted(str(value)) if text else str(value)
                best, gain = f"{_column(name)} == {shown}", found
    return best or "1 == 0"


def _column(name: str) -> str:
    plain = re.fullmatch(r"[^\W\d]\w*", name) and name not in ("and", "or", "not", "if", "else")
    return name if plain else f"`{name}`"


def _quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"
