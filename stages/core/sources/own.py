"""The rows that a reader of one's own gives."""

import os
from itertools import islice
from pathlib import Path

from stages.core.cells.reading import Gathered
from stages.core.credentials import is_secret, masked
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.sources.declared import OwnSource
from stages.core.sources.found import Facts, Look, Read
from stages.core.sources.header import Check
from stages.core.sources.raw import Raw, places_of_rows
from stages.core.sources.reader import Reader
from stages.core.sources.readers import READERS

_BUNDLE = 20_000


def read_own(source: OwnSource, tracked: Path, check: Check, key: str) -> Read:
    """Read the rows that a reader of one's own gives.

    Raises:
        LoopwrightError: there is no such reader, it fails, or it gives no rows.
    """
    reader = _reader(source, key)
    name = f"{source.reader} ({key})"
    gathered: dict[str, Gathered] = {}
    named: dict[str, str] = {}
    count = 0
    try:
        version = reader.version(source.options)
        rows = iter(reader.rows(source.options))
        while bundle := list(islice(rows, _BUNDLE)):
            if not count:
                named = check(name, list(bundle[0]))
                gathered = {column: Gathered() for column in named}
            for number, row in enumerate(bundle, count + 1):
                if row.keys() != bundle[0].keys():
                    differ = ", ".join(sorted(row.keys() ^ bundle[0].keys()))
                    raise LoopwrightError(f"{name}: row {number:,}: other columns: {differ}")
            count += len(bundle)
            for column, own in named.items():
                gathered[column].add([row[own] for row in bundle])
    except LoopwrightError:
        raise
    except Exception as fault:  # a reader may fail in any way
        raise _fault(name, fault) from fault
    if not count:
        raise LoopwrightError(f"{name}: it gives no rows")
    columns = {column: values.pieces() for column, values in gathered.items()}
    found = {} if version is None else {"version": version}
    facts = {"from": source.reader, "bytes": None, "sha256": None, "version": found}
    return Read(Raw(name, columns, count, places_of_rows("")), facts)


def look_own(source: OwnSource, tracked: Path, recorded: Facts, key: str) -> Look:
    """Ask the reader for its version.

    Raises:
        LoopwrightError: there is no such reader, or it fails.
    """
    reader = _reader(source, key)
    try:
        now = reader.version(source.options)
    except Exception as fault:  # a reader may fail in any way
        raise _fault(f"{source.reader} ({key})", fault) from fault
    before = recorded["version"].get("version")
    if before is None or now is None:
        return Look("unknown", "its reader gives no version; only reading it again can tell")
    if before == now:
        return Look("same", f"its version is still {now}")
    return Look("changed", f"its version was {before}, and is {now}")


def _reader(source: OwnSource, key: str) -> Reader:
    if source.reader not in READERS:
        raise LoopwrightError(
            f"{key}.reader: no reader '{source.reader}'{did_you_mean(source.reader, READERS)}; "
            f"possible: {', '.join(READERS) or 'none yet'}; they stand in "
            "stages/core/sources/readers.py"
        )
    return READERS[source.reader]


def _fault(name: str, fault: Exception) -> LoopwrightError:
    secrets = [value for variable, value in os.environ.items() if is_secret(variable) and value]
    told = masked(str(fault) or type(fault).__name__, secrets)
    return LoopwrightError(f"{name}: its reader fails: {told}")
