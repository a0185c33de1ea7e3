"""A small world to audit: a table with a known truth, and models made to be sound or not."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from stages.audit.evidence import Evidence
from stages.core.metrics import decided, measure_all
from stages.core.models import save_model
from stages.core.params import BinaryTarget, Costs, Criterion, Owners, Params, Scope
from stages.core.schema import Schema
from stages.core.tables import write_table

ROOT = Path(__file__).parents[2]
TARGET = "default payment next month"

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


def table(n: int, seed: int, first: int = 0) -> pd.DataFrame:
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


def truth(frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    late = frame["late"].to_numpy(dtype=np.float64, na_value=np.nan)
    income = frame["income"].to_numpy(dtype=np.float64, na_value=np.nan)
    z = 0.9 * late - 0.0006 * income - 0.7
    return np.nan_to_num(1 / (1 + np.exp(-np.clip(z, -30, 30))), nan=0.5)


@dataclass
class Scorer:
    """A model that is a function of the rows."""

    function: Callable[[pd.DataFrame], Any]
    calls: list[int] = field(default_factory=list)

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        self.calls.append(len(frame))
        y_prob = np.asarray(self.function(frame), dtype=np.float64)
        return np.column_stack([1 - y_prob, y_prob])


Make = Callable[..., Evidence]


@pytest.fixture(scope="session")
def world() -> tuple[pd.DataFrame, pd.DataFrame]:
    return table(3000, 1), table(2000, 2, first=3000)


@pytest.fixture
def make(world: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path) -> Make:
    """Make evidence about the model `function`; keywords replace any other part."""

    def evidence(function: Callable[[pd.DataFrame], Any] = truth, **changes: Any) -> Evidence:
        train = changes.pop("train", world[0])
        test = changes.pop("test", world[1])
        model = changes.pop("model", Scorer(function))
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
            owners=Owners(
                product="sales", model="science", data="desk", risk="risk", on_call="ops"
            ),
            entities=None,
            draws=200,
            random_state=0,
            lock="numpy==2.4.0 \\\n    --hash=sha256:" + "0" * 64 + "\n",
            train=train,
            test=test,
            model=model,
            model_file=tmp_path / "model.skops",
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

    return evidence


@pytest.fixture(scope="session")
def given(
    tmp_path_factory: pytest.TempPathFactory, credit: pd.DataFrame, chosen: Params
) -> dict[str, Path]:
    """The files that a pillar is given: a small model of the default table."""
    folder = tmp_path_factory.mktemp("given")
    rows = credit.sample(5000, random_state=1).reset_index(drop=True)
    train, validation, test = rows[:2500], rows[2500:3500], rows[3500:]
    train, validation, test = (f.reset_index(drop=True) for f in (train, validation, test))
    inputs = [c for c in rows if c not in ("ID", "SEX", "AGE", "EDUCATION", "MARRIAGE", TARGET)]
    model = Pipeline(
        [
            ("features", ColumnTransformer([("kept", "passthrough", inputs)])),
            ("estimator", HistGradientBoostingClassifier(max_iter=25, random_state=0)),
        ]
    ).fit(train, train[TARGET])
    sha256 = save_model(folder / "model.skops", model)
    predictions = decided(
        validation[TARGET].to_numpy(),
        model.predict_proba(validation)[:, 1],
        chosen.charter.costs,
        threshold=0.2,
        rule_decisions=(validation["PAY_0"] >= 2).to_numpy(),
    )
    drawn = measure_all(predictions, 100, 0)
    measured = {name: found.estimate() for name, found in drawn.items()}
    manifest = {"sha256": sha256, "inputs": inputs, "rows": len(train), "scoring": "log_loss"}
    evaluation = {
        "model_sha256": sha256,
        "threshold": 0.2,
        "metrics": {"validation": measured},
    }
    (folder / "model.json").write_text(json.dumps(manifest))
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    write_table(folder / "train.parquet", train)
    write_table(folder / "test.parquet", test)
    return {
        "params": ROOT / "params.yaml",
        "schema": ROOT / "schema.yaml",
        "lock": ROOT / "requirements.lock",
        "train": folder / "train.parquet",
        "test": folder / "test.parquet",
        "model": folder / "model.skops",
        "model_manifest": folder / "model.json",
        "evaluation": folder / "evaluation.json",
    }
