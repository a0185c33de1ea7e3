"""What the columns of a raw table seem to be: a guess a column, with what it rests on.

A guess is written down for a person to review. Where a value could be read in more ways than
one, the guess is the reading that loses nothing, and the doubt is said.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from stages.core.cells.reading import Pieces
from stages.core.schema import Checks, Column, Dtype, Kind
from stages.core.sources.raw import Raw

# Texts that people write where a value is missing. `None` and `-` may be values as well.
MISSING = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "missing")
PERHAPS_MISSING = ("None", "none", "-", ".", "unknown")

# The formats of dates and times that are tried, the most usual first.
DATES = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%b %d %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d %B %Y",
)
# So many different texts are tried; the pipeline reads all of them by the declared format.
TRIED = 500

# Up to so many different texts are categories that schema.yaml lists.
LISTED = 30
# Whole numbers with so few values may be codes.
FEW = 12
# A text that is as long on average, in as many words, is one to read and not a label.
TEXT_LENGTH, TEXT_WORDS = 40, 4
# With a share of different values above this, a text names rows and tells nothing of others.
NAMES_ROWS = 0.9

_WHOLE = re.compile(r"-?[0-9]+")
_NAME_OF_KEY = re.compile(
    r"(?i:(^|[^a-z])(id|key|uuid|guid|number|nr|no|index|instant)$)|[a-z]I[Dd]$"
    # what the first column is called where its name was empty, as R and pandas write row names
    r"|^column_1$"
)
_BOOLEANS = {"true", "false"}
_LIMIT = 2**63
# The years between which nanoseconds reach; a few dates outside of them stand for never.
_FIRST, _LAST = 1677, 2262
NEVER = 3


@dataclass(frozen=True)
class Guess:
    """What a column seems to be.

    Attributes:
        column: its line in schema.yaml.
        why: what the guess rests on, in a few words.
        doubts: what a person should look at.
        distinct: how many different values it has, missing ones apart.
        unique: whether no value stands twice.
        missing: how many of its values are missing.
        rarest: how often its rarest value stands.
    """

    column: Column
    why: str
    doubts: tuple[str, ...]
    distinct: int
    unique: bool
    missing: int
    rarest: int


@dataclass(frozen=True)
class Texts:
    """The different texts of a column, missing ones apart, and how often each stands."""

    counts: Mapping[str, int]
    missing: int
    rows: int


def infer_columns(raw: Raw, missing_values: tuple[str, ...]) -> dict[str, Guess]:
    """Return a guess for each column of `raw`.

    Args:
        raw: a source as it was read.
        missing_values: the texts that mean missing.
    """
    return {
        name: infer_column(name, pieces, missing_values, raw.rows, raw.decimal)
        for name, pieces in raw.columns.items()
    }


def missing_markers(raw: Raw) -> tuple[str, ...]:
    """Return the texts of `raw` that mean missing; the empty text always.

    Of those that may be values as well, and of any blank, only such as stand in a column of
    numbers otherwise, and nowhere among labels. A few dates that no table holds, such as
    9999-12-31, stand for never.
    """
    held: set[str] = set()
    never: set[str] = set()
    among_numbers: set[str] = set()
    among_labels: set[str] = set()
    for pieces in raw.columns.values():
        counts = texts_of(pieces, (), raw.rows).counts
        never |= _beyond({text: counts[text] for text in counts if text not in MISSING})
        known = set(counts)
        held |= known
        strange = {text for text in known if not _is_number(text, raw.decimal)}
        plain = strange - set(MISSING)
        odd = {text for text in plain if text in PERHAPS_MISSING or not text.strip()}
        if plain == odd and len(known) > len(strange):
            among_numbers |= odd
        else:
            among_labels |= plain
    usual = [text for text in MISSING if text in held and text]
    return ("", *usual, *sorted(among_numbers - among_labels), *sorted(never))


def _beyond(counts: Mapping[str, int]) -> set[str]:
    """Return the few dates before or after all that a table holds: 9999-12-31 means never."""
    form = date_format(counts, beyond=True)
    if form is None:
        return set()
    years = _moments(counts, form).dt.year
    found = {text for text, year in zip(counts, years, strict=True) if not _FIRST < year < _LAST}
    return found if len(found) <= NEVER and len(found) < len(counts) else set()


def infer_column(
    name: str, pieces: Pieces, missing_values: tuple[str, ...], rows: int, decimal: str = "."
) -> Guess:
    """Return a guess for one column.

    Args:
        name: of the column; of a key it tells more than its values do.
        pieces: its values.
        missing_values: the texts that mean missing.
        rows: how many there are.
        decimal: the sign before the fraction of a number that is written as text.
    """
    found = texts_of(pieces, missing_values, rows)
    of_type = {str(piece.values.type) for piece in pieces}
    if any(kind.startswith(("timestamp", "date")) for kind in of_type):
        form = "%Y-%m-%d" if of_type == {"date32[day]"} else "%Y-%m-%dT%H:%M:%S"
        return _guess(name, "datetime64[ns]", "datetime", found, "its type is a date", format=form)
    return _of_texts(name, found, decimal)


def texts_of(pieces: Pieces, missing_values: tuple[str, ...], rows: int) -> Texts:
    """Return the different values of a column as texts; numbers keep their digits."""
    counts: dict[str, int] = {}
    for piece in pieces:
        values = piece.values
        if isinstance(values.type, pa.ExtensionType) or pa.types.is_dictionary(values.type):
            values = pc.cast(values, pa.string())
        for entry in pc.value_counts(values):
            value = entry["values"].as_py()
            if value is None:
                continue
            text = _spelt(value)
            counts[text] = counts.get(text, 0) + int(entry["counts"].as_py())
    known = {text: count for text, count in counts.items() if text not in missing_values}
    return Texts(known, rows - sum(known.values()), rows)


def _spelt(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _of_texts(name: str, found: Texts, decimal: str) -> Guess:
    known = found.counts
    if not known:
        why = "every value is missing: is the column needed?"
        return _guess(name, "str", "categorical", found, "no value is known", (why,))
    if set(map(str.lower, known)) <= _BOOLEANS:
        return _guess(name, "boolean", "categorical", found, "true or false")
    if all(_WHOLE.fullmatch(text) for text in known):
        return _whole_numbers(name, found)
    if all(_is_number(text, decimal) for text in known):
        return _guess(name, "float64", "numeric", found, "numbers with a fraction")
    strange = [text for text in known if not _is_number(text, decimal)]
    form = date_format(known)
    if form:
        order, why = _order_of_day_and_month(known, form), f"dates like {form}"
        return _guess(name, "datetime64[ns]", "datetime", found, why, order, format=form)
    doubts: tuple[str, ...] = ()
    if len(strange) <= 3 and len(known) > 20:
        named = ", ".join(repr(text) for text in strange)
        doubts = (f"numbers but for {named}: do these mean missing?",)
    return _labels(name, found, doubts)


def _is_number(text: str, decimal: str) -> bool:
    """Return whether `text` is a number as `stages.core.cells.text` reads one."""
    point = rf"[{decimal}]"
    form = rf"-?([0-9]+({point}[0-9]*)?|{point}[0-9]+)([eE][-+]?[0-9]+)?"
    read = re.fullmatch(form, text) is not None
    # 1e400 is more than a number holds
    return read and ("e" not in text.lower() or isfinite(float(text.replace(decimal, "."))))


def _whole_numbers(name: str, found: Texts) -> Guess:
    known = found.counts
    padded = [text for text in known if len(text.lstrip("-")) > 1 and text.lstrip("-")[0] == "0"]
    large = [text for text in known if not -_LIMIT <= int(text) < _LIMIT]
    if padded or large:
        why = "leading zeros" if padded else "more digits than a number keeps"
        if _is_unique(found) or large:
            return _guess(name, "str", "identifier", found, why, unique=_is_unique(found))
        return _labels(name, found, (f"{why}: a code, and not an amount?",))
    dtype: Dtype = "Int64" if found.missing else "int64"
    if _is_unique(found) and _NAME_OF_KEY.search(name):
        return _guess(name, dtype, "identifier", found, "a number a row", unique=True)
    if _counts_rows(found):
        why = "it counts the rows from the first to the last: a number of the row, no amount?"
        return _guess(name, dtype, "identifier", found, "counts the rows", (why,), unique=True)
    if len(known) == 2:
        return _guess(name, dtype, "categorical", found, "two values", listed=True)
    doubts: tuple[str, ...] = ()
    if len(known) <= FEW:
        doubts = (f"{len(known)} whole numbers: amounts, or codes (kind: categorical)?",)
    elif _is_unique(found):
        doubts = ("no value stands twice: a number of the row (kind: identifier)?",)
    return _guess(name, dtype, "numeric", found, "whole numbers", doubts)


def _counts_rows(found: Texts) -> bool:
    """Return whether each of many rows has its number, from 0 or 1 on."""
    if found.missing or not _is_unique(found) or found.rows <= LISTED:
        return False
    numbers = list(map(int, found.counts))
    return min(numbers) in (0, 1) and max(numbers) - min(numbers) == found.rows - 1


def _labels(name: str, found: Texts, doubts: tuple[str, ...] = ()) -> Guess:
    known = found.counts
    total = sum(known.values())
    length = sum(len(text) * count for text, count in known.items()) / total
    words = sum(len(text.split()) * count for text, count in known.items()) / total
    if length >= TEXT_LENGTH and words >= TEXT_WORDS:
        return _guess(name, "str", "text", found, f"texts of {words:.0f} words", doubts)
    if len(known) > NAMES_ROWS * total and total > LISTED:
        doubts = (*doubts, "nearly every row has another text: it names rows and tells nothing")
        unique = _is_unique(found) and not found.missing
        return _guess(name, "str", "identifier", found, "a text a row", doubts, unique=unique)
    perhaps = [text for text in known if text in PERHAPS_MISSING]
    if perhaps:
        named = ", ".join(repr(text) for text in perhaps)
        doubts = (*doubts, f"{named} is taken for a value: does it mean missing?")
    same = _alike(known)
    if same:
        doubts = (
            *doubts,
            f"{same[0]!r} and {same[1]!r} differ by spaces, dots or case: one value?",
        )
    return _guess(
        name,
        "str",
        "categorical",
        found,
        f"{len(known)} texts",
        doubts,
        listed=len(known) <= LISTED,
    )


def _alike(known: Mapping[str, int]) -> tuple[str, str] | None:
    """Return two texts that are one but for spaces, a last dot, or upper and lower case."""
    first: dict[str, str] = {}
    for text in known:
        plain = text.strip().rstrip(".").casefold()
        if plain in first:
            return first[plain], text
        first[plain] = text
    return None


def _is_unique(found: Texts) -> bool:
    return max(found.counts.values(), default=1) == 1


def date_format(known: Mapping[str, int], beyond: bool = False) -> str | None:
    """Return the format that the texts are dates in, if there is one.

    Args:
        known: the different texts.
        beyond: whether a date may lie where a table's column cannot hold it.
    """
    some = list(known)[:TRIED]
    # A year alone, or any number, is no date.
    if not any(len(text) >= 8 and re.search(r"[-/.:T ]", text) for text in some[:1]):
        return None
    form = next((form for form in DATES if all(_fits(text, form) for text in some)), None)
    if form is None:
        return None
    years = _moments(known, form).dt.year
    holds = years.notna() if beyond else years.between(_FIRST, _LAST, inclusive="neither")
    return form if holds.all() else None


def _moments(known: Mapping[str, int], form: str) -> pd.Series:
    """Return the texts as moments; one that is none, missing."""
    texts = pd.Series(list(known), dtype="str")
    return pd.to_datetime(texts, format=form, errors="coerce", utc=True)


def _fits(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _order_of_day_and_month(known: Mapping[str, int], form: str) -> tuple[str, ...]:
    swapped = form.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
    both = "%d" in form and not form.startswith("%Y")
    if both and all(_fits(text, swapped) for text in list(known)[:TRIED]):
        return (f"{form} or {swapped}? Both read every value",)
    return ()


def _guess(
    name: str,
    dtype: Dtype,
    kind: Kind,
    found: Texts,
    why: str,
    doubts: tuple[str, ...] = (),
    *,
    unique: bool = False,
    listed: bool = False,
    format: str | None = None,  # noqa: A002 - schema.yaml's word
) -> Guess:
    nullable = bool(found.missing) and not unique
    if dtype == "int64" and nullable:
        dtype = "Int64"
    checks = None
    if listed and found.counts:
        order: Callable[[str], Any] = int if dtype in ("int64", "Int64") else str
        values = sorted(map(order, found.counts))
        checks = Checks(isin=tuple(values))
    column = Column(
        dtype=dtype,
        kind=kind,
        title=title_of(name),
        nullable=nullable,
        unique=unique,
        format=format,
        checks=checks,
    )
    rarest = min(found.counts.values(), default=0)
    return Guess(column, why, doubts, len(found.counts), _is_unique(found), found.missing, rarest)


def title_of(name: str) -> str:
    """Return a column's name as a person would write it: ``PAY_AMT1`` stays, ``bill_no`` not."""
    words = re.sub(r"[_\s]+", " ", name).strip()
    if not words:
        return name
    return words if words.isupper() else words[0].upper() + words[1:]
