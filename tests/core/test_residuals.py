import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from stages.core.residuals import BINS, MAX_BINS, REST, bins_of, residual_structure
from stages.core.schema import Column, Schema
from stages.core.variables import Variable, read_variables

SCHEMA = Schema(
    columns={
        "town": Column(dtype="str", kind="categorical", title="Town", nullable=True),
        "delay": Column(dtype="int64", kind="ordinal", title="Delay"),
        **{f"x{i}": Column(dtype="float64", kind="numeric", title=f"X {i}") for i in range(8)},
    }
)


def table(seed: int, n: int = 2000) -> tuple[pd.DataFrame, tuple[Variable, ...]]:
    rng = np.random.default_rng((seed, 9))
    frame = pd.DataFrame(
        {
            "town": rng.choice(
                list("abcdefgh"), n, p=[0.3, 0.3, 0.1, 0.1, 0.1, 0.05, 0.045, 0.005]
            ),
            "delay": rng.integers(-2, 4, n),
            **{f"x{i}": rng.normal(size=n) for i in range(8)},
        }
    )
    return frame, read_variables(frame, SCHEMA, "", None)


def test_a_column_that_the_model_lacks_comes_first() -> None:
    for seed in range(5):
        frame, variables = table(seed)
        noise = np.random.default_rng(seed).normal(size=2000)
        structure, means = residual_structure(
            noise + 0.7 * frame["x2"].to_numpy(), variables, 200, 0
        )
        assert structure["column"].iloc[0] == "x2"
        assert structure["flagged"].tolist() == [True] + [False] * 9
        # 0.49 of a variance of 1.49; tenths see nearly all of a straight line
        assert structure["explained"].iloc[0] == pytest.approx(0.31, abs=0.05)
        first = means[means["column"] == "x2"]
        assert len(first) == BINS and first["centre"].is_monotonic_increasing
        assert first["high"].iloc[0] < -0.7 and first["low"].iloc[-1] > 0.7


def test_many_columns_are_measured_a_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, variables = table(3)
    residuals = np.random.default_rng(3).normal(size=2000) + 0.3 * frame["x2"].to_numpy()
    once = residual_structure(residuals, variables, 100, 0)
    monkeypatch.setattr("stages.core.residuals.BLOCK_CELLS", 25 * len(frame))
    in_blocks = residual_structure(residuals, variables, 100, 0)
    for one, other in zip(in_blocks, once, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_a_right_model_leaves_no_structure_though_spread_differs() -> None:
    """Outcomes of 0 or 1: their spread hangs on the probability, and so on the columns."""
    alarms, shares = 0, []
    for seed in range(20):
        frame, variables = table(seed)
        truth = 1 / (1 + np.exp(3 - 2 * frame["x0"].to_numpy() - frame["delay"].to_numpy()))
        outcome = np.random.default_rng(seed).random(2000) < truth
        structure, _ = residual_structure(truth - outcome, variables, 200, seed)
        alarms += structure["flagged"].any()
        shares.append(structure["explained"].mean())
    assert alarms <= 1
    assert abs(np.mean(shares)) < 5e-4


def test_numbers_are_those_of_the_rows() -> None:
    frame, variables = table(0)
    residuals = np.random.default_rng(0).normal(size=2000) + (frame["town"] == "c").to_numpy()
    structure, means = residual_structure(residuals, variables, 300, 0)
    row = means[(means["column"] == "town") & (means["bin"] == "c")].iloc[0]
    own = residuals[frame["town"] == "c"]
    assert row["rows"] == len(own)
    low, high = norm.interval(0.95, own.mean(), own.std(ddof=1) / np.sqrt(len(own)))
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((own.mean(), low, high))
    # eta squared, by its definition; chance makes up about bins - 1 of n
    by_town = pd.Series(residuals).groupby(frame["town"]).transform("mean")
    eta = ((by_town - residuals.mean()) ** 2).sum() / ((residuals - residuals.mean()) ** 2).sum()
    explained = structure.set_index("column").loc["town", "explained"]
    assert explained == pytest.approx(eta - 7 / 2000, abs=2e-3)


def test_the_mean_of_all_residuals_is_no_structure() -> None:
    _, variables = table(1)
    noise = np.random.default_rng(1).normal(size=2000)
    plain, _ = residual_structure(noise, variables, 100, 0)
    moved, means = residual_structure(noise + 5, variables, 100, 0)
    assert moved["explained"].to_numpy() == pytest.approx(plain["explained"].to_numpy())
    assert means["mean"].mean() == pytest.approx(5, abs=0.2)


def test_entities_that_repeat_raise_no_alarm() -> None:
    alarms = [0, 0]
    for seed in range(10):
        rng, n = np.random.default_rng(seed), 200
        rows = np.repeat(np.arange(n), 8)
        frame, _ = table(seed, n)
        wide = frame.iloc[rows].reset_index(drop=True)
        variables = read_variables(wide, SCHEMA, "", None)
        residuals = rng.normal(size=n)[rows]
        for place, groups in enumerate((rows, None)):
            structure, _ = residual_structure(residuals, variables, 100, seed, groups)
            alarms[place] += structure["flagged"].any()
    assert alarms[0] <= 1
    assert alarms[1] == 10


def test_weights_count_as_copies_do() -> None:
    frame, variables = table(2, 500)
    rng = np.random.default_rng(2)
    residuals, weight = rng.normal(size=500), rng.integers(1, 4, 500)
    rows = np.repeat(np.arange(500), weight)
    copies = read_variables(frame.iloc[rows].reset_index(drop=True), SCHEMA, "", None)
    _, weighted = residual_structure(residuals, variables[:1], 50, 0, None, weight.astype(float))
    _, repeated = residual_structure(residuals[rows], copies[:1], 50, 0, rows)
    names = weighted["bin"].tolist()
    again = repeated.set_index("bin").loc[[n for n in names if n != REST]]
    first = weighted.set_index("bin").loc[again.index]
    assert first["mean"].to_numpy() == pytest.approx(again["mean"].to_numpy())
    assert first["low"].to_numpy() == pytest.approx(again["low"].to_numpy())


def test_rare_categories_are_one_bin_and_missing_values_another() -> None:
    town = np.array(["a"] * 150 + ["b"] * 29 + ["c"] * 6 + [None] * 60, dtype=object)
    frame = pd.DataFrame({"town": pd.Series(town, dtype="str")})
    (variable,) = read_variables(frame, SCHEMA, "", None)
    found = {label: mask.sum() for label, _, mask in bins_of(variable)}
    assert found == {"a": 150, "missing": 60, REST: 35}
    many = pd.DataFrame({"town": np.repeat([f"t{i}" for i in range(40)], 40)})
    (variable,) = read_variables(many, SCHEMA, "", None)
    found = {label: mask.sum() for label, _, mask in bins_of(variable)}
    assert len(found) == MAX_BINS + 1 and found[REST] == 800


def test_nothing_to_explain_and_nothing_to_explain_it() -> None:
    _, variables = table(0)
    structure, _ = residual_structure(np.zeros(2000), variables, 20, 0)
    assert not structure["flagged"].any() and (structure["explained"] == 0).all()
    constant = Variable("one", SCHEMA.columns["x0"], np.ones(2000), (), ordered=True)
    structure, _ = residual_structure(np.random.default_rng(0).normal(size=2000), [constant], 50, 0)
    assert not structure["flagged"].any()
    assert structure["explained"].iloc[0] == pytest.approx(0)
    assert [len(each) for each in residual_structure(np.ones(3), [], 20, 0)] == [0, 0]
