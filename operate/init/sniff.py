"""How a file is written: its format, and of lines of text their dialect."""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from stages.core.errors import LoopwrightError
from stages.core.sources.declared import Csv, Excel, Format, JsonLines, Parquet
from stages.core.sources.header import quoted
from stages.core.sources.unpack import unpack

SEPARATORS = (",", ";", "\t", "|")
# So many characters of the beginning decide.
SAMPLE = 200_000
# Above the table there may be so many lines that are none of its rows.
TITLES = 20
# The encodings that are tried; the last takes any byte.
ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Sniffed:
    """How a file seems to be written.

    Attributes:
        format: for ingest.sources of params.yaml.
        doubts: what a person should look at.
    """

    format: Format
    doubts: tuple[str, ...] = ()


def sniff(path: Path) -> Sniffed:
    """Return how the file at `path` seems to be written.

    Raises:
        LoopwrightError: it is not there, is empty, or is none of the known formats.
    """
    if not path.exists():
        raise LoopwrightError(f"{path}: no such file")
    if path.is_dir():
        if any(path.rglob("*.parquet")):
            return Sniffed(Parquet(kind="parquet"))
        raise LoopwrightError(f"{path}: a folder without a Parquet file; name one file")
    data = path.read_bytes()
    if not data:
        raise LoopwrightError(f"{path}: the file is empty")
    if data[:4] == b"PAR1":
        return Sniffed(Parquet(kind="parquet"))
    if data[:2] == b"PK" and _is_workbook(data):
        return Sniffed(Excel(kind="excel"))
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise LoopwrightError(f"{path}: an old .xls workbook; save it as .xlsx or CSV")
    data = unpack(data, str(path))
    encoding = _encoding(data)
    text = data.decode(encoding, errors="replace").removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        return Sniffed(JsonLines(kind="json_lines"))
    if re.match(r"\s*\[\s*[{\[]", text):
        raise LoopwrightError(
            f"{path}: a JSON list, and lines of JSON or a table were expected; write one object a "
            "line, for example by `jq -c '.[]'`"
        )
    return _dialect(text[:SAMPLE], encoding, path)


def _is_workbook(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return any(name.startswith("xl/") for name in packed.namelist())
    except zipfile.BadZipFile:
        return False


def _encoding(data: bytes) -> str:
    if data.startswith(_UTF_16):
        return "utf-16"
    for encoding in ENCODINGS:
        if encoding == "utf-16":
            continue
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return ENCODINGS[-1]


def _dialect(text: str, encoding: str, path: Path) -> Sniffed:
    """Return the dialect in which most lines have as many values as the first."""
    best = max(SEPARATORS, key=lambda separator: _agreement(text, separator))
    rows = [row for _, row in _records(text, best)]
    if not rows:
        raise LoopwrightError(f"{path}: no line of text; a header and rows were expected")
    if _agreement(text, best)[0] == 0:
        raise LoopwrightError(
            f"{path}: one column: none of , ; | and tab separates the same number of values in "
            f"most lines; the first is {quoted(rows[0][0])}. Save it as CSV, whose columns are "
            "separated by one of them; a table has the target and at least one other column"
        )
    doubts = []
    top = _top(rows)
    ends = [end for end, _ in _records(text, best)]
    before = ends[top - 1] if top else 0
    if before:
        lines = "line is no row" if before == 1 else f"{before} lines are no rows"
        doubts.append(f"the first {lines} of the table: left out")
    header, body = rows[top], rows[top + 1 :]
    decimal: Literal[".", ","] = "," if best != "," and _has_decimal_commas(body) else "."
    if decimal == ",":
        doubts.append("numbers are written with a decimal comma")
    spaced = sum(value != value.strip() for row in rows[:200] for value in row)
    strip = spaced > 0
    if strip:
        doubts.append("spaces stand around names or values: they are left out")
    if encoding in ("cp1252", "latin-1"):
        doubts.append(f"the encoding is taken for {encoding}: look at letters with accents")
    names = [value.strip() for value in header]
    if body and len(names) == (width := _width(body)) - 1:
        # R writes no name for the names of rows; others end each row with a separator
        last = all(not row[-1] for row in body if len(row) == width)
        names = [*names, ""] if last else ["", *names]
    columns, skip = None, before or None
    if not _are_names(names, body):
        doubts.append("the first line holds numbers, like those below: there is no line of names")
        columns = tuple(f"column_{place + 1}" for place in range(len(names)))
    elif len(set(names)) < len(names) or "" in names:
        columns, skip = unique_names(names), ends[top]
        doubts.append("a column's name is missing or stands twice: they are numbered")
    return Sniffed(
        Csv(
            kind="csv",
            separator=best,
            quote='"',
            decimal=decimal,
            encoding=encoding,
            strip=True if strip else None,
            skip_lines=skip,
            columns=columns,
        ),
        tuple(doubts),
    )


def _are_names(first: list[str], body: list[list[str]]) -> bool:
    """Return whether a line holds names: a text above numbers, or numbers in equal steps.

    2019, 2020, 2021 are names, and so are 0, 1, 2.
    """
    columns = list(zip(*(row for row in body if len(row) == len(first)), strict=True))
    known = [[value.strip() for value in column if value.strip()] for column in columns]
    above = [
        name
        for name, values in zip(first, known, strict=False)
        if values and all(map(_is_number, values))
    ]
    if not above or not all(map(_is_number, above)):
        return True
    numbers = [float(name.replace(",", ".")) for name in above]
    steps = {later - earlier for earlier, later in pairwise(numbers)}
    return len(steps) == 1 and steps != {0.0} and all(n.is_integer() for n in numbers)


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Return `names` with a number behind one that stands twice, and a name for an empty one."""
    found: list[str] = []
    for place, name in enumerate(names):
        plain = name or f"column_{place + 1}"
        number, unique = 2, plain
        while unique in found:
            unique, number = f"{plain}_{number}", number + 1
        found.append(unique)
    return tuple(found)


def _agreement(text: str, separator: str) -> tuple[float, int]:
    """Return the share of records of the usual width, of two values or more, and that width."""
    widths = Counter(len(row) for _, row in _records(text, separator))
    if not widths:
        return 0.0, 0
    width, count = widths.most_common(1)[0]
    same = count / widths.total()
    return (same, width) if same > 0.5 and width > 1 else (0.0, 0)


def _width(rows: list[list[str]]) -> int:
    """Return how many values most rows have."""
    return Counter(map(len, rows)).most_common(1)[0][0]


def _top(rows: list[list[str]]) -> int:
    """Return the place of the row of names: below a title, a date, a note, if there are any.

    They have fewer values than the rows of the table; a header has as many, or one less.
    """
    width = _width(rows)
    first = next(place for place, row in enumerate(rows) if len(row) == width)
    if first > TITLES or any(len(row) > width for row in rows[:first]):
        return 0
    lacks_one = first > 0 and len(rows[first - 1]) == width - 1
    # the row below a header holds numbers, a header below a title does not
    return first - 1 if lacks_one and any(map(_is_number, rows[first])) else first


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which each record of the sample ends, and its values.

    The last may be cut off, and is left out.
    """
    lines = io.StringIO(text, newline="")
    rows = []
    reader = csv.reader(lines, delimiter=separator)
    try:
        for row in reader:
            if row:
                rows.append((reader.line_num, row))
            if len(rows) > 300:
                break
    except csv.Error:
        pass
    whole = len(text) < SAMPLE
    yield from rows if whole or len(rows) < 2 else rows[:-1]


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _has_decimal_commas(rows: list[list[str]]) -> bool:
    values = [value.strip() for row in rows for value in row]
    commas = sum("," in value and _is_number(value) for value in values)
    points = sum("." in value and _is_number(value) for value in values)
    return commas > points
