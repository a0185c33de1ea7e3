"""Forms and check digits, against numbers made by the rules themselves."""

import random
import string

import pytest

from stages.core.personal_data import (
    EMAIL,
    IBAN,
    IBAN_LENGTHS,
    IP_ADDRESS,
    PATTERNS,
    PAYMENT_CARD,
    PHONE,
    SOCIAL_SECURITY_NUMBER,
    Pattern,
    is_iban,
    is_payment_card,
)


def found(pattern: Pattern, text: str) -> bool:
    return any(map(pattern.holds, pattern.form.findall(text)))


def iban(country: str, random: random.Random) -> str:
    """An IBAN by ISO 13616: the check digits are 98 minus the rest modulo 97."""
    account = "".join(random.choices(string.digits, k=IBAN_LENGTHS[country] - 4))
    digits = "".join(str(int(c, 36)) for c in f"{account}{country}00")
    return f"{country}{98 - int(digits) % 97:02d}{account}"


def card(start: str, length: int, random: random.Random) -> str:
    """A card number whose last digit makes Luhn's sum a multiple of ten."""
    digits = start + "".join(random.choices(string.digits, k=length - len(start) - 1))
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled // 10 + doubled % 10
    return digits + str(-total % 10)


@pytest.mark.parametrize("country", sorted(IBAN_LENGTHS))
def test_an_iban_of_each_country_and_none_with_another_digit(country: str) -> None:
    right = iban(country, random.Random(country))  # noqa: S311
    assert is_iban(right)
    assert found(IBAN, f"to {right.lower()} today")
    grouped = " ".join(right[i : i + 4] for i in range(0, len(right), 4))
    assert found(IBAN, f"to {grouped}, please")
    for place in range(4, len(right)):
        other = str((int(right[place]) + 1) % 10)
        assert not is_iban(right[:place] + other + right[place + 1 :])
    assert not is_iban(right[:-1])


@pytest.mark.parametrize(
    ("start", "length"),
    [
        *(("4", 13), ("4", 16), ("4", 19), ("51", 16), ("2221", 16), ("34", 15), ("300", 14)),
        *(("6011", 16), ("3528", 16), ("62", 16), ("62", 19)),
    ],
)
def test_a_card_of_each_issuer_and_none_with_another_digit(start: str, length: int) -> None:
    right = card(start, length, random.Random(start))  # noqa: S311
    assert is_payment_card(right)
    assert found(PAYMENT_CARD, f"card {right[:4]} {right[4:]}.")
    for place in range(len(start), length):
        other = str((int(right[place]) + 1) % 10)
        assert not is_payment_card(right[:place] + other + right[place + 1 :])


def test_a_number_that_no_issuer_gives_is_no_card() -> None:
    assert not is_payment_card(card("9", 16, random.Random(0)))  # noqa: S311
    assert not is_payment_card(card("2220", 16, random.Random(0)))  # noqa: S311


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        (EMAIL, "write to anna.meier+x@mail.example.org.", True),
        (EMAIL, "@pytest.mark and a@b and actions/checkout@v6", False),
        (PHONE, "+41 44 668 18 00", True),
        (PHONE, "2026-11-23 and 123-456", False),
        (IP_ADDRESS, "from 8.8.8.8", True),
        (IP_ADDRESS, "from 10.0.0.1 and 999.1.1.1", False),
        (SOCIAL_SECURITY_NUMBER, "219-09-9999", True),
        (SOCIAL_SECURITY_NUMBER, "000-09-9999 and 666-09-9999 and 219-00-9999", False),
    ],
)
def test_what_looks_like_it_and_what_does_not(pattern: Pattern, text: str, holds: bool) -> None:
    assert found(pattern, text) is holds


def test_each_kind_has_its_name() -> None:
    assert len({pattern.name for pattern in PATTERNS}) == len(PATTERNS) == 12
