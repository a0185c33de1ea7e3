"""One comment on the pull request that every run of CI brings up to date.

It speaks to the forge that runs the job, GitHub or GitLab, at the address that the job's
environment gives, and to nothing else. The token goes there in a header, and into no
message.
"""

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from stages.core.errors import LoopwrightError
from stages.core.markdown import one_line

MARKER = "<!-- loopwright:review -->"  # nobody sees it; the next run knows its comment by it
ARTIFACT = "loopwright-review"

TIMEOUT = 20  # seconds for one answer
PAUSES = (1, 3, 9)  # seconds before each further try
LARGEST_ANSWER = 16 * 2**20

Environment = Mapping[str, str]


# --- the forges -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Thread:
    """Where the comments of one pull request are read and written.

    Attributes:
        api: the address of the forge's API.
        comments: the path of the pull request's comments.
        comment: the path of one of them, up to its id.
        edit: the method that changes a comment.
        author: under which key a comment names who wrote it.
        headers: those that carry the token; never shown.
        token: never shown.
    """

    api: str
    comments: str
    comment: str
    edit: str
    author: str
    headers: Mapping[str, str] = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True)
class Forge:
    """What differs between the forges.

    Attributes:
        name: of the forge.
        limit: characters that a comment may have.
        summary: the variable that names the file of the job's summary.
        thread: returns the thread of the pull request, or why there is none.
    """

    name: str
    limit: int
    summary: str | None
    thread: Callable[[Environment], Thread | str]


def _github(env: Environment) -> Thread | str:
    api, repository = _address(env, "GITHUB_API_URL"), _needed(env, "GITHUB_REPOSITORY")
    token = _token(env, "GITHUB_TOKEN")
    number = _pull_request(env)
    if number is None:
        return "this run is not for a pull request"
    if not token:
        return "GITHUB_TOKEN is not set"
    where = f"/repos/{quote(repository)}/issues"
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    comments = f"{where}/{number}/comments"
    return Thread(api, comments, f"{where}/comments", "PATCH", "user", headers, token)


def _pull_request(env: Environment) -> int | None:
    """Return the number of the pull request in the event that started the run."""
    file = env.get("GITHUB_EVENT_PATH")
    if not file:
        return None
    try:
        event = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise LoopwrightError(f"GITHUB_EVENT_PATH: {file} cannot be read: {fault}") from None
    number = (event.get("pull_request") or {}).get("number") if isinstance(event, dict) else None
    return number if isinstance(number, int) else None


def _gitlab(env: Environment) -> Thread | str:
    api = _address(env, "CI_API_V4_URL")
    token = _token(env, "GITLAB_TOKEN")
    number = env.get("CI_MERGE_REQUEST_IID", "")
    if not number:
        return "this pipeline is not for a merge request"
    if not token:
        return "GITLAB_TOKEN is not set"
    # a fork's pipeline runs in the fork, and its merge request lies in the project it is for
    project = env.get("CI_MERGE_REQUEST_PROJECT_ID") or _needed(env, "CI_PROJECT_ID")
    notes = f"/projects/{quote(project, safe='')}/merge_requests/{quote(number, safe='')}/notes"
    return Thread(api, notes, notes, "PUT", "author", {"PRIVATE-TOKEN": token}, token)


GITHUB = Forge("GitHub", 65_536, "GITHUB_STEP_SUMMARY", _github)
GITLAB = Forge("GitLab", 1_000_000, None, _gitlab)


def _forge(env: Environment) -> Forge:
    if env.get("GITHUB_API_URL"):
        return GITHUB
    if env.get("CI_API_V4_URL"):
        return GITLAB
    raise LoopwrightError(
        "this is no job of GitHub or GitLab: neither GITHUB_API_URL nor CI_API_V4_URL is set; "
        "see docs/ci.md"
    )


def _needed(env: Environment, name: str) -> str:
    if not env.get(name):
        raise LoopwrightError(f"{name} is not set: the job's environment should have it")
    return env[name]


def _address(env: Environment, name: str) -> str:
    address = _needed(env, name).rstrip("/")
    if not re.fullmatch(r"https?://[^/?#@\s]+(?:/[^?#@\s]*)?", address):
        raise LoopwrightError(f"{name}: an address http(s)://host/path was expected")
    return address


def _token(env: Environment, name: str) -> str:
    token = env.get(name, "").strip()
    if not re.fullmatch(r"[!-~]*", token):  # a header that it would break shows it
        raise LoopwrightError(f"{name} holds a character that no token has")
    return token


# --- to post --------------------------------------------------------------------------------


class _RefusedError(Exception):
    """The token may not do that."""


class _TroubleError(Exception):
    """The forge did not answer, or answered that it cannot just now: worth another try."""


def comment(
    text: str,
    env: Environment = os.environ,
    artifact: str = ARTIFACT,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Put the Markdown `text` on the pull request of this job; yield lines that say what was done.

    Where there is no pull request, no token, or one that may only read, as in the pull
    request of a fork, the text goes to the job's summary; where the forge has no such
    thing, it is printed.

    Args:
        text: the review.
        env: the environment of the job.
        artifact: where the job keeps the pictures.
        pause: waits the seconds that it is given.

    Raises:
        LoopwrightError: this is no job of a forge, its environment is incomplete, or the
            forge cannot be reached or refuses the comment for another reason.
    """
    forge = _forge(env)
    thread = forge.thread(env)
    if isinstance(thread, Thread):
        try:
            yield _persistently(thread, as_comment(text, artifact, forge.limit), pause)
        except _RefusedError as fault:
            thread = str(fault)
        else:
            return
    text = as_comment(text, artifact, SUMMARY_CHARACTERS)
    file = env.get(forge.summary, "") if forge.summary else ""
    if file:
        with Path(file).open("a", encoding="utf-8", newline="\n") as summary:
            summary.write(f"{text}\n")
        yield f"no comment: {thread}; the review is in the job's summary"
    else:
        yield f"no comment: {thread}; here is the review:"
        yield text


def _persistently(thread: Thread, body: str, pause: Callable[[float], None]) -> str:
    """Post; on trouble look anew, for what got lost may have been the answer alone."""
    for seconds in PAUSES:
        try:
            return _post(thread, body)
        except _TroubleError:
            pause(seconds)
    try:
        return _post(thread, body)
    except _TroubleError as fault:
        raise LoopwrightError(
            f"{fault}, {len(PAUSES) + 1} times; the review is not lost: run the job again"
        ) from None


def _post(thread: Thread, body: str) -> str:
    """Edit the comment that an earlier run left, or leave the first."""
    mine = _earlier(thread)
    if mine is None:
        done, what = _ask(thread, "POST", thread.comments, body), "created"
    else:
        done, what = _ask(thread, thread.edit, f"{thread.comment}/{mine}", body), "updated"
    link = done[0].get("html_url") if isinstance(done[0], dict) else None
    return f"comment {what}" + (f": {one_line(link)}" if link else "")


def _earlier(thread: Thread) -> int | None:
    """Return the id of our own comment with the marker, through all pages.

    Ours alone: anybody can write the marker, and could change after us what we put there.
    """
    try:
        me = _ask(thread, "GET", "/user")[0].get("id")
    except _RefusedError:
        me = None  # GitHub's own token is no user: what it writes is a bot's
    page = 1
    while page:
        comments, more = _ask(thread, "GET", f"{thread.comments}?per_page=100&page={page}")
        for found in comments:
            who = found.get(thread.author) or {}
            ours = who.get("id") == me if me is not None else who.get("type") == "Bot"
            if ours and str(found.get("body") or "").startswith(MARKER):
                return int(found["id"])
        page = page + 1 if more and comments else 0
    return None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the token is for one address."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _ask(thread: Thread, method: str, path: str, body: str | None = None) -> tuple[Any, bool]:
    """Return the forge's answer, and whether there is another page of it."""
    data = None if body is None else json.dumps({"body": body}).encode()
    request = urllib.request.Request(  # noqa: S310 - `_address` lets http and https through
        f"{thread.api}{path}",
        data=data,
        method=method,
        headers={**thread.headers, "Content-Type": "application/json", "User-Agent": "loopwright"},
    )
    what = f"{method} {thread.api}{path.partition('?')[0]}"
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
            return _read(answer), 'rel="next"' in (answer.headers.get("Link") or "")
    except urllib.error.HTTPError as fault:
        why = f"{what}: {fault.code} {_message(fault, thread.token)}".rstrip()
        if fault.code in (401, 403):
            raise _RefusedError(f"the token may not write here ({fault.code})") from None
        if fault.code == 429 or fault.code >= 500:
            raise _TroubleError(why) from None
        raise LoopwrightError(why) from None
    except (urllib.error.URLError, OSError, HTTPException) as fault:
        reason = getattr(fault, "reason", None) or fault
        raise _TroubleError(f"{what}: {_shown(str(reason), thread.token)}") from None
    except ValueError:
        raise LoopwrightError(f"{what}: the answer is not JSON") from None


def _read(answer: HTTPResponse) -> Any:
    return json.loads(answer.read(LARGEST_ANSWER))


def _message(fault: urllib.error.HTTPError, token: str) -> str:
    """Return what the forge says about an error, if it says something."""
    try:
        told = json.loads(fault.read(LARGEST_ANSWER)).get("message")
    except (OSError, HTTPException, ValueError, AttributeError):
        return ""
    return _shown(str(told or ""), token)


def _shown(text: str, token: str) -> str:
    return one_line(text.replace(token, "***"))[:300]


# --- the text -------------------------------------------------------------------------------

SUMMARY_CHARACTERS = 250_000  # a summary may have 1 MiB; a character has at most 4 bytes

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_IMAGE = re.compile(
    r"!\[((?:\\.|[^\]\\\n])*)\]\(\s*(?:<([^>\n]+)>|([^)\s]+))(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?\s*\)"
)
_IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\b(src|alt)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")


def as_comment(text: str, artifact: str, limit: int) -> str:
    """Return `text` as a comment: marked, without pictures that it cannot show, not too long."""
    text = "".join(
        line if in_code else _without_pictures(line, artifact) for line, in_code, _ in _lines(text)
    ).strip()
    room = limit - len(MARKER) - 1
    return f"{MARKER}\n{shortened(text, room, artifact)}"


def _without_pictures(line: str, artifact: str) -> str:
    """Name each picture of `line` that lies beside the review, instead of showing it.

    A comment cannot show it: it is in no place that a browser could fetch it from.
    """
    spans = list(_CODE.finditer(line))

    def named(found: re.Match[str], alt: str, src: str) -> str:
        if any(span.start() < found.start() < span.end() for span in spans):
            return found[0]
        if re.match(r"https?://", src, re.IGNORECASE):
            return found[0]
        title = alt.strip() or "picture"
        if re.match(r"data:", src, re.IGNORECASE):
            return f"*{title}: in the artifact {artifact}*"
        return f"*{title}: `{unquote(src)}` in the artifact {artifact}*"

    def html(found: re.Match[str]) -> str:
        values = {name.lower(): a or b for name, a, b in _ATTRIBUTE.findall(found[0])}
        return named(found, values.get("alt", ""), values.get("src", ""))

    if "![" in line:
        line = _IMAGE.sub(lambda found: named(found, found[1], found[2] or found[3]), line)
        spans = list(_CODE.finditer(line))
    return _IMG.sub(html, line)


def _lines(text: str) -> Iterator[tuple[str, bool, int]]:
    """Yield each line of `text`, whether it is code, and in how many <details> it stands."""
    fence = ""
    depth = 0
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        if fence:
            yield line, True, depth
            if found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            continue
        if found:
            fence = found[1]
            yield line, True, depth
            continue
        yield line, False, depth
        lower = line.lower()
        depth = max(0, depth + lower.count("<details") - lower.count("</details"))


def shortened(text: str, limit: int, artifact: str) -> str:
    """Return `text`, or as many whole sections of it as `limit` characters hold, and a note.

    A section begins at a heading that stands in no code and no <details>. Where not even
    the first fits, its paragraphs count.
    """
    if len(text) <= limit:
        return text
    note = (
        f"*Cut here: the review has {len(text):,} characters and this place holds {limit:,}. "
        f"All of it is in the artifact {artifact}.*"
    )
    room = limit - len(note) - 2
    sections, paragraphs = [0], [0]
    at = 0
    for line, in_code, depth in _lines(text):
        if at <= room and not in_code and depth == 0:
            if re.match(r" {0,3}#{1,6}\s", line):
                sections.append(at)
            elif not line.strip():
                paragraphs.append(at)
        at += len(line)
    end = sections[-1] or paragraphs[-1]
    return f"{text[:end].rstrip()}\n\n{note}".lstrip()
