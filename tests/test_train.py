import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from sklearn.base import clone
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from threadpoolctl import threadpool_limits

from stages import featurize, train
from stages.core import stage
from stages.core.errors import LoopwrightError
from stages.core.estimators import build_estimator
from stages.core.models import load_model
from stages.core.params import Dummy, Params
from stages.core.tables import write_table

ROOT = Path(__file__).parent.parent
TARGET = "default payment next month"
INPUTS = ("params.yaml", "train.parquet", "validation.parquet", "best.json")
PATHS = {
    "params": "params.yaml",
    "train": "train.parquet",
    "validation": "validation.parquet",
    "features": "features.skops",
    "feature_list": "features.json",
    "best_params": "best.json",
    "model": "out/model.skops",
    "model_manifest": "out/model.json",
    "leaderboard": "out/leaderboard.csv",
    "live": "out/live",
}
OFF: dict[str, Any] = {"status": "off", "candidate": "boosting", "parameters": {}}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Limit threads as `stages.core.stage.run` does."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credit: pd.DataFrame
) -> Callable[..., dict[str, Any]]:
    """Return a function that runs the stage, with candidates and other keys edited."""
    monkeypatch.chdir(tmp_path)
    write_table(Path("train.parquet"), credit[:2000])
    write_table(Path("validation.parquet"), credit[2000:3000])
    paths = {name: Path(path) for name, path in PATHS.items()}
    featurize.main(
        params=ROOT / "params.yaml",
        schema=ROOT / "schema.yaml",
        **{name: paths[name] for name in ("train", "features", "feature_list")},
    )

    def once(
        candidates: dict[str, Any] | None = None,
        scoring: str = "log_loss",
        best: dict[str, Any] = OFF,
    ) -> dict[str, Any]:
        yaml = YAML()
        document = yaml.load((ROOT / "params.yaml").read_text())
        document["train"]["scoring"] = scoring
        document["train"]["candidates"]["boosting"]["max_iter"] = 20
        if candidates is not None:
            document["train"]["candidates"] = candidates
        text = io.StringIO()
        yaml.dump(document, text)
        Path("params.yaml").write_text(text.getvalue())
        Path("best.json").write_text(json.dumps(best))
        train.main(**paths)
        manifest: dict[str, Any] = json.loads(paths["model_manifest"].read_text())
        return manifest

    return once


def standings() -> dict[str, dict[str, str]]:
    with Path("out/leaderboard.csv").open() as file:
        return {row["candidate"]: row for row in csv.DictReader(file)}


def outputs() -> dict[str, str]:
    return {
        path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path("out").rglob("*"))
        if path.is_file()
    }


# --- the stage --------------------------------------------------------------------------


def test_the_model_that_ships_is_the_one_on_the_leaderboard(run: Any, credit: pd.DataFrame) -> None:
    manifest = run()
    rows = standings()
    assert list(rows) == ["dummy", "rule", "linear", "boosting"]
    assert [name for name, row in rows.items() if row["winner"] == "True"] == ["boosting"]
    model = load_model(Path("out/model.skops"), manifest["sha256"])
    for split, frame in (("train", credit[:2000]), ("validation", credit[2000:3000])):
        y, y_prob = frame[TARGET], model.predict_proba(frame)[:, 1]
        measured = {
            "log_loss": log_loss(y, y_prob),
            "brier_score": brier_score_loss(y, y_prob),
            "roc_auc": roc_auc_score(y, y_prob),
            "average_precision": average_precision_score(y, y_prob),
        }
        for name, value in measured.items():
            assert float(rows["boosting"][f"{split}_{name}"]) == round(value, 6)


def test_the_manifest_says_what_the_model_takes(run: Any, credit: pd.DataFrame) -> None:
    manifest = run()
    listed = json.loads(Path("features.json").read_text())
    model = load_model(Path("out/model.skops"), manifest["sha256"])
    assert manifest["candidate"] == "boosting"
    assert manifest["estimator"] == "hist_gradient_boosting"
    assert manifest["inputs"] == listed["inputs"]
    assert manifest["features"] == listed["features"] == list(model[-1].feature_names_in_)
    assert manifest["rows"] == 2000
    assert manifest["scoring"] == "log_loss"
    assert manifest["parameters"]["max_iter"] == model[-1].n_iter_ == 20
    assert manifest["finding"] is None
    assert standings()["boosting"]["features"] == str(len(manifest["features"]))
    assert standings()["rule"]["features"] == "1"
    assert standings()["dummy"]["features"] == "0"
    # The inputs are enough, and one row is as in the batch.
    rest = credit[2000:2020]
    batch = model.predict_proba(rest)
    np.testing.assert_array_equal(model.predict_proba(rest[manifest["inputs"]]), batch)
    np.testing.assert_array_equal(model.predict_proba(rest[7:8]), batch[7:8])


def test_each_candidate_is_as_if_fitted_whole(
    run: Any, chosen: Params, credit: pd.DataFrame
) -> None:
    frame, rest = credit[:2000], credit[2000:2050]
    y = frame[TARGET].to_numpy()
    for name in ("linear", "boosting"):
        candidates = {name: chosen.train.candidates[name].model_dump()}
        manifest = run(candidates)
        model = load_model(Path("out/model.skops"), manifest["sha256"])
        whole = build_estimator(chosen.train.candidates[name], 0, clone(model["features"]), "x > 1")
        np.testing.assert_array_equal(
            model.predict_proba(rest), whole.fit(frame, y).predict_proba(rest)
        )


def test_validation_teaches_nothing(run: Any, chosen: Params, credit: pd.DataFrame) -> None:
    boosting = {"boosting": {**chosen.train.candidates["boosting"].model_dump(), "max_iter": 20}}
    run(boosting)
    before = outputs()
    write_table(Path("validation.parquet"), credit[3000:3500])
    run(boosting)
    after = outputs()
    assert after["out/model.skops"] == before["out/model.skops"]
    assert after["out/leaderboard.csv"] != before["out/leaderboard.csv"]


def test_the_same_inputs_give_the_same_bytes(run: Any) -> None:
    run()
    before = outputs()
    run()
    assert outputs() == before
    assert list(before) == [
        "out/leaderboard.csv",
        "out/live/metrics.json",
        "out/live/plots/metrics/train/log_loss.tsv",
        "out/live/plots/metrics/validation/log_loss.tsv",
        "out/model.json",
        "out/model.skops",
    ]
    # dvclive leaves nothing else behind, in the folder or above it.
    assert {path.name for path in Path().iterdir()} == {
        *INPUTS,
        "features.skops",
        "features.json",
        "out",
    }
    assert {path.name for path in Path("out").iterdir()} == {
        "leaderboard.csv",
        "live",
        "model.json",
        "model.skops",
    }


def test_what_tune_found_is_used(run: Any) -> None:
    found = {"status": "searched", "candidate": "linear", "parameters": {"C": 0.25}}
    candidates = {"linear": {"estimator": "logistic_regression", "C": 1.0, "max_iter": 500}}
    manifest = run(candidates, best=found)
    assert manifest["parameters"] == {"C": 0.25, "max_iter": 500}
    assert load_model(Path("out/model.skops"), manifest["sha256"])[-1].C == 0.25


def test_what_tune_found_for_another_candidate_is_refused(run: Any) -> None:
    found = {"status": "searched", "candidate": "forest", "parameters": {"max_iter": 3}}
    with pytest.raises(LoopwrightError, match=r"'forest', which train.candidates no longer has"):
        run(best=found)
    found = {"status": "searched", "candidate": "linear", "parameters": {"max_leaf_nodes": 3}}
    with pytest.raises(LoopwrightError, match=r"tune: linear.max_leaf_nodes: not a parameter"):
        run(best=found)


def test_one_outcome_only_is_one_clear_error(run: Any, credit: pd.DataFrame) -> None:
    write_table(Path("validation.parquet"), credit[credit[TARGET] == 0][:100])
    with pytest.raises(LoopwrightError, match=r"validation.parquet: no row is positive among 100"):
        run()
    assert not Path("out").exists()


def test_altered_features_stop_the_stage_and_leave_what_was_there(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    before = outputs()
    data = bytearray(Path("features.skops").read_bytes())
    data[-1] ^= 1
    Path("features.skops").write_bytes(bytes(data))
    arguments = [f"--{name.replace('_', '-')}={path}" for name, path in PATHS.items()]
    assert stage.run(train.main, arguments) == 2
    assert "features.skops: not the file that was saved" in capsys.readouterr().err
    assert outputs() == before


# --- the choice -------------------------------------------------------------------------


def test_a_baseline_can_win_and_that_is_a_finding(run: Any) -> None:
    rule = {"rule": {"estimator": "rule"}}
    weak = {"estimator": "hist_gradient_boosting", "learning_rate": 0.001, "max_iter": 1}
    weak |= {"max_leaf_nodes": 2, "min_samples_leaf": 1, "l2_regularization": 0.0}
    manifest = run({"dummy": {"estimator": "dummy"}, "weak": weak, **rule})
    assert manifest["candidate"] == "rule"
    assert (
        "no model has a better log_loss on validation than the baseline 'rule'"
        in (manifest["finding"])
    )
    assert manifest["inputs"] == manifest["features"] == ["PAY_0"]
    assert manifest["parameters"] == {}
    model = load_model(Path("out/model.skops"), manifest["sha256"])
    assert model.predict_proba(pd.DataFrame({"PAY_0": [0, 3]})).shape == (2, 2)


def entry(name: str, **validation: float) -> train.Entry:
    return train.Entry(name, Dummy(estimator="dummy"), None, (), validation, validation)


def test_the_best_score_wins_whatever_its_direction() -> None:
    first = entry("first", log_loss=0.4, roc_auc=0.7)
    second = entry("second", log_loss=0.3, roc_auc=0.6)
    assert train.winner([first, second], "log_loss") is second
    assert train.winner([first, second], "roc_auc") is first


def test_on_a_tie_the_earlier_wins() -> None:
    ties = [entry(name, log_loss=0.4, roc_auc=0.6) for name in "abc"]
    assert train.winner(ties, "log_loss") is ties[0]
    assert train.winner(ties, "roc_auc") is ties[0]


# --- the curve --------------------------------------------------------------------------


def read_curve(split: str) -> list[tuple[int, float]]:
    with Path(f"out/live/plots/metrics/{split}/log_loss.tsv").open() as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [(int(row["step"]), float(row["log_loss"])) for row in rows]


@pytest.mark.parametrize(
    ("iterations", "steps"),
    [(1, [1]), (75, range(1, 76)), (101, [*range(2, 101, 2), 101])],
)
def test_the_curve_is_the_log_loss_after_so_many_iterations(
    run: Any, chosen: Params, credit: pd.DataFrame, iterations: int, steps: Any
) -> None:
    candidate = {**chosen.train.candidates["boosting"].model_dump(), "max_iter": iterations}
    run({"boosting": candidate})
    frame, y = credit[:2000], credit[:2000][TARGET]
    found = read_curve("train")
    assert [step for step, _ in found] == list(steps)
    assert [step for step, _ in read_curve("validation")] == list(steps)
    # A model that is fitted for fewer iterations is the larger one, stopped there.
    early = {**candidate, "max_iter": found[len(found) // 2][0]}
    manifest = run({"boosting": early})
    model = load_model(Path("out/model.skops"), manifest["sha256"])
    assert round(log_loss(y, model.predict_proba(frame)[:, 1]), 6) == found[len(found) // 2][1]


def test_the_curve_ends_at_the_leaderboard(run: Any) -> None:
    run()
    row = standings()["boosting"]
    assert read_curve("train")[-1][1] == float(row["train_log_loss"])
    assert read_curve("validation")[-1][1] == float(row["validation_log_loss"])
    last = json.loads(Path("out/live/metrics.json").read_text())
    assert last["validation"]["log_loss"] == float(row["validation_log_loss"])


def test_where_another_wins_the_curve_is_of_what_is_fitted_by_iterations(
    run: Any, chosen: Params
) -> None:
    boosting = {**chosen.train.candidates["boosting"].model_dump(), "max_iter": 4}
    boosting["learning_rate"] = 0.001
    candidates = {"linear": chosen.train.candidates["linear"].model_dump(), "boosting": boosting}
    assert run(candidates)["candidate"] == "linear"
    assert [step for step, _ in read_curve("train")] == [1, 2, 3, 4]
    assert read_curve("train")[-1][1] == float(standings()["boosting"]["train_log_loss"])


def test_without_iterations_the_curve_is_one_point(run: Any) -> None:
    run({"dummy": {"estimator": "dummy"}})
    (row,) = standings().values()
    assert read_curve("validation") == [(1, float(row["validation_log_loss"]))]
