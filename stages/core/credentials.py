"""Credentials: refused where git would keep them, masked wherever a text could show them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

# What to do with one that stands in params.yaml.
ELSEWHERE = (
    "git keeps this file for ever; name a variable of the environment instead (url_env, "
    "token_env), or use what the server's own tools read: ~/.netrc, ~/.pgpass, PGPASSWORD, "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials"
)

_NAMES = (
    r"(?:[\w.-]*[_.-])?(?:password|passwd|pwd|secret|secret_?key|token|api_?key|access_?key|"
    r"account_?key|signature|sig|credentials?|connection_string|key)"
)
_SECRET_NAME = re.compile(rf"{_NAMES}\Z", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^\s/?#'\"]*@")
_SECRET_VALUE = re.compile(rf"(?<=[?&;])({_NAMES})=[^&;\s'\"]*", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Return whether a key of this name would hold a credential: ``password``, ``sas_token``."""
    return _SECRET_NAME.match(name) is not None


def credential_in(url: str) -> str | None:
    """Return what in `url` is a credential, in words, or None.

    A user's name alone is none, but for the web, where it is often a token.
    """
    user_info = _USER_INFO.search(url)
    if user_info and (":" in user_info[0] or url.lower().startswith("http")):
        return "a password or a token before the host"
    found = _SECRET_VALUE.search(url)
    return f"a value of '{found[1]}'" if found else None


def secrets_of(url: str) -> tuple[str, ...]:
    """Return the texts in `url` that nobody may see, as they are written and as they are meant."""
    try:
        parts = urlsplit(url)
        users = [parts.password or "", parts.username or "" if parts.scheme[:4] == "http" else ""]
    except ValueError:  # not a URL at all: then all of it is private
        users = [url]
    given = [*users, *(hit[0].partition("=")[2] for hit in _SECRET_VALUE.finditer(url))]
    spelled = {text for one in given for text in (one, unquote(one), quote(unquote(one), safe=""))}
    return tuple(sorted(filter(None, spelled), key=lambda text: (-len(text), text)))


def masked(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with every URL in it, and each of `secrets`, without its credentials."""
    text = _SECRET_VALUE.sub(r"\1=***", _USER_INFO.sub("***@", text))
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def masked_value(value: Any) -> Any:
    """Return a document's value with the credentials in it masked, however deep."""
    if isinstance(value, Mapping):
        return {
            name: "***" if isinstance(name, str) and is_secret(name) else masked_value(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked_value(inner) for inner in value]
    return masked(value) if isinstance(value, str) else value
