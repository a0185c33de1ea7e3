"""A small world to audit: a table whose truth is known, and models made to be sound or not.

The bench plants its faults here, and the tests of the audit live in the same world.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.audit.evidence import Evidence
from stages.core.params import (
    Audit,
    BinaryTarget,
    ClassCosts,
    Costs,
    Criterion,
    MulticlassTarget,
    NumberCosts,
    Owners,
    RegressionTarget,
    Scope,
    read_params,
)
from stages.core.schema import Schema

ROOT = Path(__file__).parents[2]
TRAIN_ROWS, VALIDATION_ROWS, TEST_ROWS = 3000, 3000, 6000
LEVELS = ("high", "low", "middle")

Floats = npt.NDArray[np.float64]
Seed = int | tuple[int, int]
Function = Callable[[pd.DataFrame], Any]

SCHEMA = Schema.model_validate(
    {
        "columns": {
            "id": {"dtype": "int64", "kind": "identifier", "title": "Number", "unique": True},
            "sex": {
                "dtype": "int64",
                "kind": "categorical",
                "title": "Sex",
                "labels": {"1": "male", "2": "female"},
            },
            "age": {"dtype": "int64", "kind": "numeric", "title": "Age", "unit": "years"},
            "town": {"dtype": "str", "kind": "categorical", "title": "Town"},
            "income": {"dtype": "float64", "kind": "numeric", "title": "Income", "unit": "EUR"},
            "late": {
                "dtype": "int64",
                "kind": "ordinal",
                "title": "Months late",
                "unit": "months",
            },
            "y": {
                "dtype": "int64",
                "kind": "categorical",
                "title": "Default",
                "labels": {"0": "paid", "1": "defaulted"},
            },
        }
    }
)


def described(**y: Any) -> Schema:
    """Return `SCHEMA` with another target."""
    columns = SCHEMA.model_dump(exclude_none=True)["columns"]
    return Schema.model_validate({"columns": {**columns, "y": y}})


# --- tables -------------------------------------------------------------------------------


def table(n: int, seed: Seed, first: int = 0) -> pd.DataFrame:
    """`n` rows whose probability of 1 is `truth` of them; sex, age and town have no part in it."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": np.arange(first, first + n),
            "sex": rng.integers(1, 3, n),
            "age": rng.integers(18, 80, n),
            "town": pd.array(rng.choice(["Ulm", "Bonn", "Kiel"], n), dtype="str"),
            "income": rng.normal(3000, 800, n).round(2),
            "late": rng.integers(0, 5, n),
        }
    )
    frame["y"] = (rng.random(n) < truth(frame)).astype(np.int64)
    return frame


def of_classes(frame: pd.DataFrame, seed: Seed) -> pd.DataFrame:
    """`frame` with one of `LEVELS` as the target, drawn with `chances`."""
    rng = np.random.default_rng(seed)
    drawn = (rng.random((len(frame), 1)) > chances(frame).cumsum(axis=1)).sum(axis=1)
    return frame.assign(y=pd.array(np.array(LEVELS)[drawn.clip(0, 2)], dtype="str"))


def of_numbers(frame: pd.DataFrame, seed: Seed) -> pd.DataFrame:
    """`frame` with a number as the target: `amount`, never quite."""
    rng = np.random.default_rng(seed)
    return frame.assign(y=amount(frame) + rng.normal(0, 40, len(frame)))


# --- the truth, which a sound model knows -------------------------------------------------


def number(frame: pd.DataFrame, column: str, default: float = np.nan) -> Floats:
    """Return a column as floats, `default` where it is missing."""
    values = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(values), default, values)


def truth(frame: pd.DataFrame) -> Floats:
    """The probability of 1 in each row."""
    z = 0.9 * number(frame, "late") - 0.0006 * number(frame, "income") - 0.7
    return np.nan_to_num(1 / (1 + np.exp(-np.clip(z, -30, 30))), nan=0.5)


def chances(frame: pd.DataFrame) -> Floats:
    """The probability of each of `LEVELS` in each row."""
    late = number(frame, "late", 2.0)
    scores = np.stack([late - 3, 1 - late, np.zeros(len(late))], axis=1).clip(-20, 20)
    odds = np.exp(scores)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def amount(frame: pd.DataFrame) -> Floats:
    """The mean of the number in each row."""
    return np.asarray(100 * number(frame, "late", 2.0) + 0.05 * number(frame, "income", 3000.0))


SOUND: dict[str, Function] = {"binary": truth, "multiclass": chances, "regression": amount}

# --- what knows nothing -------------------------------------------------------------------


def guess(frame: pd.DataFrame) -> Floats:
    """A number by chance, from 0 to 1."""
    return np.random.default_rng(5).random(len(frame))


def guess_classes(frame: pd.DataFrame) -> Floats:
    """Shares by chance."""
    return np.random.default_rng(5).dirichlet((1, 1, 1), len(frame))


def guess_amount(frame: pd.DataFrame) -> Floats:
    """A number by chance, of the right mean and spread."""
    return np.random.default_rng(5).normal(350, 150, len(frame))


# --- models that are a function of the rows -----------------------------------------------


@dataclass
class Scorer:
    """Gives the probability of 1; it counts what it is asked."""

    function: Function
    calls: list[int] = field(default_factory=list)

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        """Return the probabilities of 0 and of 1, (rows, 2)."""
        self.calls.append(len(frame))
        y_prob = np.asarray(self.function(frame), dtype=np.float64)
        return np.column_stack([1 - y_prob, y_prob])


@dataclass
class Classifier:
    """Gives the probabilities of three levels."""

    function: Function
    classes_: tuple[str, ...] = LEVELS

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        """Return the probability of each level, (rows, 3)."""
        return self.function(frame)


@dataclass
class Regressor:
    """Gives a number."""

    function: Function

    def predict(self, frame: pd.DataFrame) -> Any:
        """Return the number of each row, (rows,)."""
        return self.function(frame)


# --- evidence -----------------------------------------------------------------------------


def evidence(
    function: Function,
    train: pd.DataFrame,
    test: pd.DataFrame,
    model_file: Path,
    model: Any = None,
    validation: pd.DataFrame | None = None,
    **changes: Any,
) -> Evidence:
    """Return what the audit sees of a model of two outcomes; keywords replace any other part.

    Where no rows of validation are given, those of train stand for them.
    """
    model = Scorer(function) if model is None else model
    y_prob = np.asarray(model.predict_proba(test.drop(columns="y")))[:, 1]
    known = Evidence(
        schema=SCHEMA,
        target=BinaryTarget(column="y", positive=1, meaning="the payment is missed"),
        key="id",
        weight=None,
        sensitive_features=("sex", "age"),
        monotonic={},
        invariant=(),
        mutable={"income": "increase", "late": "decrease"},
        costs=Costs(
            currency="EUR",
            true_positive=-20.0,
            false_positive=-10.0,
            true_negative=0.0,
            false_negative=-60.0,
            source="measured in 2024",
        ),
        criteria=(Criterion(metric="roc_auc", at_least=0.7, why="less ranks nothing"),),
        rule_role="start",
        calibration_bins=10,
        scope=Scope(inside=("calls",), outside=("prices",)),
        owners=Owners(product="sales", model="science", data="desk", risk="risk", on_call="ops"),
        entities=None,
        draws=200,
        random_state=0,
        lock="numpy==2.4.0 \\\n    --hash=sha256:" + "0" * 64 + "\n",
        train=train,
        validation=train if validation is None else validation,
        test=test,
        model=model,
        model_file=model_file,
        manifest={
            "sha256": "a" * 64,
            "inputs": ["income", "late"],
            "rows": len(train),
            "scoring": "log_loss",
        },
        evaluation={"model_sha256": "a" * 64, "threshold": 0.2, "metrics": {}},
        threshold=0.2,
        predicted=y_prob,
        rule_decisions=(test["late"] >= 4).to_numpy(dtype=np.int64),
        verdicts=Path("data/audit/pillar/verdicts.json"),
        figures=Path("data/audit/pillar/figures"),
        files=Path("data/audit/pillar/files"),
        level="standard",
    )
    return replace(known, **changes)


def class_evidence(
    function: Function,
    train: pd.DataFrame,
    test: pd.DataFrame,
    model_file: Path,
    **changes: Any,
) -> Evidence:
    """Return what the audit sees of a model of three classes; the tables are of `of_classes`."""
    model = Classifier(function)
    more = {
        "schema": described(dtype="str", kind="categorical", title="Risk", checks={"isin": LEVELS}),
        "target": MulticlassTarget(column="y", meaning="the level of risk"),
        "costs": ClassCosts(
            currency="EUR", right=0.0, wrong=-10.0, exceptions=(), source="measured"
        ),
        "criteria": (Criterion(metric="roc_auc_ovr", at_least=0.6, why="ranks"),),
        "threshold": None,
        "predicted": model.predict_proba(test),
        "rule_decisions": np.where(test["late"] >= 3, "high", "low").astype(object),
    }
    known = evidence(truth, train, test, model_file)
    return replace(known, model=model, **(more | changes))


def number_evidence(
    function: Function,
    train: pd.DataFrame,
    test: pd.DataFrame,
    model_file: Path,
    **changes: Any,
) -> Evidence:
    """Return what the audit sees of a model of a number; the tables are of `of_numbers`."""
    model = Regressor(function)
    known = evidence(truth, train, test, model_file)
    more = {
        "schema": described(dtype="float64", kind="numeric", title="Amount", unit="EUR"),
        "target": RegressionTarget(column="y", meaning="the amount owed"),
        "costs": NumberCosts(
            currency="EUR", per_unit_over=-1.0, per_unit_under=-2.0, source="measured"
        ),
        "criteria": (Criterion(metric="r2", at_least=0.3, why="explains"),),
        "manifest": dict(known.manifest) | {"scoring": "root_mean_squared_error"},
        "threshold": None,
        "predicted": model.predict(test),
        "rule_decisions": np.full(len(test), float(train["y"].mean())),
    }
    return replace(known, model=model, **(more | changes))


# --- the same, by seed --------------------------------------------------------------------


@cache
def audit() -> Audit:
    """Return the project's own bounds: none is tuned to a fault."""
    return read_params(ROOT / "params.yaml").audit


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="audit_faults_")


def folder() -> Path:
    """Return a folder for files, which goes with the process."""
    return Path(_folder().name)


@cache
def tables(
    seed: int, train_rows: int = TRAIN_ROWS, test_rows: int = TEST_ROWS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return train and test of a seed; copy them before a change."""
    return table(train_rows, (seed, 0)), table(test_rows, (seed, 1), first=train_rows)


@cache
def validation(seed: int) -> pd.DataFrame:
    """Return the rows by which the model of a seed was chosen."""
    return table(VALIDATION_ROWS, (seed, 4), first=TRAIN_ROWS + TEST_ROWS)


def binary(seed: int, function: Function = truth, **changes: Any) -> Evidence:
    """Return the evidence of a seed on a model of two outcomes; the default one is sound."""
    train, test = tables(seed)
    given = {
        "train": train,
        "validation": validation(seed),
        "test": test,
        "draws": audit().bootstrap,
    } | changes
    return evidence(function, model_file=folder() / "model.skops", **given)


def multiclass(seed: int, function: Function = chances, **changes: Any) -> Evidence:
    """Return the evidence of a seed on a model of three classes; the default one is sound."""
    train, test = tables(seed)
    given = {
        "train": of_classes(train, (seed, 2)),
        "validation": of_classes(validation(seed), (seed, 5)),
        "test": of_classes(test, (seed, 3)),
        "draws": audit().bootstrap,
    } | changes
    return class_evidence(function, model_file=folder() / "model.skops", **given)


def regression(seed: int, function: Function = amount, **changes: Any) -> Evidence:
    """Return the evidence of a seed on a model of a number; the default one is sound."""
    train, test = tables(seed)
    given = {
        "train": of_numbers(train, (seed, 2)),
        "validation": of_numbers(validation(seed), (seed, 5)),
        "test": of_numbers(test, (seed, 3)),
        "draws": audit().bootstrap,
    } | changes
    return number_evidence(function, model_file=folder() / "model.skops", **given)


MADE: dict[str, Callable[..., Evidence]] = {
    "binary": binary,
    "multiclass": multiclass,
    "regression": regression,
}
