"""Numbers as people read them: thousands apart, few digits, the interval in brackets."""

import re
from collections.abc import Sequence
from math import floor, isfinite, log10

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
SPACE = "\N{NO-BREAK SPACE}"  # a number and its unit stay on one line

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Nearer to 0 than this, zeros after the point are hard to count.
_TINY = 1e-4

_COMPARISONS = {">=": "≥", "<=": "≤", "!=": "≠"}
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\w)", re.IGNORECASE)


def decimals(values: Sequence[float]) -> int:
    """Return how many decimals show the largest of `values` with three digits or more."""
    size = max((abs(value) for value in values if isfinite(value)), default=0.0)
    if size == 0:
        return 3
    if size < 0.01:
        return 1 - floor(log10(size))  # two significant digits
    return 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0


def number(value: float | int | str | bool | None, places: int | None = None) -> str:
    """Return `value` for a person: ``1,234``, ``0.781``, ``yes``, a dash for none.

    `places` fixes the decimals of a float; text is returned as it is.
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not isfinite(value):
        return "not a number" if value != value else f"{MINUS if value < 0 else ''}∞"
    if isinstance(value, int) or (value.is_integer() and places is None):
        places = 0
    elif places is None and abs(value) < _TINY:
        digits, _, exponent = f"{value:.1e}".partition("e")
        power = str(int(exponent)).translate(_SUPERSCRIPT)
        return f"{digits.removesuffix('.0').replace('-', MINUS)} {TIMES} 10{power}"
    shown = f"{value:,.{decimals([value]) if places is None else places}f}"
    zero = not shown.strip("-0.,")
    return shown.lstrip("-") if zero else shown.replace("-", MINUS)


def interval(bounds: Sequence[float | None] | None, places: int | None = None) -> str:
    """Return ``[low, high]``, both with the same decimals; ``""`` where there is none."""
    if bounds is None:
        return ""
    known = [float(bound) for bound in bounds if bound is not None]
    if places is None:
        places = decimals(known)
    low, high = (number(None if b is None else float(b), places) for b in bounds)
    return f"[{low}, {high}]"


def measured(value: float | int | str | None, bounds: Sequence[float | None] | None = None) -> str:
    """Return a value and its interval, ``0.781 [0.770, 0.792]``, with equal decimals."""
    if bounds is None or value is None or isinstance(value, str):
        return " ".join(part for part in (number(value), interval(bounds)) if part)
    places = decimals([float(b) for b in (value, *bounds) if b is not None])
    return f"{number(float(value), places)} {interval(bounds, places)}"


def percent(share: float | None, places: int = 1) -> str:
    """Return a share of 1 as ``22.1 %``."""
    return number(None) if share is None else f"{number(share * 100.0, places)}{SPACE}%"


def money(amount: float | None, currency: str) -> str:
    """Return an amount with its currency before it, without decimals from 100 on."""
    if amount is None:
        return number(None)
    places = 0 if abs(amount) >= 100 or float(amount).is_integer() else 2
    return f"{currency}{SPACE}{number(float(amount), places)}"


def bound(threshold: str | None) -> str:
    """Return a verdict's threshold, such as ``">= 100000"``, as ``≥ 100,000``."""
    if threshold is None:
        return number(None)
    shown = _NUMBER.sub(lambda found: _spaced(found[0]), threshold)
    for plain, sign in _COMPARISONS.items():
        shown = shown.replace(plain, sign)
    return shown


def _spaced(digits: str) -> str:
    """Return the number in `digits` with its thousands apart and its own decimals."""
    if "e" in digits.lower():
        return number(float(digits))
    return f"{int(digits):,}".replace("-", MINUS) if "." not in digits else _decimal(digits)


def _decimal(digits: str) -> str:
    whole, _, fraction = digits.partition(".")
    sign = MINUS if whole.startswith("-") else ""
    fraction = fraction.rstrip("0")
    return f"{sign}{int(whole.lstrip('-')):,}" + (f".{fraction}" if fraction else "")
