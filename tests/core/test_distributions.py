import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import boxplot_stats
from scipy import stats

from stages.core.distributions import (
    Scale,
    bin_edges,
    outlier_share,
    scale_of,
    shares,
    skewness,
    target_rates,
    tukey_box,
)
from stages.core.schema import Column
from stages.core.variables import Variable

LINEAR = Scale("linear")


def variable(values: object, kind: str = "numeric") -> Variable:
    column = {
        "numeric": Column(dtype="float64", kind="numeric", title="N"),
        "ordinal": Column(dtype="int64", kind="ordinal", title="O"),
        "datetime": Column(dtype="datetime64[ns]", kind="datetime", title="D", format="%Y"),
    }[kind]
    return Variable("x", column, np.asarray(values, dtype=float), (), ordered=True)


@pytest.fixture
def tail() -> np.ndarray:
    return np.random.default_rng(0).lognormal(3, 2, 3000)


# --- scales -------------------------------------------------------------------------------


def test_only_a_long_tail_is_drawn_on_a_symmetric_log_scale(tail: np.ndarray) -> None:
    assert scale_of(variable(tail), 2.0).kind == "symlog"
    assert scale_of(variable(-tail), 2.0).kind == "symlog"
    assert scale_of(variable(np.log(tail)), 2.0) == LINEAR
    assert scale_of(variable(tail, "ordinal"), 2.0) == LINEAR
    assert scale_of(variable(tail, "datetime"), 2.0).kind == "dates"
    assert scale_of(variable([]), 2.0) == LINEAR
    assert scale_of(variable([1, 1, 1, 1000]), 0.1) == LINEAR


def test_two_long_tails_that_balance_are_seen_too() -> None:
    values = np.random.default_rng(0).standard_cauchy(3000)
    both = np.r_[values, -values]
    assert abs(skewness(both)) < 0.01
    assert scale_of(variable(both), 2.0).kind == "symlog"


def test_a_symmetric_log_scale_keeps_order_and_sign() -> None:
    scale = Scale("symlog", 100.0)
    values = np.array([-1e6, -100, -1, 0, 1, 99.999, 100, 100.001, 1e6])
    found = scale.positions(values)
    assert (np.diff(found) > 0).all()
    np.testing.assert_allclose(found, -scale.positions(-values))
    np.testing.assert_allclose(scale.positions([0, 50, 100, 1000]), [0, 0.25, 0.5, 1.5])


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("low", [-3e5, -12.0, 0.0, 3.0])
def test_ticks_stand_inside_and_apart(low: float, count: int) -> None:
    values = np.array([low, 8e6])
    for scale in (LINEAR, Scale("symlog", 10.0)):
        places, labels = scale.ticks(values, count)
        ends = scale.positions(values)
        assert 1 <= len(places) <= count + 1
        assert len(labels) == len(set(labels)) == len(places)
        assert ends[0] <= places.min()
        assert places.max() <= ends[1]
        if scale.kind == "symlog" and len(places) > 1:
            assert np.diff(places).min() >= np.ptp(ends) / (count + 0.5)


def test_ticks_of_whole_numbers_are_whole() -> None:
    assert LINEAR.ticks(np.array([-2.0, 3.0, 8.0]), 5)[1] == [
        "\N{MINUS SIGN}2",
        "0",
        "2",
        "4",
        "6",
        "8",
    ]
    assert (
        "0.5" in LINEAR.ticks(np.array([0, 0.3, 1]), 5)[1]
        or "0.4" in LINEAR.ticks(np.array([0, 0.3, 1]), 5)[1]
    )


def test_there_are_ticks_of_one_value_and_none_of_nothing() -> None:
    assert LINEAR.ticks(np.array([12.34]), 4)[1] == ["12.3"]
    assert LINEAR.ticks(np.array([]), 4)[1] == []


def test_ticks_of_dates_are_dates() -> None:
    def labels(start: str, end: str) -> list[str]:
        days = np.array([start, end], dtype="datetime64[ns]").astype(np.int64) / 86_400e9
        return Scale("dates").ticks(days, 5)[1]

    assert labels("2020-01-01", "2022-01-01") == ["2020-05", "2020-12", "2021-09"]
    assert labels("2020-01-01", "2020-01-09") == ["2020-01-03", "2020-01-07"]
    assert labels("2020-01-01 00:00", "2020-01-01 04:00") == ["01-01 01:00", "01-01 03:00"]


@pytest.mark.parametrize("value", [0.0, 1.0, -1e9, 1e300])
def test_an_axis_of_one_value_has_a_width(value: float) -> None:
    low, high = LINEAR.limits(np.array([value]))
    assert low < value < high


def test_an_axis_is_wider_by_its_slack() -> None:
    assert LINEAR.limits(np.array([0.0, 10.0]), 0.1) == (-1.0, 11.0)


# --- bins ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bins", [5, 40, 200])
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_each_bin_holds_as_many_whole_numbers(bins: int, step: int) -> None:
    values = step * np.arange(-13, 77, dtype=float)
    edges = bin_edges(np.random.default_rng(0).permutation(values), LINEAR, bins)
    assert len(edges) - 1 <= bins
    counts, _ = np.histogram(values, edges)
    assert counts.sum() == len(values)
    assert len(set(counts[:-1])) == 1
    assert counts[-1] <= counts[0]


@pytest.mark.parametrize(
    "values",
    [
        [0.1],
        [5.0],
        [1e300, -1e300],
        [1e9, np.nextafter(1e9, 2e9)],
        [0.1, np.nextafter(0.1, 1)],
        [-3.0, 1e15, 2e15],
        [2.0**53, 2.0**60],
    ],
)
@pytest.mark.parametrize("scale", [LINEAR, Scale("symlog", 1.0)])
def test_bins_hold_every_value_however_odd(values: list[float], scale: Scale) -> None:
    edges = bin_edges(np.array(values), scale, 40)
    assert (np.diff(edges) > 0).all()
    assert shares(scale.positions(values), edges).sum() == pytest.approx(1)


def test_shares_are_numpys_counts(tail: np.ndarray) -> None:
    scale = scale_of(variable(tail), 2.0)
    edges = bin_edges(tail, scale, 40)
    assert len(edges) == 41
    np.testing.assert_allclose(np.diff(edges), np.diff(edges)[0])
    expected, _ = np.histogram(scale.positions(tail), edges)
    np.testing.assert_allclose(shares(scale.positions(tail), edges), expected / len(tail))
    assert shares(np.array([]), edges).sum() == 0


# --- rates --------------------------------------------------------------------------------


def test_rates_at_each_of_few_values_are_pandas() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 6, 900).astype(float)
    y = (rng.random(900) < values / 10).astype(np.int64)
    values[:50] = np.nan
    found = target_rates(values, y, 10, 20)
    groups = pd.Series(y).groupby(values)
    np.testing.assert_array_equal(found.centres, groups.mean().index)
    np.testing.assert_allclose(found.rate, groups.mean())
    np.testing.assert_array_equal(found.rows, groups.size())
    for hit, rows, low, high in zip(groups.sum(), found.rows, found.low, found.high, strict=True):
        expected = stats.binomtest(int(hit), int(rows)).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((expected.low, expected.high))


def test_rates_of_many_values_are_in_quantile_bins() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=1000)
    y = (rng.random(1000) < 0.3).astype(np.int64)
    found = target_rates(values, y, 10, 20)
    bins = pd.qcut(values, 10)
    np.testing.assert_array_equal(found.rows, np.full(10, 100))
    np.testing.assert_allclose(found.rate, pd.Series(y).groupby(bins, observed=True).mean())
    assert np.isin(found.centres, values).all()
    assert (np.diff(found.centres) > 0).all()


def test_one_value_that_fills_many_quantiles_has_one_bin() -> None:
    values = np.r_[np.zeros(700), np.arange(300) / 7 + 1]
    found = target_rates(values, np.ones(1000, dtype=np.int64), 10, 20)
    assert found.rows.sum() == 1000
    assert found.centres[0] == 0
    assert found.rows[0] == 700


# --- tails --------------------------------------------------------------------------------


def test_skewness_is_pandas_and_scipys(tail: np.ndarray) -> None:
    for values in (tail, np.log(tail), -tail, tail[:3], tail + 1e6):
        assert skewness(values) == pytest.approx(stats.skew(values, bias=False), rel=1e-6)
    assert skewness(tail * 1e290) == pytest.approx(skewness(tail))
    assert skewness(tail) == pytest.approx(float(pd.Series(tail).skew()))
    assert skewness(tail[:2]) == skewness(np.full(9, 3.3)) == skewness(np.array([])) == 0


def test_the_box_is_matplotlibs(tail: np.ndarray) -> None:
    for values in (tail, np.array([1.0]), np.array([1.0, 2.0, 50.0])):
        (expected,) = boxplot_stats(values)
        assert tukey_box(values) == pytest.approx(
            [expected[key] for key in ("whislo", "q1", "med", "q3", "whishi")]
        )
        assert outlier_share(values) == pytest.approx(len(expected["fliers"]) / len(values))
    assert outlier_share(np.array([])) == 0
