import csv
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
from threadpoolctl import threadpool_limits

from stages import featurize, tune
from stages.core.errors import LoopwrightError
from stages.core.models import load_model, recorded_sha256
from stages.core.params import HistGradientBoosting, Params, Range, Tune
from stages.core.scoring import scores
from stages.core.splits import folds
from stages.core.tables import write_table

ROOT = Path(__file__).parent.parent
TARGET = "default payment next month"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Limit threads as `stages.core.stage.run` does."""
    with threadpool_limits(1):
        yield


def wanted(**more: Any) -> Tune:
    space = {
        "learning_rate": Range(low=0.01, high=0.3, log=True),
        "max_iter": Range(low=5, high=200, log=False),
    }
    start = HistGradientBoosting(
        estimator="hist_gradient_boosting",
        learning_rate=0.06,
        max_iter=150,
        max_leaf_nodes=8,
        min_samples_leaf=100,
        l2_regularization=10.0,
    )
    given = {"trials": 20, "candidate": "boosting", "scoring": "log_loss", "folds": 2}
    return Tune(**given | {"random_state": 3, "start": start, "space": space} | more)


# --- the search -------------------------------------------------------------------------


def valley(parameters: dict[str, Any]) -> list[float]:
    """Score parameters without a model: the best are 0.1 and 50."""
    off = np.log(parameters["learning_rate"] / 0.1) ** 2
    return [float(off), float(off + ((parameters["max_iter"] - 50) / 100) ** 2)]


def test_it_finds_a_minimum_where_there_is_one() -> None:
    trials = tune.search(valley, wanted(trials=40))
    best = tune.best_of(trials, "log_loss")
    assert best.score < trials[0].score
    assert best.score == min(trial.score for trial in trials) < 0.1
    assert best.score == round(float(np.mean(best.folds)), 6)


def test_it_finds_a_maximum_where_higher_is_better() -> None:
    def hill(parameters: dict[str, Any]) -> list[float]:
        return [-score for score in valley(parameters)]

    trials = tune.search(hill, wanted(trials=40, scoring="roc_auc"))
    assert tune.best_of(trials, "roc_auc").score == max(trial.score for trial in trials) > -0.1


def test_the_first_trial_is_what_the_params_say() -> None:
    trials = tune.search(valley, wanted(trials=2))
    assert trials[0].parameters == {"learning_rate": 0.06, "max_iter": 150}
    outside = {"max_iter": Range(low=500, high=600, log=False)}
    scored: list[dict[str, Any]] = []

    def note(parameters: dict[str, Any]) -> list[float]:
        scored.append(parameters)
        return [1.0]

    tune.search(note, wanted(trials=2, space=outside))
    assert all(500 <= parameters["max_iter"] <= 600 for parameters in scored)


def test_values_have_the_types_of_the_start_and_stay_inside() -> None:
    trials = tune.search(valley, wanted())
    for trial in trials:
        assert type(trial.parameters["max_iter"]) is int
        assert type(trial.parameters["learning_rate"]) is float
        assert 5 <= trial.parameters["max_iter"] <= 200
        assert 0.01 <= trial.parameters["learning_rate"] <= 0.3
    assert len({trial.parameters["learning_rate"] for trial in trials}) > 10


def test_the_seed_decides() -> None:
    one, same = (tune.search(valley, wanted()) for _ in range(2))
    other = tune.search(valley, wanted(random_state=4))
    assert one == same
    assert one != other


def test_on_a_tie_the_earliest_is_best() -> None:
    trials = [tune.Trial({"C": c}, (0.5,), s) for c, s in ((1.0, 0.7), (2.0, 0.5), (3.0, 0.5))]
    assert tune.best_of(trials, "log_loss").parameters == {"C": 2.0}
    assert tune.best_of(trials, "roc_auc").parameters == {"C": 1.0}


# --- the space --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidate", "space", "says"),
    [
        ("boosting", {}, "nothing to search"),
        ("boosting", {"depth": (1, 2)}, "tune.space.depth: not a parameter of hist_grad"),
        ("boosting", {"max_itr": (1, 2)}, "did you mean 'max_iter'"),
        ("boosting", {"max_iter": (1.5, 2)}, "tune.space.max_iter: found 1.5"),
        ("boosting", {"learning_rate": (0.1, 1.5)}, "tune.space.learning_rate: found 1.5"),
        ("boosting", {"max_leaf_nodes": (1, 8)}, "tune.space.max_leaf_nodes: found 1"),
        ("boosting", {"estimator": (1, 2)}, "tune.space.estimator: not a parameter"),
        ("dummy", {"C": (1, 2)}, "tune.space.C: not a parameter of dummy; possible: none"),
    ],
)
def test_a_space_that_cannot_be_is_refused(
    chosen: Params, candidate: str, space: dict[str, tuple[float, float]], says: str
) -> None:
    ranges = {name: Range(low=low, high=high, log=False) for name, (low, high) in space.items()}
    with pytest.raises(LoopwrightError, match=says):
        tune.check_space(ranges, chosen.train.candidates[candidate])


def test_the_space_of_the_params_is_possible(chosen: Params) -> None:
    tune.check_space(chosen.tune.space, chosen.tune.start)


def test_the_start_is_what_train_has(chosen: Params) -> None:
    assert chosen.tune.start == chosen.train.candidates[chosen.tune.candidate]


# --- the stage --------------------------------------------------------------------------


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credit: pd.DataFrame
) -> Callable[..., dict[str, Any]]:
    """Return a function that runs the stage with some keys of params.yaml edited."""
    monkeypatch.chdir(tmp_path)
    write_table(Path("train.parquet"), credit[:1500])
    paths = {"train": Path("train.parquet"), "feature_list": Path("features.json")}
    paths["features"] = Path("features.skops")
    featurize.main(params=ROOT / "params.yaml", schema=ROOT / "schema.yaml", **paths)

    def once(**edits: Any) -> dict[str, Any]:
        yaml = YAML()
        document = yaml.load((ROOT / "params.yaml").read_text())
        document["tune"]["start"]["max_iter"] = 10
        document["tune"].update(edits)
        text = io.StringIO()
        yaml.dump(document, text)
        Path("params.yaml").write_text(text.getvalue())
        tune.main(
            params=Path("params.yaml"),
            **paths,
            best_params=Path("best.json"),
            trials=Path("trials.csv"),
        )
        found: dict[str, Any] = json.loads(Path("best.json").read_text())
        return found

    return once


def table() -> list[dict[str, str]]:
    return list(csv.DictReader(Path("trials.csv").open()))


def test_off_passes_nothing_on_and_reads_no_table(run: Any) -> None:
    Path("train.parquet").unlink()
    Path("features.skops").unlink()
    assert run(trials=0) == {
        "status": "off",
        "candidate": "boosting",
        "parameters": {},
        "scoring": "log_loss",
        "score": None,
        "trials": 0,
    }
    assert table() == []
    assert Path("trials.csv").read_text().startswith("trial,log_loss,fold_1,fold_2,fold_3,")


def test_a_search_writes_the_same_bytes_twice(run: Any) -> None:
    first = run(trials=3)
    bytes_of = [Path(name).read_bytes() for name in ("best.json", "trials.csv")]
    assert run(trials=3) == first
    assert [Path(name).read_bytes() for name in ("best.json", "trials.csv")] == bytes_of
    rows = table()
    assert [row["trial"] for row in rows] == ["0", "1", "2"]
    best = min(rows, key=lambda row: float(row["log_loss"]))
    assert first["status"] == "searched"
    assert first["score"] == float(best["log_loss"])
    assert first["trials"] == 3
    searched = {name: float(best[name]) for name in list(best)[5:]}
    assert set(first["parameters"]) == {*searched, "max_iter"}
    assert first["parameters"] == first["parameters"] | searched | {"max_iter": 10}


def test_a_score_is_the_mean_over_folds_with_all_refitted_in_each(
    run: Any, chosen: Params, credit: pd.DataFrame
) -> None:
    start = {"estimator": "logistic_regression", "C": 1.0, "max_iter": 1000}
    space = {"C": {"low": 0.1, "high": 10.0, "log": True}}
    run(trials=1, candidate="linear", start=start, space=space)
    (row,) = table()
    train = credit[:1500]
    y = train[TARGET].to_numpy()
    features = load_model(Path("features.skops"), recorded_sha256(Path("features.json")))
    candidate = chosen.train.candidates["linear"]
    found = []
    for fit, score in folds(train, chosen.split, chosen.charter.target, "ID", 3, 0):
        estimator = tune.build_estimator(candidate, 0, clone(features), "PAY_0 >= 2")
        estimator.fit(train.iloc[fit], y[fit])
        learnt = estimator["features"]["transform"].named_transformers_["numeric"][0]
        assert learnt.quantiles_[-1, 0] == train["LIMIT_BAL"].iloc[fit].max()
        y_prob = estimator.predict_proba(train.iloc[score])[:, 1]
        found.append(scores(y[score], y_prob, ["log_loss"])["log_loss"])
    assert [float(row[f"fold_{i}"]) for i in (1, 2, 3)] == found
    assert float(row["log_loss"]) == pytest.approx(np.mean(found), abs=1e-6)


def test_the_rows_of_a_fold_are_scored_by_what_did_not_see_them() -> None:
    frame = pd.DataFrame({"x": np.arange(8.0)})
    y = np.array([0, 1] * 4)
    seen: list[set[float]] = []

    class Recorder:
        def fit(self, X: pd.DataFrame, y: Any) -> "Recorder":
            self.rows = set(X["x"])
            return self

        def predict_proba(self, X: pd.DataFrame) -> Any:
            seen.append(self.rows & set(X["x"]))
            return np.full((len(X), 2), 0.5)

    dealt = [(np.arange(4), np.arange(4, 8)), (np.arange(4, 8), np.arange(4))]
    score = tune.cross_validated(frame, y, dealt, lambda _: Recorder(), "log_loss")
    assert score({}) == [round(np.log(2), 6)] * 2
    assert seen == [set(), set()]


def test_a_fault_leaves_what_was_there(run: Any) -> None:
    run(trials=0)
    before = Path("best.json").read_bytes()
    with pytest.raises(LoopwrightError, match=r"tune.space.leaves: not a parameter"):
        run(trials=1, space={"leaves": {"low": 1, "high": 2, "log": False}})
    with pytest.raises(LoopwrightError, match=r"tune.candidate 'forest' is none of the cand"):
        run(trials=1, candidate="forest")
    with pytest.raises(LoopwrightError, match=r"hist_gradient_boosting, but candidate 'linear'"):
        run(trials=1, candidate="linear")
    assert Path("best.json").read_bytes() == before
