"""The section `ingest` of params.yaml: where the rows come from, and how they are written."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from stages.core.credentials import ELSEWHERE, credential_in, is_secret
from stages.core.documents import Section

Name = Annotated[str, Field(min_length=1)]
Names = tuple[Name, ...]
# The name of a variable of the environment.
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Option = str | int | float | bool


# --- how a file is written --------------------------------------------------------------------


class Csv(Section):
    """Lines of text with a separator; unpacked and decoded first."""

    kind: Literal["csv"]
    # one character of ASCII that is no quotation mark and no line break
    separator: Annotated[str, Field(pattern=r"^[\t !#-&(-~]$")]
    # null: quotation marks mean nothing
    quote: Literal['"', "'"] | None
    decimal: Literal[".", ","]
    encoding: Name
    # a sign that takes the meaning from the next one
    escape: Literal["\\"] | None = None
    # leave out the spaces around names and values
    strip: bool | None = None
    # lines before the header
    skip_lines: Annotated[int, Field(ge=0)] | None = None
    # the names, where no line holds them
    columns: Names | None = None


class Parquet(Section):
    """One Parquet file, or a folder of them."""

    kind: Literal["parquet"]


class JsonLines(Section):
    """A JSON object a line; unpacked first."""

    kind: Literal["json_lines"]


class Excel(Section):
    """A sheet of an .xlsx workbook; the first row that is not empty holds the names."""

    kind: Literal["excel"]
    # not needed where there is one
    sheet: Name | None = None


Format = Csv | Parquet | JsonLines | Excel
AnyFormat = Annotated[Format, Field(discriminator="kind")]


# --- where it is ------------------------------------------------------------------------------


class Join(Section):
    """How a source is joined to those before it: each row there finds one row here, or none."""

    on: Annotated[Names, Field(min_length=1)]
    # of rows that find none: stop, keep them without these columns, or leave them out
    unmatched: Literal["fail", "missing", "drop"]


class _Source(Section):
    # texts that mean missing, to the letter
    missing_values: tuple[str, ...]
    # what the source calls a column: what schema.yaml calls it
    rename: dict[Name, Name] | None = None
    # columns that are left out
    ignore: Names | None = None
    # else its rows are appended to those before
    join: Join | None = None


def _public(url: str | None) -> str | None:
    found = credential_in(url) if url else None
    if found:
        raise ValueError(f"the URL holds {found}: {ELSEWHERE}")
    return url


class FileSource(_Source):
    """`paths.source` of dvc.yaml: it itself, or a file below it."""

    kind: Literal["file"]
    format: AnyFormat
    path: Name | None = None


class HttpSource(_Source):
    """A file that a web server gives."""

    kind: Literal["http"]
    format: AnyFormat
    url: Annotated[str, Field(pattern=r"^https?://[^/\s]")] | None = None
    url_env: Variable | None = None
    # sent as `Authorization: Bearer ...`
    token_env: Variable | None = None

    _check_url = field_validator("url")(_public)

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(self, "url", "url_env")
        return self


class StorageSource(_Source):
    """A file in object storage, or a folder of Parquet files, by fsspec's name of it."""

    kind: Literal["storage"]
    format: AnyFormat
    url: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*://\S")]
    # of fsspec's file system, such as {endpoint_url: https://...} or {anon: true}
    options: dict[Name, Option] | None = None

    _check_url = field_validator("url")(_public)

    @field_validator("options")
    @classmethod
    def _check_options(cls, options: dict[str, Option] | None) -> dict[str, Option] | None:
        for name, value in (options or {}).items():
            if is_secret(name):
                raise ValueError(f"'{name}' has no place here: {ELSEWHERE}")
            _public(str(value))
        return options


class SqlSource(_Source):
    """The rows of a query, in an order that the query gives them."""

    kind: Literal["sql"]
    query: Name
    # an SQLite file below paths.source
    path: Name | None = None
    # SQLAlchemy's, without a password: postgresql://host/database
    url: Annotated[str, Field(pattern=r"^[a-z0-9]+(\+[a-z0-9_]+)?://")] | None = None
    url_env: Variable | None = None
    # a query of one row that is another whenever the rows are
    version_query: Name | None = None

    _check_url = field_validator("url")(_public)

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(self, "path", "url", "url_env")
        return self


class OwnSource(_Source):
    """Rows that a reader of your own gives; see stages/core/sources/readers.py."""

    kind: Literal["own"]
    reader: Name
    options: dict[Name, Option]


Source = FileSource | HttpSource | StorageSource | SqlSource | OwnSource
AnySource = Annotated[Source, Field(discriminator="kind")]


class Ingest(Section):
    """The sources, in order: each after the first is appended, or joined."""

    sources: tuple[AnySource, ...]

    @field_validator("sources")
    @classmethod
    def _begins(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        if not sources:
            raise ValueError("at least one source was expected")
        if sources[0].join is not None:
            raise ValueError("the first source has nothing before it to be joined to")
        return sources


def _exactly_one(source: Section, *names: str) -> None:
    given = [name for name in names if getattr(source, name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise ValueError(f"exactly one of {', '.join(names)} was expected, found {found}")
