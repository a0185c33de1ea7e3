import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from typer.testing import CliRunner

from operate import trace as module
from operate.cli import app
from operate.trace import Trace, show, trace
from stages.core.errors import LoopwrightError
from stages.core.models import save_model
from stages.core.params import (
    ClassCosts,
    MulticlassTarget,
    NumberCosts,
    Params,
    RegressionTarget,
)
from stages.core.tables import write_table
from tests.operate.project import ROOT, commit, init, run

TARGET = "default payment next month"
INPUTS = ["LIMIT_BAL", "PAY_0", "SEX"]
DVC_YAML = """\
vars:
  - paths:
      params: params.yaml
      schema: schema.yaml
      validated: data/validated.parquet
      failure_cases: data/failure_cases.csv
      train: data/train.parquet
      validation: data/validation.parquet
      test: data/test.parquet
      model: data/model.skops
      model_manifest: data/model.json
      evaluation: data/evaluation.json
stages:
  train:
    cmd: mkdir -p data && cp given/* data
    deps: [given, schema.yaml]
    params: [train.scoring]
    outs:
      - ${paths.validated}
      - ${paths.train}
      - ${paths.test}
      - ${paths.model}
      - ${paths.model_manifest}
      - ${paths.evaluation}
  audit:
    matrix: {pillar: [safety]}
    cmd: echo ${item.pillar}
    deps: [given]
"""


def fitted(estimator: Any, rows: pd.DataFrame, y: Any) -> Pipeline:
    kept = ColumnTransformer([("kept", "passthrough", INPUTS)])
    return Pipeline([("features", kept), ("estimator", estimator)]).fit(rows, y)


def give(root: Path, rows: pd.DataFrame, model: Any) -> None:
    given = root / "given"
    given.mkdir(exist_ok=True)
    write_table(given / "validated.parquet", rows)
    write_table(given / "train.parquet", rows[:150])
    write_table(given / "test.parquet", rows[150:])
    sha256 = save_model(given / "model.skops", model)
    (given / "model.json").write_text(json.dumps({"sha256": sha256, "inputs": INPUTS}))
    (given / "evaluation.json").write_text(json.dumps({"threshold": 0.2}))
    run(root, "dvc", "repro", "--quiet")
    commit(root, "trained")


@pytest.fixture(scope="module")
def rows(credit: pd.DataFrame) -> pd.DataFrame:
    return credit.head(200).reset_index(drop=True)


@pytest.fixture(scope="module")
def model(rows: pd.DataFrame) -> Any:
    return fitted(LogisticRegression(max_iter=5000), rows, rows[TARGET])


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, rows: pd.DataFrame, model: Any) -> Path:
    root = tmp_path_factory.mktemp("traced") / "repo"
    root.mkdir()
    init(root)
    (root / "dvc.yaml").write_text(DVC_YAML)
    for name in ("params.yaml", "schema.yaml"):
        shutil.copy(ROOT / name, root)
    give(root, rows, model)
    return root


@pytest.fixture
def repo(traced: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(traced, tmp_path / "repo", symlinks=True))


def printed(found: Trace) -> str:
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    show(found, console)
    return console.export_text()


def test_a_row_is_followed_to_its_sources(repo: Path, rows: pd.DataFrame, model: Any) -> None:
    found = trace(repo, "160")
    row = rows[rows["ID"] == 160]
    assert found.prediction == model.predict_proba(row)[0, 1]
    assert found.decision.startswith("act" if found.prediction >= 0.2 else "do not act")
    assert found.split == "test"
    assert found.model == json.loads((repo / "data/model.json").read_text())["sha256"]
    lock = (repo / "dvc.lock").read_text()
    for path in ("data/validated.parquet", "data/train.parquet", "schema.yaml"):
        assert found.hashes[path].removeprefix("md5 ") in lock
    head = run(repo, "git", "rev-parse", "HEAD").strip()
    assert (found.commit, found.locked_by) == (head, head)
    assert found.clean
    assert found.faults == ()


def test_who_the_person_is_is_never_told(repo: Path, rows: pd.DataFrame) -> None:
    found = trace(repo, "3")
    assert found.inputs == {
        "LIMIT_BAL": int(rows["LIMIT_BAL"].iloc[2]),
        "PAY_0": int(rows["PAY_0"].iloc[2]),
        "SEX": "withheld",
    }
    assert "withheld" in printed(found)


def test_what_was_changed_since_is_told(repo: Path) -> None:
    with (repo / "schema.yaml").open("a") as file:
        file.write("# changed\n")
    found = trace(repo, "3")
    assert not found.clean
    assert any("schema.yaml changed" in why for why in found.faults)
    assert "not as in dvc.lock" in printed(found)


def test_an_unknown_key_is_one_clear_error_that_names_no_other(repo: Path) -> None:
    with pytest.raises(LoopwrightError, match="none of its 200 rows has the ID '777'") as fault:
        trace(repo, "777")
    assert "data/failure_cases.csv" in str(fault.value)
    assert not any(f"'{key}'" in str(fault.value) for key in range(1, 201))


def test_a_key_that_names_two_rows_names_none(repo: Path, rows: pd.DataFrame) -> None:
    write_table(repo / "data/validated.parquet", pd.concat([rows, rows[:1]]))
    with pytest.raises(LoopwrightError, match="2 rows whose ID is '1'"):
        trace(repo, "1")


def test_another_model_file_is_refused(repo: Path) -> None:
    (repo / "data/model.skops").unlink()
    (repo / "data/model.skops").write_bytes(b"another")
    with pytest.raises(LoopwrightError, match="sha256"):
        trace(repo, "1")


def test_the_command_prints_a_table_or_json(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo)
    told = CliRunner().invoke(app, ["trace", "5"])
    assert told.exit_code == 0
    assert "prediction" in told.stdout
    document = json.loads(CliRunner().invoke(app, ["trace", "5", "--json"]).stdout)
    assert document["key"] == "5"
    assert document["clean"] is True
    assert CliRunner().invoke(app, ["trace", "777"]).exit_code == 2


def with_charter(monkeypatch: pytest.MonkeyPatch, chosen: Params, **charter: Any) -> None:
    known = dict(chosen.charter) | charter
    changed = SimpleNamespace(charter=SimpleNamespace(**known), audit=chosen.audit)
    monkeypatch.setattr(module, "read_params", lambda _: changed)


def test_without_a_key_nothing_can_be_traced(
    repo: Path, chosen: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_charter(monkeypatch, chosen, key=None)
    with pytest.raises(LoopwrightError, match=r"charter\.key is null"):
        trace(repo, "1")
    with_charter(monkeypatch, chosen, key="NAME")
    with pytest.raises(LoopwrightError, match="no column 'NAME'"):
        trace(repo, "1")


def test_a_class_is_decided_by_the_costs(
    repo: Path, rows: pd.DataFrame, chosen: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    y = pd.array(np.array(["a", "b", "c"])[rows["PAY_0"].clip(0, 2)], dtype="str")
    of_classes = rows.assign(**{TARGET: y})
    fit = fitted(LogisticRegression(max_iter=5000), of_classes, np.asarray(y, dtype=object))
    give(repo, of_classes, fit)
    with_charter(
        monkeypatch,
        chosen,
        task="multiclass",
        target=MulticlassTarget(column=TARGET, meaning="a class"),
        costs=ClassCosts(currency="EUR", right=0, wrong=-1, exceptions=(), source="x"),
    )
    found = trace(repo, "1")
    assert isinstance(found.prediction, dict)
    assert set(found.prediction) == {"a", "b", "c"}
    assert found.decision == max(found.prediction, key=lambda name: found.prediction[name])
    assert "a 0." in printed(found)


def test_a_number_is_its_own_decision(
    repo: Path, rows: pd.DataFrame, chosen: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = fitted(LinearRegression(), rows, rows["BILL_AMT1"].to_numpy(dtype=float))
    give(repo, rows.assign(**{TARGET: rows["BILL_AMT1"].astype(float)}), fit)
    with_charter(
        monkeypatch,
        chosen,
        task="regression",
        target=RegressionTarget(column=TARGET, meaning="the bill"),
        costs=NumberCosts(currency="EUR", per_unit_over=-1, per_unit_under=-1, source="x"),
    )
    found = trace(repo, "1")
    assert found.prediction == pytest.approx(fit.predict(rows[:1])[0])
    assert found.decision == f"{found.prediction:g}"
