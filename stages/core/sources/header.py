"""The columns of a source held against schema.yaml, all faults told at once."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from stages.core.errors import LoopwrightError, did_you_mean

# From a source's name and those of its columns: the name in schema.yaml of each, and its own.
Check = Callable[[str, Sequence[str]], dict[str, str]]

_SHOWN = 60
_LISTED = 20


def check_header(
    name: str,
    header: Sequence[str],
    wanted: Collection[str],
    possible: Collection[str],
    ignore: Collection[str] = (),
    rename: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Hold the names of the columns of a source against those that are declared.

    Args:
        name: of the source.
        header: its columns.
        wanted: those of schema.yaml that it must have.
        possible: those that it may have.
        ignore: those that are left out.
        rename: its own names of some, and those of schema.yaml.

    Returns:
        For each column of schema.yaml that it has, its own name of it.

    Raises:
        LoopwrightError: a column is missing, unknown, or stands twice.
    """
    rename = rename or {}
    kept = [column for column in header if column not in ignore]
    named = [rename.get(column, column) for column in kept]
    missing = [column for column in possible if column in wanted and column not in named]
    faults = [
        f"column {quoted(column)} stands {count} times"
        for column, count in Counter(named).items()
        if count > 1
    ]
    faults += [f"column '{column}' is missing" for column in missing]
    faults += [
        f"column {quoted(column)} is not in schema.yaml{_hint(column, missing)}"
        for column in dict.fromkeys(named)
        if column not in possible
    ]
    faults += [
        f"{key} names a column {quoted(column)}, and there is none{did_you_mean(column, header)}"
        for key, columns in (("ignore", ignore), ("rename", rename))
        for column in columns
        if column not in header
    ]
    if faults:
        rest = len(faults) - _LISTED
        lines = [*faults[:_LISTED], *([f"and {rest:,} faults more"] if rest > 0 else [])]
        advice = "correct the source, declare the column in schema.yaml, or see ignore and rename"
        raise LoopwrightError(
            "\n  ".join(
                [
                    f"{name}: the header is not what schema.yaml declares",
                    *lines,
                    f"{advice} of ingest.sources in params.yaml",
                ]
            )
        )
    return dict(zip(named, kept, strict=True))


def _hint(column: str, missing: Sequence[str]) -> str:
    if column.strip() in missing and column != column.strip():
        return f": '{column.strip()}' is, without the spaces; `strip: true` leaves them out"
    return did_you_mean(column, missing)


def quoted(text: str) -> str:
    """Return `text` in quotation marks, cut short where it is long."""
    shown = json.dumps(text if len(text) <= _SHOWN else text[:_SHOWN], ensure_ascii=False)
    return shown if len(text) <= _SHOWN and len(shown) <= _SHOWN else f'{shown[: _SHOWN - 4]}..."'
