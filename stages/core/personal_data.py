"""What personal data looks like in text: its form and, where it has one, its check digit."""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

# Lengths by country: the IBAN registry of SWIFT.
_IBANS = """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27
    DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28
    IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22
    MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24
    SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
IBAN_LENGTHS = {code[:2]: int(code[2:]) for code in _IBANS.split()}


def beginnings(text: str) -> Iterator[str]:
    """Yield the first word of `text`, the first two joined, and so on.

    What follows a number in running text may look like its next group.
    """
    words = re.split(r"[ -]", text.upper())
    for count in range(1, len(words) + 1):
        yield "".join(words[:count])


def is_iban(text: str) -> bool:
    """Return whether `text` begins with an IBAN: its country's length, 1 modulo 97 (ISO 13616)."""
    return any(
        IBAN_LENGTHS.get(bare[:2]) == len(bare)
        and int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1
        for bare in beginnings(text)
    )


_ISSUED = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[68]\d)\d{11}"  # Diners Club
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14,17}"  # UnionPay
)


def is_payment_card(text: str) -> bool:
    """Return whether `text` begins with a card number: an issuer's range and Luhn's digit."""
    return any(
        _ISSUED.fullmatch(digits) is not None and _luhn(digits) for digits in beginnings(text)
    )


def _luhn(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def is_ip_address(text: str) -> bool:
    """Return whether `text` is an IP address of a machine on the open internet."""
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def is_social_security_number(text: str) -> bool:
    """Return whether the US Social Security Administration could have given `text` out."""
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


@dataclass(frozen=True)
class Pattern:
    """A kind of personal data: what it looks like, and what else must hold.

    `share`: where chance alone passes the test, only a column in which at least this share
    of what looks like it passes is said to hold it.
    """

    name: str
    form: re.Pattern[str]
    holds: Callable[[str], bool] = lambda text: True
    share: float = 0.0


EMAIL = Pattern(
    "e-mail address",
    re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?![\w-])"),
)
IBAN = Pattern(
    "IBAN",
    re.compile(r"(?<!\w)[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]){11,30}(?!\w)"),
    is_iban,
)
PAYMENT_CARD = Pattern(
    "payment card number",
    re.compile(r"(?<![\w.,-])\d(?:[ -]?\d){12,18}(?![\w,-])(?!\.\d)"),
    is_payment_card,
    # One number in ten has Luhn's digit by chance.
    share=0.5,
)
PHONE = Pattern(
    "phone number",
    re.compile(
        r"(?<![\w+])(?:\+[1-9](?:[ ().-]{0,2}\d){7,14}"
        r"|\(\d{3}\) ?\d{3}-\d{4}|\d{3}-\d{3}-\d{4})(?![\w-])"
    ),
)
IP_ADDRESS = Pattern(
    "IP address",
    re.compile(
        r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}"
        r"|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w.:])"
    ),
    is_ip_address,
)
SOCIAL_SECURITY_NUMBER = Pattern(
    "US social security number",
    re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
    is_social_security_number,
)
PATTERNS = (EMAIL, IBAN, PAYMENT_CARD, PHONE, IP_ADDRESS, SOCIAL_SECURITY_NUMBER)


def personal_data(texts: Iterable[str]) -> dict[str, int]:
    """Return how many of `texts` hold each kind of personal data; 0 is left out."""
    looks: Counter[str] = Counter()
    holds: Counter[str] = Counter()
    for text in texts:
        for pattern in PATTERNS:
            found = pattern.form.findall(text)
            looks[pattern.name] += bool(found)
            holds[pattern.name] += any(map(pattern.holds, found))
    return {
        pattern.name: holds[pattern.name]
        for pattern in PATTERNS
        if holds[pattern.name] and holds[pattern.name] >= pattern.share * looks[pattern.name]
    }
