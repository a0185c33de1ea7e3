import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import LoopwrightError
from stages.core.sources.registry import KINDS
from tests.core.sources.project import CSV, Project

TEXT = "id,age,rate\n007,30,0.5\n"
ROWS = [["007", 30, 0.5]]


class Server:
    """A web server on the loopback: what it holds, and what it was asked."""

    def __init__(self) -> None:
        self.body, self.headers, self.status = TEXT.encode(), {"ETag": '"one"'}, 200
        self.cut, self.refuses_head, self.wants = 0, False, ""
        self.asked: list[tuple[str, str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def answer(self) -> None:
                given = self.headers.get("Authorization")
                outer.asked.append((self.command, self.path, given))
                status = 401 if outer.wants and given != outer.wants else outer.status
                status = 405 if outer.refuses_head and self.command == "HEAD" else status
                self.send_response(status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(outer.body[: len(outer.body) - outer.cut])

            do_GET = do_HEAD = answer  # noqa: N815 - the names that are called

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/people.csv"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def web(server: Server, **more: Any) -> dict[str, Any]:
    named = {} if "url_env" in more else {"url": server.url}
    return {"kind": "http", "format": CSV, **named, **more}


def look(project: Project, entry: dict[str, Any], facts: Any) -> tuple[str, str]:
    source = project.ingest(entry).sources[0]
    found = KINDS["http"].look(source, project.folder, facts, "ingest.sources[0]")
    return found.status, found.why


def test_a_file_is_fetched_and_its_version_kept(project: Project, server: Server) -> None:
    server.headers["Last-Modified"] = "Sat, 01 Jan 2011 00:00:00 GMT"
    server.body = gzip.compress(TEXT.encode(), mtime=0)
    assert project.rows(web(server)) == ROWS
    (facts,) = project.table(web(server)).sources
    assert facts["from"] == server.url
    assert facts["sha256"] == hashlib.sha256(server.body).hexdigest()
    assert facts["bytes"] == len(server.body)
    assert facts["version"] == {"etag": '"one"', "last_modified": "Sat, 01 Jan 2011 00:00:00 GMT"}


def test_a_look_asks_for_the_version_and_not_for_the_file(project: Project, server: Server) -> None:
    (facts,) = project.table(web(server)).sources
    server.asked.clear()
    assert look(project, web(server), facts) == ("same", "its ETag is the same")
    assert [method for method, *_ in server.asked] == ["HEAD"]
    server.headers["ETag"] = '"two"'
    assert look(project, web(server), facts) == ("changed", 'its ETag was "one", and is "two"')
    server.refuses_head = True
    assert look(project, web(server), facts)[0] == "changed"
    server.refuses_head, server.status = False, 503
    with pytest.raises(LoopwrightError, match="the server answers 503"):
        look(project, web(server), facts)


def test_a_server_without_a_version_is_told(project: Project, server: Server) -> None:
    server.headers.clear()
    (facts,) = project.table(web(server)).sources
    assert facts["version"] == {}
    status, why = look(project, web(server), facts)
    assert status == "unknown"
    assert why == ("its server gives no ETag or Last-Modified; only reading it again can tell")
    server.body += b"008,1,1\n"
    assert look(project, web(server), facts) == ("changed", "it had 23 bytes, and has 31")


def test_a_name_and_password_come_from_netrc(
    project: Project, server: Server, tmp_path: Path
) -> None:
    server.wants = "Basic dTpodW50ZXIy"  # u:hunter2
    message = project.fault(web(server))
    assert "the server refuses (401); give a user and password in ~/.netrc" in message
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password hunter2\n")
    assert project.rows(web(server)) == ROWS


def test_a_token_comes_from_the_environment(
    project: Project, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password hunter2\n")
    server.wants = "Bearer t0ken"
    entry = web(server, token_env="TABLE_TOKEN")  # noqa: S106 - a name
    assert "token_env: the environment has no variable TABLE_TOKEN" in project.fault(entry)
    monkeypatch.setenv("TABLE_TOKEN", "t0ken")
    assert project.rows(entry) == ROWS
    assert "t0ken" not in str(project.table(entry).sources)


def test_a_signed_url_comes_from_the_environment_and_is_never_told(
    project: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_URL", f"{server.url}?part=1&X-Amz-Signature=hunter2")
    entry = web(server, url_env="TABLE_URL")
    assert project.rows(entry) == ROWS
    (facts,) = project.table(entry).sources
    assert facts["from"] == "the URL in $TABLE_URL"
    server.status = 404
    told = project.fault(entry)
    server.http.shutdown()
    server.http.server_close()
    told += project.fault(entry)
    assert "the server answers 404" in told
    assert "it cannot be fetched" in told
    assert "hunter2" not in told + str(facts)


def test_a_download_that_is_cut_short_is_no_file(project: Project, server: Server) -> None:
    server.cut = 5
    assert "it cannot be fetched" in project.fault(web(server))
    server.cut, server.status = 0, 404
    assert "the server answers 404 Not Found" in project.fault(web(server))
    server.status, server.body = 200, b"id,age,rate\n1,x,2\n"
    assert f"{server.url}: 1 value is not" in project.fault(web(server))
    assert list(project.folder.iterdir()) == []
