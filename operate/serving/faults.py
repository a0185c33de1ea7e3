"""What is wrong with a row or a request, told without any of its values."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

# More are counted: a request of a thousand rows may have one fault a cell.
LISTED = 20


@dataclass(frozen=True)
class Fault:
    """One fault; what stands in the cell is no part of it, for it may be a person's.

    Attributes:
        row: its number, from 1; None where it is not one row's.
        column: None where it is not one column's.
        what: what was found, by kind.
        possible: what would do.
    """

    row: int | None
    column: str | None
    what: str
    possible: str

    def __str__(self) -> str:
        """Return it as a person reads it, without its row."""
        column = "" if self.column is None else f"column '{self.column}': "
        return f"{column}{self.what}; possible: {self.possible}"

    def note(self) -> dict[str, Any]:
        """Return it as a part of the answer to its row."""
        return {"column": self.column, "what": self.what, "possible": self.possible}


class Refusal(Exception):  # noqa: N818  # it is an answer, not an accident
    """A request that is not answered.

    Attributes:
        status: of HTTP: 400 it cannot be read, 413 it is too large, 422 it is not what
            schema.yaml declares.
        title: in one sentence.
        faults: all that were found.
    """

    def __init__(self, status: int, title: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(title)
        self.status, self.title, self.faults = status, title, tuple(faults)

    def document(self) -> dict[str, Any]:
        """Return the problem document (RFC 9457)."""
        document: dict[str, Any] = {"title": self.title, "status": self.status}
        document["errors"] = [asdict(fault) for fault in self.faults[:LISTED]]
        if len(self.faults) > LISTED:
            document["more"] = len(self.faults) - LISTED
        return document


def as_json(document: Any) -> bytes:
    """Return `document` as JSON in ASCII: whatever a name holds can be sent."""
    return json.dumps(document, allow_nan=False).encode()
