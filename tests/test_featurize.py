"""The featurize stage: what it writes, and whether its evidence is to be trusted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages import featurize
from stages.core.errors import LoopwrightError
from stages.core.models import load_model
from stages.core.params import Params
from stages.core.tables import write_table
from stages.core.transformers import N_QUANTILES

ROOT = Path(__file__).parent.parent
TARGET = "default payment next month"
QUICK = ("folds: 3\n    bootstrap: 1000", "folds: 0\n    bootstrap: 1000")
OUTPUTS = ["evidence.csv", "features.json", "features.skops", "figures"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the stage on a frame and gives what it wrote."""
    monkeypatch.chdir(tmp_path)

    def once(frame: pd.DataFrame, *changes: Any) -> tuple[Any, dict[str, Any]]:
        text = (ROOT / "params.yaml").read_text()
        if changes and isinstance(changes[0], dict):  # other params, as a whole
            text, changes = json.dumps(changes[0]), ()
        elif not changes:
            changes = (QUICK,)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        Path("params.yaml").write_text(text)
        write_table(Path("train.parquet"), frame)
        featurize.main(
            params=Path("params.yaml"),
            schema=ROOT / "schema.yaml",
            train=Path("train.parquet"),
            features=Path("out/features.skops"),
            feature_list=Path("out/features.json"),
            evidence_table=Path("out/evidence.csv"),
            featurize_figures=Path("out/figures"),
        )
        written = json.loads(Path("out/features.json").read_text())
        return load_model(Path("out/features.skops"), written["sha256"]), written

    return once


def verdict(written: dict[str, Any], check: str) -> dict[str, Any]:
    return next(v for v in written["verdicts"] if v["id"] == f"featurize.{check}")


def test_the_list_says_what_the_pipeline_does(
    run: Any, chosen: Params, credit: pd.DataFrame
) -> None:
    train = credit[:3000]
    features, written = run(train)
    made = features.transform(train)
    assert written["rows"] == 3000
    assert written["features"] == list(made)
    assert len(written["inputs"]) == 19
    assert written["dropped"] == {}
    assert written["answers"] == chosen.featurize.answers
    assert list(written["created"]) == list(chosen.featurize.create)
    for name, feature in chosen.featurize.create.items():
        assert written["created"][name]["hypothesis"] == feature.hypothesis
        assert written["created"][name]["columns"] == list(feature.columns)
    # The inputs are enough.
    pd.testing.assert_frame_equal(features.transform(train[written["inputs"]]), made)


def test_it_learns_from_train_alone(run: Any, credit: pd.DataFrame) -> None:
    train = credit[:3000]
    features, _ = run(train)
    quantiles = (
        features["transform"].named_transformers_["numeric"].named_steps["quantiletransformer"]
    )
    at = np.linspace(0, 100, N_QUANTILES)
    np.testing.assert_array_equal(quantiles.quantiles_[:, 0], np.percentile(train["LIMIT_BAL"], at))
    assert (quantiles.quantiles_[:, 0] != np.percentile(credit["LIMIT_BAL"], at)).any()


def test_what_is_left_out_is_listed_with_its_reason(run: Any, credit: pd.DataFrame) -> None:
    _, written = run(credit[:3000], QUICK, ("max_correlation: 0.98", "max_correlation: 0.9"))
    assert written["dropped"]["BILL_AMT2"].startswith("correlation 0.9")
    assert set(written["dropped"]).isdisjoint(written["features"])


def test_the_same_inputs_give_the_same_bytes(run: Any, credit: pd.DataFrame) -> None:
    measured = ("max_rows: 20000\n    # a gain", "max_rows: 600\n    # a gain")

    def outputs() -> dict[str, bytes]:
        files = (path for path in Path("out").rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in files}

    run(credit[:2000], measured)
    assert sorted(path.name for path in Path("out").iterdir()) == OUTPUTS
    first = outputs()
    run(credit[:2000], measured)
    assert outputs() == first
    assert len(first) == 4


def test_evidence_is_off_without_folds_and_says_so(run: Any, credit: pd.DataFrame) -> None:
    _, written = run(credit[:2000])
    assert written["created_together"] is None
    assert {c["decision"] for c in written["created"].values()} == {"insufficient"}
    assert {c["gain"] for c in written["created"].values()} == {None}
    leak = verdict(written, "target_leakage")
    assert leak["status"] == "insufficient"
    assert "folds is 0" in leak["why"]
    assert Image.open("out/figures/evidence.png").size[0] > 600


PLANTED = """  create:
    clue:
      kind: difference
      columns: [PAY_AMT1, PAY_AMT2]
      hypothesis: the two together say what neither does
    noise:
      kind: greater
      columns: [BILL_AMT3, BILL_AMT4]
      hypothesis: drawn at random, so it cannot help
    utilisation:"""


def planted(credit: pd.DataFrame, n: int = 4000) -> pd.DataFrame:
    """A table in which the distance of two columns decides, and the others are chance."""
    rng = np.random.default_rng(0)
    frame = credit[:n].copy()
    for name in frame.columns.drop(["ID", TARGET]):
        frame[name] = rng.integers(1, 1000, n)
    near = (frame["PAY_AMT1"] - frame["PAY_AMT2"]).abs() < 150
    frame[TARGET] = np.where(rng.random(n) < 0.1, rng.integers(0, 2, n), near).astype(int)
    return frame


def test_a_feature_that_helps_is_kept_and_one_that_cannot_is_not(
    run: Any, credit: pd.DataFrame
) -> None:
    _, written = run(
        planted(credit),
        ("  create:\n    utilisation:", PLANTED),
        ("min_gain: 0.001", "min_gain: 0.02"),
    )
    clue, noise = written["created"]["clue"], written["created"]["noise"]
    assert clue["decision"] == "keep"
    assert clue["interval"][0] > 0
    assert clue["interval"][0] <= clue["gain"] <= clue["interval"][1]
    assert noise["decision"] == "drop"
    assert noise["used"]  # shown, not done
    told = verdict(written, "created_features")
    assert told["status"] == "warn"
    assert "noise" in told["why"]
    together = written["created_together"]
    assert together["interval"][0] > 0
    rows = pd.read_csv("out/evidence.csv").set_index("feature")
    assert rows.loc["clue", "decision"] == "keep"
    assert rows.loc["clue", "gain"] == clue["gain"]


def test_the_evidence_is_applied_where_that_is_asked_for(run: Any, credit: pd.DataFrame) -> None:
    features, written = run(
        planted(credit),
        ("  create:\n    utilisation:", PLANTED),
        ("min_gain: 0.001", "min_gain: 0.02"),
        ("apply: false", "apply: true"),
    )
    noise = written["created"]["noise"]
    assert noise["decision"] == "drop"
    assert not noise["used"]
    assert "noise" not in features.get_feature_names_out()
    assert "clue" in features.get_feature_names_out()
    assert verdict(written, "created_features")["status"] == "pass"


def test_a_column_that_knows_the_target_is_found(run: Any, credit: pd.DataFrame) -> None:
    small = ("max_rows: 20000\n    # a gain", "max_rows: 1500\n    # a gain")
    clean = credit[:2000].copy()
    _, written = run(clean, small)
    assert verdict(written, "target_leakage")["status"] == "pass"
    # The outcome stands in a column, wrong in 1 of 100 rows, and larger than all beside it.
    leak = clean.copy()
    rng = np.random.default_rng(0)
    wrong = rng.random(2000) < 0.01
    leak["PAY_AMT6"] = 10_000 * (leak[TARGET] ^ wrong) + leak["PAY_AMT6"] % 100
    _, written = run(leak, small)
    found = verdict(written, "target_leakage")
    assert found["status"] == "fail"
    assert "PAY_AMT6" in found["why"]
    assert found["value"] > 0.8
    assert found["threshold"] == "<= 0.8"


def test_a_created_feature_that_knows_the_target_is_found(run: Any, credit: pd.DataFrame) -> None:
    # Each column alone is chance; their difference is the outcome.
    frame = credit[:2000].copy()
    rng = np.random.default_rng(0)
    frame["BILL_AMT6"] = rng.integers(0, 100_000, 2000)
    frame["BILL_AMT1"] = frame["BILL_AMT6"] + frame[TARGET]
    _, written = run(frame, ("max_rows: 20000\n    # a gain", "max_rows: 1500\n    # a gain"))
    found = verdict(written, "target_leakage")
    assert found["status"] == "fail"
    assert "bill_growth" in found["why"]
    assert written["created"]["bill_growth"]["skill"] > 0.9
    assert written["created"]["bill_growth"]["sources_skill"] < 0.1


def of_task(task: str, target: str) -> dict[str, Any]:
    """The params of another task on the default table: to predict the credit limit."""
    document: dict[str, Any] = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    charter = document["charter"]
    charter |= {"task": task, "target": {"column": target, "meaning": "what the bank allows"}}
    money = {"currency": "NT$", "source": "a guess"}
    charter["rule"]["expression"] = "100000" if task == "regression" else "'2'"
    if task == "regression":
        charter["costs"] = money | {"per_unit_over": -2, "per_unit_under": -1}
        scoring = "root_mean_squared_error"
        document["train"]["candidates"].pop("linear", None)
    else:
        charter["costs"] = money | {"right": 0, "wrong": -1, "exceptions": []}
        scoring = "log_loss"
    document["train"]["scoring"] = document["tune"]["scoring"] = scoring
    charter["sample_weight"] = "AGE"  # which no feature is made of
    charter["success_criteria"] = []
    featurize = document["featurize"]
    featurize["exclude"] = [
        "SEX",
        "AGE",
        "EDUCATION",
        *(["MARRIAGE"] if task == "regression" else []),
    ]
    featurize["create"] = {
        "bills": {
            "kind": "mean",
            "columns": [f"BILL_AMT{month}" for month in range(1, 7)],
            "hypothesis": "whoever owes much was allowed much",
        },
        "rate": {
            "kind": "target_mean",
            "columns": ["PAY_0", "PAY_2"],
            "folds": 3,
            "smooth": "auto",
            "random_state": 0,
            "hypothesis": "who pays late gets a lower limit",
        },
    }
    featurize["evidence"] |= {"max_rows": 800, "bootstrap": 200}
    return document


@pytest.mark.parametrize(
    ("task", "target"), [("regression", "LIMIT_BAL"), ("multiclass", "MARRIAGE")]
)
def test_every_task_has_its_evidence(
    task: str, target: str, run: Any, credit: pd.DataFrame
) -> None:
    train = credit[credit["MARRIAGE"] > 0][:1200]
    features, written = run(train, of_task(task, target))
    assert all(c["gain"] is not None for c in written["created"].values())
    assert target not in written["inputs"]
    assert verdict(written, "target_leakage")["status"] == "pass"
    assert len(features["create"].names_["rate"]) == (1 if task == "regression" else 3)
    if task == "regression":
        assert written["created"]["bills"]["skill"] > 0.1


def test_too_few_rows_are_said_and_do_not_stop_it(run: Any, credit: pd.DataFrame) -> None:
    few = pd.concat([credit[credit[TARGET] == 1][:2], credit[credit[TARGET] == 0][:40]])
    _, written = run(few, ("folds: 3\n    bootstrap: 1000", "folds: 5\n    bootstrap: 1000"))
    assert "cannot be dealt to 5 folds" in written["measured"]
    assert verdict(written, "target_leakage")["status"] == "insufficient"


def test_a_fault_leaves_what_was_there(run: Any, credit: pd.DataFrame) -> None:
    run(credit[:2000])
    before = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    with pytest.raises(LoopwrightError, match=r"featurize.exclude: no column 'SECS'"):
        run(credit[:2000], ("exclude: [SEX,", "exclude: [SECS,"))
    with pytest.raises(LoopwrightError, match="no column 'PAY_0'"):
        run(credit[:2000].drop(columns="PAY_0"))
    assert {path: path.stat().st_mtime_ns for path in Path("out").iterdir()} == before
