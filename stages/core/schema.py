"""schema.yaml: what each column of the table is, in pandera's words."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from stages.core.documents import Section, read_document
from stages.core.errors import LoopwrightError, did_you_mean

Dtype = Literal["int64", "Int64", "float64", "boolean", "str", "category", "datetime64[ns]"]
Kind = Literal["numeric", "ordinal", "categorical", "text", "identifier", "datetime"]
Policy = Literal["fail", "warn", "drop"]

_NUMBERS: tuple[Dtype, ...] = ("int64", "Int64", "float64")
_TEXTS: tuple[Dtype, ...] = ("str", "category")
# What a value of `isin` is written as.
_SPELLED: dict[Dtype, tuple[type, ...]] = {
    "int64": (int,),
    "Int64": (int,),
    "float64": (int, float),
    "boolean": (bool,),
    "str": (str,),
    "category": (str,),
    "datetime64[ns]": (),
}


class Checks(Section):
    """The values that a column may hold, by pandera's names of the checks."""

    in_range: Annotated[tuple[float, float], Field(strict=False)] | None = None
    # of moments, in ISO 8601: the first and the last that may be
    between: Annotated[tuple[str, str], Field(strict=False)] | None = None
    isin: tuple[int | float | str | bool, ...] | None = None
    str_matches: str | None = None
    on_failure: Policy = "fail"

    @model_validator(mode="after")
    def _possible(self) -> "Checks":
        if self.in_range and self.in_range[0] > self.in_range[1]:
            raise ValueError("in_range was expected as [low, high]")
        if self.between and self.moments() != tuple(sorted(self.moments())):
            raise ValueError("between was expected as [first, last]")
        try:
            re.compile(self.str_matches or "")
        except re.error as fault:
            raise ValueError(f"str_matches is no regular expression: {fault}") from None
        return self

    def moments(self) -> tuple[datetime, ...]:
        """Return the bounds of `between`, none where there are none; with a zone, in UTC.

        Raises:
            ValueError: one is not written in ISO 8601.
        """
        found = [datetime.fromisoformat(text) for text in self.between or ()]
        return tuple(m.astimezone(UTC).replace(tzinfo=None) if m.tzinfo else m for m in found)


class Column(Section):
    """One column: its type, what it means, and the values that it may hold."""

    dtype: Dtype
    kind: Kind
    title: str
    unit: str | None = None
    labels: dict[str, str] | None = None
    nullable: bool = False
    unique: bool = False
    format: str | None = None
    # of moments that are written without one: Europe/Berlin; the table has them in UTC
    time_zone: str | None = None
    checks: Checks | None = None

    @model_validator(mode="after")
    def _fits(self) -> "Column":
        if self.kind == "numeric" and self.dtype not in _NUMBERS:
            raise ValueError(f"a numeric column cannot have dtype {self.dtype}")
        if self.kind == "ordinal" and self.dtype not in (*_NUMBERS, "category"):
            raise ValueError(
                f"dtype {self.dtype} has no order; an ordinal column is a number or a category"
            )
        if self.kind == "ordinal" and self.dtype == "category" and not self.categories():
            raise ValueError("an ordinal category declares its order in labels, lowest first")
        if self.kind == "text" and self.dtype != "str":
            raise ValueError(f"a text is str, not {self.dtype}")
        if self.kind == "identifier" and self.dtype == "float64":
            raise ValueError("float64 loses digits; an identifier is int64, Int64 or str")
        if (self.dtype == "datetime64[ns]") != (self.kind == "datetime"):
            raise ValueError("kind datetime and dtype datetime64[ns] go together")
        if self.nullable and self.dtype == "int64":
            raise ValueError("int64 holds no missing values; a nullable column is Int64")
        if self.dtype == "datetime64[ns]" and self.format is None:
            raise ValueError("a datetime column declares its format, such as '%Y-%m-%d'")
        if self.format is not None and (self.kind != "datetime" or "%" not in self.format):
            raise ValueError(
                "a format such as '%Y-%m-%d' goes with kind datetime, and only with it"
            )
        if self.time_zone is not None:
            self._is_zone(self.time_zone)
        if self.checks:
            self._takes(self.checks)
        return self

    def _is_zone(self, name: str) -> None:
        if self.format is None or "%z" in self.format:
            raise ValueError("time_zone goes with a format that has no %z")
        try:
            ZoneInfo(name)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError(f"time_zone: no zone '{name}'; one is Europe/Berlin") from None

    def _takes(self, checks: Checks) -> None:
        """Refuse checks that no value of this dtype could be held against."""
        if checks.in_range and self.dtype not in _NUMBERS:
            raise ValueError(f"in_range needs numbers, not dtype {self.dtype}")
        if checks.between and self.kind != "datetime":
            raise ValueError(f"between needs moments, not dtype {self.dtype}")
        if checks.str_matches is not None and self.dtype not in _TEXTS:
            raise ValueError(f"str_matches needs text, not dtype {self.dtype}")
        for value in checks.isin or ():
            # A bool is an int to Python, but not to a person.
            if type(value) not in _SPELLED[self.dtype]:
                raise ValueError(f"isin: {value!r} is no value of dtype {self.dtype}")

    def categories(self) -> tuple[str, ...]:
        """Return the declared values of a category, in order: of `labels`, else of `isin`."""
        isin = self.checks.isin if self.checks else None
        return tuple(str(value) for value in self.labels or isin or ())

    def axis_title(self) -> str:
        """Return the title with its unit, for the axis of a figure."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def label(self, value: object) -> str:
        """Return the label of a code, or the code itself."""
        return (self.labels or {}).get(str(value), str(value))


class Schema(Section):
    """The table: its columns, in any order; a column that is not here is a fault."""

    # one more with each accepted change
    version: Annotated[int, Field(ge=1)] = 1
    columns: Annotated[dict[str, Column], Field(min_length=1)]

    def column(self, name: str, where: str) -> Column:
        """Return the column called `name`.

        Raises:
            LoopwrightError: there is none; `where` says who asked for it.
        """
        if name not in self.columns:
            raise LoopwrightError(
                f"{where}: no column '{name}' in schema.yaml{did_you_mean(name, self.columns)}; "
                f"possible: {', '.join(self.columns)}"
            )
        return self.columns[name]


def read_schema(path: Path) -> Schema:
    """Read schema.yaml.

    Raises:
        LoopwrightError: as `read_document`.
    """
    return read_document(path, Schema)
