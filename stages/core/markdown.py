"""Markdown from templates, in which text from the data stays text."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_CONTROL = re.compile(r"[ \x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Code, emphasis, strike, columns, formulas, escapes; links and check boxes; `_` outside a word.
_SPECIAL = re.compile(r"[\\`*|~]|\$(?=\S)|\](?=[(\[:])|\[(?=[ xX]\])|(?<![^\W_])_|_(?![^\W_])")
# What would begin a heading, a list, a rule or a numbered list at the start of a line.
_LEADING = re.compile(r"^(?:([#+-])(?=[#+-]*(?:\s|$))|(=)(?==*$)|(\d{1,9})([.)])(?=\s|$))")


def one_line(text: object) -> str:
    """Return `text` on one line, without control characters."""
    return _CONTROL.sub(" ", str(text)).strip(" ")


def escape(text: object) -> Markup:
    """Return `text` as one line of Markdown (GitHub's) that shows it letter by letter.

    Safe in a paragraph, a list and a cell of a table: no HTML, link, emphasis, code,
    formula, heading or column comes out of it.
    """
    line = _SPECIAL.sub(r"\\\g<0>", one_line(text).translate(_ENTITIES))
    return Markup(_LEADING.sub(_escape_leading, line))  # noqa: S704 - it was escaped just now


def _escape_leading(found: re.Match[str]) -> str:
    sign = found[1] or found[2]
    return f"\\{sign}" if sign else f"{found[3]}\\{found[4]}"


def code(text: object) -> Markup:
    """Return `text` as a code span; as escaped text where a code span cannot hold it."""
    line = one_line(text)
    if not line or "`" in line or "|" in line:
        return escape(line)
    return Markup(f"`{line}`")  # noqa: S704 - nothing inside a code span is read as Markdown


def render(template: Path, **context: Any) -> str:
    """Fill the Markdown `template`; every value that is not Markup goes through `escape`.

    Raises:
        jinja2.TemplateError: the template is missing, or names what `context` does not hold.
    """
    return _environment(template.parent).get_template(template.name).render(context)


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else escape(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = code
    return environment
