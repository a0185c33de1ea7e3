"""The one error that a person is meant to read."""

from collections.abc import Iterable
from difflib import get_close_matches


class LoopwrightError(Exception):
    """A fault in what was given (a file, a parameter, a table), never one in the code.

    The message says what was wrong and where, what is possible and what to do next.
    The command line prints it without a traceback and exits with 2.
    """


def how_to_install(extra: str) -> str:
    """Return how the packages of an extra of pyproject.toml are installed."""
    return f'run `make lock EXTRAS="--extra {extra}"` and then `make install`'


def did_you_mean(name: str, possible: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest of `possible`, or ``""``."""
    close = get_close_matches(name, list(possible), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
