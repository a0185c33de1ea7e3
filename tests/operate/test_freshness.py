import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from ruamel.yaml import YAML
from typer.testing import CliRunner

from operate.cli import app
from operate.freshness import exit_code, freshness, repro, show
from operate.remote import restore
from stages.core.errors import LoopwrightError
from stages.ingest import main as read
from tests.operate.project import commit, init, run

ROOT = Path(__file__).parents[2]
PARAMS = (ROOT / "params.yaml").read_text()
CSV = {"kind": "csv", "separator": ",", "quote": '"', "decimal": ".", "encoding": "utf-8"}
FILE = {"kind": "file", "path": "a.csv", "format": CSV, "missing_values": [""]}
QUERY = "SELECT id, age FROM people ORDER BY id"
SQL = {"kind": "sql", "path": "b.sqlite", "query": QUERY, "missing_values": [""]}
SCHEMA = """\
columns:
  id: {dtype: str, kind: identifier, title: Id}
  age: {dtype: int64, kind: numeric, title: Age}
"""
# The real stage, and one behind it.
DVC_YAML = f"""\
vars:
  - paths:
      params: params.yaml
      schema: schema.yaml
      source: source
      ingested: data/ingest/table.parquet
      manifest: data/ingest/manifest.json
stages:
  ingest:
    cmd: >-
      {sys.executable} {ROOT}/stages ingest --params ${{paths.params}} --schema ${{paths.schema}}
      --source ${{paths.source}} --ingested ${{paths.ingested}} --manifest ${{paths.manifest}}
    params: [ingest]
    deps: ["${{paths.schema}}", "${{paths.source}}"]
    outs: ["${{paths.ingested}}", "${{paths.manifest}}"]
  after:
    cmd: mkdir -p data/after && cp ${{paths.manifest}} data/after/copy.json
    deps: ["${{paths.manifest}}"]
    outs: [data/after/copy.json]
  audit:
    matrix:
      pillar: [none]
    cmd: "true"
"""


class Server:
    """A web server on the loopback."""

    def __init__(self) -> None:
        self.body = b"id,age\na,1\n"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def answer(self) -> None:
                self.send_response(200)
                self.send_header("ETag", f'"{hash(outer.body)}"')
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(outer.body)

            do_GET = do_HEAD = answer  # noqa: N815 - the names that are called

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{self.http.server_port}/people.csv"
        self.entry = {"kind": "http", "url": url, "format": CSV, "missing_values": [""]}

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project whose sources a test declares; it is the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("LOOPWRIGHT_WARM", "0")
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    (tmp_path / "schema.yaml").write_text(SCHEMA)
    (tmp_path / "source").mkdir()
    (tmp_path / "source/a.csv").write_text("id,age\n007,30\n")


def dvc(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments], check=True, env=os.environ)


def ingest() -> None:
    read(
        params=Path("params.yaml"),
        schema=Path("schema.yaml"),
        source=Path("source"),
        ingested=Path("data/ingest/table.parquet"),
        manifest=Path("data/ingest/manifest.json"),
    )


def declare(*entries: dict[str, Any]) -> None:
    params = YAML(typ="safe").load(PARAMS)
    params["ingest"] = {"sources": list(entries)}
    Path("params.yaml").write_text(json.dumps(params))


def database(*ages: int) -> None:
    Path("source/b.sqlite").unlink(missing_ok=True)
    with sqlite3.connect("source/b.sqlite") as connection:
        connection.execute("CREATE TABLE people (id, age)")
        rows = [(f"b{place}", age) for place, age in enumerate(ages)]
        connection.executemany("INSERT INTO people VALUES (?, ?)", rows)


def found() -> list[tuple[str, str]]:
    return [(row.status, row.why) for row in freshness(Path())]


def call(*options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["freshness", *options])
    return result.exit_code, result.output


def test_every_source_is_asked_and_the_worst_answer_counts(server: Server) -> None:
    database(40, 50)
    declare(FILE, SQL, server.entry)
    with pytest.raises(LoopwrightError, match=r"manifest.json: no such file; run `dvc repro`"):
        freshness(Path())
    ingest()
    same = [
        ("same", "its bytes are the same"),
        (
            "unknown",
            "it still has 2 rows; whether they are the same ones, a version_query could tell",
        ),
        ("same", "its ETag is the same"),
    ]
    assert found() == same
    code, text = call()
    assert code == 0
    assert "same     ingest.sources[0]  source/a.csv: its bytes are the same" in text
    database(40, 50, 60)
    assert [status for status, _ in found()] == ["same", "changed", "same"]
    code, text = call("--json")
    assert code == 1
    assert json.loads(text)[1] == {
        "source": "ingest.sources[1]",
        "at": "source/b.sqlite",
        "status": "changed",
        "why": "it had 2 rows, and has 3",
    }
    server.stop()
    assert [status for status, _ in found()] == ["same", "changed", "error"]
    assert call()[0] == 2
    assert call("--repro")[0] == 2  # nothing runs where a source cannot be read


def test_what_changed_is_read_again_and_what_depends_on_it_runs(server: Server) -> None:
    dvc("init", "--no-scm", "--quiet")
    declare(FILE, server.entry)
    dvc("repro", "--quiet")
    before = Path("data/after/copy.json").read_text()
    server.body = b"id,age\nb,2\nc,3\n"
    dvc("repro", "--quiet")  # DVC sees nothing of it
    assert Path("data/after/copy.json").read_text() == before
    assert call("--repro")[0] == 0
    after = json.loads(Path("data/after/copy.json").read_text())
    assert [facts["rows"] for facts in after["sources"]] == [1, 2]
    assert call()[0] == 0


def test_another_declaration_is_a_change(server: Server) -> None:
    declare(FILE)
    ingest()
    declare({**FILE, "missing_values": ["", "NA"]}, server.entry)
    why = "its declaration is another than it was: `dvc repro` reads it"
    assert found() == [("changed", why)] * 2
    declare(FILE)
    two = [*json.loads(Path("data/ingest/manifest.json").read_text())["sources"]] * 2
    Path("data/ingest/manifest.json").unlink()  # it is a link into the cache
    Path("data/ingest/manifest.json").write_text(json.dumps({"sources": two}))
    assert [status for status, _ in found()] == ["same", "changed"]
    assert "fewer sources are declared than were read" in found()[1][1]
    Path("source/a.csv").write_text("id,age\n007,31\n")
    assert found()[0] == ("changed", "its bytes are others: `dvc repro` reads them")
    Path("source/a.csv").unlink()
    assert found()[0][0] == "error"
    assert "no such file" in found()[0][1]


def test_a_file_that_dvc_imported_is_watched_where_it_came_from(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    dvc("init", "--no-scm", "--quiet")
    origin = tmp_path_factory.mktemp("elsewhere") / "a.csv"
    origin.write_text("id,age\n007,30\n")
    Path("source/a.csv").unlink()
    dvc("import-url", "--quiet", str(origin), "source/a.csv")
    declare(FILE)
    dvc("repro", "--quiet")
    assert found() == [("same", "its bytes are the same, here and where DVC imported it from")]
    origin.write_text("id,age\n007,31\n008,32\n")
    assert found() == [
        ("changed", "it changed where DVC imported it from: `dvc update source/a.csv.dvc`")
    ]
    assert call("--repro")[0] == 0
    assert json.loads(Path("data/after/copy.json").read_text())["source"]["rows"] == 2
    assert call()[0] == 0
    Path("source/a.csv.dvc").write_text("deps: [\n")
    assert found()[0][0] == "error"
    assert "DVC cannot ask where it came from" in found()[0][1]


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another repository, whose table is tracked by DVC."""
    folder = tmp_path_factory.mktemp("elsewhere") / "tables"
    folder.mkdir()
    init(folder)
    (folder / "data").mkdir()
    release(folder, "id,age\n007,30\n")
    return folder


def release(folder: Path, text: str) -> None:
    """Give the other repository's table another content, and commit that."""
    (folder / "data/table.csv").unlink(missing_ok=True)
    (folder / "data/table.csv").write_text(text)
    run(folder, "dvc", "add", "--quiet", "data/table.csv")
    commit(folder, "a table")


def test_a_table_that_another_repository_tracks_is_a_source(
    elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(tmp_path)
    dvc("import", "--quiet", str(elsewhere), "data/table.csv", "--out", "source/b.csv")
    declare(FILE, {**FILE, "path": "b.csv"})
    dvc("repro", "--quiet")
    manifest = json.loads(Path("data/ingest/manifest.json").read_text())
    assert [facts["from"] for facts in manifest["sources"]] == ["source/a.csv", "source/b.csv"]
    assert manifest["sources"][1]["version"] == {}
    told = "its bytes are the same, here and where DVC imported it from"
    assert found() == [("same", "its bytes are the same"), ("same", told)]
    release(elsewhere, "id,age\n007,31\n008,32\n")
    assert found()[1] == (
        "changed",
        "it changed where DVC imported it from: `dvc update source/b.csv.dvc`",
    )
    assert call()[0] == 1
    assert call("--repro")[0] == 0
    again = json.loads(Path("data/ingest/manifest.json").read_text())
    assert again["sources"][1]["rows"] == 2
    assert found()[1] == ("same", told)
    commit(tmp_path, "imported, and updated")
    run(tmp_path, "git", "clone", "--quiet", ".", "clone")
    clone = tmp_path / "clone"  # it has no remote, and does not need one for what was imported
    assert next(restore(clone)).startswith("1 of 4 outputs are here (no DVC remote")
    assert (clone / "source/b.csv").read_text() == Path("source/b.csv").read_text()
    run(clone, "dvc", "repro", "--quiet")
    assert run(clone, "git", "status", "--porcelain", "dvc.lock") == ""
    elsewhere.rename(elsewhere.with_name("gone"))
    run(tmp_path, "git", "clone", "--quiet", ".", "late")
    status, why = found()[1]
    assert status == "error"
    assert "source/b.csv.dvc: DVC cannot ask where it came from" in why
    monkeypatch.chdir(tmp_path / "late")
    assert "nothing computes those of source/b.csv.dvc" in next(restore(Path()))


def test_a_failing_run_gives_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    dvc("init", "--no-scm", "--quiet")
    declare(FILE)
    ingest()
    Path("source/a.csv").write_text("id,age\n007,old\n")
    rows = freshness(Path())
    assert exit_code(rows) == 1
    assert repro(rows) != 0


def test_a_line_is_never_wrapped_and_shows_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    declare({**FILE, "path": "[red]a.csv"})
    Path("source/a.csv").rename("source/[red]a.csv")
    ingest()
    show(freshness(Path()), Console(width=20))
    assert capsys.readouterr().out == (
        "same     ingest.sources[0]  source/[red]a.csv: its bytes are the same\n"
    )
