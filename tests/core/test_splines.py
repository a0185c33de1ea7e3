"""Curves: bent between the knots, straight beyond them."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from sklearn.linear_model import LinearRegression

from stages.core.splines import NaturalSplines


def test_it_is_the_natural_cubic_spline_of_its_knots() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 1))
    splines = NaturalSplines(5).fit(x)
    knots = splines.knots_[0]
    np.testing.assert_allclose(knots, np.quantile(x, [0.05, 0.275, 0.5, 0.725, 0.95]))
    # Any natural spline through values at the knots lies in the basis, and nothing else does.
    own = CubicSpline(knots, [1.0, -2.0, 0.5, 3.0, 2.0], bc_type="natural")
    inside = np.linspace(knots[0], knots[-1], 200)[:, None]
    fitted = LinearRegression().fit(splines.transform(inside), own(inside[:, 0]))
    np.testing.assert_allclose(fitted.predict(splines.transform(inside)), own(inside[:, 0]))
    assert splines.transform(inside).shape == (200, 4)
    # Beyond the outer knots it goes on straight.
    for end, slope in ((knots[0] - 3, own(knots[0], 1)), (knots[-1] + 3, own(knots[-1], 1))):
        ahead = fitted.predict(splines.transform([[end], [end + 0.5]]))
        assert (ahead[1] - ahead[0]) / 0.5 == pytest.approx(float(slope), rel=1e-6)


def test_a_column_of_few_values_stays_a_line() -> None:
    x = np.column_stack([np.arange(100) % 2, np.arange(100.0)])
    splines = NaturalSplines(4).fit(x)
    assert np.isnan(splines.knots_[0]).all()
    found = splines.transform(x)
    assert found.shape == (100, 4)
    np.testing.assert_array_equal(found[:, :2], x)
