"""CSV, in any dialect: lines of text whose values stand between separators."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from stages.core.cells.reading import Piece
from stages.core.errors import LoopwrightError
from stages.core.sources.declared import Csv
from stages.core.sources.header import Check, quoted
from stages.core.sources.raw import Raw
from stages.core.sources.unpack import as_utf8, unpack

_LISTED = 5
_SEPARATORS = (",", ";", "\t", "|")
# Large enough for most rows; a row must lie in one block or in two.
_BLOCK = 1 << 22
_LARGEST = 2**31 - 1


def read_csv(path: Path, name: str, format: Csv, check: Check) -> Raw:  # noqa: A002
    """Read a CSV file, every value to the letter; nothing is taken for missing.

    Lines without any text are skipped.

    Args:
        path: the file, packed or not.
        name: what errors call it.
        format: how it is written.
        check: holds its header against what is declared.

    Raises:
        LoopwrightError: the file cannot be read as declared.
    """
    data, notes = as_utf8(unpack(path.read_bytes(), name), format.encoding, name)
    sheet = _Text(name, data, format)
    header = sheet.header()
    named = check(name, header)
    values = _by_arrow(sheet, header)
    columns = {}
    for column, own in named.items():
        texts = values.column(header.index(own))
        texts = pc.utf8_trim_whitespace(texts) if format.strip else texts
        columns[column] = (Piece(texts),)
    return Raw(name, columns, values.num_rows, sheet.places, format.decimal, notes)


class _Text:
    """The text of a file, and where its records stand.

    Args:
        name: what errors call it.
        data: the whole file in UTF-8.
        format: how it is written.
    """

    def __init__(self, name: str, data: bytes, format: Csv) -> None:  # noqa: A002
        self.name, self.format = name, format
        self._before = format.skip_lines or 0
        self.data = _without_lines(data, self._before, name)
        self.quotes = format.quote is not None and format.quote.encode() in self.data

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each record with the line that it starts on, and refuse stray quotation marks."""
        text = io.TextIOWrapper(io.BytesIO(self.data), encoding="utf-8", newline="")
        reader = csv.reader(
            text,
            delimiter=self.format.separator,
            quotechar=self.format.quote,
            quoting=csv.QUOTE_NONE if self.format.quote is None else csv.QUOTE_MINIMAL,
            escapechar=self.format.escape,
            skipinitialspace=bool(self.format.strip),
            strict=True,
        )
        line = self._before + 1
        try:
            with _values_of_any_length():
                for record in reader:
                    if record:
                        yield line, record
                    line = self._before + reader.line_num + 1
        except csv.Error as fault:
            raise LoopwrightError(
                f"{self.name}: line {line}: a quotation mark that is not closed, or not doubled "
                f"inside a quoted value ({fault}); correct the line, or set `quote` of the format "
                "to null if quotation marks mean nothing"
            ) from None

    def header(self) -> list[str]:
        """Return the names of the columns."""
        if self.format.columns is not None:
            return list(self.format.columns)
        separator = self.format.separator
        line = self.data.lstrip(b"\r\n").split(b"\n", 1)[0].decode()
        others = [other for other in _SEPARATORS if other in line and other != separator]
        if separator not in line and others:
            raise LoopwrightError(
                f"{self.name}: the header is one column, {quoted(line.strip())}; it seems to be "
                f"separated by {json.dumps(others[0])}, and separator is {json.dumps(separator)}"
            )
        _, header = next(self.records())
        return [column.strip() for column in header] if self.format.strip else header

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the records below the header."""
        records = self.records()
        if self.format.columns is None:
            next(records)
        return records

    def places(self, rows: Sequence[int]) -> list[str]:
        """Return the lines on which these rows start."""
        wanted, lines = set(rows), {}
        for row, (line, _) in enumerate(self.rows()):
            if row in wanted:
                lines[row] = f"line {line}"
            if row >= max(wanted):
                break
        return [lines[row] for row in rows]


@contextmanager
def _values_of_any_length() -> Iterator[None]:
    limit = csv.field_size_limit(_LARGEST)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _without_lines(data: bytes, count: int, name: str) -> bytes:
    """Return `data` without its first lines."""
    for _ in range(count):
        end = re.search(rb"\r\n|\n|\r", data)
        if end is None:
            raise LoopwrightError(f"{name}: skip_lines is {count}, and the file has no more lines")
        data = data[end.end() :]
    return data


def _by_arrow(text: _Text, header: Sequence[str]) -> pa.Table:
    """Return the rows as text."""
    rows = _checked(text, len(header)) if text.quotes or text.format.escape else None
    if rows is not None and _is_beyond_arrow(text):
        return _by_python(text, header)
    try:
        table = _parsed(text, header, _BLOCK)
    except pa.ArrowInvalid as fault:
        if "straddling" not in str(fault):
            raise _ragged(text, len(header), str(fault)) from None
        try:
            table = _parsed(text, header, min(len(text.data) + 1, _LARGEST))
        except pa.ArrowInvalid as second:
            raise _ragged(text, len(header), str(second)) from None
    if rows is not None and rows != table.num_rows:
        return _by_python(text, header)
    if table.num_rows == 0:
        raise LoopwrightError(f"{text.name}: a header and no rows")
    return table


def _checked(text: _Text, width: int) -> int:
    """Count the rows; Arrow forgives a stray quotation mark and swallows what follows it."""
    count = 0
    for _, record in text.rows():
        count += 1
        if len(record) != width:
            raise _ragged(text, width, "")
    return count


def _is_beyond_arrow(text: _Text) -> bool:
    """Return whether a space may stand before a quotation mark, or a sign be escaped."""
    if text.format.escape:
        return True
    mark = (text.format.quote or "").encode()
    return bool(text.format.strip) and b" " + mark in text.data


def _parsed(text: _Text, header: Sequence[str], block: int) -> pa.Table:
    skipped = 0 if text.format.columns is not None else 1
    return pyarrow.csv.read_csv(
        pa.BufferReader(text.data.lstrip(b"\r\n")),  # an empty line is no header
        # One thread keeps the order of the rows.
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False,
            block_size=block,
            column_names=[str(place) for place in range(len(header))],
            skip_rows_after_names=skipped,
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=text.format.separator,
            quote_char=text.format.quote or False,
            newlines_in_values=text.quotes,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            default_column_type=pa.string(),
            column_types={str(place): pa.string() for place in range(len(header))},
            strings_can_be_null=False,
        ),
    )


def _by_python(text: _Text, header: Sequence[str]) -> pa.Table:
    columns: list[list[str]] = [[] for _ in header]
    for _, record in text.rows():
        for column, value in zip(columns, record, strict=True):
            column.append(value)
    arrays = [pa.chunked_array([pa.array(column, pa.string())]) for column in columns]
    return pa.Table.from_arrays(arrays, [str(place) for place in range(len(header))])


def _ragged(text: _Text, width: int, fault: str) -> LoopwrightError:
    """Return the error that lists the rows with more or fewer values than the header."""
    faults = []
    number = 0
    for number, (line, record) in enumerate(text.rows(), 1):
        if len(record) != width:
            faults.append((number, f"line {line}: {len(record)} values"))
    if not faults:
        return LoopwrightError(f"{text.name}: not a CSV file ({fault})")
    count = len(faults)
    have = "1 row has" if count == 1 else f"{count:,} rows have"
    lines = [shown for _, shown in faults[:_LISTED]]
    if count > _LISTED:
        lines.append(f"and {count - _LISTED:,} more")
    advice = (
        f"a value that holds {json.dumps(text.format.separator)} or a line break stands in "
        "quotation marks"
    )
    if count == 1 and faults[0][0] == number:
        advice = "it is the last row: the file seems to be cut short; copy it again"
    elif count == number and len({shown.split(": ")[1] for _, shown in faults}) == 1:
        advice = "every row differs from the header in the same way: name each column"
    return LoopwrightError(
        "\n  ".join(
            [f"{text.name}: the header has {width} columns, and {have} not", *lines, advice]
        )
    )
