"""A small project for each task, with its splits, its model and what evaluate decided."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from operate.serving import served as module
from stages.core.models import save_model
from stages.core.params import Task
from stages.core.sources.declared import Ingest
from stages.core.tables import write_table
from tests.candidates import fitted, made
from tests.operate.serving.made import COSTS, SOURCE

THRESHOLD = 0.4
SCHEMA = {
    "id": {"dtype": "int64", "kind": "identifier", "unique": True},
    "a": {"dtype": "float64", "kind": "numeric"},
    "b": {"dtype": "float64", "kind": "numeric", "nullable": True},
    "o": {"dtype": "int64", "kind": "ordinal"},
    "c": {"dtype": "str", "kind": "categorical"},
    "y": {"dtype": "str", "kind": "categorical"},
}
PATHS = {
    "params": "params.yaml",
    "schema": "schema.yaml",
    "train": "data/train.parquet",
    "model": "data/model.skops",
    "model_manifest": "data/model.json",
    "evaluation": "data/evaluation.json",
}


def table() -> pd.DataFrame:
    """Return 400 rows; a model has seen the first 300."""
    frame, _ = made()
    return frame.assign(id=np.arange(len(frame)) + 2**53, y="?")[list(SCHEMA)]


def write_project(
    root: Path, monkeypatch: pytest.MonkeyPatch, task: Task, kind: str, out_of_range: str = "report"
) -> Any:
    """Write a project with a model of this kind into `root`, and return the model."""
    document = {
        "vars": [{"paths": PATHS}],
        "stages": {"audit": {"matrix": {"pillar": ["safety"]}}},
    }
    (root / "dvc.yaml").write_text(json.dumps(document))
    columns = {name: {"title": name, **line} for name, line in SCHEMA.items()}
    (root / "schema.yaml").write_text(json.dumps({"columns": columns}))
    (root / "data").mkdir(exist_ok=True)
    model = fitted(kind, task)
    sha256 = save_model(root / PATHS["model"], model)
    reads = {"rule": ["a", "o"], "dummy": []}.get(kind, ["a", "b", "o", "c"])
    (root / PATHS["model_manifest"]).write_text(json.dumps({"sha256": sha256, "inputs": reads}))
    (root / PATHS["evaluation"]).write_text(json.dumps({"threshold": THRESHOLD}))
    write_table(root / PATHS["train"], table()[:300])
    chosen = SimpleNamespace(
        charter=SimpleNamespace(task=task, key="id", costs=COSTS[task]),
        ingest=Ingest(sources=(SOURCE,)),
        audit=SimpleNamespace(safety=SimpleNamespace(out_of_range=out_of_range)),
    )
    monkeypatch.setattr(module, "read_params", lambda _: chosen)
    return model
