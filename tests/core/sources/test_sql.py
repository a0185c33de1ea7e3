import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from stages.core.sources.registry import KINDS
from tests.core.sources.project import Project, make_schema

QUERY = "SELECT id, age, rate FROM people ORDER BY id"
SQLITE = {"kind": "sql", "path": "a.sqlite", "query": QUERY}
ROWS = [["007", 30, 0.5], ["008", 2**53 + 1, None]]


def database(path: Path, rows: list[list[Any]] = ROWS) -> None:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE people (id, age, rate)")
        connection.executemany("INSERT INTO people VALUES (?, ?, ?)", rows)


def look(project: Project, entry: dict[str, Any], facts: Any) -> tuple[str, str]:
    source = project.ingest(entry).sources[0]
    found = KINDS["sql"].look(source, project.folder, facts, "ingest.sources[0]")
    return found.status, found.why


# --- SQLite: embedded ---------------------------------------------------------------------------


def test_the_rows_of_a_query_are_read_by_the_schema(project: Project) -> None:
    database(project.folder / "a.sqlite", ROWS[::-1])
    assert project.rows(SQLITE) == ROWS
    (facts,) = project.table(SQLITE).sources
    assert facts["rows"] == 2
    assert facts["version"].keys() == {"query_sha256"}
    assert facts == project.table(SQLITE).sources[0]  # the same each time
    signs = {**SQLITE, "query": "SELECT id, 1 age, 10 % 3 rate FROM people -- 5 % :x\nORDER BY id"}
    assert project.rows(signs)[0] == ["007", 1, 1.0]


def test_a_value_of_another_type_is_named_with_its_row(project: Project) -> None:
    database(project.folder / "a.sqlite", [["a", 1, 1], [7, "x", b"y"], [None, None, 9e999]])
    query = "SELECT id, age, rate FROM people ORDER BY rowid"
    lines = project.fault({**SQLITE, "query": query}).splitlines()
    assert lines[0] == "FOLDER/a.sqlite: 5 values are not what schema.yaml declares"
    assert "row 2 of the result: column 'id': found 7 (int); text (str)" in lines[1]
    assert "row 2 of the result: column 'age': found \"x\"" in lines[2]
    assert "column 'rate': found b'y'; a finite number (float64)" in lines[3]
    assert "row 3 of the result: column 'age': found nothing; a whole number" in lines[4]
    assert "column 'rate': found inf (float)" in lines[5]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM people", "ingest.sources[0].query: without ORDER BY the same rows come in"),
        ("SELECT * FROM peple ORDER BY id", "the database refuses: no such table: peple"),
        ("SELECT id, age, age FROM people ORDER BY id", 'column "age" stands 2 times'),
        ("SELECT id, age FROM people ORDER BY id", "column 'rate' is missing"),
        ("SELECT * FROM people WHERE id = 'x' ORDER BY id", "the query gives no rows"),
        ("DELETE FROM people RETURNING id, age, rate /* order by */", "readonly database"),
    ],
)
def test_a_query_that_gives_no_table_gets_one_error(
    project: Project, query: str, expected: str
) -> None:
    database(project.folder / "a.sqlite")
    assert expected in project.fault({**SQLITE, "query": query})
    assert project.rows(SQLITE) == ROWS


def test_a_file_that_is_no_database_is_named(project: Project) -> None:
    assert "a.sqlite: no such file" in project.fault(SQLITE)
    project.write("a.sqlite", "id,age,rate\n" * 100)
    assert "the database refuses: file is not a database" in project.fault(SQLITE)
    assert "lies outside" in project.fault({**SQLITE, "path": "../a.sqlite"})
    for url in ("nonsense://host/db", "postgresql+nonsense://host/db"):
        entry = {"kind": "sql", "url": url, "query": QUERY}
        assert "no such database, or its driver is not installed" in project.fault(entry)


def test_its_rows_are_counted_or_its_version_is_asked(project: Project) -> None:
    database(project.folder / "a.sqlite")
    (facts,) = project.table(SQLITE).sources
    asked = {**SQLITE, "version_query": "SELECT count(*), max(age) FROM people"}
    (known,) = project.table(asked).sources
    assert known["version"]["version_query"] == f"2, {2**53 + 1}"
    assert look(project, SQLITE, facts)[0] == "unknown"
    assert "a version_query could tell" in look(project, SQLITE, facts)[1]
    assert look(project, asked, known)[0] == "same"
    database(project.folder / "a.sqlite", [["007", 31, 0.5], ["008", 5, None]])
    assert look(project, SQLITE, facts)[0] == "unknown"
    assert look(project, asked, known) == (
        "changed",
        f"its version_query gave 2, {2**53 + 1}, and gives 2, 31",
    )
    database(project.folder / "a.sqlite", ROWS[:1])
    assert look(project, SQLITE, facts) == ("changed", "it had 2 rows, and has 1")
    (project.folder / "a.sqlite").unlink()
    with pytest.raises(LoopwrightError, match="no such file"):
        look(project, SQLITE, facts)


# --- PostgreSQL: a server of its own ------------------------------------------------------------


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    beside = shutil.which("pg_ctl")
    return found[-1].parent if found else Path(beside).parent if beside else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server on the loopback alone, with a password; gives its port."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql runs this test")
    folder = tmp_path_factory.mktemp("pg")
    as_user: list[str] = []
    if os.getuid() == 0:  # the server refuses to run as root
        for above in [folder, *folder.parents[:2]]:
            above.chmod(0o755)
        shutil.chown(folder, "nobody")
        as_user = ["setpriv", "--reuid=nobody", "--clear-groups", "--"]
        if shutil.which("setpriv") is None:
            pytest.skip("PostgreSQL does not run as root, and setpriv is not here")
    (folder / "secret").write_text("pa%55s word\n")
    (folder / "secret").chmod(0o644)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = (
        f"-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c port={port} -c fsync=off"
    )
    data = str(folder / "data")
    made = [str(programs / "initdb"), "-D", data, "-U", "tester", "-A", "scram-sha-256", "-N"]
    made += ["--pwfile", str(folder / "secret"), "-E", "UTF8", "--locale=C"]
    run = {"check": True, "cwd": folder, "capture_output": True, "timeout": 60}
    control = [*as_user, str(programs / "pg_ctl"), "-D", data, "-w"]
    subprocess.run([*as_user, *made], **run)
    subprocess.run(
        [*control, "-o", options, "-l", str(folder / "log"), "start"],
        **{**run, "capture_output": False},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)


@pytest.fixture
def postgres(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import psycopg

    monkeypatch.setenv("PGPASSWORD", "pa%55s word")
    url = f"postgresql://tester@127.0.0.1:{server}/postgres"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS people")
        connection.execute("CREATE SEQUENCE IF NOT EXISTS numbers")
        connection.execute(
            "CREATE TABLE people (id text, age bigint, rate numeric(6,2), at timestamptz, day date,"
            " ok boolean)"
        )
        connection.execute(
            "INSERT INTO people VALUES"
            " ('007', 30, 0.50, '2011-01-01 10:00+02', '2011-02-03', true),"
            " ('008', 9007199254740993, NULL, NULL, NULL, NULL)"
        )
    yield url


WIDE = make_schema(
    id={"dtype": "str", "kind": "identifier"},
    age={"dtype": "int64", "kind": "numeric"},
    rate={"dtype": "float64", "kind": "numeric", "nullable": True},
    at={"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y-%m-%d %H:%M%z"},
    day={"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y-%m-%d"},
    ok={"dtype": "boolean", "kind": "categorical"},
)


def test_a_server_is_read_by_the_schema(project: Project, postgres: str) -> None:
    entry = {"kind": "sql", "url": postgres, "query": "SELECT * FROM people ORDER BY id"}
    first, second = project.rows(entry, schema=WIDE)
    assert first == [
        "007",
        30,
        0.5,
        pd.Timestamp("2011-01-01 08:00"),
        pd.Timestamp("2011-02-03"),
        True,
    ]
    assert second[:2] == ["008", 2**53 + 1]
    (facts,) = project.table(entry, schema=WIDE).sources
    assert facts["from"].startswith("postgresql://***@127.0.0.1:")
    assert look(project, entry, facts)[0] == "unknown"
    assert look(project, entry, {**facts, "rows": 7}) == ("changed", "it had 7 rows, and has 2")


def test_a_query_may_only_read(project: Project, postgres: str) -> None:
    for query, expected in (
        (
            "SELECT * FROM people WHERE nextval('numbers') > 0 ORDER BY id",
            "cannot execute nextval() in a read-only transaction",
        ),
        ("DELETE FROM people RETURNING * -- order by", 'syntax error at or near "DELETE"'),
    ):
        entry = {"kind": "sql", "url": postgres, "query": query}
        assert expected in project.fault(entry, schema=WIDE)


def test_no_password_is_told(
    project: Project, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"kind": "sql", "url": postgres, "query": "SELECT * FROM people ORDER BY id"}
    monkeypatch.setenv("PGPASSWORD", "hunter2-wrong")
    message = project.fault(entry, schema=WIDE)
    assert "password authentication failed" in message
    monkeypatch.delenv("PGPASSWORD")
    assert "no password supplied" in project.fault(entry, schema=WIDE)
    hidden = {"kind": "sql", "url_env": "WAREHOUSE", "query": entry["query"]}
    assert "the environment has no variable WAREHOUSE" in project.fault(hidden, schema=WIDE)
    whole = postgres.replace("tester@", "tester:pa%2555s%20word@")
    monkeypatch.setenv("WAREHOUSE", whole)
    assert len(project.rows(hidden, schema=WIDE)) == 2
    (facts,) = project.table(hidden, schema=WIDE).sources
    for secret in ("pa%2555s", "pa%55s"):
        assert secret not in str(facts)
    monkeypatch.setenv("WAREHOUSE", whole.replace("127.0.0.1", "127.0.0.1:hunter2"))
    wrong = project.fault(hidden, schema=WIDE)
    assert "the database in $WAREHOUSE: it is not written as driver://" in wrong
    monkeypatch.setenv("WAREHOUSE", whole.replace("tester:", "nobody:"))
    wrong += project.fault(hidden, schema=WIDE)
    assert "password authentication failed" in wrong
    assert "pa%" not in wrong
    assert "hunter2" not in wrong


def test_a_server_that_is_not_there_is_told(project: Project) -> None:
    entry = {"kind": "sql", "url": "postgresql://127.0.0.1:1/none", "query": QUERY}
    assert "the database refuses: connection failed" in project.fault(entry)
