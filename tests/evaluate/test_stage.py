"""The files of the stage."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error

from stages import evaluate
from stages.core.errors import LoopwrightError
from stages.core.files import write_json
from stages.core.metrics import METRICS
from stages.core.models import save_model
from stages.core.params import Params, Task, read_params
from stages.core.schema import Schema
from stages.core.tables import read_table, write_table
from stages.evaluate.document import HEADLINE
from stages.evaluate.tables import class_names
from stages.evaluate.training import training_curve
from tests.evaluate.project import (
    CLASSES,
    FEATURES,
    SCHEMA,
    SCORING,
    TASKS,
    edited,
    pipeline,
    table,
    target_of,
)

OUTPUTS = {
    "metrics": "metrics.json",
    "evaluation": "evaluation.json",
    "predictions": "predictions.parquet",
    "evaluate_tables": "tables",
    "evaluate_figures": "figures",
}
CURVES: dict[Task, dict[str, list[str]]] = {
    "binary": {
        "roc": ["fpr", "tpr"],
        "precision_recall": ["recall", "precision"],
        "confusion": ["actual", "predicted"],
        "calibration": ["prob_pred", "prob_true", "low", "high", "count"],
        "threshold": ["threshold", "value", "low", "high"],
    },
    "multiclass": {
        "roc_by_class": ["class", "fpr", "tpr"],
        "confusion": ["actual", "predicted"],
        "calibration": ["prob_pred", "prob_true", "low", "high", "count"],
    },
    "regression": {"by_prediction": ["predicted", "true", "low", "high", "off", "count"]},
}
FIGURES: dict[Task, set[str]] = {
    "binary": {"roc", "precision_recall", "confusion", "calibration", "threshold", "scores"},
    "multiclass": {"roc", "confusion", "calibration"},
    "regression": {"predicted", "by_prediction", "residuals", "residual_distribution"},
}
SHARED = {"learning_curve", "validation_curve"}
# What the error analysis adds: tables, and figures.
OF_ROWS = {"worst_predictions", "residual_structure", "residuals_by_bin", "doubtful_labels"}
ERRORS: dict[Task, set[str]] = {
    "binary": OF_ROWS | {"confused_pairs"},
    "multiclass": OF_ROWS | {"confused_pairs"},
    "regression": OF_ROWS,
}
SHOWN: dict[Task, set[str]] = {
    "binary": {"slices", "residual_structure", "recalibration"},
    "multiclass": {"slices", "residual_structure", "recalibration", "confused_pairs"},
    "regression": {"slices", "residual_structure"},
}
COLUMNS: dict[Task, list[str]] = {
    "binary": ["key", "y_true", "y_prob", "y_pred", "rule", "loss"],
    "multiclass": [
        *("key", "y_true", "y_pred", "rule"),
        *(f"prob_{name}" for name in CLASSES),
        "loss",
    ],
    "regression": ["key", "y_true", "y_pred", "rule", "loss"],
}


def prepared(folder: Path, task: Task = "binary", **changes: Any) -> dict[str, Path]:
    """Write all inputs of the stage into `folder` and return its arguments."""
    paths = {
        "params": edited(folder, task, **changes),
        "schema": folder / "schema.yaml",
        "train": folder / "train.parquet",
        "validation": folder / "validation.parquet",
        "model": folder / "model.skops",
        "model_manifest": folder / "model.json",
        "live": folder / "live",
        **{key: folder / "evaluate" / name for key, name in OUTPUTS.items()},
    }
    paths["schema"].write_text(SCHEMA, encoding="utf-8")
    rows = table(800, 1)
    write_table(paths["train"], rows)
    write_table(paths["validation"], table(600, 2))
    line = Ridge() if task == "regression" else LogisticRegression()
    fitted = pipeline(line).fit(rows[FEATURES], rows[target_of(task)])
    sha256 = save_model(paths["model"], fitted)
    write_json(
        paths["model_manifest"],
        {"sha256": sha256, "scoring": SCORING[task], "inputs": FEATURES},
    )
    logged(paths["live"], "log_loss", [0.6, 0.5, 0.55])
    return paths


def logged(live: Path, metric: str, values: list[float]) -> None:
    folder = live / "plots" / "metrics" / "validation"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{step}\t{value}" for step, value in enumerate(values, start=1)]
    text = "\n".join([f"step\t{metric}", *rows])
    (folder / f"{metric}.tsv").write_text(text + "\n", encoding="utf-8")


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, dict[str, Path]]:
    found = {task: prepared(tmp_path_factory.mktemp(task), task) for task in TASKS}
    for paths in found.values():
        evaluate.main(**paths)
    return found


Written = dict[Task, dict[str, Path]]


@pytest.mark.parametrize("task", TASKS)
def test_documents_hold_what_others_read(written: Written, task: Task) -> None:
    headline = json.loads(written[task]["metrics"].read_text())
    threshold = {"threshold"} if task == "binary" else set()
    assert set(headline) == {*HEADLINE[task], "gap"} | threshold
    assert all(isinstance(value, float) for value in headline.values())
    found = json.loads(written[task]["evaluation"].read_text())
    assert found["task"] == task
    assert found["threshold"] == headline.get("threshold")
    assert set(found["metrics"]) == {"dummy", "rule", "train", "validation"}
    possible = {name for name, metric in METRICS.items() if task in metric.tasks}
    for measured in found["metrics"].values():
        assert set(measured) == possible
    scoring = SCORING[task]
    low, high = found["metrics"]["validation"][scoring]["interval"]
    assert low < headline[scoring] < high
    names = [verdict["id"] for verdict in found["verdicts"]]
    common = {"beats_dummy", "beats_constant", "beats_rule", "calibrated", "overfitting"}
    common |= {"leak", "drift", "return_on_investment"}
    assert {f"evaluate.{name}" for name in common} <= set(names)
    assert ("evaluate.threshold" in names) == (task == "binary")
    assert len(set(names)) == len(names)
    assert found["next_step"]["step"] == "audit"
    assert found["rows"]["validation"] == 600
    assert found["training_curve"] == {
        "metric": "log_loss",
        "steps": 3,
        "best_step": 2,
        "best": 0.5,
        "last": 0.55,
    }
    assert found["value"]["currency"] in ("NT$", "EUR")
    assert {"model", "rule", "over_rule", "over_constant", "constant"} <= set(found["value"])
    assert found["value"]["constant"] in found["value"]
    assert found["lone_columns"][0]["column"] in FEATURES


@pytest.mark.parametrize("task", TASKS)
def test_evidence_is_there(written: Written, task: Task) -> None:
    found = json.loads(written[task]["evaluation"].read_text())
    for verdict in found["verdicts"]:
        assert verdict["evidence"]
        for path in verdict["evidence"]:
            assert Path(path).is_file(), path


@pytest.mark.parametrize("task", TASKS)
def test_curves_have_the_columns_that_plots_want(written: Written, task: Task) -> None:
    folder = written[task]["evaluate_tables"]
    assert {path.stem for path in folder.iterdir()} == {*CURVES[task], *SHARED, *ERRORS[task]}
    for name, columns in CURVES[task].items():
        assert b"\r" not in (folder / f"{name}.csv").read_bytes()
        assert list(pd.read_csv(folder / f"{name}.csv").columns) == columns
    assert pd.read_csv(folder / "learning_curve.csv")["rows"].tolist() == [200, 400, 800]
    if task != "regression":
        cases = pd.read_csv(folder / "confusion.csv")
        assert len(cases) == 600
        labels = {"$on_time$", "late"} if task == "binary" else {"Red", "Green", "Blue"}
        assert set(cases["actual"]) == labels


@pytest.mark.parametrize("task", TASKS)
def test_predictions_bind_each_row_to_its_truth_and_loss(written: Written, task: Task) -> None:
    rows = read_table(written[task]["predictions"])
    source = read_table(written[task]["validation"])
    assert list(rows.columns) == COLUMNS[task]
    assert rows["key"].equals(source["row"])
    assert rows["y_true"].tolist() == source[target_of(task)].tolist()
    found = json.loads(written[task]["evaluation"].read_text())
    measured = found["metrics"]["validation"]
    if task == "binary":
        assert rows["y_pred"].equals((rows["y_prob"] >= found["threshold"]).astype("int64"))
        area = roc_auc_score(rows["y_true"], rows["y_prob"])
        assert measured["roc_auc"]["value"] == pytest.approx(area, abs=1e-6)
    if task == "regression":
        error = root_mean_squared_error(rows["y_true"], rows["y_pred"])
        assert np.sqrt(rows["loss"].mean()) == pytest.approx(error)
        assert measured["root_mean_squared_error"]["value"] == pytest.approx(error, abs=1e-6)
        return
    prob = rows["y_prob"] if task == "binary" else rows[[f"prob_{name}" for name in CLASSES]]
    expected = log_loss(rows["y_true"], prob)
    assert rows["loss"].mean() == pytest.approx(expected)
    assert measured["log_loss"]["value"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_every_figure_is_drawn(written: Written, task: Task) -> None:
    folder = written[task]["evaluate_figures"]
    assert {path.stem for path in folder.iterdir()} == FIGURES[task] | SHARED | SHOWN[task]
    for path in folder.iterdir():
        with Image.open(path) as picture:
            assert picture.width > 700
            assert len(picture.getcolors(maxcolors=10**6) or ()) > 20


@pytest.mark.parametrize("task", TASKS)
def test_same_bytes_at_another_place_and_no_input_changed(
    written: Written, task: Task, tmp_path: Path
) -> None:
    paths = prepared(tmp_path / "other place", task)
    before = digests(tmp_path)
    evaluate.main(**paths)
    after = digests(tmp_path)
    assert {name: after[name] for name in before} == before
    own, other = (digests(p["metrics"].parent) for p in (written[task], paths))
    # The evidence names files: the one thing that differs by place.
    del own["evaluation.json"], other["evaluation.json"]
    assert own == other
    texts = [
        p["evaluation"].read_text().replace(str(p["metrics"].parent), "")
        for p in (written[task], paths)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("task", TASKS)
def test_a_row_of_twice_the_weight_counts_as_two_rows(tmp_path: Path, task: Task) -> None:
    weighted = prepared(tmp_path / "weighted", task, charter__sample_weight="weight")
    repeated = prepared(tmp_path / "repeated", task)
    for key in ("train", "validation"):
        rows = read_table(repeated[key])
        places = np.repeat(np.arange(len(rows)), rows["weight"].astype(int))
        write_table(repeated[key], rows.iloc[places].reset_index(drop=True))
    found = []
    for paths in (weighted, repeated):
        evaluate.main(**paths)
        found.append(json.loads(paths["evaluation"].read_text()))
    one, many = found
    for subject, measured in one["metrics"].items():
        for name, estimate in measured.items():
            # The bins of the calibration error are of rows, not of weights.
            if name != "expected_calibration_error":
                expected = many["metrics"][subject][name]["value"]
                assert estimate["value"] == pytest.approx(expected, abs=2e-6), (subject, name)
    for name in ("model", "rule", "over_rule", "over_constant"):
        assert one["value"][name]["value"] == pytest.approx(many["value"][name]["value"], abs=2e-3)
    assert one["skill"] == pytest.approx(many["skill"], abs=1e-5)


def test_an_unknown_metric_in_a_criterion_is_one_clear_error(tmp_path: Path) -> None:
    criteria = [{"metric": "roc_acu", "at_least": 0.7, "why": "x"}]
    paths = prepared(tmp_path, charter__success_criteria=criteria)
    with pytest.raises(LoopwrightError, match="did you mean 'roc_auc'"):
        evaluate.main(**paths)
    assert not paths["metrics"].exists()


def test_a_metric_of_another_task_is_one_clear_error(tmp_path: Path) -> None:
    criteria = [{"metric": "roc_auc", "at_least": 0.7, "why": "x"}]
    paths = prepared(tmp_path, "regression", charter__success_criteria=criteria)
    with pytest.raises(LoopwrightError, match=r"is for binary tasks, and charter\.task is regr"):
        evaluate.main(**paths)


def test_faults_in_what_was_given_are_one_clear_error_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    paths = prepared(tmp_path)
    write_json(paths["evaluation"], {"old": True})
    frame = table(800, 1)
    faults: list[tuple[str, Callable[[], object], Callable[[], object], str]] = [
        (
            "no rows",
            lambda: write_table(paths["validation"], frame.head(0)),
            lambda: write_table(paths["validation"], frame),
            r"validation\.parquet: no rows; .*split\.fractions",
        ),
        (
            "one class to learn from",
            lambda: write_table(paths["train"], frame.assign(late=0)),
            lambda: write_table(paths["train"], frame),
            r"train\.parquet: no row is positive",
        ),
        (
            "no such column",
            lambda: write_table(paths["validation"], frame.drop(columns="late")),
            lambda: write_table(paths["validation"], frame),
            "no column 'late'",
        ),
        (
            "another model",
            lambda: paths["model"].write_bytes(b"other"),
            lambda: None,
            "not the file that was saved",
        ),
        (
            "no scoring",
            lambda: (
                prepared(tmp_path)
                and write_json(
                    paths["model_manifest"],
                    {"sha256": hashlib.sha256(paths["model"].read_bytes()).hexdigest()},
                )
            ),
            lambda: None,
            r"model\.json: scoring: no metric 'None'",
        ),
        (
            "nothing to decide",
            lambda: prepared(tmp_path, charter__costs__false_positive=0.0),
            lambda: None,
            r"charter\.costs: true_negative",
        ),
    ]
    for _, spoil, mend, message in faults:
        spoil()
        with pytest.raises(LoopwrightError, match=message):
            evaluate.main(**paths)
        assert json.loads(paths["evaluation"].read_text()) == {"old": True}
        mend()


def test_entities_are_those_of_the_split(tmp_path: Path) -> None:
    frame = table(400, 1).assign(row=np.repeat(np.arange(100), 4))
    path = tmp_path / "rows.parquet"
    write_table(path, frame)
    target = read_params(edited(tmp_path)).charter.target
    assert evaluate.rows_of(path, target, None, None, 0).groups is None
    groups = evaluate.rows_of(path, target, None, "row", 0).groups
    assert groups is not None and len(np.unique(groups)) == 100
    write_table(path, frame.assign(row=np.arange(400)))
    single = evaluate.rows_of(path, target, "weight", "row", 0)
    assert single.groups is None
    assert single.weight is not None and single.weight.tolist() == frame["weight"].tolist()
    assert "late" not in single.frame


def test_labels_come_from_the_schema(projects: dict[Task, Params], small_schema: Schema) -> None:
    target = projects["binary"].charter.target
    assert class_names(small_schema, target, ()) == ["$on_time$", "late"]
    columns = dict(small_schema.columns)
    columns["late"] = columns["late"].model_copy(update={"labels": None})
    bare = small_schema.model_copy(update={"columns": columns})
    assert class_names(bare, target, ()) == ["not 1", "1"]
    colour = projects["multiclass"].charter.target
    assert class_names(small_schema, colour, CLASSES) == ["Blue", "Green", "Red"]


def test_the_training_curve_tells_where_the_error_was_least(tmp_path: Path) -> None:
    assert training_curve(tmp_path) is None
    logged(tmp_path, "loss_of_mine", [1, 2])
    logged(tmp_path, "log_loss", [1])
    assert training_curve(tmp_path) is None
    logged(tmp_path, "roc_auc", [0.6, 0.8, 0.8, 0.7])
    found = training_curve(tmp_path)
    assert found is not None
    assert (found["best_step"], found["best"], found["steps"]) == (2, 0.8, 4)
