"""Directions: found by name, kept by the model, refused where they cannot be known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from stages.core.errors import LoopwrightError
from stages.core.estimators import Setup, build_estimator
from stages.core.models import load_model, save_model
from stages.core.monotonic import directions
from stages.core.params import Featurize, Params, Train
from stages.core.schema import Column, Schema
from stages.core.scoring import predicted
from stages.core.transformers import build_features
from tests.candidates import small

SCHEMA = Schema(
    columns={
        **{
            name: Column(dtype="float64", kind="numeric", title=name, nullable=name == "gap")
            for name in ("x", "z", "gap", "y")
        },
        "rank": Column(
            dtype="category", kind="ordinal", title="rank", labels={"lo": "low", "hi": "high"}
        ),
        "colour": Column(dtype="str", kind="categorical", title="colour"),
    }
)
WHY = "a reason of enough letters"


def featurize(chosen: Params, created: dict[str, Any] | None = None, **transform: Any) -> Featurize:
    document = chosen.featurize.model_dump(mode="json")
    document |= {"exclude": ["z"] if "z" in transform.pop("without", ()) else [], "answers": {}}
    document["create"] = {
        name: {"hypothesis": WHY, **feature} for name, feature in (created or {}).items()
    }
    document["transform"] |= transform
    return Featurize.model_validate_json(pd.io.json.ujson_dumps(document))


def features(chosen: Params, created: dict[str, Any] | None = None, **transform: Any) -> Pipeline:
    return build_features(featurize(chosen, created, **transform), SCHEMA, "y", None)


# --- which feature has which ---------------------------------------------------------------


def test_a_feature_made_of_a_column_has_its_direction(chosen: Params) -> None:
    created = {
        "both": {"kind": "sum", "columns": ["x", "z"]},
        "apart": {"kind": "difference", "columns": ["z", "x"]},
        "free": {"kind": "ratio", "columns": ["z", "gap"]},
        "log": {"kind": "log1p", "columns": ["x"]},
    }
    found = directions(features(chosen, created), {"x": "increasing"})
    assert found == {"x": 1, "both": 1, "apart": -1, "log": 1}
    assert directions(features(chosen, created), {}) == {}
    found = directions(features(chosen), {"gap": "decreasing", "rank": "increasing"})
    assert found == {"gap": -1, "rank": 1}


@pytest.mark.parametrize(
    ("monotonic", "created", "transform", "says"),
    [
        ({"xx": "increasing"}, {}, {}, "'xx' is no input of the model; possible: x, z"),
        ({"z": "increasing"}, {}, {"without": ["z"]}, "'z' is no input"),
        (
            {"x": "increasing"},
            {"r": {"kind": "ratio", "columns": ["x", "z"]}},
            {},
            "'x' goes into the created feature 'r', and whether a ratio rises",
        ),
        (
            {"x": "increasing", "z": "decreasing"},
            {"s": {"kind": "sum", "columns": ["x", "z"]}},
            {},
            "'s' would have to rise and to fall at once",
        ),
        ({"colour": "increasing"}, {}, {}, "'colour' is transformed by OneHotEncoder"),
        (
            {"colour": "increasing"},
            {},
            {"categorical": "ordinal"},
            "'colour' is transformed by OrdinalEncoder",
        ),
        ({"rank": "increasing"}, {}, {"ordinal": "one_hot"}, "'rank' is transformed by OneHot"),
    ],
)
def test_a_direction_that_cannot_be_kept_is_refused(
    chosen: Params, monotonic: Any, created: Any, transform: Any, says: str
) -> None:
    with pytest.raises(LoopwrightError, match=says):
        directions(features(chosen, created, **transform), monotonic)


# --- models that keep it --------------------------------------------------------------------

TREES = [
    "decision_tree",
    "random_forest",
    "extra_trees",
    "hist_gradient_boosting",
    "lightgbm",
    "catboost",
]


def made(n: int = 500) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.uniform(-2, 2, n), "z": rng.normal(size=n)})
    frame["gap"] = rng.normal(size=n)
    frame["rank"] = pd.Categorical(rng.choice(["lo", "hi"], n))
    frame["colour"] = rng.choice(["red", "blue"], n)
    # It rises with x in the long run, and falls in between.
    return frame, (np.sin(4 * frame["x"]) + 0.5 * frame["x"] + rng.normal(0, 0.2, n)).to_numpy()


def falls(model: Any, task: Any, column: str) -> float:
    """Return by how much the prediction falls at most while `column` rises."""
    frame, _ = made()
    grid = np.linspace(-2, 2, 60)
    paths = pd.concat([frame[:40].assign(**{column: value}) for value in grid])
    return float(-np.diff(predicted(model, paths, task).reshape(60, 40), axis=0).min())


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_tree_model_keeps_it(kind: str, task: Any, chosen: Params, tmp_path: Any) -> None:
    frame, number = made()
    y = (number > 0).astype(np.int64) if task == "binary" else number
    pipeline = features(chosen, {"both": {"kind": "mean", "columns": ["x", "z"]}})
    free = Setup(task=task, rule="x > 0", random_state=0)
    kept = Setup(
        task=task,
        rule="x > 0",
        random_state=0,
        directions=directions(pipeline, {"x": "increasing"}),
    )
    wild, model = (
        build_estimator(small(kind), setup, clone(pipeline)).fit(frame, y) for setup in (free, kept)
    )
    assert falls(wild, task, "x") > 0.02
    assert falls(model, task, "x") <= 1e-9
    sha256 = save_model(tmp_path / "model.skops", model)
    loaded = load_model(tmp_path / "model.skops", sha256)
    np.testing.assert_array_equal(predicted(loaded, frame, task), predicted(model, frame, task))


def test_a_feature_that_selection_dropped_is_passed_over(chosen: Params) -> None:
    frame, y = made()
    pipeline = features(chosen)
    ways = directions(pipeline, {"x": "increasing", "z": "increasing"})
    setup = Setup(task="regression", rule="x", random_state=0, directions=ways)
    model = build_estimator(small("hist_gradient_boosting"), setup, pipeline)
    model.fit(frame.assign(z=1.0), y)
    assert "z" not in model["features"].get_feature_names_out()
    assert falls(model, "regression", "x") <= 1e-9
    stages = list(model[-1].staged_predict(model["features"].transform(frame)))
    assert len(stages) == model[-1].n_iter_ == 12


def test_a_model_without_iterations_has_no_stages(chosen: Params) -> None:
    frame, y = made()
    setup = Setup(task="binary", rule="x > 0", random_state=0, directions={"x": 1})
    for kind, has in (("random_forest", False), ("hist_gradient_boosting", True)):
        model = build_estimator(small(kind), setup, features(chosen)).fit(frame, y > 0)
        assert hasattr(model[-1], "staged_predict_proba") is has
        assert model.classes_.tolist() == [False, True]


def test_which_candidates_can_is_declared() -> None:
    mapping = Train.model_json_schema()["properties"]["candidates"]["additionalProperties"]
    kinds = set(mapping["discriminator"]["mapping"])
    assert {kind for kind in kinds if small(kind).monotonic} == set(TREES)
