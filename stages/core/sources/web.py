"""A file that a web server gives."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from stages.core.credentials import masked, secrets_of
from stages.core.errors import LoopwrightError
from stages.core.sources.declared import HttpSource
from stages.core.sources.formats import read_file
from stages.core.sources.found import Facts, Look, Read, compared, digest_of
from stages.core.sources.header import Check

_SECONDS = (10, 60)  # to connect, and between two bundles of bytes
_BUNDLE = 1 << 20
_VERSION = {"etag": "ETag", "last_modified": "Last-Modified"}
_DENIED = (401, 403, 407)


def read_web(source: HttpSource, tracked: Path, check: Check, key: str) -> Read:
    """Fetch the file and read it.

    A user and password come from ~/.netrc, a token from the variable that `token_env` names,
    a whole URL with a signature in it from the one that `url_env` names.

    Raises:
        LoopwrightError: the server does not give it, whole; or as `read_file`.
    """
    with tempfile.TemporaryDirectory() as folder, _answer(source, key, "GET") as answer:
        file = Path(folder, "source")
        with file.open("wb") as opened:
            for bundle in answer.iter_content(_BUNDLE):
                opened.write(bundle)
        name = _name(source)
        facts = {"from": name, **digest_of([file], file), "version": _version(answer)}
        return Read(read_file(file, name, source.format, check), facts)


def look_web(source: HttpSource, tracked: Path, recorded: Facts, key: str) -> Look:
    """Ask the server for the ETag and the date of the file, and not for the file.

    Raises:
        LoopwrightError: the server does not answer.
    """
    with _answer(source, key, "HEAD") as answer:
        now: dict[str, Any] = dict(_version(answer))
        length = answer.headers.get("Content-Length", "")
        if length.isdigit() and "Content-Encoding" not in answer.headers:
            now["bytes"] = int(length)
    return compared({**recorded["version"], "bytes": recorded["bytes"]}, now, _VERSION)


@contextmanager
def _answer(source: HttpSource, key: str, method: str) -> Iterator[requests.Response]:
    """Yield the answer of the server, its body unread."""
    url = source.url or _from_environment(source.url_env, f"{key}.url_env")
    secrets = secrets_of(url) if source.url_env else ()
    auth = None
    if source.token_env:
        token = _from_environment(source.token_env, f"{key}.token_env")
        secrets, auth = (*secrets, token), _Bearer(token)
    name = _name(source)
    try:
        with requests.request(method, url, auth=auth, stream=True, timeout=_SECONDS,
                              allow_redirects=True) as answer:  # fmt: skip
            if method == "HEAD" and answer.status_code in (405, 501):
                with _answer(source, key, "GET") as other:  # its body stays unread
                    yield other
                return
            if answer.status_code in _DENIED:
                raise LoopwrightError(
                    f"{name}: the server refuses ({answer.status_code}); give a user and password "
                    "in ~/.netrc, or name the variable that holds a token: token_env"
                )
            if not answer.ok:
                raise LoopwrightError(
                    f"{name}: the server answers {answer.status_code} {answer.reason}; see the "
                    f"URL in {key} of params.yaml"
                )
            yield answer
    except (requests.RequestException, OSError) as fault:
        told = masked(str(fault), (*secrets, *_queries(url)))
        raise LoopwrightError(f"{name}: it cannot be fetched ({told})") from None


def _queries(url: str) -> tuple[str, ...]:
    query = urlsplit(url).query
    return (query,) if query else ()


def _name(source: HttpSource) -> str:
    return masked(source.url) if source.url else f"the URL in ${source.url_env}"


def _from_environment(name: str | None, key: str) -> str:
    value = os.environ.get(name or "")
    if not value:
        raise LoopwrightError(f"{key}: the environment has no variable {name}: set it, then again")
    return value


def _version(answer: requests.Response) -> dict[str, str]:
    """Return what the server says that changes with the file."""
    found = {fact: answer.headers.get(header) for fact, header in _VERSION.items()}
    return {fact: value for fact, value in found.items() if value}


class _Bearer(requests.auth.AuthBase):
    """A token; given as a header alone, ~/.netrc would replace it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
