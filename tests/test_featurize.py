import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stages import featurize
from stages.core.errors import LoopwrightError
from stages.core.models import load_model
from stages.core.params import Feature, Params
from stages.core.tables import write_table
from stages.core.transformers import N_QUANTILES

ROOT = Path(__file__).parent.parent
TARGET = "default payment next month"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the stage on a frame and gives what it wrote."""
    monkeypatch.chdir(tmp_path)

    def once(frame: pd.DataFrame, params: str | None = None) -> tuple[Any, dict[str, Any]]:
        text = (ROOT / "params.yaml").read_text() if params is None else params
        Path("params.yaml").write_text(text)
        write_table(Path("train.parquet"), frame)
        featurize.main(
            params=Path("params.yaml"),
            schema=ROOT / "schema.yaml",
            train=Path("train.parquet"),
            features=Path("out/features.skops"),
            feature_list=Path("out/features.json"),
        )
        written = json.loads(Path("out/features.json").read_text())
        return load_model(Path("out/features.skops"), written["sha256"]), written

    return once


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
    text = (ROOT / "params.yaml").read_text()
    assert "max_correlation: 0.98" in text
    _, written = run(credit[:3000], text.replace("max_correlation: 0.98", "max_correlation: 0.9"))
    assert written["dropped"]["BILL_AMT2"].startswith("correlation 0.9")
    assert set(written["dropped"]).isdisjoint(written["features"])


def test_the_same_inputs_give_the_same_bytes(run: Any, credit: pd.DataFrame) -> None:
    run(credit[:2000])
    first = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    assert sorted(first) == ["features.json", "features.skops"]
    run(credit[:2000])
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == first


def test_the_evidence_is_the_roc_auc_of_what_is_known(
    run: Any, chosen: Params, credit: pd.DataFrame
) -> None:
    train = credit[:3000]
    _, written = run(train)
    y = train[TARGET]

    def area(y: Any, values: Any) -> float:
        found = roc_auc_score(y, values)
        return round(max(found, 1 - found), 6)

    known = train["BILL_AMT2"] != 0
    share = (train["PAY_AMT1"] / train["BILL_AMT2"])[known]
    paid = {name: area(y[known], train[name][known]) for name in ("PAY_AMT1", "BILL_AMT2")}
    best = max(paid, key=lambda name: paid[name])
    found = written["created"]["paid_share"]
    assert found["rows"] == known.sum() < 3000
    assert found["roc_auc"] == area(y[known], share)
    assert found["best_source"] == {"column": best, "roc_auc": paid[best]}
    worst = train[["PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"]].max(axis=1)
    assert written["created"]["worst_delay"]["roc_auc"] == area(y, worst)


def test_without_two_outcomes_there_is_no_evidence() -> None:
    feature = Feature(kind="sum", columns=("a", "b"), hypothesis="together they say more")
    made = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": [2.0, np.nan]})
    nothing = {"rows": 1, "roc_auc": None, "best_source": None}
    assert featurize.evidence("c", feature, made, np.array([0, 1])) == nothing
    full = made.assign(c=[2.0, 4.0])
    assert featurize.evidence("c", feature, full, np.array([0, 1]))["roc_auc"] == 1.0


def test_a_fault_leaves_what_was_there(run: Any, credit: pd.DataFrame) -> None:
    run(credit[:2000])
    before = {path: path.stat().st_mtime_ns for path in Path("out").iterdir()}
    text = (ROOT / "params.yaml").read_text()
    with pytest.raises(LoopwrightError, match=r"featurize.exclude: no column 'SECS'"):
        run(credit[:2000], text.replace("exclude: [SEX,", "exclude: [SECS,"))
    with pytest.raises(LoopwrightError, match="no column 'PAY_0'"):
        run(credit[:2000].drop(columns="PAY_0"))
    assert {path: path.stat().st_mtime_ns for path in Path("out").iterdir()} == before
