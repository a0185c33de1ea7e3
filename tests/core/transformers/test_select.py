"""Selection by the target: what is needed stays, noise goes, each with its reason."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.core.transformers import SelectFeatures

WAYS: dict[str, dict[str, Any]] = {
    "mutual_information": {"keep": 2},
    "l1": {"alpha": 0.05},
    "permutation": {"folds": 3, "repeats": 2, "min_gain": 0.02},
    "recursive": {"folds": 3, "step": 0.3, "min_features": 1},
}
SAYS = {
    "mutual_information": "nats, place",
    "l1": "weight 0 under the L1 penalty 0.05",
    "permutation": "permutation: the loss grows by",
    "recursive": "recursive elimination: round",
}


def planted(task: str, n: int = 600) -> tuple[pd.DataFrame, Any]:
    """Two columns that tell the target and five of noise, one of them with gaps."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 7)), columns=[*"ab", *(f"noise{i}" for i in range(5))])
    X.loc[::9, "noise2"] = np.nan
    y = 3 * X["a"] - 2 * X["b"] + rng.normal(0, 0.5, n)
    if task == "regression":
        return X, y.to_numpy()
    if task == "binary":
        return X, (y > 0).to_numpy().astype(int)
    return X, np.array(["low", "mid", "top"], dtype=object)[np.digitize(y, [-2, 2])]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("way", WAYS)
def test_what_tells_the_target_stays_and_noise_goes(way: str, task: Any) -> None:
    X, y = planted(task)
    select = SelectFeatures(task=task, **{way: WAYS[way]}).set_output(transform="pandas")
    kept = set(select.fit_transform(X, y))
    assert {"a", "b"} <= kept
    assert len(select.dropped_) >= 4
    assert all(name.startswith("noise") for name in select.dropped_)
    assert all(SAYS[way] in why for why in select.dropped_.values())
    again = SelectFeatures(task=task, **{way: WAYS[way]}).fit(X, y)
    assert again.dropped_ == select.dropped_


@pytest.mark.parametrize("way", ["l1", "permutation"])
def test_where_nothing_helps_one_feature_stays(way: str) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd"))
    settings = {"l1": {"alpha": 10.0}, "permutation": {**WAYS["permutation"], "min_gain": 9.0}}
    select = SelectFeatures(**{way: settings[way]}).fit(X, rng.integers(0, 2, 300))
    assert select.support_.sum() == 1


@pytest.mark.parametrize("way", ["l1", "permutation"])
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_weights_say_which_rows_count(way: str, task: Any) -> None:
    """In half of the rows `a` tells the target and in the others `b`: the weight decides."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(800, 2)), columns=list("ab"))
    y = np.where(np.arange(800) % 2, X["a"], X["b"])
    y = (y > 0).astype(int) if task == "binary" else y
    settings = {"l1": {"alpha": 0.1}, "permutation": {**WAYS["permutation"], "min_gain": 0.02}}
    for parity, name in ((1, "a"), (0, "b")):
        weight = np.where(np.arange(800) % 2 == parity, 1.0, 1e-3)
        select = SelectFeatures(task=task, **{way: settings[way]}).fit(X, y, sample_weight=weight)
        assert list(select.get_feature_names_out()) == [name]


def test_a_class_of_one_row_does_not_stop_it() -> None:
    X, y = planted("multiclass", 120)
    y[0] = "once"
    both = {way: WAYS[way] for way in ("permutation", "recursive")}
    select = SelectFeatures(task="multiclass", **both).fit(X, y)
    assert select.support_[0]


def test_they_are_asked_in_turn_about_what_is_left() -> None:
    X, y = planted("binary")
    X["twin"] = X["a"] * 2
    X["flat"] = 1.0
    select = SelectFeatures(max_correlation=0.95, **WAYS).fit(X, y)
    assert select.dropped_["flat"] == "variance 0"
    assert "with a" in select.dropped_["twin"]
    assert set(select.get_feature_names_out()) == {"a", "b"}
    assert {why.split(" ")[0] for why in select.dropped_.values()} >= {"mutual", "variance"}


def test_a_value_in_nearly_all_rows_is_told_by_its_share() -> None:
    X = pd.DataFrame({"a": np.arange(200.0), "b": [1.0] * 199 + [9.0], "gone": np.nan})
    X["gap"] = np.where(np.arange(200) < 150, np.nan, 1.0)
    select = SelectFeatures(near_constant=0.99).fit(X)
    assert select.dropped_ == {"b": "one value in 99.5000% of the rows", "gone": "all missing"}
    # Missing or not is itself a difference.
    assert "gap" in select.get_feature_names_out()


def test_correlation_is_seen_in_a_sample_and_gaps_do_not_hide_it() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(5000, 3)), columns=list("abc"))
    X["twin"] = X["b"] + rng.normal(0, 0.01, 5000)
    X.loc[::7, "twin"] = np.nan
    for most in (500, 20_000):
        select = SelectFeatures(max_correlation=0.9, max_rows=most).fit(X)
        assert list(select.dropped_) == ["twin"]
    sampled, whole = (
        SelectFeatures(max_correlation=0.9, max_rows=most).fit(X).dropped_["twin"]
        for most in (500, 20_000)
    )
    assert sampled != whole
    expected = X["twin"].corr(X["b"])
    assert float(whole.split()[1]) == pytest.approx(expected, abs=1e-4)
