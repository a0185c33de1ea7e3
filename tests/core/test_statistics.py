import numpy as np
import pytest
from scipy import stats

from stages.core.statistics import (
    Drawn,
    bootstrap,
    bootstrap_weights,
    chunks,
    estimate,
    interval,
    intervals,
    paired_difference,
    rank_correlation,
    ratio,
    weighted_mean,
    wilson_interval,
)


def means(values: np.ndarray, draws: int, seed: int, groups: object = None) -> np.ndarray:
    return bootstrap(lambda w: weighted_mean(values, w), len(values), draws, seed, groups)


# --- weights ----------------------------------------------------------------------------


def test_every_draw_has_as_many_rows_as_the_table() -> None:
    drawn = np.concatenate(list(bootstrap_weights(700, 900, np.random.default_rng(0))))
    assert drawn.shape == (900, 700)
    assert (drawn.sum(axis=1) == 700).all()
    assert drawn.min() == 0


def test_weights_are_multinomial_counts() -> None:
    n = 400
    drawn = np.concatenate(list(bootstrap_weights(n, 2000, np.random.default_rng(1))))
    found = np.bincount(drawn.ravel(), minlength=5)[:5] / drawn.size
    # Each row is drawn n times with the chance 1 / n.
    assert found == pytest.approx(stats.binom.pmf(range(5), n, 1 / n), abs=0.002)
    correlation = np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]
    assert abs(correlation) < 4 / np.sqrt(2000)


def test_weights_follow_the_seed_alone() -> None:
    def drawn(seed: int) -> np.ndarray:
        return np.concatenate(list(bootstrap_weights(300, 50, np.random.default_rng(seed))))

    assert np.array_equal(drawn(0), drawn(0))
    assert not np.array_equal(drawn(0), drawn(1))


def test_chunks_bound_the_memory_and_lose_no_draw() -> None:
    assert sum(chunks(1000, 6000)) == 1000
    assert max(chunks(1000, 6000)) * 6000 <= 250_000
    assert list(chunks(3, 10**7)) == [1, 1, 1]


def test_rows_of_one_entity_are_drawn_together() -> None:
    groups = np.array(["b", "a", "b", None, "c", None], dtype=object)
    drawn = np.concatenate(list(bootstrap_weights(6, 500, np.random.default_rng(0), groups)))
    assert np.array_equal(drawn[:, 0], drawn[:, 2])
    assert not np.array_equal(drawn[:, 0], drawn[:, 1])
    # Two rows without an entity are not one entity.
    assert not np.array_equal(drawn[:, 3], drawn[:, 5])
    # Five entities are drawn each time.
    assert (drawn[:, [0, 1, 3, 4, 5]].sum(axis=1) == 5).all()


def test_a_bootstrap_without_rows_or_with_other_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        list(bootstrap_weights(0, 10, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="3 rows, not 4"):
        list(bootstrap_weights(4, 10, np.random.default_rng(0), [1, 2, 3]))


# --- intervals --------------------------------------------------------------------------


def test_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).gamma(2.0, size=250)
    own = interval(means(values, 4000, 0))
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert own[0] == pytest.approx(theirs.low, abs=0.06 * width)
    assert own[1] == pytest.approx(theirs.high, abs=0.06 * width)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(300):
        low, high = interval(means(rng.exponential(size=120), 300, seed))
        covered += low <= 1 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_a_higher_level_gives_a_wider_interval() -> None:
    samples = np.random.default_rng(0).normal(size=5000)
    narrow, wide = interval(samples, 0.8), interval(samples, 0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert narrow == pytest.approx((-1.2816, 1.2816), abs=0.06)


def test_few_undefined_draws_are_left_out_and_many_leave_nothing() -> None:
    samples = np.linspace(0, 1, 100)
    few, many = samples.copy(), samples.copy()
    few[:5], many[:6] = np.nan, np.nan
    assert interval(few) == interval(samples[5:])
    assert np.isnan(interval(many)).all()
    assert np.isnan(interval(np.full(10, np.nan))).all()
    assert estimate(0.5, many) == {"value": None, "interval": None}
    assert estimate(np.nan, samples) == {"value": None, "interval": None}
    assert estimate(0.5, few)["value"] == 0.5


def test_intervals_are_those_of_each_column() -> None:
    samples = np.random.default_rng(0).normal(size=(400, 3))
    samples[:, 2] = np.nan
    low, high = intervals(samples)
    for i in (0, 1):
        assert (low[i], high[i]) == interval(samples[:, i])
    assert np.isnan(low[2]) and np.isnan(high[2])


def test_repeated_entities_widen_the_interval() -> None:
    single = np.random.default_rng(0).normal(size=200)
    values, groups = np.repeat(single, 5), np.repeat(np.arange(200), 5)
    plain, grouped = interval(means(values, 1000, 0)), interval(means(values, 1000, 0, groups))
    once = interval(means(single, 1000, 0))
    assert (grouped[1] - grouped[0]) / (plain[1] - plain[0]) == pytest.approx(5**0.5, rel=0.1)
    # Copies of rows add no knowledge: the interval is that of the rows themselves.
    assert grouped == pytest.approx(once, abs=1e-12)


# --- differences ------------------------------------------------------------------------


def test_paired_difference_is_narrower_than_the_difference_of_strangers() -> None:
    rng = np.random.default_rng(0)
    first = rng.exponential(size=500)
    second = first + rng.normal(0.05, 0.1, size=500)
    paired = paired_difference(second, first, 1000, 0)
    strangers = Drawn(second.mean(), means(second, 1000, 0)) - Drawn(
        first.mean(), means(first, 1000, 1)
    )
    assert paired["interval"] is not None
    assert paired["value"] == pytest.approx((second - first).mean(), abs=1e-12)
    assert paired["interval"][0] > 0
    low, high = interval(strangers.samples)
    assert low < 0 < high


def test_difference_of_draws_with_one_seed_is_the_paired_difference() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 300))
    by_rows = paired_difference(first, second, 500, 7)
    by_draws = Drawn(first.mean(), means(first, 500, 7)) - Drawn(
        second.mean(), means(second, 500, 7)
    )
    assert by_rows["interval"] == pytest.approx(by_draws.estimate()["interval"], abs=1e-12)


def test_paired_difference_covers_no_difference_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for seed in range(300):
        shared = rng.normal(size=100)
        first, second = (shared + rng.normal(size=100) for _ in range(2))
        found = paired_difference(first, second, 300, seed)["interval"]
        assert found is not None
        covered += found[0] <= 0 <= found[1]
    assert 0.90 <= covered / 300 <= 0.98


def test_paired_difference_needs_the_same_rows() -> None:
    with pytest.raises(ValueError, match="same rows"):
        paired_difference(np.zeros(3), np.zeros(4), 100, 0)


# --- small statistics -------------------------------------------------------------------


def test_weighted_mean_agrees_with_numpy() -> None:
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=(50, 3)), rng.integers(0, 4, size=(7, 50))
    expected = [np.average(values, axis=0, weights=w) for w in weights]
    assert weighted_mean(values, weights) == pytest.approx(np.array(expected), abs=1e-12)
    one = weighted_mean(values[:, 0], weights)
    assert one == pytest.approx(np.array(expected)[:, 0], abs=1e-12)
    assert np.isnan(weighted_mean(values[:, 0], np.zeros((2, 50)))).all()


def test_ratio_is_undefined_only_over_zero() -> None:
    found = ratio(np.array([1.0, 0.0, 3.0]), np.array([2.0, 0.0, 0.0]))
    assert found[0] == 0.5
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (3, 10), (10, 10), (120, 1000)])
def test_wilson_interval_agrees_with_scipy(hits: int, trials: int) -> None:
    theirs = stats.binomtest(hits, trials).proportion_ci(0.95, method="wilson")
    low, high = wilson_interval(hits, trials)
    assert (float(low), float(high)) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_interval_holds_the_share_and_stays_a_share() -> None:
    trials = np.repeat(np.arange(1, 60), 60)
    hits = np.minimum(np.tile(np.arange(60), 59), trials)
    low, high = wilson_interval(hits, trials)
    assert (low <= hits / trials).all() and (hits / trials <= high).all()
    assert low.min() >= 0 and high.max() <= 1


def test_wilson_interval_of_nothing_is_undefined() -> None:
    low, high = wilson_interval([0, 1], [0, 4])
    assert np.isnan(low[0]) and np.isnan(high[0])
    assert 0 < low[1] < 0.25 < high[1] < 1


def test_rank_correlation_agrees_with_scipy_in_ties() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 6, size=80)
    second = first + rng.integers(0, 4, size=80)
    expected = stats.spearmanr(first, second).statistic
    assert rank_correlation(first, second) == pytest.approx(expected, abs=1e-12)
    assert rank_correlation([1, 2, 3], [9, 5, 1]) == pytest.approx(-1)
    assert np.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))
