"""Rows of others, read as `ingest` reads the project's own: by schema.yaml and never by guess."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from operate.init.sniff import sniff
from operate.serving.faults import LISTED, Fault, Refusal
from operate.serving.served import Served
from stages.core.cells.reading import Gathered, read_cells
from stages.core.cells.text import Spelling
from stages.core.checks import find_failures
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.schema import Column, Schema
from stages.core.sources.declared import Format, Source
from stages.core.sources.formats import read_file
from stages.core.sources.header import Check, check_header, quoted
from stages.core.sources.json_lines import TwiceError, once
from stages.core.sources.typed import typed

# Up to here each float is the one whole number that was written.
_EXACT = 2**53
_WHOLE = ("int64", "Int64")
_KINDS = {type(None): "nothing", bool: "true or false", str: "a text", list: "a list"}


class Number(str):
    """A number as JSON spells it: no digit is lost before its column is known."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that can be asked about.

    Attributes:
        frame: the inputs of the model with the dtypes of schema.yaml; an index from 0.
        keys: what names each row; None where nothing does.
        dropped: by the place of a row the checks with ``on_failure: drop`` that it fails.
        warned: by the place of a row those with ``on_failure: warn``.
        notes: what a person should know of the file, though it is no fault.
    """

    frame: pd.DataFrame
    keys: "pd.Series[Any] | None"
    dropped: Mapping[int, tuple[Fault, ...]]
    warned: Mapping[int, tuple[Fault, ...]]
    notes: tuple[str, ...] = ()


# --- JSON -----------------------------------------------------------------------------------


def from_json(body: bytes, served: Served) -> Rows:
    """Read the rows of a request.

    Args:
        body: ``{"rows": [{...}, ...]}``.
        served: says which columns a row has, and what they are.

    Raises:
        Refusal: it is no such document, a field is missing or unknown, or a value is not
            what its column declares.
    """
    records = _records(body)
    faults = [
        fault for row, record in enumerate(records, 1) for fault in _fields(row, record, served)
    ]
    if faults:
        raise Refusal(422, "the fields are not those of schema.yaml", faults)
    spelling = Spelling(served.sources[0].missing_values)
    columns: dict[str, pd.Series] = {}
    for name, column in served.columns.items():
        found = [record.get(name) for record in records]
        gathered = Gathered()
        gathered.add([_spelled(value, column) for value in found])
        cells = read_cells(gathered.pieces(), column, spelling)
        columns[name] = cells.values
        faults += [
            Fault(int(row) + 1, name, _kind(found[row], spelling), cells.expected)
            for row in np.flatnonzero(cells.refused)
        ]
    if faults:
        faults.sort(key=lambda fault: fault.row or 0)
        raise Refusal(422, "values are not what schema.yaml declares", faults)
    named = any(served.key and served.key[0] in record for record in records)
    return _checked(pd.DataFrame(columns, index=range(len(records))), served, named)


def _records(body: bytes) -> list[dict[str, Any]]:
    possible = '{"rows": [{"column": value, ...}, ...]}'
    try:
        document = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=once,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_number,
        )
    except TwiceError:
        what = "a field that stands twice in one object"
        raise Refusal(400, "not JSON", [Fault(None, None, what, possible)]) from None
    except (ValueError, RecursionError) as fault:
        where = f"line {fault.lineno}" if isinstance(fault, json.JSONDecodeError) else ""
        what = where or "no text in UTF-8, NaN or Infinity, or too deep"
        raise Refusal(400, "not JSON", [Fault(None, None, what, possible)]) from None
    rows = document.get("rows") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows or len(document) > 1:
        what = "another document, or no rows"
        raise Refusal(400, "not a request", [Fault(None, None, what, possible)])
    faults = [
        Fault(place, None, _KINDS.get(type(row), "a number"), 'an object: {"column": value, ...}')
        for place, row in enumerate(rows, 1)
        if not isinstance(row, dict)
    ]
    if faults:
        raise Refusal(400, "not a request", faults)
    return rows


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _fields(row: int, record: Mapping[str, Any], served: Served) -> list[Fault]:
    """Return a fault for each field that is missing or unknown."""
    missing = [name for name in served.inputs if name not in record]
    faults = [
        Fault(row, name, "the field is missing", f"{column.dtype}{_or_null(column)}")
        for name, column in served.inputs.items()
        if name in missing
    ]
    for name in record:
        if name not in served.possible:
            listed = ", ".join(missing or served.possible)
            hint = did_you_mean(name, served.possible)
            faults.append(Fault(row, quoted(name)[1:-1], f"no such field{hint}", listed))
    return faults


def _or_null(column: Column) -> str:
    return " or null" if column.nullable else ""


def _spelled(value: Any, column: Column) -> Any:
    """Return a value of JSON as the reader of cells takes it, without a loss of digits."""
    if not isinstance(value, Number):
        return value
    if column.dtype not in (*_WHOLE, "float64"):
        return 0  # a number is no text: whether it had zeros in front nobody knows
    if column.dtype in _WHOLE and any(sign in value for sign in ".eE"):
        number = float(value)  # 1.0 is a whole number in JSON
        return number if abs(number) < _EXACT else str(value)
    return str(value)


def _kind(value: Any, spelling: Spelling) -> str:
    """Return what was found, without telling it."""
    if isinstance(value, Number):
        return "a number"
    if isinstance(value, str) and value in spelling.missing_values:
        return "a text that means missing"
    return _KINDS.get(type(value), "an object")


# --- files ----------------------------------------------------------------------------------


def from_file(path: Path, served: Served) -> Rows:
    """Read the rows of a file by the readers of `ingest`.

    A file of a format that a source declares is written as that source is; of another, it
    is looked at. Columns that the model does not read are passed over, the target too.

    Raises:
        LoopwrightError: the file cannot be read, or is not what schema.yaml declares.
    """
    found = sniff(path)
    source = next((s for s in served.sources if _kind_of_file(s) == found.format.kind), None)
    format_: Format = getattr(source, "format", found.format)
    meaning = source or served.sources[0]
    raw = read_file(path, str(path), format_, _header(meaning, served))
    reads = {name: column for name, column in served.columns.items() if name in raw.columns}
    # A file whose rows nothing is read of has rows all the same.
    frame = typed(raw, Schema(columns=reads), meaning.missing_values) if reads else pd.DataFrame()
    named = served.key is not None and served.key[0] in reads
    try:
        rows = _checked(frame.reindex(range(raw.rows)) if not reads else frame, served, named)
    except Refusal as refusal:
        listed = refusal.faults[:LISTED]
        places = raw.places([(fault.row or 1) - 1 for fault in listed])
        lines = [f"{place}: {fault}" for place, fault in zip(places, listed, strict=True)]
        rest = len(refusal.faults) - len(listed)
        lines += [f"and {rest:,} more"] if rest else []
        raise LoopwrightError("\n  ".join([f"{path}: {refusal.title}", *lines])) from None
    doubts = () if source else found.doubts
    return Rows(rows.frame, rows.keys, rows.dropped, rows.warned, (*raw.notes, *doubts))


def _kind_of_file(source: Source) -> str | None:
    """Return the kind of file that a source is; None where it is no file."""
    format_: Format | None = getattr(source, "format", None)
    return format_.kind if format_ else None


def _header(source: Source, served: Served) -> Check:
    """Return what holds the columns of a file against those that the model needs."""

    def check(name: str, header: Sequence[str]) -> dict[str, str]:
        rename = {own: ours for own, ours in (source.rename or {}).items() if own in header}
        ignore = [own for own in source.ignore or () if own in header]
        named = check_header(name, header, served.inputs, served.possible, ignore, rename)
        return {ours: own for ours, own in named.items() if ours in served.columns}

    return check


# --- both -----------------------------------------------------------------------------------


def _checked(frame: pd.DataFrame, served: Served, named: bool) -> Rows:
    """Hold typed rows against the checks of schema.yaml, as `validate` does.

    Raises:
        Refusal: a value is missing, or fails a check that stops the pipeline too.
    """
    keys = frame[served.key[0]] if served.key and named else None
    rows = frame[list(served.inputs)]
    found: dict[str, dict[int, tuple[Fault, ...]]] = {"fail": {}, "drop": {}, "warn": {}}
    if served.inputs:
        # A row may be asked about twice.
        once_ = {
            name: column.model_copy(update={"unique": False})
            for name, column in served.inputs.items()
        }
        failures = find_failures(rows, Schema(columns=once_))
        for failure in failures.to_dict("records"):
            row, by_row = int(failure["row"]), found[str(failure["policy"])]
            fault = _failed(row + 1, str(failure["column"]), str(failure["check"]))
            by_row[row] = (*by_row.get(row, ()), fault)
    if found["fail"]:
        faults = [fault for row in sorted(found["fail"]) for fault in found["fail"][row]]
        raise Refusal(422, "values fail checks of schema.yaml", faults)
    return Rows(rows, keys, found["drop"], found["warn"])


def _failed(row: int, column: str, check: str) -> Fault:
    if check == "not_nullable":
        return Fault(row, column, "a missing value", "a value: it is not nullable in schema.yaml")
    return Fault(row, column, "a value that fails its check", check)
