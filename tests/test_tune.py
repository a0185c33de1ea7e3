import csv
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

from stages import tune
from stages.core.errors import LoopwrightError
from stages.core.estimators import Setup, build_estimator
from stages.core.models import load_model, recorded_sha256, save_model
from stages.core.params import HistGradientBoosting, Params, Range, Tune
from stages.core.schema import Schema
from stages.core.scoring import scores
from stages.core.splits import folds
from stages.core.tables import write_table
from stages.core.transformers import build_features
from stages.tune.picture import draw
from stages.tune.search import Trial, best_of, check_space, search

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
        max_features=1.0,
        early_stopping=None,
    )
    given: dict[str, Any] = {"trials": 20, "candidate": "boosting", "scoring": "log_loss"}
    given |= {"folds": 2, "prune": False, "enqueue": ()}
    return Tune(**given | {"random_state": 3, "start": start, "space": space} | more)


# --- the search -------------------------------------------------------------------------


def valley(parameters: dict[str, Any]) -> Iterator[float]:
    """Score parameters without a model: the best are 0.1 and 50."""
    off = np.log(parameters["learning_rate"] / 0.1) ** 2
    yield from (float(off), float(off + ((parameters["max_iter"] - 50) / 100) ** 2))


def best(trials: list[Trial], scoring: str = "log_loss") -> Trial:
    found = best_of(trials, scoring)
    assert found is not None
    return found


def test_it_finds_a_minimum_where_there_is_one() -> None:
    trials = search(valley, wanted(trials=40))
    found = best(trials)
    assert found.score < trials[0].score
    assert found.score == min(trial.score for trial in trials) < 0.1
    assert found.score == round(float(np.mean(found.folds)), 6)


def test_it_finds_a_maximum_where_higher_is_better() -> None:
    def hill(parameters: dict[str, Any]) -> Iterator[float]:
        return (-score for score in valley(parameters))

    trials = search(hill, wanted(trials=40, scoring="roc_auc"))
    assert best(trials, "roc_auc").score == max(trial.score for trial in trials) > -0.1


def test_the_first_trials_are_what_the_params_say() -> None:
    known = ({"learning_rate": 0.2}, {"learning_rate": 0.11, "max_iter": 60})
    trials = search(valley, wanted(trials=4, enqueue=known))
    assert [trial.parameters for trial in trials[:3]] == [
        {"learning_rate": 0.06, "max_iter": 150},
        {"learning_rate": 0.2, "max_iter": 150},
        {"learning_rate": 0.11, "max_iter": 60},
    ]
    outside = {"max_iter": Range(low=500, high=600, log=False)}
    scored: list[dict[str, Any]] = []

    def note(parameters: dict[str, Any]) -> Iterator[float]:
        scored.append(parameters)
        yield from (1.0, 1.0)

    search(note, wanted(trials=2, space=outside))
    assert all(500 <= parameters["max_iter"] <= 600 for parameters in scored)


def test_what_an_earlier_search_found_helps() -> None:
    cold = search(valley, wanted(trials=8))
    warm = search(valley, wanted(trials=8, enqueue=({"learning_rate": 0.1, "max_iter": 50},)))
    assert best(warm).score == 0.0 < best(cold).score


def test_a_trial_that_stays_below_the_median_is_given_up() -> None:
    asked: list[int] = []

    def slow(parameters: dict[str, Any]) -> Iterator[float]:
        asked.append(0)
        for score in valley(parameters):
            asked[-1] += 1
            yield score

    whole = search(slow, wanted(trials=30))
    assert asked == [2] * 30
    asked.clear()
    trials = search(slow, wanted(trials=30, prune=True))
    given_up = [trial for trial in trials if trial.score is None]
    assert 3 < len(given_up) < 25
    assert [len(trial.folds) for trial in trials] == asked
    assert all(trial.score is not None for trial in trials[:5])
    for place, trial in enumerate(trials):
        before = [t.folds[0] for t in trials[:place] if t.score is not None]
        if trial.score is None:
            assert trial.folds[0] > np.median(before)
    assert best(trials).score < 2 * best(whole).score + 0.1
    assert search(slow, wanted(trials=30, prune=True)) == trials


def test_values_have_the_types_of_the_start_and_stay_inside() -> None:
    trials = search(valley, wanted())
    for trial in trials:
        assert type(trial.parameters["max_iter"]) is int
        assert type(trial.parameters["learning_rate"]) is float
        assert 5 <= trial.parameters["max_iter"] <= 200
        assert 0.01 <= trial.parameters["learning_rate"] <= 0.3
    assert len({trial.parameters["learning_rate"] for trial in trials}) > 10


def test_the_seed_decides() -> None:
    one, same = (search(valley, wanted()) for _ in range(2))
    other = search(valley, wanted(random_state=4))
    assert one == same
    assert one != other


def test_on_a_tie_the_earliest_is_best() -> None:
    trials = [Trial({"C": c}, (0.5,), s) for c, s in ((1.0, 0.7), (2.0, 0.5), (3.0, 0.5))]
    assert best(trials).parameters == {"C": 2.0}
    assert best(trials, "roc_auc").parameters == {"C": 1.0}


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
    start = chosen.train.candidates[candidate]
    with pytest.raises(LoopwrightError, match=says):
        check_space(wanted(start=start, space=ranges))


def test_what_has_no_number_to_start_from_is_refused(chosen: Params) -> None:
    start = chosen.train.candidates["linear"].model_copy(update={"n_knots": None})
    space = {"n_knots": Range(low=3, high=6, log=False)}
    with pytest.raises(LoopwrightError, match=r"tune.start.n_knots is null; give it a number"):
        check_space(wanted(start=start, space=space))


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ({"leaves": 3}, "tune.enqueue.0.leaves: not a parameter"),
        ({"max_leaf_nodes": 9}, "tune.space does not search it; put it into tune.start"),
        ({"learning_rate": 0.5}, r"0.5 lies outside of tune.space, which goes from 0.01 to 0.3"),
        ({"max_iter": 20.5}, "tune.enqueue.0.max_iter: found 20.5"),
    ],
)
def test_a_set_to_begin_with_that_cannot_be_is_refused(known: dict[str, Any], says: str) -> None:
    with pytest.raises(LoopwrightError, match=says):
        check_space(wanted(enqueue=(known,)))


def test_the_space_of_the_params_is_possible(chosen: Params) -> None:
    check_space(chosen.tune)


def test_the_start_is_what_train_has(chosen: Params) -> None:
    assert chosen.tune.start == chosen.train.candidates[chosen.tune.candidate]


# --- the stage --------------------------------------------------------------------------


@pytest.fixture
def run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    credit: pd.DataFrame,
    chosen: Params,
    schema: Schema,
) -> Callable[..., dict[str, Any]]:
    """Return a function that runs the stage with some keys of params.yaml edited."""
    monkeypatch.chdir(tmp_path)
    write_table(Path("train.parquet"), credit[:1500])
    paths = {"train": Path("train.parquet"), "feature_list": Path("features.json")}
    paths["features"] = Path("features.skops")
    build = build_features(chosen.featurize, schema, TARGET, "ID")
    pipeline = build.fit(credit[:1500], credit[:1500][TARGET])
    document = {
        "sha256": save_model(Path("features.skops"), pipeline),
        "inputs": pipeline["columns"].inputs,
        "features": list(pipeline.get_feature_names_out()),
    }
    Path("features.json").write_text(json.dumps(document))

    def once(**edits: Any) -> dict[str, Any]:
        document = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
        document["tune"]["start"]["max_iter"] = 10
        document["charter"] |= edits.pop("charter", {})
        document["train"] |= edits.pop("train", {})
        document["tune"].update(edits)
        document["train"]["scoring"] = document["tune"]["scoring"]
        if document["charter"]["task"] == "regression":
            # The linear candidate is for classes.
            del document["train"]["candidates"]["linear"]
        Path("params.yaml").write_text(json.dumps(document))
        tune.main(
            params=Path("params.yaml"),
            **paths,
            best_params=Path("best.json"),
            trials=Path("trials.csv"),
            tune_figures=Path("figures"),
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
        "start_score": None,
        "trials": 0,
        "given_up": 0,
    }
    assert Path("figures/search.png").read_bytes()[:4] == b"\x89PNG"
    assert table() == []
    assert Path("trials.csv").read_text().startswith("trial,log_loss,fold_1,fold_2,fold_3,")


def test_a_search_writes_the_same_bytes_twice(run: Any, chosen: Params) -> None:
    first = run(trials=3)
    outs = [Path(name) for name in ("best.json", "trials.csv", "figures/search.png")]
    before = [path.read_bytes() for path in outs]
    assert run(trials=3) == first
    assert [path.read_bytes() for path in outs] == before
    rows = table()
    assert [row["trial"] for row in rows] == ["0", "1", "2"]
    best = min(rows, key=lambda row: float(row["log_loss"]))
    assert first["status"] == "searched"
    assert first["score"] == float(best["log_loss"])
    assert first["trials"] == 3
    assert first["start_score"] == float(rows[0]["log_loss"])
    searched = {name: float(best[name]) for name in list(best)[5:]}
    assert set(first["parameters"]) == {*searched, "max_iter", "max_features"}
    assert first["parameters"] == first["parameters"] | searched | {
        "max_iter": 10,
        "max_features": chosen.tune.start.max_features,  # type: ignore[union-attr]
    }


def test_a_score_is_the_mean_over_folds_with_all_refitted_in_each(
    run: Any, chosen: Params, credit: pd.DataFrame
) -> None:
    candidate = chosen.train.candidates["linear"]
    space = {"C": {"low": 0.1, "high": 10.0, "log": True}}
    run(trials=1, candidate="linear", start=candidate.model_dump(), space=space)
    (row,) = table()
    train = credit[:1500]
    y = train[TARGET].to_numpy()
    features = load_model(Path("features.skops"), recorded_sha256(Path("features.json")))
    found = []
    for fit, score in folds(train, chosen.split, chosen.charter.target, "ID", 3, 0):
        setup = Setup(task="binary", rule="PAY_0 >= 2", random_state=0)
        estimator = build_estimator(candidate, setup, clone(features))
        estimator.fit(train.iloc[fit], y[fit])
        y_prob = estimator.predict_proba(train.iloc[score])[:, 1]
        found.append(scores("binary", y[score], y_prob, ["log_loss"])["log_loss"])
    assert [float(row[f"fold_{i}"]) for i in (1, 2, 3)] == found
    assert float(row["log_loss"]) == pytest.approx(np.mean(found), abs=1e-6)


def test_a_booster_stops_early_inside_each_fold(run: Any, chosen: Params) -> None:
    start = {**chosen.tune.start.model_dump(), "max_iter": 400, "learning_rate": 0.3}
    space = {"l2_regularization": {"low": 1.0, "high": 20.0, "log": True}}
    run(trials=1, start=start, space=space)
    (long,) = table()
    run(trials=1, start=start | {"early_stopping": {"rounds": 5, "fraction": 0.2}}, space=space)
    (stopped,) = table()
    assert float(stopped["log_loss"]) < float(long["log_loss"]) - 0.05


def test_other_tasks_are_searched_too(run: Any, credit: pd.DataFrame) -> None:
    level = pd.cut(credit["LIMIT_BAL"], [0, 5e4, 2e5, 1e7], labels=list("abc")).astype(str)
    write_table(Path("train.parquet"), credit[:1500].assign(level=level[:1500]))
    costs = {"currency": "x", "right": 0, "wrong": -1, "exceptions": [], "source": "x"}
    charter = {
        "task": "multiclass",
        "target": {"column": "level", "meaning": "x"},
        "costs": costs,
        "success_criteria": [],
        "rule": {"expression": "'a'", "meaning": "x", "role": "start"},
    }
    found = run(trials=2, scoring="accuracy", charter=charter)
    assert found["score"] > 0.8
    charter |= {"task": "regression", "target": {"column": "LIMIT_BAL", "meaning": "x"}}
    charter["costs"] = {"currency": "x", "per_unit_over": -1, "per_unit_under": -1, "source": "x"}
    charter["rule"] = {"expression": "AGE * 1000", "meaning": "x", "role": "start"}
    # The features were made for another target, which the frame still has.
    found = run(trials=2, scoring="r2", charter=charter, train={"target_transform": "log1p"})
    assert found["score"] > 0.3


def test_the_picture_shows_trials_that_were_given_up(chosen: Params) -> None:
    tune = wanted(trials=3, prune=True)
    trials = search(valley, tune)
    trials[1] = Trial(trials[1].parameters, trials[1].folds[:1], None)
    fig = draw(trials, tune)
    *slices, history = fig.axes
    assert history.get_title().startswith("The best of 3 trials has Log loss")
    labels = history.get_legend_handles_labels()[1]
    assert labels == ["trial", "given up early", "best so far"]
    assert [ax.get_xlabel() for ax in slices] == ["learning_rate", "max_iter"]
    assert [len(ax.lines[0].get_xdata()) for ax in slices] == [2, 2]


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
