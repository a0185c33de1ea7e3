import pytest

from stages.core.numbers import NOTHING, bound, decimals, interval, measured, money, number, percent

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567, "1,234,567"),
        (-1234, "\N{MINUS SIGN}1,234"),
        (0.78123, "0.781"),
        (-0.0213, "\N{MINUS SIGN}0.021"),
        (0.00012345, "0.00012"),
        (-0.00001, "\N{MINUS SIGN}1 \N{MULTIPLICATION SIGN} 10⁻⁵"),
        (12.3456, "12.35"),
        (123.456, "123.5"),
        (143210.4, "143,210"),
        (2.0, "2"),
        (0, "0"),
        (0.0, "0"),
        (-0.0, "0"),
        (True, "yes"),
        (False, "no"),
        (None, NOTHING),
        ("PAY_0 >= 2", "PAY_0 >= 2"),
        (float("nan"), "not a number"),
        (float("-inf"), "\N{MINUS SIGN}∞"),
    ],
)
def test_a_number_reads_well(value: float | str | None, shown: str) -> None:
    assert number(value) == shown


def test_places_fix_the_decimals_and_a_rounded_zero_has_no_sign() -> None:
    assert number(2.0, 3) == "2.000"
    assert number(-0.0001, 2) == "0.00"


def test_a_value_and_its_interval_share_their_decimals() -> None:
    assert measured(0.78, (0.7701, 0.7923)) == "0.780 [0.770, 0.792]"
    assert measured(98.5, (87.25, 1203.0)) == "98 [87, 1,203]"
    assert measured(0.78, None) == "0.780"
    assert measured(None, None) == NOTHING
    assert measured("boosting", None) == "boosting"


def test_an_open_interval_shows_its_open_side() -> None:
    assert interval((0.1, None)) == "[0.100, \N{EN DASH}]"
    assert interval(None) == ""


@pytest.mark.parametrize(("size", "places"), [(0, 3), (0.004, 4), (0.5, 3), (99, 2), (5e6, 0)])
def test_decimals_leave_three_digits_or_more(size: float, places: int) -> None:
    assert decimals([size, -size / 2]) == places


def test_shares_and_amounts_keep_their_unit_on_the_same_line() -> None:
    assert percent(0.2212) == f"22.1{NBSP}%"
    assert percent(None) == NOTHING
    assert money(-20000, "NT$") == f"NT${NBSP}\N{MINUS SIGN}20,000"
    assert money(0.5, "€") == f"€{NBSP}0.50"
    assert money(None, "€") == NOTHING


@pytest.mark.parametrize(
    ("threshold", "shown"),
    [
        (">= 100000", "≥ 100,000"),
        ("<= 0.03", "≤ 0.03"),
        (">= -1234.50", "≥ \N{MINUS SIGN}1,234.5"),
        ("<= 1e-3", "≤ 0.0010"),
        ("<= 1.2e-09", "≤ 1.2 \N{MULTIPLICATION SIGN} 10⁻⁹"),
        ("k >= 5 in PAY_0", "k ≥ 5 in PAY_0"),
        ("sha256 ab12", "sha256 ab12"),
        (None, NOTHING),
    ],
)
def test_a_threshold_keeps_its_words_and_decimals(threshold: str | None, shown: str) -> None:
    assert bound(threshold) == shown
