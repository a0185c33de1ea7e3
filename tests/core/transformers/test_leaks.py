"""What must not be known: later rows under a split by time, other rows of an entity in folds.

Each test plants the fault beside the right way, so that it is seen to matter.
"""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline

from stages.core.params import BinaryTarget, Featurize, Params, Split
from stages.core.schema import Schema
from stages.core.splits import folds
from stages.core.transformers import build_features

WHY = "a hypothesis of enough letters"
TARGET = BinaryTarget(column="y", positive=1, meaning="it happened")


def described(**kinds: tuple[str, str]) -> Schema:
    columns: dict[str, Any] = {
        name: {"title": name, "dtype": dtype, "kind": kind} for name, (dtype, kind) in kinds.items()
    }
    for column in columns.values():
        if column["kind"] == "datetime":
            column["format"] = "%Y-%m-%d"
    return Schema.model_validate_json(json.dumps({"columns": columns}))


def declared(chosen: Params, create: dict[str, Any], **transform: Any) -> Featurize:
    document = chosen.featurize.model_dump(mode="json")
    document["exclude"] = []
    document["create"] = {name: {"hypothesis": WHY, **made} for name, made in create.items()}
    document["transform"] |= {"numeric": "passthrough"} | transform
    document["select"] |= {"max_correlation": 1.0}
    return Featurize.model_validate_json(json.dumps(document))


def dealt(chosen: Params, frame: pd.DataFrame, n_folds: int = 4, **split: Any) -> Any:
    document = chosen.split.model_dump(mode="json") | split
    return folds(frame, Split.model_validate_json(json.dumps(document)), TARGET, None, n_folds, 0)


@pytest.fixture
def months() -> pd.DataFrame:
    """Sales of shops that change their level every month: only later rows know a month."""
    rng = np.random.default_rng(0)
    n = 4000
    month = np.arange(n) // 500
    shop = rng.integers(0, 40, n)
    level = rng.normal(0, 10, (40, 8))[shop, month]
    return pd.DataFrame(
        {
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n), "h"),
            "shop": [f"shop {s}" for s in shop],
            "sales": level + rng.normal(0, 1, n),
            "y": rng.integers(0, 2, n),
        }
    )


STATISTICS: dict[str, dict[str, Any]] = {
    "mean": {"kind": "group_mean", "columns": ["sales"], "by": ["shop"], "shrinkage": 0},
    "count": {"kind": "frequency", "columns": ["shop"]},
    "rate": {
        "kind": "target_mean",
        "columns": ["shop"],
        "folds": 5,
        "smooth": 5.0,
        "random_state": 0,
    },
}


def test_a_statistic_of_a_group_knows_nothing_of_later_rows(
    chosen: Params, months: pd.DataFrame
) -> None:
    schema = described(
        day=("datetime64[ns]", "datetime"),
        shop=("str", "categorical"),
        sales=("float64", "numeric"),
        y=("int64", "categorical"),
    )
    features = build_features(declared(chosen, STATISTICS), schema, "y", None)[:2]
    y = months["y"].to_numpy()
    by_time = dealt(chosen, months, strategy="time", time="day")
    for fitting, scored in by_time:
        assert months["day"].iloc[fitting].max() < months["day"].iloc[scored].min()
        fitted = clone(features).fit(months.iloc[fitting], y[fitting])
        found = fitted.transform(months.iloc[scored])
        past = months.iloc[fitting]
        shop = months["shop"].iloc[scored]
        np.testing.assert_allclose(found["mean"], shop.map(past.groupby("shop")["sales"].mean()))
        np.testing.assert_allclose(
            found["count"], shop.map(past["shop"].value_counts()) / len(past)
        )
        # What is still to come changes nothing, down to the last bit.
        future = months.assign(sales=np.where(months.index.isin(scored), 1e6, months["sales"]))
        other = clone(features).fit(future.iloc[fitting], y[fitting])
        for name in STATISTICS:
            np.testing.assert_array_equal(other.transform(months.iloc[scored])[name], found[name])
    # The planted fault: fitted on all rows it tells each month's level before it is known.
    _, last = by_time[-1]
    cheat = clone(features).fit(months, y).transform(months.iloc[last])["mean"]
    sales = months["sales"].iloc[last].to_numpy()
    gap = abs(np.corrcoef(cheat, sales)[0, 1]) - abs(np.corrcoef(found["mean"], sales)[0, 1])
    assert gap > 0.1


def test_an_entity_on_both_sides_is_kept_apart_by_the_group(chosen: Params) -> None:
    """Each client has an outcome of his own and a street that nobody else lives in."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(250), 4)
    frame = pd.DataFrame(
        {
            "client": [f"client {w}" for w in who],
            "street": [f"street {w}" for w in who],
            "x": rng.normal(size=1000),
            "y": np.repeat(rng.integers(0, 2, 250), 4),
        }
    )
    schema = described(
        client=("str", "identifier"),
        street=("str", "categorical"),
        x=("float64", "numeric"),
        y=("int64", "categorical"),
    )
    y = frame["y"].to_numpy()

    def auc(rows: Any, group: str | None) -> float:
        """What a model in these folds seems to know."""
        features = build_features(declared(chosen, {}), schema, "y", None, "binary", group)
        told = np.empty(len(y))
        for fitting, scored in rows:
            model: Pipeline = make_pipeline(clone(features), LogisticRegression())
            model.fit(frame.iloc[fitting], y[fitting])
            told[scored] = model.predict_proba(frame.iloc[scored])[:, 1]
        return float(roc_auc_score(y, told))

    apart = dealt(chosen, frame, strategy="group", group="client")
    for fitting, scored in apart:
        assert set(frame["client"].iloc[fitting]).isdisjoint(frame["client"].iloc[scored])
    assert abs(auc(apart, "client") - 0.5) < 0.06
    # The planted fault: rows dealt one by one have the same client on both sides.
    mixed = KFold(4, shuffle=True, random_state=0).split(frame)
    assert auc(mixed, None) > 0.9


def test_within_a_fit_the_rows_of_an_entity_do_not_encode_each_other(chosen: Params) -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(250), 4)
    frame = pd.DataFrame(
        {
            "client": [f"client {w}" for w in who],
            "street": [f"street {w}" for w in who],
            "y": np.repeat(rng.integers(0, 2, 250), 4),
        }
    )
    schema = described(
        client=("str", "identifier"), street=("str", "categorical"), y=("int64", "categorical")
    )
    y = frame["y"].to_numpy()
    areas = {}
    for group in (None, "client"):
        features = build_features(declared(chosen, {}), schema, "y", None, "binary", group)
        areas[group] = roc_auc_score(y, features.fit_transform(frame, y)["street"])
    assert areas[None] > 0.95
    assert areas["client"] < 0.55


def test_a_model_in_a_pipeline_learns_from_the_cross_fitted_numbers(chosen: Params) -> None:
    """A street a row or two and a coin for an outcome: the model must not believe the street."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"street": [f"s {i}" for i in rng.integers(0, 700, 1400)]})
    y = rng.integers(0, 2, 1400)
    schema = described(street=("str", "categorical"), y=("int64", "categorical"))
    features = build_features(declared(chosen, {}), schema, "y", None)
    model = make_pipeline(features, LogisticRegression()).fit(frame, y)
    naive = LogisticRegression().fit(clone(features).fit(frame, y).transform(frame), y)
    assert abs(model[-1].coef_[0, 0]) < 1
    assert naive.coef_[0, 0] > 3
