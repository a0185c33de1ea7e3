import pytest

from stages.core.numbers import NOTHING
from stages.report.grid import cell


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2011-01-01T00:00:00.000000000", "2011-01-01"),
        ("2011-01-01T00:00:00", "2011-01-01"),
        ("2011-01-01T07:30:00.000000000", "2011-01-01T07:30:00"),
        ("2011-01-01T07:30:00.500000000", "2011-01-01T07:30:00.500000000"),
        ("2011-01", "2011-01"),
        ({"value": None, "interval": None}, NOTHING),
    ],
)
def test_moments_and_unknown_estimates_are_short(value: object, shown: str) -> None:
    assert cell(value) == shown
