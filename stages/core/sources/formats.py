"""The formats of files: one line each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.core.sources.declared import Format
from stages.core.sources.delimited import read_csv
from stages.core.sources.excel import read_excel
from stages.core.sources.header import Check
from stages.core.sources.json_lines import read_json_lines
from stages.core.sources.parquet import read_parquet
from stages.core.sources.raw import Raw

# By the `kind` of the format: (file, its name in errors, its declaration, check of the header).
FORMATS: dict[str, Callable[[Path, str, Any, Check], Raw]] = {
    "csv": read_csv,
    "parquet": read_parquet,
    "json_lines": read_json_lines,
    "excel": read_excel,
}


def read_file(path: Path, name: str, format: Format, check: Check) -> Raw:  # noqa: A002
    """Read a file in its declared format.

    Args:
        path: the file; for Parquet it may be a folder.
        name: what errors call it.
        format: its declaration.
        check: holds the names of its columns against what is declared.

    Raises:
        LoopwrightError: it cannot be read as declared.
    """
    return FORMATS[format.kind](path, name, format, check)
