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


def is_german_tax_number(text: str) -> bool:
    """Return whether `text` is an IdNr: its check digit (ISO 7064, mod 11, 10) and repeats.

    Of the first ten digits one stands twice or three times, and the others once at most.
    """
    digits = text.replace(" ", "")
    counts = sorted(Counter(digits[:10]).values())
    if counts[-1] not in (2, 3) or (len(counts) > 1 and counts[-2] != 1):
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def is_nhs_number(text: str) -> bool:
    """Return whether `text` is a number of the UK National Health Service (modulo 11)."""
    digits = [int(digit) for digit in text if digit != " "]
    total = sum(weight * digit for weight, digit in zip(range(10, 0, -1), digits, strict=True))
    return total % 11 == 0 and any(digits)


def is_cpf(text: str) -> bool:
    """Return whether `text` is a Brazilian CPF: two check digits, and not one digit alone."""
    digits = [int(digit) for digit in text if digit.isdigit()]
    checks = [
        sum(weight * digit for weight, digit in zip(range(n + 1, 1, -1), digits[:n], strict=True))
        * 10
        % 11
        % 10
        for n in (9, 10)
    ]
    return digits[9:] == checks and len(set(digits)) > 1


def is_dni(text: str) -> bool:
    """Return whether `text` is a Spanish DNI or NIE: the letter is that of the number mod 23."""
    bare = text.upper().replace("-", "").translate(str.maketrans("XYZ", "012"))
    letter = text[-1].upper()
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(bare[:8]) % 23] == letter


# What a sign at an odd place counts, in the order 0 to 9 or A to Z (Italian decree of 1976).
_ODD = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)


def is_codice_fiscale(text: str) -> bool:
    """Return whether `text` is an Italian codice fiscale: its last letter checks the others."""
    places = [int(sign) if sign.isdigit() else ord(sign) - ord("A") for sign in text.upper()]
    total = sum(_ODD[place] for place in places[:15:2]) + sum(places[1:15:2])
    return total % 26 == places[15]


def is_nir(text: str) -> bool:
    """Return whether `text` is a French social security number: its key is that modulo 97."""
    digits = text.replace(" ", "")
    return 97 - int(digits[:13]) % 97 == int(digits[13:])


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
        r"|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w.:]|-[A-Za-z])"
    ),
    is_ip_address,
)
SOCIAL_SECURITY_NUMBER = Pattern(
    "US social security number",
    re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
    is_social_security_number,
)
# Of these, chance alone passes one in ten or twenty.
NATIONAL_NUMBERS = (
    Pattern(
        "German tax number",
        re.compile(r"(?<![\w.,+-])[1-9]\d(?: ?\d{3}){3}(?![\w,-])(?!\.\d)"),
        is_german_tax_number,
        share=0.5,
    ),
    Pattern(
        "UK NHS number",
        re.compile(r"(?<![\w.,+-])\d{3} \d{3} \d{4}(?![\w,-])(?!\.\d)"),
        is_nhs_number,
        share=0.5,
    ),
    Pattern(
        "Brazilian CPF",
        re.compile(r"(?<![\w.-])\d{3}\.\d{3}\.\d{3}-\d{2}(?![\w-])"),
        is_cpf,
    ),
    Pattern(
        "Spanish DNI",
        re.compile(r"(?<![\w-])(?:\d|[XYZxyz])-?\d{7}-?[A-Za-z](?![\w-])"),
        is_dni,
        share=0.5,
    ),
    Pattern(
        "Italian codice fiscale",
        re.compile(
            r"(?<!\w)[A-Za-z]{6}\d{2}[A-EHLMPR-Ta-ehlmpr-t]\d{2}[A-Za-z]\d{3}[A-Za-z](?!\w)"
        ),
        is_codice_fiscale,
        share=0.5,
    ),
    Pattern(
        "French social security number",
        re.compile(
            r"(?<![\w.,+-])[12](?: ?\d{2}){2}(?: ?\d{2})(?: ?\d{3}){2} ?\d{2}(?![\w,-])(?!\.\d)"
        ),
        is_nir,
        share=0.5,
    ),
)
PATTERNS = (
    *(EMAIL, IBAN, PAYMENT_CARD, PHONE, IP_ADDRESS, SOCIAL_SECURITY_NUMBER),
    *NATIONAL_NUMBERS,
)


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
