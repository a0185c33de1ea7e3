"""One row path: a file, a server and the pipeline give one answer, to the last bit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from operate.serving.answer import answer
from operate.serving.batch import predict
from operate.serving.rows import from_file, from_json
from operate.serving.served import Served, load
from stages.core.files import read_json
from stages.core.metrics import decided
from stages.core.params import Task
from stages.core.schema import read_schema
from stages.core.scoring import predicted
from stages.core.sources.delimited import read_csv
from stages.core.sources.typed import typed
from tests.operate.serving.made import COMMA, COSTS, SOURCE, client_of
from tests.operate.serving.project import THRESHOLD, table, write_project

ROOT = Path(__file__).parents[3]
MODELS: tuple[tuple[Task, str], ...] = (
    ("binary", "logistic_regression"),
    ("binary", "hist_gradient_boosting"),
    ("binary", "dummy"),
    ("multiclass", "logistic_regression"),
    ("multiclass", "random_forest"),
    ("multiclass", "rule"),
    ("regression", "ridge"),
    ("regression", "hist_gradient_boosting"),
    ("regression", "rule"),
)


def sent(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows for JSON; a missing value is null."""
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]


def body(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"rows": rows}).encode()


def numbers(documents: list[dict[str, Any]]) -> pd.DataFrame:
    """Return what is said in the answers; a float is compared to the last bit."""
    return pd.DataFrame(documents).drop(columns=["key", "status", "notes"], errors="ignore")


def expected(model: Any, frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Return what evaluate and audit say of these rows."""
    answers = predicted(model, frame, task)
    classes = tuple(map(str, model.classes_)) if task == "multiclass" else ()
    true = {"binary": 0, "multiclass": "low", "regression": 0.0}[task]
    found = decided(
        np.array([true] * len(frame)),
        answers,
        COSTS[task],
        threshold=THRESHOLD if task == "binary" else None,
        classes=classes,
    )
    if task == "multiclass":
        said = {f"prob_{label}": answers[:, place] for place, label in enumerate(classes)}
        return pd.DataFrame({**said, "y_pred": [classes[place] for place in found.y_pred]})
    return pd.DataFrame(
        ({"y_prob": answers} if task == "binary" else {}) | {"y_pred": found.y_pred}
    )


@pytest.mark.parametrize(("task", "kind"), MODELS)
def test_file_server_and_pipeline_agree_to_the_last_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: Task, kind: str
) -> None:
    model = write_project(tmp_path, monkeypatch, task, kind)
    file = tmp_path / "rows.csv"
    table()[300:].to_csv(file, index=False)
    schema = read_schema(tmp_path / "schema.yaml")
    raw = read_csv(file, "rows.csv", COMMA, lambda _, header: {name: name for name in header})
    rows = typed(raw, schema, SOURCE.missing_values)
    right = expected(model, rows, task)

    served = load(tmp_path)
    in_file = answer(served, from_file(file, served)).documents()
    pd.testing.assert_frame_equal(numbers(in_file), right, check_exact=True)

    without = sent(table()[300:].drop(columns="y"))
    assert answer(served, from_json(body(without), served)).documents() == in_file
    client = client_of(served)
    at_once = client.predict(body(without)).json()["answers"]
    assert at_once == in_file
    one_by_one = [client.predict(body([row])).json()["answers"][0] for row in without[:20]]
    assert one_by_one == in_file[:20]
    assert [found["key"] for found in at_once[:2]] == [2**53 + 300, 2**53 + 301]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_no_format_loses_a_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    model = write_project(tmp_path, monkeypatch, "binary", "logistic_regression")
    rows = table()[300:].drop(columns="y").reset_index(drop=True)
    right = predicted(model, rows, "binary")
    file, out = tmp_path / f"rows.{ending}", tmp_path / f"out.{ending}"
    if ending == "csv":
        rows.to_csv(file, index=False)
    elif ending == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in sent(rows)))
    else:
        rows.to_parquet(file)
    predict(tmp_path, file, out)
    if ending == "csv":
        found = pd.read_csv(out)
    elif ending == "jsonl":
        found = pd.DataFrame([json.loads(line) for line in out.read_text().splitlines()])
    else:
        found = pd.read_parquet(out)
    assert np.array_equal(found["y_prob"], right)
    assert found["key"].tolist() == rows["id"].tolist()
    assert set(found["status"]) == {"answered"}


def default_project() -> Served | None:
    """Return the model of this repository; None where its pipeline has not run."""
    needed = ("evaluate/predictions.parquet", "split/validation.parquet", "train/model.skops")
    return load(ROOT) if all((ROOT / "data" / name).exists() for name in needed) else None


def test_the_default_project_answers_as_evaluate_wrote_it(tmp_path: Path) -> None:
    served = default_project()
    if served is None:
        pytest.skip("the pipeline has not run here")
    wrote = pd.read_parquet(ROOT / "data/evaluate/predictions.parquet")
    rows = pd.read_parquet(ROOT / "data/split/validation.parquet")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    found = answer(served, from_file(tmp_path / "rows.csv", served)).table()
    assert np.array_equal(found["y_prob"], wrote["y_prob"])
    assert found["y_pred"].tolist() == wrote["y_pred"].tolist()
    assert found["key"].tolist() == wrote["key"].tolist()
    assert read_json(ROOT / "data/evaluate/evaluation.json")["threshold"] == served.threshold
    client, alone = client_of(served), sent(rows[:10])
    answers = [client.predict(body([row])).json()["answers"][0] for row in alone]
    assert [one["y_prob"] for one in answers] == wrote["y_prob"][:10].tolist()
