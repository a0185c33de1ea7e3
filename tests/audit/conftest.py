"""The small world of bench/audit_faults, and a small model of the default table."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from bench.audit_faults.world import ROOT as ROOT
from bench.audit_faults.world import SCHEMA as SCHEMA
from bench.audit_faults.world import Function, evidence
from bench.audit_faults.world import Scorer as Scorer
from bench.audit_faults.world import table as table
from bench.audit_faults.world import truth as truth
from stages.audit.evidence import Evidence
from stages.core.metrics import decided, measure_all
from stages.core.models import save_model
from stages.core.params import Params
from stages.core.tables import write_table

TARGET = "default payment next month"

Make = Callable[..., Evidence]


@pytest.fixture(scope="session")
def world() -> tuple[pd.DataFrame, pd.DataFrame]:
    return table(3000, 1), table(2000, 2, first=3000)


@pytest.fixture
def make(world: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path) -> Make:
    """Make evidence about the model `function`; keywords replace any other part."""

    def made(function: Function = truth, **changes: Any) -> Evidence:
        given = {"train": world[0], "test": world[1], "model_file": tmp_path / "model.skops"}
        return evidence(function, **(given | changes))

    return made


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
    write_table(folder / "validation.parquet", validation)
    write_table(folder / "test.parquet", test)
    return {
        "params": ROOT / "params.yaml",
        "schema": ROOT / "schema.yaml",
        "lock": ROOT / "requirements.lock",
        "train": folder / "train.parquet",
        "validation": folder / "validation.parquet",
        "test": folder / "test.parquet",
        "model": folder / "model.skops",
        "model_manifest": folder / "model.json",
        "evaluation": folder / "evaluation.json",
    }
