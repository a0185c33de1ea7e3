"""Other tables than the default one, where they are at hand: dates, blanks, leaks, weights."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline

from stages.core.params import Featurize, Params
from stages.core.schema import Schema
from stages.core.transformers import build_features, fitted_features, weight_params
from stages.featurize.measure import skill

TABLES = Path(__file__).parents[4] / "shared/data"
WHY = "a hypothesis of enough letters"


def read(name: str, **how: Any) -> pd.DataFrame:
    path = TABLES / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    return pd.read_csv(path, **how)


def described(frame: pd.DataFrame) -> Schema:
    columns: dict[str, Any] = {}
    for name in frame:
        dtype, gaps = str(frame[name].dtype), bool(frame[name].isna().any())
        if dtype.startswith("datetime"):
            kind: dict[str, Any] = {"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y"}
        elif dtype in ("int64", "float64"):
            kind = {"dtype": "float64", "kind": "numeric", "nullable": gaps}
        else:
            kind = {"dtype": "str", "kind": "categorical", "nullable": gaps}
        columns[str(name)] = {"title": str(name), **kind}
    return Schema.model_validate_json(json.dumps({"columns": columns}))


def declared(chosen: Params, create: dict[str, Any], exclude: Any = (), **more: Any) -> Featurize:
    document = chosen.featurize.model_dump(mode="json")
    document["exclude"] = list(exclude)
    document["create"] = {name: {"hypothesis": WHY, **made} for name, made in create.items()}
    for section, values in more.items():
        document[section] |= values
    return Featurize.model_validate_json(json.dumps(document))


def holds_together(features: Pipeline, train: pd.DataFrame, y: Any, new: pd.DataFrame) -> Any:
    """Fit, and see that a row alone is as in a batch and nothing is missing."""
    fitted, matrix = fitted_features(features, train, y)
    batch = fitted.transform(new)
    assert not matrix.isna().any().any()
    assert list(batch) == list(matrix)
    alone = pd.concat([fitted.transform(new[i : i + 1]) for i in range(10)])
    np.testing.assert_array_equal(alone, batch[:10])
    return fitted


def test_churn_of_a_telephone_company(chosen: Params) -> None:
    telco = read("telco_churn").drop(columns="customerID")[:3000]
    telco["TotalCharges"] = pd.to_numeric(telco["TotalCharges"], errors="coerce")
    assert telco["TotalCharges"].isna().any()
    create = {
        "rate": {
            "kind": "target_mean",
            "columns": ["Contract", "PaymentMethod"],
            "folds": 5,
            "smooth": "auto",
            "random_state": 0,
        },
        "apart": {
            "kind": "group_deviation",
            "columns": ["MonthlyCharges"],
            "by": ["InternetService"],
            "shrinkage": 20,
        },
    }
    features = build_features(declared(chosen, create), described(telco), "Churn", None)
    y = (telco["Churn"] == "Yes").to_numpy().astype(int)
    fitted = holds_together(features, telco[:2000], y[:2000], telco[2000:])
    assert "with gender=Female" in fitted["select"].dropped_["gender=Male"]
    assert "missingindicator_TotalCharges" in fitted.get_feature_names_out()


def test_hires_of_bicycles_by_the_hour(chosen: Params) -> None:
    bike = read("bike_hourly").drop(columns="instant")[:6000]
    bike["when"] = pd.to_datetime(bike.pop("dteday")) + pd.to_timedelta(bike["hr"], "h")
    create = {
        "hour": {"kind": "date_part", "columns": ["when"], "part": "hour", "cyclic": True},
        "usual": {
            "kind": "target_mean",
            "columns": ["hr", "workingday"],
            "folds": 5,
            "smooth": "auto",
            "random_state": 0,
        },
    }
    featurize = declared(chosen, create, transform={"datetime": "parts", "numeric": "robust"})
    features = build_features(featurize, described(bike), "cnt", None, "regression")
    y = bike["cnt"].to_numpy(dtype=float)
    fitted = holds_together(features, bike[:4000], y[:4000], bike[4000:])
    made = fitted[:3].transform(bike)
    alone = skill(made[:4000], made[4000:], y[:4000], y[4000:], "regression")
    # Registered hires are a part of all hires: known with the outcome and not before.
    assert max(alone, key=lambda name: alone[name]) == "registered"
    assert alone["registered"] > chosen.featurize.evidence.max_skill
    assert alone["usual"] > alone["hr"]


def test_weights_reach_selection_through_a_whole_pipeline(chosen: Params) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(600, 2)), columns=["a", "b"])
    y = np.where(np.arange(600) % 2, frame["a"], frame["b"])
    featurize = declared(chosen, {}, select={"l1": {"alpha": 0.1}})
    features = build_features(featurize, described(frame), "y", None, "regression")
    for parity, name in ((1, "a"), (0, "b")):
        weight = np.where(np.arange(600) % 2 == parity, 1.0, 1e-3)
        fitted, matrix = fitted_features(features, frame, y, weight)
        assert list(matrix) == [name]
        model = Pipeline([("features", features), ("estimator", Ridge())])
        model.fit(frame, y, **weight_params(weight, "features__"))
        assert list(model["features"].get_feature_names_out()) == [name]
        assert fitted is not features
    assert weight_params(None) == {}
