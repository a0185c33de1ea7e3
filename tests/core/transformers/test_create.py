"""Created features: each kind against plain Python, and as one step of the pipeline."""

import json
import math
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from stages.core.errors import LoopwrightError
from stages.core.models import load_model, save_model
from stages.core.params import Featurize, Params
from stages.core.schema import Schema
from stages.core.transformers import (
    OWN_TRANSFORMERS,
    CreateFeatures,
    DateParts,
    QuantileBins,
    build_features,
    fitted_features,
)
from stages.core.transformers.combine import Combine

WHY = "a hypothesis of enough letters"

COLUMNS = {
    "row": {"dtype": "int64", "kind": "identifier"},
    "paid": {"dtype": "float64", "kind": "numeric", "nullable": True},
    "due": {"dtype": "float64", "kind": "numeric"},
    "town": {"dtype": "str", "kind": "categorical", "nullable": True},
    "home": {"dtype": "str", "kind": "categorical"},
    "shop": {"dtype": "int64", "kind": "categorical"},
    "sent": {"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y", "nullable": True},
    "born": {"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y"},
    "note": {"dtype": "str", "kind": "text", "nullable": True},
    "who": {"dtype": "str", "kind": "identifier"},
    "y": {"dtype": "int64", "kind": "categorical"},
}


@pytest.fixture(scope="module")
def kinds() -> Schema:
    columns = {name: {"title": name, **column} for name, column in COLUMNS.items()}
    return Schema.model_validate_json(json.dumps({"columns": columns}))


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 400
    paid = rng.normal(50, 20, n).round(1)
    paid[rng.random(n) < 0.1] = np.nan
    town = rng.choice(["Rome", "Oslo", "Bern"], n).astype(object)
    town[rng.random(n) < 0.1] = None
    sent = pd.Series(
        pd.Timestamp("2020-02-27 13:30") + pd.to_timedelta(rng.integers(0, 10**7, n), "s")
    )
    sent[rng.random(n) < 0.1] = pd.NaT
    notes = ["late again", "paid in full", "called twice, no answer", "", None]
    return pd.DataFrame(
        {
            "row": np.arange(n),
            "paid": paid,
            "due": rng.normal(60, 10, n).round(1),
            "town": pd.array(town, dtype="str"),
            "home": pd.array(rng.choice(["Rome", "Oslo", "Bern"], n), dtype="str"),
            "shop": rng.integers(1, 5, n),
            "sent": sent,
            "born": pd.date_range("1980-01-01", periods=n),
            "note": pd.array([notes[i] for i in rng.integers(0, len(notes), n)], dtype="str"),
            "who": [f"client {i // 4}" for i in range(n)],
            "y": rng.integers(0, 2, n),
        }
    )


def declared(chosen: Params, create: dict[str, Any], **transform: Any) -> Featurize:
    document = chosen.featurize.model_dump(mode="json")
    document["exclude"] = []
    document["create"] = {name: {"hypothesis": WHY, **feature} for name, feature in create.items()}
    document["transform"] |= {"numeric": "passthrough", "impute": "none"} | transform
    document["select"] |= {"max_correlation": 1.0}
    return Featurize.model_validate_json(json.dumps(document))


@pytest.fixture
def made(chosen: Params, kinds: Schema, frame: pd.DataFrame) -> Any:
    """Return a function that makes one feature of the frame: its columns, by the pipeline."""

    def once(feature: dict[str, Any]) -> pd.DataFrame:
        features = build_features(declared(chosen, {"new": feature}), kinds, "y", "row")
        created = features[:2].fit_transform(frame, frame["y"].to_numpy())
        return created[[name for name in created if name == "new" or name.startswith("new=")]]

    return once


def missing(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


ROW_BY_ROW: dict[str, Any] = {
    "product": (["paid", "due"], {}, lambda a, b: a * b),
    "greater": (["paid", "due"], {}, lambda a, b: float(a > b)),
    "equal": (["town", "home"], {}, lambda a, b: float(a == b)),
    "log1p": (["paid"], {}, lambda a: math.log1p(a) if a > -1 else math.nan),
    "days_since": (
        ["sent"],
        {"reference": "2020-01-31"},
        lambda a: (a - pd.Timestamp("2020-01-31")).total_seconds() / 86400,
    ),
    "date_part": (["sent"], {"part": "day_of_week", "cyclic": False}, lambda a: a.weekday()),
}


@pytest.mark.parametrize("kind", ROW_BY_ROW)
def test_a_feature_of_a_row_equals_that_made_by_hand(
    kind: str, made: Any, frame: pd.DataFrame
) -> None:
    columns, settings, by_hand = ROW_BY_ROW[kind]
    found = made({"kind": kind, "columns": columns, **settings})["new"]
    rows = frame[columns].astype(object).itertuples(index=False)
    expected = [math.nan if any(map(missing, row)) else by_hand(*row) for row in rows]
    assert any(map(math.isnan, expected))
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_days_between_two_dates(made: Any, frame: pd.DataFrame) -> None:
    feature = {"kind": "days_since", "columns": ["sent", "born"], "reference": None}
    days = (frame["sent"] - frame["born"]).dt.total_seconds() / 86400
    np.testing.assert_allclose(made(feature)["new"], days, rtol=1e-14)


@pytest.mark.parametrize(
    "part", ["year", "quarter", "month", "day", "day_of_year", "hour", "minute"]
)
def test_parts_of_a_date_are_the_calendars(part: str, made: Any, frame: pd.DataFrame) -> None:
    def by_hand(date: datetime) -> int:
        special = {"quarter": (date.month + 2) // 3, "day_of_year": date.timetuple().tm_yday}
        return special.get(part) or getattr(date, part)

    found = made({"kind": "date_part", "columns": ["born"], "part": part, "cyclic": False})["new"]
    assert found.tolist() == [by_hand(date) for date in frame["born"]]


def test_a_circle_brings_the_ends_together(made: Any, frame: pd.DataFrame) -> None:
    feature = {"kind": "date_part", "columns": ["sent"], "part": "month", "cyclic": True}
    found = made(feature)
    assert list(found) == ["new=sin", "new=cos"]
    angle = 2 * np.pi * (frame["sent"].dt.month - 1) / 12
    np.testing.assert_allclose(found["new=sin"], np.sin(angle), atol=1e-15)
    np.testing.assert_allclose(found["new=cos"], np.cos(angle), atol=1e-15)


def test_all_parts_of_dates_where_transform_says_so(
    chosen: Params, kinds: Schema, frame: pd.DataFrame
) -> None:
    features = build_features(declared(chosen, {}, datetime="parts"), kinds, "y", "row")
    found = features.fit_transform(frame, frame["y"].to_numpy())
    np.testing.assert_array_equal(found["sent=hour"], frame["sent"].dt.hour)
    # Born at midnight always: an hour that does not vary is left out.
    assert features["select"].dropped_["born=hour"] == "variance 0"
    assert len(DateParts().fit(frame[["born"]]).get_feature_names_out()) == 5


def test_bins_are_quantiles_of_the_fit(made: Any, frame: pd.DataFrame) -> None:
    found = made({"kind": "bins", "columns": ["paid"], "bins": 4})["new"]
    expected = pd.qcut(frame["paid"], 4, labels=False)
    # qcut closes its bins on the right; on no value do the edges fall here.
    edges = frame["paid"].quantile([0.25, 0.5, 0.75])
    off_edge = ~frame["paid"].isin(edges)
    np.testing.assert_array_equal(found[off_edge], expected[off_edge].astype(float))
    assert found.isna().equals(frame["paid"].isna())
    assert QuantileBins(3).fit(pd.DataFrame({"x": [np.nan]})).edges_.tolist() == []


def test_a_frequency_is_the_share_of_rows(made: Any, frame: pd.DataFrame) -> None:
    found = made({"kind": "frequency", "columns": ["town", "shop"]})["new"]
    pairs = list(zip(frame["town"].fillna("none"), frame["shop"], strict=True))
    assert found.tolist() == [pairs.count(pair) / len(pairs) for pair in pairs]


@pytest.mark.parametrize(
    ("kind", "statistic"), [("mean", "mean"), ("median", "median"), ("std", "std")]
)
def test_group_statistics_shrink_to_the_whole(
    kind: str, statistic: str, made: Any, frame: pd.DataFrame
) -> None:
    feature = {"kind": f"group_{kind}", "columns": ["paid"], "by": ["town"], "shrinkage": 30}
    found = made(feature)["new"]
    for town, rows in frame.groupby(frame["town"].fillna("none")):
        own, n = getattr(rows["paid"], statistic)(), rows["paid"].count()
        whole = getattr(frame["paid"], statistic)()
        expected = (n * own + 30 * whole) / (n + 30)
        np.testing.assert_allclose(found[rows.index], expected, rtol=1e-12, err_msg=str(town))


def test_deviation_is_from_the_groups_mean_and_unseen_groups_have_the_whole(
    chosen: Params, kinds: Schema, frame: pd.DataFrame
) -> None:
    feature = {
        "kind": "group_deviation",
        "columns": ["due"],
        "by": ["home", "shop"],
        "shrinkage": 0,
    }
    features = build_features(declared(chosen, {"new": feature}), kinds, "y", "row")[:2]
    found = features.fit_transform(frame, frame["y"].to_numpy())["new"]
    means = frame.groupby(["home", "shop"])["due"].transform("mean")
    np.testing.assert_allclose(found, frame["due"] - means, atol=1e-10)
    strange = frame[:5].assign(home="Kyiv")
    expected = strange["due"] - frame["due"].mean()
    np.testing.assert_allclose(features.transform(strange)["new"], expected, atol=1e-10)


def test_one_row_of_a_group_and_a_group_without_values_have_the_whole(
    chosen: Params, kinds: Schema, frame: pd.DataFrame
) -> None:
    few = frame[:6].assign(
        town=["a", "a", "b", "c", "c", "c"], paid=[1.0, 3.0, 5.0, np.nan, np.nan, np.nan]
    )
    for kind, lone in (("group_std", few["paid"].std()), ("group_mean", 5.0)):
        feature = {"kind": kind, "columns": ["paid"], "by": ["town"], "shrinkage": 0}
        features = build_features(declared(chosen, {"new": feature}), kinds, "y", "row")[:2]
        found = features.fit_transform(few, few["y"].to_numpy())["new"]
        assert found[2] == pytest.approx(lone)
        assert found[3] == pytest.approx(getattr(few["paid"], kind.removeprefix("group_"))())


def test_a_weighted_ratio_is_one_sum_over_another() -> None:
    numbers = pd.DataFrame(
        {"a": [1.0, 2.0, np.nan, 4.0], "b": [5.0, 6.0, 7.0, np.nan], "c": [2.0, 0.0, 4.0, 8.0]}
    )
    of_two = Combine("weighted_ratio", numerator=(1, -2, 0), denominator=(0, 0, 1))
    expected = [(1 - 10) / 2, np.nan, np.nan, np.nan]
    np.testing.assert_allclose(of_two.fit_transform(numbers), expected)
    alone = Combine("weighted_ratio", numerator=(0, 0.5, 3), denominator=None)
    np.testing.assert_allclose(alone.fit_transform(numbers), [8.5, 3, 15.5, np.nan])


@pytest.mark.parametrize("weights", [[1], [1, 2, 3], [0, 0]])
def test_a_weighted_ratio_weighs_each_column(chosen: Params, weights: list[float]) -> None:
    feature = {
        "kind": "weighted_ratio",
        "columns": ["due", "paid"],
        "numerator": weights,
        "denominator": None,
    }
    with pytest.raises(ValidationError, match="numerator: a weight"):
        declared(chosen, {"new": feature})


# --- as a step ----------------------------------------------------------------------------

EVERYTHING: dict[str, Any] = {
    "burden": {"kind": "ratio", "columns": ["due", "paid"]},
    "left": {
        "kind": "weighted_ratio",
        "columns": ["due", "paid"],
        "numerator": [1, -1],
        "denominator": [1, 0],
    },
    "area": {"kind": "product", "columns": ["due", "paid"]},
    "more": {"kind": "greater", "columns": ["due", "paid"]},
    "at_home": {"kind": "equal", "columns": ["town", "home"]},
    "log": {"kind": "log1p", "columns": ["due"]},
    "tenth": {"kind": "bins", "columns": ["paid"], "bins": 10},
    "season": {"kind": "date_part", "columns": ["sent"], "part": "month", "cyclic": True},
    "age": {"kind": "days_since", "columns": ["born"], "reference": "2000-01-01"},
    "common": {"kind": "frequency", "columns": ["town"]},
    "like": {"kind": "group_mean", "columns": ["paid"], "by": ["town"], "shrinkage": 10},
    "apart": {"kind": "group_deviation", "columns": ["due"], "by": ["shop"], "shrinkage": 10},
    "rate": {
        "kind": "target_mean",
        "columns": ["town", "shop"],
        "folds": 5,
        "smooth": "auto",
        "random_state": 0,
    },
    "words": {
        "kind": "text",
        "columns": ["note"],
        "vectorizer": "tfidf",
        "analyzer": "word",
        "ngram_range": [1, 2],
        "max_features": 100,
        "components": 3,
        "random_state": 0,
    },
    "letters": {
        "kind": "text",
        "columns": ["note"],
        "vectorizer": "hashing",
        "analyzer": "char_wb",
        "ngram_range": [2, 3],
        "max_features": 256,
        "components": 2,
        "random_state": 0,
    },
}
TRUTHS: dict[str, Any] = {
    "binary": lambda y: y,
    "multiclass": lambda y: np.array(["low", "mid", "top"], dtype=object)[np.arange(len(y)) % 3],
    "regression": lambda y: y + np.linspace(0, 9, len(y)),
}


@pytest.mark.parametrize(
    ("task", "numeric"), [("binary", "quantile"), ("multiclass", "robust"), ("regression", "power")]
)
def test_every_kind_works_together_for_every_task(
    task: Any, numeric: str, chosen: Params, kinds: Schema, frame: pd.DataFrame, tmp_path: Any
) -> None:
    y = TRUTHS[task](frame["y"].to_numpy())
    featurize = declared(
        chosen,
        EVERYTHING,
        numeric=numeric,
        impute="median",
        datetime="parts",
        categorical="target",
        high_cardinality={"above": 3, "encoding": "frequency"},
        text=dict(chosen.featurize.transform.text.model_dump(mode="json"), vectorizer="tfidf"),
    )
    features = build_features(featurize, kinds, "y", "row", task, group="who")
    train, new = frame[:300], frame[300:]
    fitted, matrix = fitted_features(features, train, y[:300])
    assert (matrix.dtypes == np.float64).all()
    assert not matrix.isna().any().any()
    assert list(matrix) == list(fitted.get_feature_names_out())
    # A row alone is as in a batch, to the last bit; the entity need not be known.
    batch = fitted.transform(new)
    rows = [fitted.transform(new[i : i + 1].drop(columns="who")) for i in range(20)]
    np.testing.assert_array_equal(pd.concat(rows), batch[:20])
    # The order of columns says nothing, and neither do the rows that are asked for.
    turned = fitted.transform(new[new.columns[::-1]])
    pd.testing.assert_frame_equal(turned, batch)
    # A second fit is the first; the file gives back what was saved.
    again, same = fitted_features(fitted, train, y[:300])
    pd.testing.assert_frame_equal(same, matrix)
    first, second = (save_model(tmp_path / n, f) for n, f in (("a", fitted), ("b", again)))
    assert first == second
    loaded = load_model(tmp_path / "a", first)
    pd.testing.assert_frame_equal(loaded.transform(new), batch)
    # What is learnt comes from the rows of the fit alone.
    turned = pd.concat([train, new.assign(paid=1e6, town="Kyiv", note="zzz")])
    other, _ = fitted_features(features, turned[:300], y[:300])
    pd.testing.assert_frame_equal(other.transform(new), batch)


def test_the_columns_of_a_feature_are_known_by_its_name(
    chosen: Params, kinds: Schema, frame: pd.DataFrame
) -> None:
    features = build_features(declared(chosen, EVERYTHING), kinds, "y", "row", "multiclass")
    y = TRUTHS["multiclass"](frame["y"].to_numpy())
    step = features[:2].fit(frame, y)["create"]
    assert step.names_["rate"] == ["rate=low", "rate=mid", "rate=top"]
    assert step.names_["words"] == ["words=1", "words=2", "words=3"]
    assert step.names_["common"] == ["common"]
    assert not hasattr(clone(step), "names_")
    with pytest.raises(NotFittedError):
        CreateFeatures({}).transform(frame)


@pytest.mark.parametrize(
    ("feature", "says"),
    [
        ({"kind": "log1p", "columns": ["town"]}, "'town' holds texts, not numbers"),
        ({"kind": "days_since", "columns": ["paid"], "reference": "2020-01-01"}, "not dates"),
        ({"kind": "text", "columns": ["due"], **{}}, "'due' holds numbers, not texts"),
        ({"kind": "equal", "columns": ["due", "town"]}, "a number never equals a text"),
        ({"kind": "frequency", "columns": ["row"]}, "'row' is the target, the key or an ident"),
        ({"kind": "frequency", "columns": ["who"]}, "'who' is the target, the key or an ident"),
        (
            {"kind": "group_mean", "columns": ["paid"], "by": ["y"], "shrinkage": 1},
            "featurize.create.new.by: 'y' is the target",
        ),
    ],
)
def test_a_feature_that_cannot_be_made_is_refused(
    feature: dict[str, Any], says: str, chosen: Params, kinds: Schema
) -> None:
    if feature["kind"] == "text":
        feature = EVERYTHING["words"] | feature
    with pytest.raises(LoopwrightError, match=says):
        build_features(declared(chosen, {"new": feature}), kinds, "y", "row")


def test_a_name_that_a_column_has_is_refused(chosen: Params, kinds: Schema) -> None:
    with pytest.raises(LoopwrightError, match="has a column of this name"):
        build_features(
            declared(chosen, {"town": {"kind": "log1p", "columns": ["due"]}}), kinds, "y", "row"
        )


def test_something_that_is_no_date_is_named(
    chosen: Params, kinds: Schema, frame: pd.DataFrame
) -> None:
    features = build_features(declared(chosen, {}, datetime="parts"), kinds, "y", "row")
    features.fit(frame, frame["y"].to_numpy())
    for wrong in ("soon", 5):
        bad = frame.astype({"born": object})
        bad.loc[3, "born"] = wrong
        if wrong == 5:
            bad["born"] = 5
        with pytest.raises(LoopwrightError, match=r"column 'born', row [03]: a date was expected"):
            features.transform(bad)
    as_text = frame.assign(born=frame["born"].dt.strftime("%Y-%m-%d"))
    pd.testing.assert_frame_equal(features.transform(as_text), features.transform(frame))


def test_only_dates_and_texts_without_use_are_no_input(chosen: Params) -> None:
    columns = {"when": {"title": "W", **COLUMNS["born"]}, "note": {"title": "N", **COLUMNS["note"]}}
    alone = Schema.model_validate_json(json.dumps({"columns": columns}))
    with pytest.raises(LoopwrightError, match="leaves no input"):
        build_features(declared(chosen, {}), alone, "y", None)


# --- the project's own ----------------------------------------------------------------------


class Rounded(TransformerMixin, BaseEstimator):
    """Round a number to so many digits; stateless."""

    def __init__(self, digits: int) -> None:
        self.digits = digits

    def fit(self, X: pd.DataFrame, y: Any = None) -> "Rounded":
        return self

    def transform(self, X: pd.DataFrame) -> Any:
        return X.iloc[:, 0].round(self.digits).to_numpy()

    def __sklearn_is_fitted__(self) -> bool:
        return True


def test_an_own_transformer_is_found_by_its_name(
    made: Any, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OWN_TRANSFORMERS, "rounded", Rounded)
    feature = {
        "kind": "own",
        "columns": ["paid"],
        "transformer": "rounded",
        "parameters": {"digits": 0},
    }
    np.testing.assert_array_equal(made(feature)["new"], frame["paid"].round())
    with pytest.raises(LoopwrightError, match="missing a required argument: 'digits'"):
        made(feature | {"parameters": {"digit": 0}})
    with pytest.raises(LoopwrightError, match="unexpected keyword argument 'more'"):
        made(feature | {"parameters": {"digits": 0, "more": 1}})
    with pytest.raises(LoopwrightError, match="did you mean 'rounded'"):
        made(feature | {"transformer": "round"})


def test_the_pipeline_is_four_steps(chosen: Params, kinds: Schema) -> None:
    features = build_features(declared(chosen, EVERYTHING), kinds, "y", "row")
    assert isinstance(features, Pipeline)
    assert [name for name, _ in features.steps] == ["columns", "create", "transform", "select"]
    assert set(features["columns"].inputs) == {
        "paid", "due", "town", "home", "shop", "sent", "born", "note",
    }  # fmt: skip
    # Without a feature or a transform that asks for them dates and texts stay out.
    plain = build_features(declared(chosen, {}), kinds, "y", "row")
    assert set(plain["columns"].inputs) == {"paid", "due", "town", "home", "shop"}
