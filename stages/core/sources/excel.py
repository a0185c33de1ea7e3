"""Excel: one sheet of an .xlsx workbook."""

import warnings
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from stages.core.cells.reading import Gathered
from stages.core.errors import LoopwrightError, did_you_mean, how_to_install
from stages.core.sources.declared import Excel
from stages.core.sources.header import Check
from stages.core.sources.raw import Raw

_BUNDLE = 5_000
_FAULTS = (OSError, KeyError, ValueError, TypeError, EOFError, SyntaxError)


class _Unusable:
    """What a cell shows that is no value: an error, or a formula without a result."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __repr__(self) -> str:
        return self._what


def read_excel(path: Path, name: str, format: Excel, check: Check) -> Raw:  # noqa: A002
    """Read one sheet; its first row that is not empty holds the names, empty rows are skipped.

    Args:
        path: the workbook.
        name: what errors call it.
        format: its sheet.
        check: holds the names against what is declared.

    Raises:
        LoopwrightError: it is no workbook, or it has no such sheet.
    """
    rows = _rows(path, name, format)
    first = next(rows, None)
    if first is None:
        raise LoopwrightError(f"{name}: the sheet is empty; a header and rows were expected")
    header = _header(first, name)
    named = check(name, header)
    gathered = {column: Gathered() for column in named}
    numbers: list[int] = []
    while bundle := list(islice(rows, _BUNDLE)):
        for number, cells in bundle:
            extra = [cell for cell in cells[len(header) :] if cell is not None]
            if extra:
                raise LoopwrightError(
                    f"{name}: row {number}: {len(header) + len(extra)} values or more, and the "
                    f"header has {len(header)} columns; found {extra[0]!r} beside the table"
                )
        numbers += [number for number, _ in bundle]
        for column, own in named.items():
            place = header.index(own)
            values = [cells[place] if place < len(cells) else None for _, cells in bundle]
            gathered[column].add(values)
    if not numbers:
        raise LoopwrightError(f"{name}: a header and no rows")

    def places(wanted: Sequence[int]) -> list[str]:
        return [f"row {numbers[row]}" for row in wanted]

    columns = {column: values.pieces() for column, values in gathered.items()}
    return Raw(name, columns, len(numbers), places)


def _header(row: tuple[int, list[Any]], name: str) -> list[str]:
    number, cells = row
    while cells and cells[-1] is None:
        cells.pop()
    for place, cell in enumerate(cells, 1):
        if not isinstance(cell, str):
            found = "an empty cell" if cell is None else repr(cell)
            raise LoopwrightError(
                f"{name}: row {number}: the name of column {place} is {found}; a text was expected"
            )
    return [str(cell) for cell in cells]


def _rows(path: Path, name: str, format: Excel) -> Iterator[tuple[int, list[Any]]]:  # noqa: A002
    """Yield each row that is not empty with its number in the sheet."""
    stored, written = _sheet(path, name, format, True), _sheet(path, name, format, False)
    pairs = zip(stored.iter_rows(), written.iter_rows(), strict=True)
    for number, (values, texts) in enumerate(pairs, 1):
        cells = [_value(value, text) for value, text in zip(values, texts, strict=True)]
        if any(cell is not None for cell in cells):
            yield number, cells


def _value(stored: Any, written: Any) -> Any:
    if written.data_type == "f" and stored.value is None:
        return _Unusable("a formula whose result is not stored: open and save it in Excel")
    if stored.data_type == "e":
        return _Unusable(f"the error {stored.value}")
    return stored.value


def _sheet(path: Path, name: str, format: Excel, stored: bool) -> Any:  # noqa: A002
    try:
        import openpyxl
    except ImportError:
        raise LoopwrightError(
            f"{name}: reading Excel needs openpyxl, an extra: {how_to_install('excel')}"
        ) from None
    from zipfile import BadZipFile

    data = BytesIO(path.read_bytes())

    try:
        with warnings.catch_warnings():  # of styles and the like
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(data, read_only=True, data_only=stored)
    except (*_FAULTS, BadZipFile) as fault:
        raise LoopwrightError(
            f"{name}: not an .xlsx workbook, or one with a password ({fault}); save it as .xlsx"
        ) from None
    sheets = book.sheetnames
    if format.sheet is None and len(sheets) == 1:
        return book[sheets[0]]
    if format.sheet not in sheets:
        asked = format.sheet or ""
        raise LoopwrightError(
            f"{name}: no sheet '{asked}'{did_you_mean(asked, sheets)}; set `sheet` of the format "
            f"to one of: {', '.join(sheets)}"
        )
    return book[format.sheet]
