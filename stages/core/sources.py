"""A source file read into the table that schema.yaml declares, all faults told at once."""

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from stages.core.cells import Cells, read_cells
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import Ingest
from stages.core.schema import Schema

_LISTED = 5
_SEPARATORS = (",", ";", "\t", "|")
# Words that stand for a missing value in so many files that they are worth a hint.
_MARKERS = {"", " ", "-", "?", ".", "na", "n/a", "#n/a", "nan", "null", "none", "nat", "missing"}


def read_source(path: Path, ingest: Ingest, schema: Schema) -> pd.DataFrame:
    """Read the CSV file at `path`, plain or gzipped, by declared types.

    Lines without any text are skipped. In a file that quotes, a value of more than 131,072
    characters is refused: it is what follows a quotation mark that is never closed.

    Args:
        path: the file; whether it is gzipped is seen from its first bytes.
        ingest: how it is written.
        schema: the columns that it has, in any order.

    Returns:
        The columns of `schema`, in its order, with its dtypes; an index from 0.

    Raises:
        LoopwrightError: the file cannot be read as declared, its columns are not those of
            `schema`, or a text is not what its column declares. The message gives the
            line, the column, what was found and what was expected.
    """
    text = _text(path, ingest.encoding)
    header = _header(path, text, ingest.separator, schema)
    table = _records(path, text, ingest.separator, header)
    cells = {
        name: read_cells(table.column(header.index(name)), column, ingest)
        for name, column in schema.columns.items()
    }
    if any(column.refused.any() for column in cells.values()):
        raise _refusal(path, text, ingest, header, cells)
    return pd.DataFrame({name: column.values for name, column in cells.items()})


def _text(path: Path, encoding: str) -> str:
    """Return the whole file as text, unpacked and decoded."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise LoopwrightError(
            f"{path}: no such file; it is paths.source in dvc.yaml, and `dvc pull` fetches a "
            "source that DVC tracks"
        ) from None
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
            raise LoopwrightError(
                f"{path}: a gzip file that is cut short or damaged ({fault}); copy it again"
            ) from None
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise LoopwrightError(
            f"{path}: line {line}: byte 0x{data[fault.start]:02x} is not {encoding}; set "
            "ingest.encoding to what the file is written in, often cp1252 or utf-16"
        ) from None
    except LookupError as fault:
        raise LoopwrightError(f"ingest.encoding: {fault}; possible: utf-8, cp1252, ...") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise LoopwrightError(
            f"{path}: line {line}: a zero byte; this is no text file, or ingest.encoding is not "
            f"{encoding} but utf-16"
        )
    if not text.strip():
        raise LoopwrightError(f"{path}: the file is empty; a header and rows were expected")
    return text


def _numbered(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line that it starts on, and refuse stray quotation marks."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1
    except csv.Error as fault:
        raise LoopwrightError(
            f"{path}: line {line}: a quotation mark that is not closed, or not doubled inside "
            f"a quoted value, or a value beyond all measure ({fault})"
        ) from None


def _header(path: Path, text: str, separator: str, schema: Schema) -> list[str]:
    """Return the column names, which are those of `schema`."""
    line = text.lstrip("\r\n").partition("\n")[0]
    others = [other for other in _SEPARATORS if other in line and other != separator]
    if len(schema.columns) > 1 and separator not in line and others:
        raise LoopwrightError(
            f"{path}: the header is one column, {_quoted(line.strip())}; it seems to be "
            f"separated by {json.dumps(others[0])}, and ingest.separator is "
            f"{json.dumps(separator)}"
        )
    _, header = next(_numbered(path, text, separator))
    missing = [name for name in schema.columns if name not in header]
    faults = [
        f"column '{name}' stands {count} times"
        for name, count in Counter(header).items()
        if count > 1
    ]
    faults += [f"column '{name}' is missing" for name in missing]
    faults += [
        f"column {_quoted(name)} is not in schema.yaml{did_you_mean(name, missing)}"
        for name in dict.fromkeys(header)
        if name not in schema.columns
    ]
    if faults:
        raise LoopwrightError(
            "\n  ".join(
                [
                    f"{path}: the header is not what schema.yaml declares",
                    *faults,
                    "correct the source, or declare the column in schema.yaml",
                ]
            )
        )
    return header


def _records(path: Path, text: str, separator: str, header: Sequence[str]) -> pa.Table:
    """Return the rows as text: every value to the letter, nothing taken for missing."""
    if '"' in text:
        # Arrow forgives a stray quotation mark and swallows what follows it.
        for _ in _numbered(path, text, separator):
            pass
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(text.encode()),
            # Large enough for any one row; one thread keeps the order of the rows.
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=1 << 22),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                default_column_type=pa.string(), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as fault:
        raise _ragged(path, text, separator, len(header), str(fault)) from None
    if table.num_rows == 0:
        raise LoopwrightError(f"{path}: a header and no rows")
    return table


def _ragged(path: Path, text: str, separator: str, width: int, fault: str) -> LoopwrightError:
    """Return the error that lists the rows with more or fewer values than the header."""
    faults = [
        f"line {line}: {len(record)} values"
        for line, record in _numbered(path, text, separator)
        if len(record) != width
    ]
    if not faults:
        return LoopwrightError(f"{path}: not a CSV file ({fault})")
    return LoopwrightError(
        "\n  ".join(
            [
                f"{path}: the header has {width} columns, and {_counted(len(faults), 'row')} not",
                *_first(faults),
                f"a value that holds {json.dumps(separator)} or a line break stands in "
                "quotation marks",
            ]
        )
    )


def _refusal(
    path: Path, text: str, ingest: Ingest, header: Sequence[str], cells: Mapping[str, Cells]
) -> LoopwrightError:
    """Return the error that lists the first refused cells by their line."""
    total = {name: int(column.refused.sum()) for name, column in cells.items()}
    places = sorted(
        (int(row), list(cells).index(name))
        for name, column in cells.items()
        for row in np.flatnonzero(column.refused)[:_LISTED]
    )[:_LISTED]
    last = places[-1][0]
    lines: list[tuple[int, list[str]]] = []
    records = _numbered(path, text, ingest.separator)
    next(records)
    while len(lines) <= last:
        lines.append(next(records))
    faults = []
    for row, place in places:
        name = list(cells)[place]
        line, record = lines[row]
        found = record[header.index(name)]
        hint = "" if found in ingest.missing_values else _marker(found)
        faults.append(
            f"line {line}: column '{name}': found {_quoted(found)}; {cells[name].expected} was "
            f"expected{hint}"
        )
    count = sum(total.values())
    if count > len(faults):
        columns = ", ".join(f"{name}: {number:,}" for name, number in total.items() if number)
        faults.append(f"and {count - len(faults):,} more ({columns})")
    noun = "value is" if count == 1 else "values are"
    return LoopwrightError(
        "\n  ".join(
            [
                f"{path}: {count:,} {noun} not what schema.yaml declares",
                *faults,
                "correct the source, or the dtype in schema.yaml",
            ]
        )
    )


def _marker(found: str) -> str:
    """Return a hint where the text looks like a missing value."""
    if found.lower() not in _MARKERS:
        return ""
    return " (if it means missing: ingest.missing_values, and nullable: true)"


def _first(faults: Sequence[str]) -> list[str]:
    rest = len(faults) - _LISTED
    return [*faults[:_LISTED], *([f"and {rest:,} more"] if rest > 0 else [])]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun} has" if number == 1 else f"{number:,} {noun}s have"


def _quoted(text: str) -> str:
    shown = json.dumps(text, ensure_ascii=False)
    return shown if len(shown) <= 60 else f'{shown[:56]}..."'
