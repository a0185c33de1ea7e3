"""The feature pipeline: against brute force, scikit-learn's own parts, and planted faults."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PowerTransformer, QuantileTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from stages.core.errors import LoopwrightError
from stages.core.params import Featurize, Params
from stages.core.schema import Schema
from stages.core.transformers import (
    N_QUANTILES,
    CategoryNames,
    CreateFeatures,
    SelectColumns,
    SelectFeatures,
    build_features,
)

TARGET, KEY = "default payment next month", "ID"
WHY = "a hypothesis of enough letters"


@pytest.fixture
def build(chosen: Params, schema: Schema) -> Any:
    """Return the default pipeline with some sections of featurize given other values."""

    def made(**sections: Any) -> Pipeline:
        return build_features(edited(chosen.featurize, **sections), schema, TARGET, KEY)

    return made


def edited(featurize: Featurize, **sections: Any) -> Featurize:
    document = featurize.model_dump(mode="json")
    for name, value in sections.items():
        merge = name in ("transform", "select")
        document[name] = {**document[name], **value} if merge else value
    return Featurize.model_validate_json(json.dumps(document))


# --- a small table with every type ------------------------------------------------------

ZOO = {
    "columns": {
        "row": {"dtype": "int64", "kind": "identifier", "title": "Row"},
        "born": {"dtype": "datetime64[ns]", "kind": "datetime", "title": "B", "format": "%Y"},
        "income": {"dtype": "float64", "kind": "numeric", "title": "I", "nullable": True},
        "debt": {"dtype": "int64", "kind": "numeric", "title": "D"},
        "calls": {"dtype": "Int64", "kind": "numeric", "title": "C", "nullable": True},
        "late": {"dtype": "int64", "kind": "ordinal", "title": "L"},
        "stars": {"dtype": "Int64", "kind": "ordinal", "title": "S", "nullable": True},
        "grade": {
            "dtype": "category",
            "kind": "ordinal",
            "title": "G",
            "labels": {"low": "low", "mid": "middle", "high": "high"},
        },
        "active": {"dtype": "boolean", "kind": "categorical", "title": "A", "nullable": True},
        "city": {"dtype": "str", "kind": "categorical", "title": "C", "nullable": True},
        "plan": {"dtype": "category", "kind": "categorical", "title": "P"},
        "code": {
            "dtype": "int64",
            "kind": "categorical",
            "title": "C",
            "labels": {"1": "one", "2": "two", "3": "two"},
        },
        "sex": {
            "dtype": "int64",
            "kind": "categorical",
            "title": "S",
            "labels": {"1": "male", "2": "female"},
        },
        "churned": {"dtype": "str", "kind": "categorical", "title": "Churned"},
    }
}


@pytest.fixture
def zoo_schema() -> Schema:
    return Schema.model_validate_json(json.dumps(ZOO))


@pytest.fixture
def zoo() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 300

    def holes(values: Any) -> Any:
        values = np.array(values, dtype=object)
        values[rng.random(n) < 0.1] = None
        return values

    return pd.DataFrame(
        {
            "row": np.arange(n),
            "born": pd.date_range("1980-01-01", periods=n),
            "income": holes(rng.normal(3000, 500, n)).astype(float),
            "debt": rng.integers(0, 3, n),
            "calls": pd.array(holes(rng.integers(0, 9, n)), dtype="Int64"),
            "late": rng.integers(-2, 5, n),
            "stars": pd.array(holes(rng.integers(1, 6, n)), dtype="Int64"),
            "grade": pd.Categorical(rng.choice(["low", "mid", "high"], n)),
            "active": pd.array(holes(rng.random(n) < 0.5), dtype="boolean"),
            "city": pd.array(holes(rng.choice(["Rome", "Oslo"], n)), dtype="str"),
            "plan": pd.Categorical(rng.choice(["basic", "full"], n)),
            "code": rng.integers(1, 4, n),
            "sex": rng.integers(1, 3, n),
            "churned": rng.choice(["Yes", "No"], n),
        }
    )


@pytest.fixture
def zoo_features(chosen: Params, zoo_schema: Schema) -> Any:
    def made(**sections: Any) -> Pipeline:
        create = {
            "burden": {"kind": "ratio", "columns": ["income", "debt"], "hypothesis": WHY},
            "sum": {"kind": "sum", "columns": ["debt", "late"], "hypothesis": WHY},
        }
        sections = {"exclude": [], "create": create} | sections
        return build_features(edited(chosen.featurize, **sections), zoo_schema, "churned", "row")

    return made


# --- created features -------------------------------------------------------------------


def by_hand(kind: str, row: list[float], above: float | None) -> float:
    """Compute one value of a created feature in plain Python."""
    if any(math.isnan(value) for value in row):
        return math.nan
    if kind == "ratio":
        return row[0] / row[1] if row[1] != 0 else math.nan
    if kind == "count_above":
        assert above is not None
        return float(len([value for value in row if value > above]))
    if kind == "difference":
        return row[0] - row[1]
    if kind == "sum":
        return sum(row)
    if kind == "mean":
        return sum(row) / len(row)
    return max(row) if kind == "max" else min(row)


@pytest.mark.parametrize(
    "kind", ["ratio", "difference", "sum", "mean", "max", "min", "count_above"]
)
def test_created_features_equal_those_made_by_hand(kind: str) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(0, 1e4, (200, 3)).round(2), columns=["a", "b", "c"])
    frame.iloc[::7, 1] = 0
    frame.iloc[::11, 0] = np.nan
    frame.iloc[::13, 2] = np.nan
    columns = ["a", "b"] if kind in ("ratio", "difference") else ["a", "b", "c"]
    above = 10.5 if kind == "count_above" else None
    feature = {"kind": kind, "columns": columns} | ({"above": above} if above else {})
    found = CreateFeatures({"new": feature}).fit_transform(frame)
    expected = [by_hand(kind, list(row), above) for row in frame[columns].to_numpy()]
    np.testing.assert_array_equal(found["new"], expected)
    pd.testing.assert_frame_equal(found[["a", "b", "c"]], frame)


def test_a_quotient_too_large_for_a_float_is_missing() -> None:
    frame = pd.DataFrame({"a": [1e300, 1.0], "b": [1e-300, 4.0]})
    made = CreateFeatures({"r": {"kind": "ratio", "columns": ["a", "b"]}}).fit_transform(frame)
    assert made["r"].tolist()[1] == 0.25
    assert math.isnan(made["r"][0])


def test_created_names_follow_the_columns(build: Any, chosen: Params, sample: pd.DataFrame) -> None:
    made = build()[:2].fit(sample)
    names = list(made.get_feature_names_out())
    assert names[-6:] == list(chosen.featurize.create)
    assert list(made.transform(sample).columns) == names


# --- inputs -----------------------------------------------------------------------------


def test_inputs_are_all_but_key_target_and_excluded(build: Any, schema: Schema) -> None:
    columns = build()["columns"]
    left_out = {"ID", TARGET, "SEX", "AGE", "EDUCATION", "MARRIAGE"}
    assert columns.numbers == [name for name in schema.columns if name not in left_out]
    assert columns.texts == []


def test_identifiers_and_dates_are_no_inputs(zoo_features: Any) -> None:
    columns = zoo_features(exclude=["sex"])["columns"]
    assert {*columns.numbers, *columns.texts}.isdisjoint({"row", "born", "sex", "churned"})
    assert columns.texts == ["grade", "city", "plan"]


def test_an_excluded_column_is_not_even_looked_at(build: Any, credit: pd.DataFrame) -> None:
    train, rest = credit[:2000], credit[2000:2200]
    features = build().fit(train)
    blind = ["SEX", "AGE", "EDUCATION", "MARRIAGE", "ID", TARGET]
    turned = train.copy()
    turned[blind] = turned[blind].sample(frac=1, random_state=0).to_numpy()
    again = build().fit(turned.drop(columns=blind))
    pd.testing.assert_frame_equal(
        features.transform(rest), again.transform(rest.drop(columns=blind))
    )


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"exclude": ["SEXX"]}, "featurize.exclude: no column 'SEXX' .*did you mean 'SEX'"),
        (
            {"create": {"old": {"kind": "sum", "columns": ["AGE", "PAY_0"], "hypothesis": WHY}}},
            "featurize.create.old.columns: 'AGE' is excluded",
        ),
        (
            {"create": {"x": {"kind": "sum", "columns": ["PAY_1", "PAY_0"], "hypothesis": WHY}}},
            "featurize.create.x.columns: no column 'PAY_1'",
        ),
        (
            {"create": {"x": {"kind": "sum", "columns": [TARGET, "PAY_0"], "hypothesis": WHY}}},
            "'default payment next month' is the target, the key",
        ),
        (
            {
                "create": {
                    "PAY_0": {"kind": "sum", "columns": ["PAY_2", "PAY_3"], "hypothesis": WHY}
                }
            },
            "featurize.create.PAY_0: the table has a column of this name",
        ),
    ],
)
def test_an_impossible_declaration_is_refused(
    build: Any, sections: dict[str, Any], says: str
) -> None:
    with pytest.raises(LoopwrightError, match=says):
        build(**sections)


def test_a_created_feature_of_texts_is_refused(zoo_features: Any) -> None:
    create = {"x": {"kind": "sum", "columns": ["debt", "city"], "hypothesis": WHY}}
    with pytest.raises(LoopwrightError, match="'city' holds texts"):
        zoo_features(create=create)


def test_no_input_left_is_an_error(build: Any, schema: Schema) -> None:
    every = [name for name in schema.columns if name not in (TARGET, KEY)]
    with pytest.raises(LoopwrightError, match="leaves no input"):
        build(exclude=every, create={})


def test_a_missing_column_is_named(build: Any, sample: pd.DataFrame) -> None:
    features = build().fit(sample)
    with pytest.raises(LoopwrightError, match=r"no column 'PAY_0'.*did you mean 'PAY_00'"):
        features.transform(sample.rename(columns={"PAY_0": "PAY_00"}))
    with pytest.raises(LoopwrightError, match="DataFrame was expected, not ndarray"):
        features.transform(sample.to_numpy())


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("much", "column 'LIMIT_BAL', row 3: a number was expected, found 'much'"),
        (np.inf, "column 'LIMIT_BAL', row 3: the number is infinite"),
        (None, "column 'LIMIT_BAL', row 3: the value is missing"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    build: Any, sample: pd.DataFrame, value: Any, says: str
) -> None:
    features = build().fit(sample)
    wrong = sample.astype({"LIMIT_BAL": object})
    wrong.loc[3, "LIMIT_BAL"] = value
    with pytest.raises(LoopwrightError, match=says):
        features.transform(wrong)


def test_numbers_may_come_in_any_type(build: Any, sample: pd.DataFrame) -> None:
    features = build().fit(sample)
    expected = features.transform(sample)
    others = [sample.astype("Int64"), sample.astype("float64"), sample.astype(object)]
    for other in others:
        pd.testing.assert_frame_equal(features.transform(other), expected)


def test_columns_may_come_in_any_order(build: Any, sample: pd.DataFrame) -> None:
    features = build().fit(sample)
    turned = sample[sample.columns[::-1]].assign(more=1)
    pd.testing.assert_frame_equal(features.transform(turned), features.transform(sample))


# --- transform --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "transformer"),
    [
        ("standard", StandardScaler()),
        ("quantile", QuantileTransformer(n_quantiles=N_QUANTILES, subsample=None)),
        ("power", PowerTransformer()),
    ],
)
def test_numbers_are_transformed_as_scikit_learn_does_one_by_one(
    build: Any, credit: pd.DataFrame, option: str, transformer: Any
) -> None:
    train, rest = credit[:3000], credit[3000:4000]
    features = build(transform={"numeric": option}).fit(train)
    found = features.transform(rest)
    for name in ("LIMIT_BAL", "BILL_AMT3", "PAY_AMT6"):
        own = clone(transformer).fit(train[[name]].to_numpy(dtype=float))
        expected = own.transform(rest[[name]].to_numpy(dtype=float))[:, 0]
        np.testing.assert_array_equal(found[name], expected)
    # Ordinals keep their codes.
    np.testing.assert_array_equal(found["PAY_0"], rest["PAY_0"])


def test_nothing_is_learnt_from_what_is_transformed(build: Any, credit: pd.DataFrame) -> None:
    features = build().fit(credit[:1000])
    before = features.transform(credit[1000:1010])
    features.transform(credit[1000:] * 100)
    pd.testing.assert_frame_equal(features.transform(credit[1000:1010]), before)


def test_passthrough_leaves_numbers_alone(build: Any, sample: pd.DataFrame) -> None:
    found = build(transform={"numeric": "passthrough"}).fit_transform(sample)
    np.testing.assert_array_equal(found["BILL_AMT1"], sample["BILL_AMT1"])
    np.testing.assert_array_equal(found["utilisation"], sample["BILL_AMT1"] / sample["LIMIT_BAL"])


def test_a_quotient_by_zero_is_filled_in_and_said(build: Any, sample: pd.DataFrame) -> None:
    features = build(transform={"numeric": "passthrough"}).fit(sample)
    found = features.transform(sample)
    empty = sample["BILL_AMT2"] == 0
    assert 0 < empty.sum() < len(sample)
    np.testing.assert_array_equal(found["missingindicator_paid_share"] == 1, empty)
    known = (sample["PAY_AMT1"] / sample["BILL_AMT2"])[~empty]
    assert set(found["paid_share"][empty]) == {known.median()}
    assert not found.isna().any().any()


@pytest.mark.parametrize(("impute", "expected"), [("mean", 2.5), ("median", 2.0)])
def test_missing_numbers_are_filled_in_by_train(
    chosen: Params, impute: str, expected: float
) -> None:
    columns = {
        "x": {"dtype": "float64", "kind": "numeric", "title": "X", "nullable": True},
        "z": {"dtype": "float64", "kind": "numeric", "title": "Z", "nullable": True},
    }
    small = Schema.model_validate_json(json.dumps({"columns": columns}))
    transform = {"numeric": "passthrough", "impute": impute}
    featurize = edited(
        chosen.featurize,
        exclude=[],
        create={},
        transform=transform,
        select={"min_variance": 0, "max_correlation": 1.0},
    )
    train = pd.DataFrame({"x": [1.0, 1.0, 3.0, 5.0, None], "z": [9.0, 2.0, 3.0, 5.0, 5.0]})
    features = build_features(featurize, small, "y", None).fit(train)
    assert list(features.get_feature_names_out()) == ["x", "z", "missingindicator_x"]
    found = features.transform(pd.DataFrame({"x": [None, 4.0], "z": [None, 1.0]}))
    assert found["x"].tolist() == [expected, 4.0]
    assert found["missingindicator_x"].tolist() == [1.0, 0.0]
    # Train knew no missing z: it is filled in, and has no column of its own.
    assert found["z"].tolist() == [{"mean": 4.8, "median": 5.0}[impute], 1.0]


SETTINGS = [
    {"numeric": "passthrough", "ordinal": "passthrough", "categorical": "one_hot"},
    {"numeric": "standard", "ordinal": "standard", "categorical": "ordinal"},
    {"numeric": "quantile", "ordinal": "one_hot", "categorical": "one_hot"},
    {"numeric": "power", "ordinal": "passthrough", "categorical": "ordinal"},
    {"numeric": "quantile", "ordinal": "standard", "impute": "most_frequent"},
]


@pytest.mark.parametrize("transform", SETTINGS, ids=lambda setting: "-".join(setting.values()))
def test_every_type_works_and_a_row_alone_is_as_in_a_batch(
    zoo_features: Any, zoo: pd.DataFrame, transform: dict[str, str]
) -> None:
    features = zoo_features(transform=transform).fit(zoo[:200])
    batch = features.transform(zoo[200:])
    assert batch.index.equals(zoo.index[200:])
    assert not batch.isna().any().any()
    assert (batch.dtypes == np.float64).all()
    assert list(batch.columns) == list(features.get_feature_names_out())
    rows = [features.transform(zoo[i : i + 1]) for i in range(200, 212)]
    np.testing.assert_array_equal(pd.concat(rows), batch[:12])


@pytest.mark.parametrize("numeric", ["standard", "quantile", "power"])
def test_a_row_of_the_default_table_is_as_in_a_batch(
    build: Any, credit: pd.DataFrame, numeric: str
) -> None:
    features = build(transform={"numeric": numeric}).fit(credit[:2000])
    batch = features.transform(credit[2000:3000])
    rows = [features.transform(credit[i : i + 1]) for i in range(2000, 2015)]
    np.testing.assert_array_equal(pd.concat(rows), batch[:15])


def test_categories_are_named_by_their_labels(zoo_features: Any, zoo: pd.DataFrame) -> None:
    features = zoo_features(select={"max_correlation": 1.0, "min_variance": 0.0}).fit(zoo)
    names = set(features.get_feature_names_out())
    assert {"sex=male", "city=Rome", "city=missing", "plan=full", "active=1"} <= names
    # Two codes share the label "two", so this column keeps its codes.
    assert {"code=1", "code=2", "code=3"} & names
    assert "code=two" not in names


def test_a_label_names_the_right_column(zoo_features: Any, zoo: pd.DataFrame) -> None:
    features = zoo_features(select={"max_correlation": 1.0, "min_variance": 0.0}).fit(zoo)
    found = features.transform(zoo)
    np.testing.assert_array_equal(found["sex=male"] == 1, zoo["sex"] == 1)
    np.testing.assert_array_equal(found["city=missing"] == 1, zoo["city"].isna())


def test_unseen_categories_do_no_harm(zoo_features: Any, zoo: pd.DataFrame) -> None:
    strange = zoo[:3].astype({"plan": object, "grade": object})
    strange["city"], strange["plan"], strange["grade"], strange["code"] = "Kyiv", "x", "?", 99
    for categorical in ("one_hot", "ordinal"):
        for ordinal in ("one_hot", "standard"):
            kinds = {"categorical": categorical, "ordinal": ordinal}
            features = zoo_features(transform=kinds).fit(zoo)
            found = features.transform(strange)
            assert np.isfinite(found.to_numpy()).all()
            if categorical == "one_hot":
                cities = [name for name in found if name.startswith("city=")]
                assert cities
                assert (found[cities] == 0).all().all()
            else:
                assert (found["city"] == -1).all()


def test_an_ordinal_text_is_ranked_by_its_labels(zoo_features: Any, zoo: pd.DataFrame) -> None:
    found = zoo_features(transform={"ordinal": "passthrough"}).fit_transform(zoo)
    rank = {"low": 0.0, "mid": 1.0, "high": 2.0}
    assert found["grade"].tolist() == [rank[grade] for grade in zoo["grade"]]


def test_every_spelling_of_missing_is_the_same() -> None:
    texts = pd.Series(["a", None, float("nan"), np.nan, pd.NA], dtype=object, name="t")
    frames = [pd.DataFrame({"t": texts}), pd.DataFrame({"t": texts.astype("category")})]
    for frame in frames:
        found = SelectColumns([], ["t"], ["t"]).fit_transform(frame)["t"].tolist()
        assert found[0] == "a"
        assert all(value is np.nan for value in found[1:])
    with pytest.raises(LoopwrightError, match="column 't', row 1: the value is missing"):
        SelectColumns([], ["t"], []).fit(frames[0])


def test_category_names() -> None:
    name = CategoryNames({"sex": {"1": "male"}})
    assert name("sex", 1.0) == "sex=male"
    assert name("sex", 2.0) == "sex=2"
    assert name("share", 0.5) == "share=0.5"
    assert name("city", "Rome") == "city=Rome"
    assert name("city", np.nan) == "city=missing"


# --- select -----------------------------------------------------------------------------


@parametrize_with_checks(
    [SelectFeatures()],
    expected_failed_checks=lambda _: {
        "check_fit2d_1sample": "one row has no variance, which is our own error"
    },
)
def test_select_features_follows_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_constant_and_nearly_constant_features_go() -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4], "flat": [0.1] * 4, "faint": [1, 1.001, 1, 1.001]})
    select = SelectFeatures(min_variance=0.001).set_output(transform="pandas").fit(frame)
    assert list(select.transform(frame)) == ["a"]
    assert select.dropped_ == {"flat": "variance 0", "faint": "variance 2.5e-07"}
    assert list(SelectFeatures().fit(frame).get_feature_names_out()) == ["a", "faint"]


def test_of_a_correlated_pair_the_later_goes() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 500))
    frame = pd.DataFrame({"a": a, "b": b, "twin": a + 0.01 * b, "mirror": -b, "mix": a + b})
    select = SelectFeatures(max_correlation=0.9).fit(frame)
    assert list(select.get_feature_names_out()) == ["a", "b", "mix"]
    r = np.corrcoef(a, a + 0.01 * b)[0, 1]
    assert select.dropped_["twin"] == f"correlation {r:.6f} with a"
    assert select.dropped_["mirror"] == "correlation -1.000000 with b"
    # Only what is kept can push another out.
    chain = pd.DataFrame({"x": a, "y": a + 0.4 * b, "z": a + 0.9 * b})
    r = chain.corr()
    assert r.loc["x", "y"] > 0.9 > r.loc["x", "z"]
    assert r.loc["y", "z"] > 0.9
    kept = SelectFeatures(max_correlation=0.9).fit(chain).get_feature_names_out()
    assert list(kept) == ["x", "z"]


def test_nothing_left_is_an_error_with_the_reasons() -> None:
    frame = pd.DataFrame({"a": [1.0, 1.0], "b": [2.0, 2.0]})
    with pytest.raises(LoopwrightError, match="no feature: a: variance 0; b: variance 0"):
        SelectFeatures().fit(frame)


def test_selection_is_fitted_and_then_holds(build: Any, credit: pd.DataFrame) -> None:
    select = {"max_correlation": 0.9}
    features = build(select=select).fit(credit[:3000])
    assert "BILL_AMT2" in features["select"].dropped_
    assert "with BILL_AMT1" in features["select"].dropped_["BILL_AMT2"]
    other = features.transform(credit[3000:3010])
    assert list(other) == list(features.get_feature_names_out())


# --- as a scikit-learn estimator --------------------------------------------------------


def test_the_pipeline_is_cloned_without_what_it_learnt(build: Any, sample: pd.DataFrame) -> None:
    features = build().fit(sample)
    again = clone(features)
    assert not hasattr(again["select"], "support_")
    assert not hasattr(again["columns"], "n_features_in_")
    pd.testing.assert_frame_equal(again.fit_transform(sample), features.transform(sample))
    assert clone(SelectColumns(["a"], ["b"], [])).get_params() == {
        "numbers": ["a"],
        "texts": ["b"],
        "nullable": [],
        "dates": None,
        "group": None,
    }


def test_an_unfitted_step_says_so(sample: pd.DataFrame) -> None:
    with pytest.raises(NotFittedError):
        SelectColumns(["AGE"], [], []).transform(sample)
    with pytest.raises(NotFittedError):
        CreateFeatures({}).transform(sample)
    with pytest.raises(NotFittedError):
        SelectFeatures().transform(sample.to_numpy())
    with pytest.raises(NotFittedError):
        CreateFeatures({}).get_feature_names_out()


def test_inputs_are_left_as_they_were(build: Any, sample: pd.DataFrame) -> None:
    before = sample.copy()
    build().fit(sample).transform(sample)
    pd.testing.assert_frame_equal(sample, before)
