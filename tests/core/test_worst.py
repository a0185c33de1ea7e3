import numpy as np
import pandas as pd
import pytest

from stages.core.metrics import ClassPredictions, NumberPredictions, Predictions
from stages.core.schema import Column, Schema
from stages.core.variables import Variable, read_variables
from stages.core.worst import by_influence, worst_predictions

SCHEMA = Schema(
    columns={
        "id": Column(dtype="int64", kind="identifier", title="Id"),
        "sex": Column(
            dtype="int64", kind="categorical", title="Sex", labels={"1": "male", "2": "female"}
        ),
        "delay": Column(dtype="Int64", kind="ordinal", title="Delay", nullable=True),
        "income": Column(dtype="float64", kind="numeric", title="Income"),
        "day": Column(
            dtype="datetime64[ns]", kind="datetime", title="Day", format="%Y", nullable=True
        ),
        "contact": Column(dtype="str", kind="categorical", title="Contact"),
        "loss": Column(dtype="float64", kind="numeric", title="A column of that name"),
    }
)


def table(n: int = 400) -> tuple[pd.DataFrame, tuple[Variable, ...], Predictions]:
    rng = np.random.default_rng(0)
    delay = rng.integers(0, 5, n)
    frame = pd.DataFrame(
        {
            "id": np.arange(n) + 1000,
            "sex": rng.integers(1, 3, n),
            "delay": pd.array(np.where(rng.random(n) < 0.1, -1, delay), dtype="Int64"),
            "income": rng.normal(size=n),
            "day": pd.to_datetime(np.where(np.arange(n) % 9, "2024-03-01", "NaT")),
            "contact": [f"a{i}@b.example" for i in range(n)],
            "loss": rng.normal(size=n),
        }
    )
    frame.loc[frame["delay"] < 0, "delay"] = pd.NA
    y_prob = np.clip(0.1 + 0.18 * delay + 0.01 * frame["income"].to_numpy(), 0.02, 0.98)
    y_true = (rng.random(n) < y_prob).astype(np.int64)
    p = Predictions(y_true, y_prob, (y_prob > 0.5).astype(np.int64))
    return frame, read_variables(frame, SCHEMA, "", "id"), p


def test_the_rows_with_the_largest_loss_come_first() -> None:
    frame, variables, p = table()
    found = worst_predictions(frame, p, variables, 10, key="id", labels=("paid", "late"))
    worst = np.argsort(-p.row_loss, kind="stable")[:10]
    assert found["key"].tolist() == frame["id"].iloc[worst].tolist()
    assert found["rank"].tolist() == list(range(1, 11))
    assert found["loss"].is_monotonic_decreasing
    row = found.iloc[0]
    assert row["actual"] == ("late" if p.y_true[worst[0]] else "paid")
    assert row["decided"] == ("late" if p.y_pred[worst[0]] else "paid")
    assert row["probability"] == p.y_prob[worst[0]]


def test_columns_that_move_predictions_lead_and_codes_have_labels() -> None:
    frame, variables, p = table()
    assert by_influence(variables, p.y_prob[:, None])[0].name == "delay"
    found = worst_predictions(frame, p, variables, 50, key="id", columns=6)
    assert found.columns[6] == "delay"
    assert set(found["sex"]) == {"male", "female"}
    assert set(found["day"].dropna()) == {"2024-03-01 00:00:00"}
    # a column of the table does not stand in for what is said of the row
    assert found["loss"].tolist() != found["loss_"].tolist()
    assert "id" not in found.columns


def test_what_is_sensitive_or_personal_is_left_out() -> None:
    frame, variables, p = table()
    found = worst_predictions(frame, p, variables, 20, key="id", leave_out=["sex"])
    assert not {"sex", "contact"} & set(found.columns)
    assert not found.astype(str).stack().str.contains("@").any()
    frame["contact"] = "by post"
    kept = worst_predictions(frame, p, read_variables(frame, SCHEMA, "", "id"), 20, key="id")
    assert "contact" in kept.columns


def test_without_a_key_the_place_stands_in_and_columns_can_be_few() -> None:
    frame, variables, p = table()
    found = worst_predictions(frame, p, variables, 1000, key=None, columns=0)
    assert sorted(found["key"]) == list(range(400))
    assert len(found.columns) == 6


def test_classes_and_numbers_say_what_they_are() -> None:
    frame, variables, _ = table()
    rng = np.random.default_rng(1)
    y_prob = rng.dirichlet([1, 1, 1], 400)
    y_true = rng.integers(-1, 3, 400)
    of_classes = ClassPredictions(y_true, y_prob, y_prob.argmax(axis=1), ("a", "b", "c"))
    found = worst_predictions(frame, of_classes, variables, 400, key="id")
    assert set(found["actual"]) == {"a", "b", "c", "unknown"}
    # a class that the model does not know was given no probability, and is the worst
    assert (found["actual"].iloc[: (y_true < 0).sum()] == "unknown").all()
    assert found["probability"].iloc[0] == 0
    of_numbers = NumberPredictions(rng.normal(size=400), np.zeros(400))
    found = worst_predictions(frame, of_numbers, variables, 3, key="id")
    assert found["residual"].to_numpy() == pytest.approx(-found["actual"].to_numpy())
    assert found["loss"].to_numpy() == pytest.approx(found["actual"].to_numpy() ** 2)
