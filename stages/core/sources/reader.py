"""What a source of your own is: a file beside this one holds such a `Reader`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stages.core.sources.declared import Option

Options = Mapping[str, Option]


@dataclass(frozen=True)
class Reader:
    """A source of your own.

    Attributes:
        rows: gives the rows in a fixed order, each a value by the name of its column: a text,
            a number, a bool, a date or None. What it raises is told as this source's fault.
        version: gives a text that is another whenever the rows are, without reading them; None
            where that cannot be known.
    """

    rows: Callable[[Options], Iterable[Mapping[str, Any]]]
    version: Callable[[Options], str | None]
