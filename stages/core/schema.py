"""schema.yaml: what each column of the table is, in pandera's words."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stages.core.documents import Section, read_document
from stages.core.errors import LoopwrightError, did_you_mean

Dtype = Literal["int64", "Int64", "float64", "boolean", "str", "category", "datetime64[ns]"]
Kind = Literal["numeric", "ordinal", "categorical", "identifier", "datetime"]
Policy = Literal["fail", "warn", "drop"]


class Checks(Section):
    """The values that a column may hold, by pandera's names of the checks."""

    in_range: Annotated[tuple[float, float], Field(strict=False)] | None = None
    isin: tuple[int | float | str | bool, ...] | None = None
    str_matches: str | None = None
    on_failure: Policy = "fail"


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
    checks: Checks | None = None

    @model_validator(mode="after")
    def _fits(self) -> "Column":
        if self.kind == "numeric" and self.dtype not in ("int64", "Int64", "float64"):
            raise ValueError(f"a numeric column cannot have dtype {self.dtype}")
        if (self.dtype == "datetime64[ns]") != (self.kind == "datetime"):
            raise ValueError("kind datetime and dtype datetime64[ns] go together")
        if self.nullable and self.dtype == "int64":
            raise ValueError("int64 holds no missing values; a nullable column is Int64")
        if self.dtype == "datetime64[ns]" and self.format is None:
            raise ValueError("a datetime column declares its format, such as '%Y-%m-%d'")
        return self

    def axis_title(self) -> str:
        """Return the title with its unit, for the axis of a figure."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def label(self, value: object) -> str:
        """Return the label of a code, or the code itself."""
        return (self.labels or {}).get(str(value), str(value))


class Schema(Section):
    """The table: its columns, in any order; a column that is not here is a fault."""

    columns: dict[str, Column]

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
