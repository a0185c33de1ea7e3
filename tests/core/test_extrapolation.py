from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages.core.extrapolation import at, extrapolate, power_law
from stages.core.learning_curve import LearningCurve
from stages.core.statistics import Drawn

ROWS = np.array([100, 250, 500, 1000])


def curve(
    errors: np.ndarray, noise: float = 0.0, spread: float | None = None, draws: int = 400
) -> LearningCurve:
    """A curve whose draws share what the rows measured on make of them."""
    rng = np.random.default_rng(0)
    shared = noise * rng.normal(size=draws)
    drawn = [Drawn(float(e), e + shared) for e in errors]
    return LearningCurve(ROWS, np.ones(4, dtype=np.int64), drawn, spread, pd.DataFrame())


@pytest.mark.parametrize(("a", "b", "c"), [(0.3, 2.0, 0.5), (0.0, 1.0, 0.25), (0.1, 8.0, 1.0)])
def test_the_law_that_made_the_points_is_found(a: float, b: float, c: float) -> None:
    errors = (a + b * ROWS**-c)[None, :]
    law = power_law(ROWS.astype(float), errors, ROWS.astype(float))
    assert at(law, 2000) == pytest.approx(a + b * 2000.0**-c, rel=1e-6)
    assert law[0] == pytest.approx([a, b, c], rel=1e-4, abs=1e-6)


def test_errors_that_rise_are_taken_for_flat_and_none_is_below_nothing() -> None:
    errors = np.array([[0.40, 0.41, 0.42, 0.43], [0.4, 0.1, 0.02, 0.001]])
    law = power_law(ROWS.astype(float), errors, np.ones(4))
    assert at(law, 2000)[0] == pytest.approx(at(law, 100)[0])
    assert (law[:, 0] >= 0).all() and (at(law, 1e9) >= 0).all()


def test_each_draw_is_fitted_by_itself() -> None:
    rng = np.random.default_rng(0)
    errors = 0.3 + rng.random((20, 4)) * ROWS**-0.4
    weights = ROWS.astype(float)
    together = power_law(ROWS.astype(float), errors, weights)
    alone = np.concatenate([power_law(ROWS.astype(float), e[None], weights) for e in errors])
    assert together == pytest.approx(alone)


def test_a_curve_that_falls_is_told_from_one_that_has_come_down() -> None:
    falling, _ = extrapolate(curve(0.1 + 5 * ROWS**-0.5, 0.02, 0.01), 0.005, 0)
    assert falling.trend == "falls"
    assert falling.rows == 2000
    assert falling.fall["value"] == pytest.approx(5 * (1000**-0.5 - 2000**-0.5), rel=1e-6)
    low, high = falling.fall["interval"] or (0, 0)
    assert low < falling.fall["value"] < high
    flat, _ = extrapolate(curve(0.4 + 5 * ROWS**-1.0, 0.02, 0.001), 0.01, 0)
    assert flat.trend == "flat"


def test_what_the_rows_measured_on_share_does_not_blur_the_fall() -> None:
    errors = 0.1 + 5 * ROWS**-0.5
    quiet, loud = (extrapolate(curve(errors, noise), 0.005, 0)[0] for noise in (0.0, 0.02))
    assert quiet.fall["interval"] is not None and loud.fall["interval"] is not None
    assert np.diff(loud.error["interval"] or (0, 0))[0] > 0.05
    assert np.diff(loud.fall["interval"])[0] < 0.02


def test_draws_that_do_not_agree_say_so() -> None:
    found, _ = extrapolate(curve(0.4 + 1 * ROWS**-0.5, 0.01, spread=2.0), 0.01, 0)
    assert found.trend == "insufficient"


def test_two_points_say_nothing() -> None:
    two = replace(
        curve(0.4 + ROWS**-0.5),
        rows=ROWS[:2],
        parts=np.ones(2, dtype=np.int64),
        errors=curve(0.4 + ROWS**-0.5).errors[:2],
    )
    found, expected = extrapolate(two, 0.01, 0)
    assert found.trend == "insufficient"
    assert found.fall == {"value": None, "interval": None}
    assert np.isnan(expected.value)


def test_the_expected_error_is_paired_with_the_draws() -> None:
    found, expected = extrapolate(curve(0.1 + 5 * ROWS**-0.5, 0.02), 0.005, 0)
    assert expected.value == found.error["value"]
    measured = curve(0.1 + 5 * ROWS**-0.5, 0.02).errors[-1]
    assert np.corrcoef(expected.samples, measured.samples)[0, 1] > 0.95


def test_the_interval_holds_what_twice_the_rows_really_give() -> None:
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        spread = 0.5
        noise = np.sqrt(spread / ROWS) * rng.normal(size=4)
        found, _ = extrapolate(curve(0.2 + 3 * ROWS**-0.5 + noise, 0.01, spread), 0.005, seed)
        low, high = found.fall["interval"] or (0.0, 0.0)
        held += low <= 3 * (1000**-0.5 - 2000**-0.5) <= high
    assert held >= 48
