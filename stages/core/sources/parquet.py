"""Parquet: one file, or a folder of files as Spark and others write it."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.cells.reading import Piece, merged
from stages.core.errors import LoopwrightError
from stages.core.sources.declared import Parquet
from stages.core.sources.header import Check
from stages.core.sources.raw import Raw

# How Hive writes a missing value into the name of a folder.
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def read_parquet(path: Path, name: str, format: Parquet, check: Check) -> Raw:  # noqa: A002
    """Read a Parquet file, or all those of a folder, in the order of their names.

    A folder called ``year=2011`` gives each row below it the text ``2011`` as its ``year``.

    Args:
        path: the file or the folder.
        name: what errors call it.
        format: there is nothing to choose.
        check: holds the columns against what is declared.

    Raises:
        LoopwrightError: there is no file, one is not Parquet, or they differ in their columns.
    """
    files = parquet_files(path, name)
    pieces: dict[str, list[Piece]] = {}
    starts, header = [0], None
    for file in files:
        opened = _opened(file, path, name)
        partitions = _partitions(file, path)
        found = [*opened.schema_arrow.names, *partitions]
        if header is None:
            header, named = found, check(name, found)
        elif sorted(found) != sorted(header):
            differ = ", ".join(sorted(set(found) ^ set(header)))
            raise LoopwrightError(
                f"{_called(file, path, name)}: it has other columns than {files[0].name}: "
                f"{differ}; all files of a folder have the same"
            )
        table = _read(
            opened, [own for own in named.values() if own not in partitions], file, path, name
        )
        first, rows = starts[-1], opened.metadata.num_rows
        place = np.arange(first, first + rows, dtype=np.int64)
        for column, own in named.items():
            values = (
                pa.chunked_array([pa.repeat(pa.scalar(partitions[own], pa.string()), rows)])
                if own in partitions
                else _plain(table.column(own))
            )
            pieces.setdefault(column, []).append(Piece(values, place))
        starts.append(first + rows)
    if starts[-1] == 0:
        raise LoopwrightError(f"{name}: columns and no rows")
    columns = {column: _whole(merged(parts)) for column, parts in pieces.items()}

    def places(rows: Sequence[int]) -> list[str]:
        file = np.searchsorted(starts, rows, side="right") - 1
        of = [f" of {files[f].relative_to(path)}" if files[0] != path else "" for f in file]
        return [f"row {r - starts[f] + 1:,}{o}" for r, f, o in zip(rows, file, of, strict=True)]

    return Raw(name, columns, starts[-1], places)


def parquet_files(path: Path, name: str) -> list[Path]:
    """Return the files of a folder in order, without those that are marks of their writers."""
    if not path.is_dir():
        return [path]
    files = [
        file
        for file in sorted(path.rglob("*.parquet"))
        if not any(part.startswith(("_", ".")) for part in file.relative_to(path).parts)
    ]
    if not files:
        raise LoopwrightError(f"{name}: a folder without any .parquet file")
    return files


def _called(file: Path, path: Path, name: str) -> str:
    return name if file == path else f"{name}/{file.relative_to(path).as_posix()}"


def _opened(file: Path, path: Path, name: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as fault:
        raise LoopwrightError(
            f"{_called(file, path, name)}: not a whole Parquet file ({_first_line(fault)}); "
            "copy it again"
        ) from None


def _read(
    opened: pq.ParquetFile, columns: list[str], file: Path, path: Path, name: str
) -> pa.Table:
    try:
        return opened.read(columns=columns, use_threads=False)
    except (pa.ArrowException, OSError) as fault:
        raise LoopwrightError(
            f"{_called(file, path, name)}: damaged inside ({_first_line(fault)}); copy it again"
        ) from None


def _first_line(fault: Exception) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0]


def _partitions(file: Path, path: Path) -> dict[str, str | None]:
    folders = file.relative_to(path).parts[:-1] if file != path else ()
    pairs = [folder.partition("=") for folder in folders if "=" in folder]
    return {
        unquote(key): None if value == _NO_PARTITION else unquote(value) for key, _, value in pairs
    }


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = values.type
    if isinstance(kind, pa.ExtensionType):
        return values.cast(kind.storage_type)
    if pa.types.is_dictionary(kind):  # files of a folder may number their values otherwise
        return values.cast(kind.value_type)
    return values


def _whole(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Leave out the numbers of the rows where one piece has them all."""
    return (Piece(pieces[0].values),) if len(pieces) == 1 else pieces
