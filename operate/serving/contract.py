"""What a request looks like, as a JSON schema made from schema.yaml."""

from typing import Any

from operate.serving.served import Served
from stages.core.schema import Column

_TYPES = {
    "int64": "integer",
    "Int64": "integer",
    "float64": "number",
    "boolean": "boolean",
    "str": "string",
    "category": "string",
    "datetime64[ns]": "string",
}


def request_schema(served: Served) -> dict[str, Any]:
    """Return the JSON schema (2020-12) of a request.

    It declares what stops a request; a check that only warns, or refuses its row, is none of
    it. A column that the model does not read may be there, and is passed over.
    """
    columns = {name: _property(column) for name, column in served.columns.items()}
    passed_over: dict[str, Any] = {name: {} for name in served.possible if name not in columns}
    row = {
        "type": "object",
        "properties": columns | passed_over,
        "required": list(served.inputs),
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"rows": {"type": "array", "items": row, "minItems": 1}},
        "required": ["rows"],
        "additionalProperties": False,
    }


def _property(column: Column) -> dict[str, Any]:
    """Return what a field may hold."""
    kind: Any = _TYPES[column.dtype]
    found: dict[str, Any] = {"title": column.title}
    found["type"] = [kind, "null"] if column.nullable else kind
    told = [f"unit: {column.unit}"] if column.unit else []
    told += [f"written as {column.format}"] if column.format else []
    told += [f"by the clocks of {column.time_zone}"] if column.time_zone else []
    told += [f"{code}: {label}" for code, label in (column.labels or {}).items()]
    if told:
        found["description"] = "; ".join(told)
    if column.kind == "ordinal" and column.dtype == "category":
        found["enum"] = [*column.categories(), *([None] if column.nullable else [])]
    checks = column.checks
    if checks is None or checks.on_failure != "fail":
        return found
    if checks.in_range is not None:
        found["minimum"], found["maximum"] = checks.in_range
    if checks.isin is not None and "enum" not in found:
        found["enum"] = [*checks.isin, *([None] if column.nullable else [])]
    if checks.str_matches is not None:
        found["pattern"] = f"^(?:{checks.str_matches})"
    return found
