"""What becomes of the columns of each kind, and that no table is too odd for it."""

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.core.models import load_model, save_model
from stages.core.params import Featurize, Params
from stages.core.schema import Schema
from stages.core.transformers import build_features

NUMBER = {"dtype": "float64", "kind": "numeric", "nullable": True}
CATEGORY = {"dtype": "str", "kind": "categorical", "nullable": True}


def described(**columns: dict[str, Any]) -> Schema:
    titled = {name: {"title": name, **column} for name, column in columns.items()}
    return Schema.model_validate_json(json.dumps({"columns": titled}))


@pytest.fixture
def declare(chosen: Params) -> Any:
    def made(select: dict[str, Any] | None = None, **transform: Any) -> Featurize:
        document = chosen.featurize.model_dump(mode="json")
        document |= {"exclude": [], "create": {}}
        document["transform"] |= {"numeric": "passthrough"} | transform
        document["select"] |= {"max_correlation": 1.0} | (select or {})
        return Featurize.model_validate_json(json.dumps(document))

    return made


def test_rare_levels_are_joined_and_the_unknown_goes_to_them(declare: Any) -> None:
    X = pd.DataFrame({"c": ["a"] * 50 + ["b"] * 30 + ["c"] * 3 + ["d"] * 2}, dtype=object)
    y = np.arange(85) % 2
    new = pd.DataFrame({"c": ["a", "d", "new"]}, dtype=object)
    for limit in ({"min_frequency": 10}, {"max_categories": 3}):
        features = build_features(declare(**limit), described(c=CATEGORY), "y", None).fit(X, y)
        found = features.transform(new)
        assert list(found) == ["c=a", "c=b", "c=(rare)"]
        assert found.to_numpy().tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    none = declare(min_frequency=None, max_categories=None)
    features = build_features(none, described(c=CATEGORY), "y", None).fit(X, y)
    assert features.transform(new).to_numpy().tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0] * 4]


@pytest.mark.parametrize("encoding", ["frequency", "ordinal", "target"])
def test_many_levels_are_treated_in_their_own_way(encoding: str, declare: Any) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"few": rng.choice(["x", "y"], 400), "many": rng.choice([f"m{i}" for i in range(60)], 400)}
    )
    y = rng.integers(0, 2, 400)
    kinds = declare(high_cardinality={"above": 50, "encoding": encoding})
    features = build_features(kinds, described(few=CATEGORY, many=CATEGORY), "y", None)
    found = features.fit_transform(X, y)
    assert list(found) == ["few=x", "few=y", "many"]
    if encoding == "frequency":
        expected = X["many"].map(X["many"].value_counts(normalize=True))
        np.testing.assert_allclose(found["many"], expected)
        assert features.transform(X[:1].assign(many="?"))["many"].tolist() == [0.0]


def test_gaps_are_kept_where_that_is_asked_for(declare: Any) -> None:
    X = pd.DataFrame({"x": [1.0, np.nan, 3.0, 4.0], "c": ["a", "b", "a", "b"]})
    schema = described(x=NUMBER, c=CATEGORY)
    for numeric in ("passthrough", "standard", "quantile"):
        kept = declare(impute="none", numeric=numeric)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="n_quantiles")
            found = build_features(kept, schema, "y", None).fit_transform(X, [0, 1, 0, 1])
        assert found["x"].isna().tolist() == [False, True, False, False]


def test_a_constant_stands_for_a_gap_in_the_columns_own_unit(declare: Any) -> None:
    X = pd.DataFrame({"x": [1.0, np.nan, 3.0, 5.0], "z": [1.0, 2.0, 3.0, 4.0]})
    schema = described(x=NUMBER, z=NUMBER)
    fill = {"impute": "constant", "fill_value": -1.0, "numeric": "standard"}
    found = build_features(declare(**fill), schema, "y", None).fit_transform(X, [0, 1, 0, 1])
    assert list(found) == ["x", "z", "missingindicator_x"]
    filled = np.array([1.0, -1.0, 3.0, 5.0])
    np.testing.assert_allclose(found["x"], (filled - filled.mean()) / filled.std())
    assert found["missingindicator_x"].tolist() == [0, 1, 0, 0]
    quiet = declare(**fill, indicator=False)
    assert list(build_features(quiet, schema, "y", None).fit(X, [0, 1, 0, 1])[-1:]
                .get_feature_names_out()) == ["x", "z"]  # fmt: skip


@pytest.mark.parametrize("n", [4, 250])
@pytest.mark.parametrize("numeric", ["passthrough", "standard", "robust", "quantile", "power"])
def test_empty_and_constant_columns_do_no_harm(numeric: str, n: int, declare: Any) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "gone": np.nan,
            "flat": 1.0,
            "gaps": np.where(np.arange(n) % 2, 1.0, np.nan),
            "void": np.array([None] * n, dtype=object),
        }
    )
    schema = described(x=NUMBER, gone=NUMBER, flat=NUMBER, gaps=NUMBER, void=CATEGORY)
    y = np.arange(n) % 2
    for impute in ("median", "mean", "most_frequent", "constant", "none"):
        for categorical in ("one_hot", "ordinal", "frequency", "target"):
            kinds = declare(numeric=numeric, impute=impute, categorical=categorical)
            features = build_features(kinds, schema, "y", None)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.filterwarnings("ignore", message="n_quantiles")
                found = features.fit_transform(X, y)
                later = features.transform(X.assign(gone=5.0, void="new"))
            assert (found.dtypes == np.float64).all()
            assert found.isna().to_numpy().any() == (impute == "none")
            assert {"x"} <= set(found)
            assert "gone" in features["select"].dropped_
            assert np.isfinite(later["x"]).all()


def test_more_columns_than_rows(declare: Any) -> None:
    rng = np.random.default_rng(0)
    X = (
        pd.DataFrame(rng.normal(size=(250, 750)))
        .add_prefix("v")
        .mask(rng.random((250, 750)) < 0.05)
    )
    X["v749"] = X["v3"]
    schema = described(**dict.fromkeys(X, NUMBER))
    kinds = declare({"max_correlation": 0.9}, numeric="quantile")
    features = build_features(kinds, schema, "y", None).fit(X, np.arange(250) % 2)
    assert features["select"].dropped_["v749"] == "correlation 1.000000 with v3"


def test_a_level_for_nearly_every_row(declare: Any, tmp_path: Any) -> None:
    """20,000 levels of 30,000 rows: no column for each, and a file of their numbers alone."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=30_000)})
    X["client"] = "the client with the number " + pd.Series(rng.integers(0, 20_000, 30_000)).astype(
        str
    )
    y = rng.integers(0, 2, 30_000)
    for encoding in ("one_hot", "frequency", "target"):
        kinds = declare(high_cardinality={"above": 50, "encoding": encoding})
        features = build_features(kinds, described(x=NUMBER, client=CATEGORY), "y", None)
        found = features.fit_transform(X, y)
        assert found.shape[1] <= 32
        if encoding == "one_hot":
            continue
        sha256 = save_model(tmp_path / encoding, features)
        saved = (tmp_path / encoding).read_bytes()
        assert len(saved) < 500_000
        assert b"the client with" not in saved  # no name is kept
        loaded = load_model(tmp_path / encoding, sha256)
        pd.testing.assert_frame_equal(loaded.transform(X[:9]), features.transform(X[:9]))


def test_texts_become_the_same_components_every_time(declare: Any, chosen: Params) -> None:
    rng = np.random.default_rng(0)
    words = np.array(
        ["the", "red", "blue", "car", "boat", "is", "late", "paid", "twice", "never", "again"]
    )
    notes = [" ".join(rng.choice(words, 5)) for _ in range(200)]
    X = pd.DataFrame({"note": pd.array([*notes, None, ""], dtype="str")})
    note = {"dtype": "str", "kind": "text", "nullable": True}
    asked = chosen.featurize.transform.text.model_dump(mode="json")
    for vectorizer in ("tfidf", "hashing"):
        kinds = declare(text=asked | {"vectorizer": vectorizer, "components": 6})
        features = build_features(kinds, described(note=note), "y", None)
        first, second = (features.fit_transform(X, np.arange(202) % 2) for _ in range(2))
        pd.testing.assert_frame_equal(first, second)
        assert list(first) == [f"note={i}" for i in range(1, 7)]
        assert (first[-2:] == 0).all().all()
        # Equal texts have equal numbers; texts alike in words lie near one another.
        pair = features.transform(X[:1].assign(note="red car red car")).to_numpy()[0]
        near, far = (
            features.transform(X[:1].assign(note=text)).to_numpy()[0]
            for text in ("red car", "never paid")
        )
        assert np.linalg.norm(pair - near) < np.linalg.norm(pair - far)


def test_texts_that_say_nothing_are_zeros(declare: Any, chosen: Params) -> None:
    asked = chosen.featurize.transform.text.model_dump(mode="json")
    note = {"dtype": "str", "kind": "text", "nullable": True}
    X = pd.DataFrame({"x": [1.0, 2.0, 3.0], "note": pd.array([None, "", "a"], dtype="str")})
    for vectorizer in ("tfidf", "hashing"):
        kinds = declare(text=asked | {"vectorizer": vectorizer})
        features = build_features(kinds, described(x=NUMBER, note=note), "y", None)
        features.fit(X, [0, 1, 0])  # no word of two letters or more
        assert list(features.get_feature_names_out()) == ["x"]
        assert set(features["select"].dropped_.values()) == {"variance 0"}
