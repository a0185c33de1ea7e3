"""The inputs of a model by kind, and values in a column's own type."""

from collections.abc import Sequence

from stages.core.ranges import like as like
from stages.core.schema import Schema


def of_kind(columns: Sequence[str], schema: Schema, *kinds: str) -> list[str]:
    """Return those of `columns` that schema.yaml calls one of `kinds`."""
    known = [name for name in columns if name in schema.columns]
    return [name for name in known if schema.columns[name].kind in kinds]
