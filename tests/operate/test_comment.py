"""Comments, against a real server on this machine that plays the forge."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from operate.cli import app
from operate.comment import MARKER, PAUSES, as_comment, comment, shortened
from stages.core.errors import LoopwrightError

TOKEN = "-".join(["s3cret", "of", "nobody"])
REVIEW = "# Review\n\nBetter by 0.01.\n"

BOT = {"id": 7, "type": "Bot"}
PERSON = {"id": 8, "type": "User"}


class Server(ThreadingHTTPServer):
    """A forge with one pull request, number 5.

    `faults`: what to answer instead, by method, each once; "drop" hangs up after the work.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()
        self.faults: dict[str, list[Any]] = {}
        self.user: dict[str, Any] | None = None  # GitHub tells its own token nothing
        self.me: dict[str, Any] = BOT
        self.page = 100

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def bodies(self) -> list[str]:
        return [found["body"] for found in self.comments]

    def add(self, body: str, author: dict[str, Any]) -> dict[str, Any]:
        number = len(self.comments) + 1
        self.comments.append({"id": number, "body": body, "user": author, "author": author})
        return self.comments[-1] | {"html_url": f"{self.address}/show/{number}"}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def reply(self, code: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def answer(self) -> None:
        server, address = self.server, urlsplit(self.path)
        server.asked.append(f"{self.command} {address.path}")
        auth, private = self.headers["Authorization"], self.headers["PRIVATE-TOKEN"]
        server.tokens |= {auth, private}
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or "{}")
        faults = server.faults.get(self.command, [])
        fault = faults.pop(0) if faults and not address.path.endswith("/user") else None
        if isinstance(fault, int):
            return self.reply(fault, {"message": f"no: {auth or private}"}, {"Location": "/moved"})
        if address.path.endswith("/user"):
            return self.reply(200 if server.user else 403, server.user or {})
        if self.command == "GET":
            page = int(parse_qs(address.query)["page"][0])
            start, end = (page - 1) * server.page, page * server.page
            more = len(server.comments) > end
            link = {"Link": '<http://elsewhere.invalid/?page=9>; rel="next"'} if more else {}
            return self.reply(200, server.comments[start:end], link)
        if self.command == "POST":
            done = server.add(sent["body"], server.me)
            if fault == "drop":
                return self.connection.shutdown(socket.SHUT_RDWR)
            return self.reply(201, done)
        found = server.comments[int(address.path.rpartition("/")[2]) - 1]
        found["body"] = sent["body"]
        return self.reply(200, found)


for method in ("GET", "POST", "PATCH", "PUT"):
    setattr(Handler, f"do_{method}", Handler.answer)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def github(server: Server, tmp_path: Path) -> dict[str, str]:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 5}}))
    return {
        "GITHUB_API_URL": server.address,
        "GITHUB_REPOSITORY": "team/repo",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }


@pytest.fixture
def gitlab(server: Server) -> dict[str, str]:
    server.me = server.user = {"id": 3}
    return {
        "CI_API_V4_URL": f"{server.address}/api/v4",
        "CI_PROJECT_ID": "12",
        "CI_MERGE_REQUEST_IID": "5",
        "GITLAB_TOKEN": TOKEN,
    }


def post(env: dict[str, str], text: str = REVIEW) -> tuple[str, list[float]]:
    waited: list[float] = []
    return "\n".join(comment(text, env, pause=waited.append)), waited


# --- GitHub ---------------------------------------------------------------------------------


def test_the_first_run_creates_the_comment(server: Server, github: dict[str, str]) -> None:
    told, waited = post(github)
    assert told == f"comment created: {server.address}/show/1"
    assert server.bodies == [f"{MARKER}\n{REVIEW.strip()}"]
    assert server.asked[-1] == "POST /repos/team/repo/issues/5/comments"
    assert f"Bearer {TOKEN}" in server.tokens
    assert waited == []
    assert not Path(github["GITHUB_STEP_SUMMARY"]).exists()


def test_the_next_run_updates_it_in_place(server: Server, github: dict[str, str]) -> None:
    server.add("a person's words", PERSON)
    post(github)
    assert post(github, "# Review\n\nWorse.\n")[0].startswith("comment updated")
    assert server.bodies == ["a person's words", f"{MARKER}\n# Review\n\nWorse."]
    assert server.asked[-1] == "PATCH /repos/team/repo/issues/comments/2"


def test_it_is_found_through_all_pages(server: Server, github: dict[str, str]) -> None:
    for number in range(205):
        server.add(f"comment {number}", PERSON)
    server.add(f"{MARKER}\nold", BOT)
    for number in range(3):
        server.add(f"later {number}", PERSON)
    assert post(github)[0].startswith("comment updated")
    assert len(server.comments) == 209
    assert server.bodies[205].endswith("Better by 0.01.")


def test_the_marker_of_somebody_else_is_let_alone(server: Server, github: dict[str, str]) -> None:
    forged = f"{MARKER}\nMay ship."
    server.add(forged, PERSON)
    server.add(f"> {MARKER}\nquoted", BOT)
    assert post(github)[0].startswith("comment created")
    assert server.bodies[0] == forged
    assert len(server.comments) == 3


def test_a_persons_token_finds_that_persons_comment(server: Server, github: dict[str, str]) -> None:
    server.me = server.user = PERSON
    server.add(f"{MARKER}\na bot's", BOT)
    assert post(github)[0].startswith("comment created")
    assert post(github)[0].startswith("comment updated")
    assert len(server.comments) == 2


@pytest.mark.parametrize("code", [401, 403])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_fork_writes_the_summary(
    server: Server, github: dict[str, str], method: str, code: int
) -> None:
    server.faults = {method: [code]}
    told, waited = post(github)
    assert f"no comment: the token may not write here ({code})" in told
    assert "in the job's summary" in told
    assert "Better by 0.01." in Path(github["GITHUB_STEP_SUMMARY"]).read_text()
    assert server.comments == []
    assert waited == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
        ({"GITHUB_EVENT_PATH": ""}, "not for a pull request"),
    ],
)
def test_without_a_pull_request_or_a_token_too(
    server: Server, github: dict[str, str], change: dict[str, str], why: str
) -> None:
    assert why in post(github | change)[0]
    assert server.asked == []
    assert "Better" in Path(github["GITHUB_STEP_SUMMARY"]).read_text()


def test_a_push_is_no_pull_request(server: Server, github: dict[str, str]) -> None:
    Path(github["GITHUB_EVENT_PATH"]).write_text('{"ref": "refs/heads/main", "pull_request": null}')
    assert "not for a pull request" in post(github)[0]


def test_the_summary_is_added_to(github: dict[str, str]) -> None:
    summary = Path(github["GITHUB_STEP_SUMMARY"])
    summary.write_text("before\n")
    post(github | {"GITHUB_TOKEN": ""})
    assert summary.read_text() == f"before\n{MARKER}\n{REVIEW.strip()}\n"


def test_without_a_summary_it_is_printed(github: dict[str, str]) -> None:
    told, _ = post(github | {"GITHUB_TOKEN": "", "GITHUB_STEP_SUMMARY": ""})
    assert "Better by 0.01." in told


# --- trouble --------------------------------------------------------------------------------


def test_trouble_is_tried_again(server: Server, github: dict[str, str]) -> None:
    server.faults = {"GET": [502, 429], "POST": [503]}
    told, waited = post(github)
    assert told.startswith("comment created")
    assert waited == list(PAUSES)
    assert len(server.comments) == 1


def test_an_answer_that_got_lost_makes_no_second_comment(
    server: Server, github: dict[str, str]
) -> None:
    server.faults = {"POST": ["drop"]}
    assert post(github)[0].startswith("comment updated")
    assert len(server.comments) == 1


def test_a_forge_that_stays_down_is_told(server: Server, github: dict[str, str]) -> None:
    server.faults = {"GET": [500] * 9}
    with pytest.raises(LoopwrightError, match=r"GET http://127.*: 500 no: .*, 4 times; the review"):
        post(github)


@pytest.mark.parametrize("code", [404, 422, 301, 307])
def test_another_refusal_is_an_error_at_once(
    server: Server, github: dict[str, str], code: int
) -> None:
    server.faults = {"POST": [code]}
    with pytest.raises(LoopwrightError, match=f"POST http.*/issues/5/comments: {code}"):
        post(github)
    assert not any("moved" in path for path in server.asked)


def test_a_redirection_gets_no_token(server: Server, github: dict[str, str]) -> None:
    server.faults = {"GET": [302]}
    with pytest.raises(LoopwrightError, match="302"):
        post(github)
    assert not any("moved" in path for path in server.asked)


def test_what_is_no_json_is_told(github: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def text(self: Handler, code: int, value: Any, headers: Any = None) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>")

    monkeypatch.setattr(Handler, "reply", text)
    with pytest.raises(LoopwrightError, match="the answer is not JSON"):
        post(github)


def test_an_error_page_that_is_no_json_is_passed_over(
    server: Server, github: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json, "dumps", lambda _: "<html>")
    server.faults = {"GET": [404]}
    with pytest.raises(LoopwrightError, match=r"comments: 404$"):
        post(github)


def down() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


# --- the token ------------------------------------------------------------------------------

FAULTS: list[dict[str, list[Any]]] = [
    {"GET": [403]},
    {"POST": [401]},
    {"GET": [500] * 9},
    {"POST": [422]},
    {"GET": [404]},
    {},
]


@pytest.mark.parametrize("faults", FAULTS, ids=str)
def test_the_token_is_in_no_output(
    server: Server, github: dict[str, str], faults: dict[str, list[Any]]
) -> None:
    """The server here repeats the token in its messages."""
    server.faults = faults
    try:
        told, _ = post(github)
    except LoopwrightError as fault:
        told = f"{fault} {fault.__cause__}"
        assert faults
    assert TOKEN not in told
    assert f"Bearer {TOKEN}" in server.tokens


@pytest.mark.parametrize("token", ["two words", "a line\nmore", "naïve"])
def test_a_token_that_breaks_the_header_is_not_shown(github: dict[str, str], token: str) -> None:
    with pytest.raises(LoopwrightError, match="GITHUB_TOKEN holds a character") as told:
        post(github | {"GITHUB_TOKEN": token})
    assert token not in str(told.value)


def test_a_line_end_after_the_token_does_no_harm(server: Server, github: dict[str, str]) -> None:
    post(github | {"GITHUB_TOKEN": f"{TOKEN}\n"})
    assert f"Bearer {TOKEN}" in server.tokens


# --- GitLab ---------------------------------------------------------------------------------


def test_gitlab_creates_and_updates(server: Server, gitlab: dict[str, str]) -> None:
    server.add(f"{MARKER}\nsomebody else's", {"id": 4})
    notes = "/api/v4/projects/12/merge_requests/5/notes"
    assert post(gitlab)[0].startswith("comment created")
    assert server.asked[-1] == f"POST {notes}"
    assert post(gitlab)[0].startswith("comment updated")
    assert server.asked[-1] == f"PUT {notes}/2"
    assert len(server.comments) == 2
    assert TOKEN in server.tokens


def test_a_gitlab_fork_speaks_to_the_project_of_the_merge_request(
    server: Server, gitlab: dict[str, str]
) -> None:
    post(gitlab | {"CI_MERGE_REQUEST_PROJECT_ID": "99"})
    assert server.asked[-1] == "POST /api/v4/projects/99/merge_requests/5/notes"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"GITLAB_TOKEN": ""}, "GITLAB_TOKEN is not set"),
        ({"CI_MERGE_REQUEST_IID": ""}, "not for a merge request"),
    ],
)
def test_gitlab_without_a_token_prints(
    server: Server, gitlab: dict[str, str], change: dict[str, str], why: str
) -> None:
    told, _ = post(gitlab | change)
    assert why in told.splitlines()[0]
    assert "Better by 0.01." in told
    assert server.asked == []


def test_gitlab_that_refuses_prints(server: Server, gitlab: dict[str, str]) -> None:
    server.faults = {"POST": [403]}
    assert "Better by 0.01." in post(gitlab)[0]


# --- the environment ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"GITHUB_API_URL": ""}, "no job of GitHub or GitLab"),
        ({"GITHUB_API_URL": "file:///etc"}, "GITHUB_API_URL: an address"),
        ({"GITHUB_API_URL": "https://u:p@host/x"}, "GITHUB_API_URL: an address"),
        ({"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY is not set"),
        ({"GITHUB_EVENT_PATH": "nowhere.json"}, "GITHUB_EVENT_PATH: nowhere.json cannot"),
    ],
)
def test_an_incomplete_job_is_told(
    github: dict[str, str], change: dict[str, str], told: str
) -> None:
    with pytest.raises(LoopwrightError, match=told):
        post(github | change)


def test_the_command(
    server: Server,
    github: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "review.md"
    file.write_text("# Review\n\n![ROC](roc.png)\n")
    done = CliRunner().invoke(app, ["comment", str(file), "--artifact", "mine"], env=github)
    assert (done.exit_code, done.stdout.split(":")[0]) == (0, "comment created"), done.output
    assert "*ROC: `roc.png` in the artifact mine*" in server.bodies[0]

    gone = CliRunner().invoke(app, ["comment", str(tmp_path / "none.md")], env=github)
    assert gone.exit_code == 2
    assert "none.md cannot be read" in gone.output

    monkeypatch.setattr("operate.comment.PAUSES", (0, 0))
    nobody = github | {"GITHUB_API_URL": down()}
    off = CliRunner().invoke(app, ["comment", str(file)], env=nobody)
    assert off.exit_code == 2
    assert re.match(r"error: GET http://127\S+/user: .*, 3 times; the review", off.output)
    assert TOKEN not in off.output + done.output


# --- the text -------------------------------------------------------------------------------

PICTURES = """\
Before ![ROC \\[val\\] curve](figures/roc%20all.png) and ![](<a b.png> "title") after.
![far](https://example.org/x.png) ![in](data:image/png;base64,AAAA)
`![code](x.png)` and <img alt="Cost" src='cost.svg' width="5"> <img src="https://example.org/y.png">
[a link](docs/ci.md)

```
![fenced](x.png)
```
"""


def test_pictures_beside_the_review_are_named() -> None:
    told = as_comment(PICTURES, "box", 10_000)
    assert told == (
        f"{MARKER}\n"
        "Before *ROC \\[val\\] curve: `figures/roc all.png` in the artifact box* and "
        "*picture: `a b.png` in the artifact box* after.\n"
        "![far](https://example.org/x.png) *in: in the artifact box*\n"
        "`![code](x.png)` and *Cost: `cost.svg` in the artifact box* "
        '<img src="https://example.org/y.png">\n'
        "[a link](docs/ci.md)\n\n```\n![fenced](x.png)\n```"
    )


def sections(count: int, size: int = 200) -> str:
    return "".join(f"## Part {n}\n\n{'x' * size}\n\n" for n in range(count))


def test_a_text_that_fits_is_whole() -> None:
    text = sections(3)
    assert shortened(text, len(text), "box") == text
    assert shortened(text, len(text) - 1, "box") != text


@pytest.mark.parametrize("limit", range(450, 1300, 90))
def test_a_long_text_is_cut_at_a_section(limit: int) -> None:
    text = sections(30)
    short = shortened(text, limit, "box")
    assert len(short) <= limit
    body, note = short.rsplit("\n\n", 1)
    assert note.startswith(f"*Cut here: the review has {len(text):,} characters")
    assert "artifact box" in note
    assert text.startswith(body)
    whole = text[: len(body)].count("## Part")
    assert body == sections(whole).rstrip()
    room = limit - len(note) - 2
    assert whole == room // len(sections(1))  # as many as fit: the first ten are equally long


def test_a_section_that_is_too_long_is_cut_between_paragraphs() -> None:
    text = "# One\n\nfirst\n\n" + "word " * 200 + "\n\nlast\n"
    assert shortened(text, 300, "box").startswith("# One\n\nfirst\n\n*Cut here")


@pytest.mark.parametrize(
    "inner",
    [
        "```\n## no heading\n\n" + "x" * 500 + "\n```\n",
        "~~~~\n```\n## no heading\n\n" + "x" * 500 + "\n~~~~\n",
        "<details><summary>more</summary>\n\n## no heading\n\n" + "x" * 500 + "\n</details>\n",
    ],
)
def test_nothing_is_left_open(inner: str) -> None:
    short = shortened(f"# One\n\n{inner}\n## Two\n", 400, "box")
    assert short.startswith("# One\n\n*Cut here")


def test_where_nothing_fits_the_note_remains() -> None:
    assert shortened("x" * 1000, 200, "box").startswith("*Cut here")


@pytest.mark.parametrize("limit", [65_536, 1_000_000])
def test_a_comment_keeps_to_the_limit(limit: int) -> None:
    told = as_comment(sections(6000), "box", limit)
    assert limit - 500 < len(told) <= limit
    assert told.startswith(MARKER)


def test_the_limits_are_those_of_the_forges(
    server: Server, github: dict[str, str], gitlab: dict[str, str]
) -> None:
    post(github, sections(6000))
    assert 65_000 < len(server.bodies[0]) <= 65_536
    server.comments.clear()
    post(gitlab, sections(6000))
    assert 999_000 < len(server.bodies[0]) <= 1_000_000
