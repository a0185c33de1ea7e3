"""What can differ between two tables: the nouns of a data diff, ready for JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from stages.core.shifts import Shift


@dataclass(frozen=True)
class Rows:
    """How the rows of two tables stand to each other.

    Attributes:
        base: rows of the base table.
        head: rows of the head table.
        key: the column that rows were matched by, as the head calls it; None where whole
            rows were matched, as a multiset.
        why_no_key: why there was none to match by; ``""`` where there was.
        matched: rows found in both.
        added: rows of head alone.
        removed: rows of base alone.
        changed: matched rows with any cell changed; without a key none can be told.
        edited: of those, rows with a change that no other finding explains.
        repeated: keys in more than one row, or missing, in base and in head.
    """

    base: int
    head: int
    key: str | None
    why_no_key: str
    matched: int
    added: int
    removed: int
    changed: int
    edited: int
    repeated: tuple[int, int]


@dataclass(frozen=True)
class Renamed:
    """A column with the same content under another name; `equal` is the share of rows."""

    before: str
    after: str
    equal: float


@dataclass(frozen=True)
class Columns:
    """The columns of two tables: how many, and which are not in both."""

    base: int
    head: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[Renamed, ...]


@dataclass(frozen=True)
class TypeChange:
    """A column that the tables hold in different types."""

    column: str
    before: str
    after: str


@dataclass(frozen=True)
class SchemaChange:
    """What schema.yaml says otherwise of a column: ``nullable``, ``labels``, ``checks``..."""

    column: str
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Cells:
    """The cells of a column that changed in matched rows.

    Attributes:
        column: its name.
        changed: all cells that changed.
        edited: of those, the ones that no other finding explains.
    """

    column: str
    changed: int
    edited: int


@dataclass(frozen=True)
class UnitChange:
    """A column of numbers that was multiplied by a constant.

    Attributes:
        column: its name.
        factor: head divided by base.
        meaning: which units differ by it, or ``""``.
        rows: the rows multiplied, or None where rows were not matched.
        whole: whether (nearly) every row was; else a part of them.
    """

    column: str
    factor: float
    meaning: str
    rows: int | None
    whole: bool


@dataclass(frozen=True)
class Merge:
    """A category that is gone, for all its rows moved to one other.

    Attributes:
        before: the category of base.
        after: the category of head.
        rows: how many rows moved.
        renamed: whether `after` is new: then it is another name for `before`.
    """

    before: str
    after: str
    rows: int
    renamed: bool


@dataclass(frozen=True)
class Level:
    """A category and the number of its rows, in the table that has it."""

    name: str
    rows: int


@dataclass(frozen=True)
class CategoryChange:
    """The categories of a column that only one of the tables has."""

    column: str
    added: tuple[Level, ...]
    removed: tuple[Level, ...]
    merged: tuple[Merge, ...]


@dataclass(frozen=True)
class MissingChange:
    """Missing values of a column: the shares, and the cells that went or came.

    Attributes:
        column: its name.
        base: share of missing values in base.
        head: share of missing values in head.
        emptied: cells that had a value in base and have none now; None without a key.
        filled: cells that had none and have one now; None without a key.
    """

    column: str
    base: float
    head: float
    emptied: int | None
    filled: int | None


@dataclass(frozen=True)
class Label:
    """The target: its rate in both tables, and the labels that changed in matched rows.

    Attributes:
        column: the target's column.
        positive: the value that counts as positive.
        base: share of positives in base; None without rows.
        head: share of positives in head.
        difference: head - base.
        interval: its 95 % interval.
        flips: matched rows whose label is another; None without a key.
        to_positive: of those, how many became positive.
        to_negative: of those, how many were positive.
        matched: matched rows with a label in both.
    """

    column: str
    positive: str
    base: float | None
    head: float | None
    difference: float | None
    interval: tuple[float, float] | None
    flips: int | None
    to_positive: int | None
    to_negative: int | None
    matched: int


@dataclass(frozen=True)
class DataDiff:
    """All that differs between two tables.

    Columns go by the name that the head gives them. Each tuple holds only what changed,
    but for `shifts`, which holds every test.
    """

    rows: Rows
    columns: Columns
    types: tuple[TypeChange, ...]
    schema: tuple[SchemaChange, ...]
    cells: tuple[Cells, ...]
    units: tuple[UnitChange, ...]
    categories: tuple[CategoryChange, ...]
    missing: tuple[MissingChange, ...]
    shifts: tuple[Shift, ...]
    label: Label | None


def as_document(diff: DataDiff) -> dict[str, Any]:
    """Return `diff` as plain lists and dicts, floats with 6 decimals."""
    document = _rounded(asdict(diff))
    assert isinstance(document, dict)  # noqa: S101 - a dataclass is one
    return document


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(inner) for inner in value]
    # significant digits for what is tiny: a p-value of 1e-9 is not 0
    return float(f"{value:.6g}") if isinstance(value, float) else value
