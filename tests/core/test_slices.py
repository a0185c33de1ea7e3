import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from stages.core.schema import Column, Schema
from stages.core.slices import MIN_ROWS, slices

SCHEMA = Schema(
    columns={
        "sex": Column(
            dtype="int64", kind="categorical", title="Sex", labels={"1": "male", "2": "female"}
        ),
        "age": Column(dtype="int64", kind="numeric", title="Age"),
        "town": Column(dtype="str", kind="categorical", title="Town", nullable=True),
    }
)


def table(n: int = 1200) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Probabilities that are right, but for women, where they are 0.2 too high."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "sex": rng.integers(1, 3, n),
            "age": rng.integers(20, 70, n),
            "town": np.where(np.arange(n) < 50, "rare", "common"),
        }
    )
    truth = rng.uniform(0.1, 0.5, n)
    y_true = (rng.random(n) < truth).astype(np.int64)
    return frame, y_true, truth + 0.2 * (frame["sex"] == 2).to_numpy()


def test_the_slice_that_is_off_comes_first() -> None:
    frame, y_true, y_prob = table()
    found = slices(frame, y_true, y_prob, SCHEMA, ["age", "sex"], 200, 0)
    worst = found[0]
    assert (worst["column"], worst["value"]) == ("sex", "female")
    gap = worst["probability_gap"]
    assert gap["value"] == pytest.approx(0.2, abs=0.06)
    assert gap["interval"][0] > 0.1
    male = next(row for row in found if row["value"] == "male")
    assert male["probability_gap"]["interval"][0] < 0 < male["probability_gap"]["interval"][1]


def test_numbers_are_those_of_the_rows() -> None:
    frame, y_true, y_prob = table()
    row = next(
        row
        for row in slices(frame, y_true, y_prob, SCHEMA, ["sex"], 100, 0)
        if row["value"] == "male"
    )
    inside = (frame["sex"] == 1).to_numpy()
    assert row["rows"] == inside.sum()
    assert row["positive_share"] == pytest.approx(y_true[inside].mean())
    assert row["log_loss"]["value"] == pytest.approx(log_loss(y_true[inside], y_prob[inside]))
    assert row["probability_gap"]["value"] == pytest.approx((y_prob - y_true)[inside].mean())


def test_numbers_are_cut_into_quarters_that_hold_every_row() -> None:
    frame, y_true, y_prob = table()
    found = slices(frame, y_true, y_prob, SCHEMA, ["age"], 100, 0)
    assert len(found) == 4
    assert sum(row["rows"] for row in found) == len(frame)
    assert all(" to " in row["value"] for row in found)


def test_small_slices_and_missing_values_are_left_out() -> None:
    frame, y_true, y_prob = table()
    assert MIN_ROWS > 50
    frame.loc[900:, "town"] = None
    found = slices(frame, y_true, y_prob, SCHEMA, ["town"], 100, 0)
    assert [(row["value"], row["rows"]) for row in found] == [("common", 850)]
    few = frame.head(90)
    assert slices(few, y_true[:90], y_prob[:90], SCHEMA, ["sex", "age"], 100, 0) == []


def test_repeated_entities_widen_the_interval() -> None:
    frame, y_true, y_prob = table(600)
    four = frame.loc[np.repeat(frame.index, 4)].reset_index(drop=True)
    given = (four, np.repeat(y_true, 4), np.repeat(y_prob, 4), SCHEMA, ["sex"], 400, 0)
    widths = [
        np.diff(slices(*given, groups)[0]["log_loss"]["interval"])[0]
        for groups in (None, np.repeat(np.arange(600), 4))
    ]
    assert widths[1] / widths[0] == pytest.approx(2, rel=0.15)
