import csv
import hashlib
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

from stages import train
from stages.core import stage
from stages.core.errors import LoopwrightError
from stages.core.estimators import Setup, build_estimator
from stages.core.fitting import Rows
from stages.core.models import load_model, save_model
from stages.core.params import Params
from stages.core.schema import Schema
from stages.core.scoring import scores
from stages.core.tables import write_table
from stages.core.transformers import build_features
from stages.train.race import Entry
from stages.train.standings import Standings, judge, leaderboard

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
    "train_figures": "out/figures",
    "live": "out/live",
}
LINEAR = {
    "estimator": "logistic_regression",
    "C": 1.0,
    "l1_ratio": 0.0,
    "n_knots": None,
    "max_iter": 1000,
}
OFF: dict[str, Any] = {"status": "off", "candidate": "boosting", "parameters": {}}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Limit threads as `stages.core.stage.run` does."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    credit: pd.DataFrame,
    chosen: Params,
    schema: Schema,
) -> Callable[..., dict[str, Any]]:
    """Return a function that runs the stage, with candidates and other keys edited."""
    monkeypatch.chdir(tmp_path)
    write_table(Path("train.parquet"), credit[:2000])
    write_table(Path("validation.parquet"), credit[2000:3000])
    paths = {name: Path(path) for name, path in PATHS.items()}
    build = build_features(chosen.featurize, schema, TARGET, "ID")
    pipeline = build.fit(credit[:2000], credit[:2000][TARGET])
    document = {
        "sha256": save_model(Path("features.skops"), pipeline),
        "inputs": pipeline["columns"].inputs,
        "features": list(pipeline.get_feature_names_out()),
    }
    Path("features.json").write_text(json.dumps(document))

    def once(
        candidates: dict[str, Any] | None = None,
        scoring: str = "log_loss",
        best: dict[str, Any] = OFF,
        charter: dict[str, Any] | None = None,
        **train_keys: Any,
    ) -> dict[str, Any]:
        document = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
        document["train"]["scoring"] = document["tune"]["scoring"] = scoring
        document["train"]["candidates"]["boosting"] |= {"max_iter": 20, "learning_rate": 0.1}
        if candidates is not None:
            document["train"]["candidates"] = candidates
        document["train"] |= train_keys
        document["charter"] |= charter or {}
        Path("params.yaml").write_text(json.dumps(document))
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
        if path.is_file() and path.name != "timings.csv"  # seconds are no output
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
        setup = Setup(task="binary", rule="x > 1", random_state=0)
        whole = build_estimator(chosen.train.candidates[name], setup, clone(model["features"]))
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
        "out/figures/leaderboard.png",
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
        "figures",
        "timings.csv",
        "leaderboard.csv",
        "live",
        "model.json",
        "model.skops",
    }


def test_what_tune_found_is_used(run: Any) -> None:
    found = {"status": "searched", "candidate": "linear", "parameters": {"C": 0.25}}
    candidates = {"linear": {**LINEAR, "max_iter": 500}}
    manifest = run(candidates, best=found)
    expected = {"C": 0.25, "l1_ratio": 0.0, "n_knots": None, "max_iter": 500}
    assert manifest["parameters"] == expected
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
    weak |= {"max_features": 1.0, "early_stopping": None}
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


def entry(name: str, predicted: Any, kind: str = "ridge") -> Entry:
    found = scores("regression", np.zeros(len(predicted)), predicted)
    return Entry(name, kind, None, {}, (), found, found, np.asarray(predicted), 10, ("note",))


def judged(entries: list[Entry], scoring: str = "mean_absolute_error", **more: Any) -> Standings:
    rows = Rows(pd.DataFrame(), np.zeros(len(entries[0].predicted)), more.pop("weight", None))
    given = {"simplest": False, "groups": None, "draws": 400, "random_state": 0} | more
    return judge(entries, "regression", scoring, validation=rows, **given)


RNG = np.random.default_rng(0)


def test_the_best_score_wins_whatever_its_direction() -> None:
    near, far = entry("near", RNG.normal(0, 1, 200)), entry("far", RNG.normal(0, 2, 200))
    assert judged([far, near]).best is near
    assert judged([far, near], "root_mean_squared_error").best is near


def test_on_a_tie_the_earlier_wins() -> None:
    ties = [entry(name, np.ones(50)) for name in "abc"]
    assert judged(ties).best is ties[0]


def test_a_difference_has_the_interval_of_the_paired_bootstrap() -> None:
    noise = RNG.normal(0, 1, 500)
    best, other = entry("best", noise), entry("other", noise + np.sign(noise) * 0.1)
    found = judged([other, best])
    assert found.best is best
    assert set(found.differences) == {"other"}
    assert found.differences["other"]["value"] == pytest.approx(0.1)
    # On the same rows the difference is the same in every draw, however much they differ.
    assert found.differences["other"]["interval"] == pytest.approx((0.1, 0.1))
    rows = leaderboard(found).set_index("candidate")
    assert (
        rows.loc["other", ["difference", "difference_low", "difference_high"]].tolist() == [0.1] * 3
    )
    assert rows.loc["best", ["difference", "difference_low"]].isna().all()
    assert rows["winner"].tolist() == [False, True]
    assert rows["bytes"].tolist() == [10, 10]
    assert rows["note"].tolist() == ["note", "note"]


def test_a_difference_of_other_rows_is_wide() -> None:
    best, other = entry("best", RNG.normal(0, 1, 500)), entry("other", RNG.normal(0, 1.1, 500))
    low, high = judged([other, best]).differences["other"]["interval"] or (0, 0)
    assert low < 0 < high or low < 0.3 * high
    assert 0.05 < high - low < 0.3


def test_weights_take_part_in_the_difference() -> None:
    first = entry("first", np.r_[np.ones(50), np.zeros(50)])
    second = entry("second", np.r_[np.zeros(50), np.full(50, 2.0)])
    weight = np.r_[np.ones(50), np.zeros(50)]
    found = judged([first, second], weight=weight)
    assert found.differences["second"]["value"] == -1.0


def test_the_simplest_that_is_not_surely_worse_can_be_chosen() -> None:
    noise = RNG.normal(0, 1, 300)
    bad, simple, best = (
        entry("bad", 3 * noise),
        entry("simple", noise * 1.001 + RNG.normal(0, 0.05, 300)),
        entry("best", noise),
    )
    assert judged([bad, simple, best]).best is best
    assert judged([bad, simple, best], simplest=True).best is simple
    assert judged([bad, best, simple], simplest=True).best is best


# --- the ensemble ---------------------------------------------------------------------------


def test_the_ensemble_is_the_weighted_mean_of_its_members(
    run: Any, credit: pd.DataFrame, chosen: Params
) -> None:
    ensemble = {"members": "all", "folds": 3, "rounds": 10}
    # Two members that err in other ways: a straight line, and trees that learn by heart.
    candidates = {name: one.model_dump() for name, one in chosen.train.candidates.items()}
    candidates["linear"] |= {"C": 1.0, "n_knots": None}
    candidates["boosting"] |= {"max_iter": 40, "learning_rate": 0.1, "max_features": 1.0}
    candidates["boosting"] |= {"max_leaf_nodes": 31, "min_samples_leaf": 5}
    manifest = run(candidates, ensemble=ensemble)
    rows = standings()
    assert list(rows) == ["dummy", "rule", "linear", "boosting", "ensemble"]
    single = min(float(rows[n]["validation_log_loss"]) for n in ("linear", "boosting"))
    assert float(rows["ensemble"]["validation_log_loss"]) < single
    assert manifest["candidate"] == manifest["estimator"] == "ensemble"
    weights = manifest["parameters"]
    assert set(weights) == {"linear", "boosting"}
    assert sum(weights.values()) == pytest.approx(1)
    assert rows["ensemble"]["note"] == " + ".join(f"{w:.2f} {name}" for name, w in weights.items())
    model = load_model(Path("out/model.skops"), manifest["sha256"])
    rest = credit[2000:2100]
    parts = {}
    for name in weights:
        member = model["estimator"].members_[list(weights).index(name)]
        parts[name] = member.predict_proba(model["features"].transform(rest))
    expected = sum(weight * parts[name] for name, weight in weights.items())
    np.testing.assert_allclose(model.predict_proba(rest), expected, atol=1e-6)
    # As a model of one piece: fitted again it is the same.
    again = clone(model).fit(credit[:2000], credit[:2000][TARGET].to_numpy())
    np.testing.assert_array_equal(again.predict_proba(rest), model.predict_proba(rest))


def test_only_the_members_that_are_named_take_part(run: Any, chosen: Params) -> None:
    boosting = {**chosen.train.candidates["boosting"].model_dump(), "max_iter": 10}
    candidates = {"line": LINEAR, "curve": {**LINEAR, "n_knots": 4}, "boosting": boosting}
    run(candidates, ensemble={"members": ["line", "curve"], "folds": 2, "rounds": 4})
    assert "boosting" not in standings()["ensemble"]["note"]
    assert "line" in standings()["ensemble"]["note"]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        (["linear", "rule"], "'rule' is no candidate that learns from features.*linear, boosting"),
        (["linear", "bosting"], "did you mean 'boosting'"),
        (["linear", "linear"], "two different candidates"),
    ],
)
def test_members_that_cannot_be_are_refused(run: Any, members: list[str], says: str) -> None:
    with pytest.raises(LoopwrightError, match=says):
        run(ensemble={"members": members, "folds": 3, "rounds": 5})


# --- early stopping, directions, weights ------------------------------------------------------


def test_a_booster_that_stops_early_is_fitted_on_all_of_train(run: Any, chosen: Params) -> None:
    boosting = {
        **chosen.train.candidates["boosting"].model_dump(),
        "max_iter": 200,
        "learning_rate": 0.3,
        "early_stopping": {"rounds": 5, "fraction": 0.2},
    }
    manifest = run({"boosting": boosting})
    found = manifest["parameters"]["max_iter"]
    assert 1 < found < 100
    assert standings()["boosting"]["note"] == f"stopped after {found} of 200 iterations"
    model = load_model(Path("out/model.skops"), manifest["sha256"])
    assert model[-1].n_iter_ == found
    before = Path("out/model.skops").read_bytes()
    run({"boosting": {**boosting, "max_iter": found, "early_stopping": None}})
    assert Path("out/model.skops").read_bytes() == before


def test_a_declared_direction_is_kept_or_said_not_to_be(run: Any, credit: pd.DataFrame) -> None:
    ensemble = {"members": "all", "folds": 2, "rounds": 4}
    run(charter={"monotonic": {"PAY_0": "increasing"}}, ensemble=ensemble)
    assert standings()["ensemble"]["note"].endswith("; does not keep charter.monotonic")
    manifest = run(charter={"monotonic": {"PAY_0": "increasing"}})
    rows = standings()
    assert rows["linear"]["note"] == "does not keep charter.monotonic"
    assert rows["boosting"]["note"] == rows["dummy"]["note"] == ""
    model = load_model(Path("out/model.skops"), manifest["sha256"])
    assert manifest["candidate"] == "boosting"
    paths = np.stack(
        [model.predict_proba(credit[:200].assign(PAY_0=n))[:, 1] for n in range(-2, 9)]
    )
    assert (np.diff(paths, axis=0) >= 0).all()
    assert len(read_curve("train")) > 1


def test_rows_count_by_their_weight(run: Any, credit: pd.DataFrame) -> None:
    weight = np.where(credit["LIMIT_BAL"] > 100000, 5.0, 1.0)
    for name, places in (("train", slice(2000)), ("validation", slice(2000, 3000))):
        write_table(Path(f"{name}.parquet"), credit[places].assign(times=weight[places]))
    run({"dummy": {"estimator": "dummy"}}, charter={"sample_weight": "times"})
    y = credit[TARGET].to_numpy()
    share = np.average(y[:2000], weights=weight[:2000])
    expected = log_loss(y[2000:3000], np.full(1000, share), sample_weight=weight[2000:3000])
    assert float(standings()["dummy"]["validation_log_loss"]) == round(expected, 6)


def test_seconds_are_written_beside_the_outputs(run: Any) -> None:
    run()
    with Path("out/timings.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["candidate"] for row in rows] == ["dummy", "rule", "linear", "boosting"]
    assert all(float(row["predict_ms_per_1000_rows"]) >= 0 for row in rows)
    assert float(rows[-1]["fit_seconds"]) > float(rows[0]["fit_seconds"])


# --- calibration ------------------------------------------------------------------------------

# So many trees of single rows that it is far too sure.
TOO_SURE = {
    "estimator": "hist_gradient_boosting",
    "learning_rate": 0.5,
    "max_iter": 40,
    "max_leaf_nodes": 16,
    "min_samples_leaf": 2,
    "l2_regularization": 0.0,
    "max_features": 1.0,
    "early_stopping": None,
}


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_the_winner_is_calibrated_and_stands_beside_itself(
    run: Any, credit: pd.DataFrame, method: str
) -> None:
    manifest = run({"sure": TOO_SURE}, calibration={"method": method, "folds": 4})
    rows = standings()
    assert list(rows) == ["sure", "calibrated sure"]
    assert [row["winner"] for row in rows.values()] == ["False", "True"]
    assert rows["calibrated sure"]["note"] == f"{method}, fitted on 4 folds of train"
    # the raw winner is clearly worse
    assert float(rows["sure"]["difference_low"]) > 0.1
    for score in ("log_loss", "brier_score"):
        raw, mended = (float(row[f"validation_{score}"]) for row in rows.values())
        assert mended < 0.9 * raw
    areas = [float(row["validation_roc_auc"]) for row in rows.values()]
    assert areas[0] == pytest.approx(areas[1], abs=0.0 if method != "isotonic" else 0.02)
    assert (manifest["candidate"], manifest["estimator"]) == (
        "calibrated sure",
        "hist_gradient_boosting",
    )
    assert manifest["calibration"] == method and manifest["parameters"]["max_iter"] == 40
    model = load_model(Path("out/model.skops"), manifest["sha256"])
    shipped = model.predict_proba(credit[2000:3000])[:, 1]
    assert log_loss(credit[TARGET][2000:3000], shipped) == pytest.approx(
        float(rows["calibrated sure"]["validation_log_loss"]), abs=1e-6
    )
    assert read_curve("validation")[-1] == (
        40,
        float(rows["calibrated sure"]["validation_log_loss"]),
    )


def test_the_map_learns_from_rows_that_the_model_did_not(run: Any, credit: pd.DataFrame) -> None:
    manifest = run({"sure": TOO_SURE}, calibration={"method": "sigmoid", "folds": 4})
    first = outputs()
    mapping = load_model(Path("out/model.skops"), manifest["sha256"])[-1].mapping
    # On rows that it has learned by heart, nothing would speak against being sure.
    assert 0.05 < mapping.slope < 0.5
    run({"sure": TOO_SURE}, calibration={"method": "sigmoid", "folds": 4})
    assert outputs() == first
    write_table(Path("validation.parquet"), credit[3000:4000])
    other = run({"sure": TOO_SURE}, calibration={"method": "sigmoid", "folds": 4})
    assert other["sha256"] == manifest["sha256"]
    weight = np.where(credit[TARGET] == 1, 5.0, 1.0)
    for name, places in (("train", slice(2000)), ("validation", slice(2000, 3000))):
        write_table(Path(f"{name}.parquet"), credit[places].assign(times=weight[places]))
    weighted = run(
        {"sure": TOO_SURE},
        charter={"sample_weight": "times"},
        calibration={"method": "sigmoid", "folds": 4},
    )
    heavy = load_model(Path("out/model.skops"), weighted["sha256"])
    share = np.average(credit[TARGET][2000:3000], weights=weight[2000:3000])
    assert heavy.predict_proba(credit[2000:3000])[:, 1].mean() == pytest.approx(share, abs=0.08)


def test_what_is_calibrated_already_stays_within_noise(run: Any) -> None:
    run({"line": {**LINEAR, "C": 0.01}}, calibration={"method": "sigmoid", "folds": 3})
    raw, mended = (
        float(standings()[name]["validation_log_loss"]) for name in ("line", "calibrated line")
    )
    assert abs(mended - raw) < 0.01


def test_a_baseline_needs_no_map(run: Any) -> None:
    rule = {"rule": {"estimator": "rule"}}
    manifest = run(rule, calibration={"method": "sigmoid", "folds": 3})
    assert manifest["calibration"] is None and manifest["candidate"] == "rule"
    assert list(standings()) == ["rule"]


def test_an_ensemble_can_be_calibrated_and_several_classes(run: Any, credit: pd.DataFrame) -> None:
    charter = other_task("multiclass", credit)
    for method in ("temperature", "isotonic"):
        manifest = run(
            charter=charter,
            ensemble={"members": "all", "folds": 2, "rounds": 5},
            calibration={"method": method, "folds": 2},
        )
        assert manifest["candidate"] == list(standings())[-1]
        model = load_model(Path("out/model.skops"), manifest["sha256"])
        found = model.predict_proba(credit[2000:2100])
        assert found.shape == (100, 3)
        assert found.sum(axis=1) == pytest.approx(1, abs=1e-12)


def test_two_of_several_classes_are_calibrated_too(run: Any, credit: pd.DataFrame) -> None:
    charter = other_task("multiclass", credit)
    for name, places in (("train", slice(2000)), ("validation", slice(2000, 3000))):
        level = np.where(credit["LIMIT_BAL"] > 150000, "a", "b")[places]
        write_table(Path(f"{name}.parquet"), credit[places].assign(level=level))
    run(charter=charter, calibration={"method": "isotonic", "folds": 2})
    assert list(standings())[-1].startswith("calibrated ")


def test_a_calibration_that_cannot_be_is_refused(run: Any, credit: pd.DataFrame) -> None:
    sigmoid = {"method": "sigmoid", "folds": 3}
    with pytest.raises(LoopwrightError, match="'calibrated a' needs another name"):
        run({"a": {"estimator": "dummy"}, "calibrated a": TOO_SURE}, calibration=sigmoid)
    charter = other_task("regression", credit)
    dummy = {"dummy": {"estimator": "dummy"}}
    with pytest.raises(LoopwrightError, match=r"is for probabilities, and charter.task is regres"):
        run(dummy, "root_mean_squared_error", charter=charter, calibration=sigmoid)


# --- other tasks ------------------------------------------------------------------------------


def other_task(task: str, credit: pd.DataFrame) -> dict[str, Any]:
    """Write tables of another task, and return the charter's keys for it."""
    level = credit["LIMIT_BAL"]
    values = (
        level if task == "regression" else pd.cut(level, [0, 5e4, 2e5, 1e7], labels=list("abc"))
    )
    frame = credit.assign(level=values.astype(float if task == "regression" else str))
    write_table(Path("train.parquet"), frame[:2000])
    write_table(Path("validation.parquet"), frame[2000:3000])
    costs: dict[str, Any] = {"currency": "NT$", "source": "x"}
    costs |= (
        {"per_unit_over": -1, "per_unit_under": -1}
        if task == "regression"
        else {"right": 0, "wrong": -1, "exceptions": []}
    )
    rule = "BILL_AMT1 + 100000" if task == "regression" else "'c' if BILL_AMT1 > 200000 else 'b'"
    return {
        "task": task,
        "target": {"column": "level", "meaning": "the limit"},
        "costs": costs,
        "rule": {"expression": rule, "meaning": "x", "role": "start"},
        "success_criteria": [],
    }


def test_several_classes_run_the_same_race(run: Any, credit: pd.DataFrame) -> None:
    charter = other_task("multiclass", credit)
    manifest = run(charter=charter, ensemble={"members": "all", "folds": 2, "rounds": 5})
    rows = standings()
    assert list(rows) == ["dummy", "rule", "linear", "boosting", "ensemble"]
    assert float(rows[manifest["candidate"]]["validation_accuracy"]) > 0.9
    model = load_model(Path("out/model.skops"), manifest["sha256"])
    assert model.predict_proba(credit[2000:2010]).shape == (10, 3)
    assert read_curve("validation")[-1][0] == 20
    write_table(
        Path("validation.parquet"), credit[2000:3000].assign(level=["a", "b", "c", "d"] * 250)
    )
    with pytest.raises(LoopwrightError, match="class 'd' of 'level' is not in train"):
        run(charter=charter)


def test_numbers_run_the_same_race(run: Any, credit: pd.DataFrame, chosen: Params) -> None:
    charter = other_task("regression", credit)
    ridge = {"estimator": "ridge", "alpha": 1.0, "n_knots": None}
    boosting = {**chosen.train.candidates["boosting"].model_dump(), "max_iter": 60}
    boosting["learning_rate"] = 0.2
    candidates = {
        "dummy": {"estimator": "dummy"},
        "rule": {"estimator": "rule"},
        "ridge": ridge,
        "boosting": boosting,
    }
    name = "root_mean_squared_error"
    manifest = run(candidates, name, charter=charter)
    rows = standings()
    assert manifest["candidate"] == "boosting"
    assert float(rows["boosting"][f"validation_{name}"]) < 0.3 * float(
        rows["dummy"][f"validation_{name}"]
    )
    assert read_curve("validation", name)[-1] == (60, float(rows["boosting"][f"validation_{name}"]))
    run(candidates, name, charter=charter, target_transform="log1p")
    assert len(read_curve("validation", name)) == 1
    write_table(Path("train.parquet"), credit[:2000].assign(level=-2.0 - credit["AGE"]))
    with pytest.raises(LoopwrightError, match="log1p needs numbers above -1"):
        run(candidates, name, charter=charter, target_transform="log1p")


def test_what_the_task_cannot_have_is_refused(run: Any, chosen: Params) -> None:
    ridge = {"estimator": "ridge", "alpha": 1.0, "n_knots": None}
    with pytest.raises(LoopwrightError, match=r"ridge cannot do a binary task; it is for regress"):
        run({"ridge": ridge})
    with pytest.raises(LoopwrightError, match=r"'log1p' is for numbers, and charter.task is bin"):
        run(target_transform="log1p")


# --- the curve --------------------------------------------------------------------------


def read_curve(split: str, loss: str = "log_loss") -> list[tuple[int, float]]:
    with Path(f"out/live/plots/metrics/{split}/{loss}.tsv").open() as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [(int(row["step"]), float(row[loss])) for row in rows]


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
