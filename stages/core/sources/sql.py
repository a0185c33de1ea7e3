"""The rows of a query: an SQLite file, or a server that SQLAlchemy speaks to."""

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stages.core.cells.reading import Gathered
from stages.core.credentials import masked, secrets_of
from stages.core.errors import LoopwrightError, how_to_install
from stages.core.sources.declared import SqlSource
from stages.core.sources.found import Facts, Look, Read
from stages.core.sources.header import Check
from stages.core.sources.local import locate
from stages.core.sources.raw import Raw, places_of_rows

_BUNDLE = 20_000
_ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)
_HOW = {
    "postgresql": how_to_install("sql"),
    "mysql": "pip install pymysql",
    "mssql": "pip install pyodbc",
}


def read_sql(source: SqlSource, tracked: Path, check: Check, key: str) -> Read:
    """Run the query, read-only and in one snapshot, and read its rows.

    A password comes from where the database's own tools look for it (PGPASSWORD, ~/.pgpass),
    or within the URL that the variable `url_env` holds.

    Raises:
        LoopwrightError: the query gives its rows in no order, or the database refuses it.
    """
    if not _ORDERED.search(source.query):
        raise LoopwrightError(
            f"{key}.query: without ORDER BY the same rows come in any order, and the table would "
            "have other bytes each time; order by a key"
        )
    name = _name(source, tracked, key)
    with _connected(source, tracked, key) as connection:
        version = _version(connection, source)
        result = connection.exec_driver_sql(source.query)
        header = list(result.keys())
        named = check(name, header)
        places = {column: header.index(own) for column, own in named.items()}
        gathered = {column: Gathered() for column in named}
        count = 0
        while bundle := result.fetchmany(_BUNDLE):
            count += len(bundle)
            for column, place in places.items():
                gathered[column].add([row[place] for row in bundle])
    if count == 0:
        raise LoopwrightError(f"{name}: the query gives no rows")
    columns = {column: values.pieces() for column, values in gathered.items()}
    query = hashlib.sha256(source.query.encode()).hexdigest()
    told = {"query_sha256": query} | ({} if version is None else {"version_query": version})
    facts = {"from": name, "bytes": None, "sha256": None, "version": told}
    return Read(Raw(name, columns, count, places_of_rows(" of the result")), facts)


def look_sql(source: SqlSource, tracked: Path, recorded: Facts, key: str) -> Look:
    """Ask the `version_query`, or else count the rows.

    Raises:
        LoopwrightError: the database refuses.
    """
    with _connected(source, tracked, key) as connection:
        before, now = recorded["version"].get("version_query"), _version(connection, source)
        if before is not None and now is not None:
            if before == now:
                return Look("same", f"its version_query still gives {now}")
            return Look("changed", f"its version_query gave {before}, and gives {now}")
        counting = f"SELECT count(*) FROM ({source.query.rstrip().rstrip(';')}) AS counted"  # noqa: S608
        count = connection.exec_driver_sql(counting).scalar()
    if count != recorded["rows"]:
        return Look("changed", f"it had {recorded['rows']:,} rows, and has {count:,}")
    return Look(
        "unknown",
        f"it still has {count:,} rows; whether they are the same ones, a version_query could tell",
    )


def _version(connection: Any, source: SqlSource) -> str | None:
    if source.version_query is None:
        return None
    row = connection.exec_driver_sql(source.version_query).fetchone()
    return None if row is None else ", ".join(str(value) for value in row)


def _name(source: SqlSource, tracked: Path, key: str) -> str:
    if source.path is not None:
        return locate(source.path, tracked, f"{key}.path").as_posix()
    return masked(source.url) if source.url else f"the database in ${source.url_env}"


def _url(text: str, name: str) -> Any:
    """Parse a URL; what is wrong with one is not told, for it may hold a password."""
    import sqlalchemy

    try:
        return sqlalchemy.make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise LoopwrightError(
            f"{name}: it is not written as driver://user:password@host:port/database; signs such "
            "as @ and / within a password are written as %40 and %2F"
        ) from None


@contextmanager
def _connected(source: SqlSource, tracked: Path, key: str) -> Iterator[Any]:
    """Yield a connection that may only read, and tell faults without credentials."""
    import sqlalchemy
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    name = _name(source, tracked, key)
    secrets: tuple[str, ...] = ()
    options: dict[str, Any] = {"no_parameters": True, "stream_results": True}
    try:
        if source.path is not None:
            file = quote(str(locate(source.path, tracked, f"{key}.path").resolve()))
            engine = sqlalchemy.create_engine(
                "sqlite://",
                creator=lambda: sqlite3.connect(f"file:{file}?mode=ro", uri=True),
                poolclass=sqlalchemy.NullPool,
            )
        else:
            text = source.url or os.environ.get(source.url_env or "")
            if not text:
                raise LoopwrightError(
                    f"{key}.url_env: the environment has no variable {source.url_env}: set it, "
                    "then again"
                )
            secrets = secrets_of(text)
            url = _url(text, name)
            if url.drivername in ("postgresql", "postgres"):
                url = url.set(drivername="postgresql+psycopg")
            engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
            if engine.dialect.name == "postgresql":
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with engine.connect() as connection:
            yield connection.execution_options(**options)
    except (ArgumentError, NoSuchModuleError, ImportError) as fault:
        scheme = (source.url or "").partition("://")[0].partition("+")[0]
        how = _HOW.get(scheme)
        advice = f"; {how}" if how and isinstance(fault, ImportError) else ""
        raise LoopwrightError(
            f"{name}: no such database, or its driver is not installed "
            f"({masked(str(fault), secrets)}){advice}"
        ) from None
    except SQLAlchemyError as fault:
        cause = getattr(fault, "orig", None) or fault
        told = masked((str(cause).strip().splitlines() or ["no reason"])[0], secrets)
        raise LoopwrightError(f"{name}: the database refuses: {told}; see {key}") from None
