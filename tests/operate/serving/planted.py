"""What senders send, and the answer to each: `test_serving_server.py` asks for all of them.

A row is `made.ROW` but for what is told here; values are written as JSON.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Planted:
    """A row and its answer.

    Attributes:
        name: what is planted.
        sent: the fields that differ; None takes a field out.
        status: of the response.
        column: of the first error, or of the value below.
        told: what the first error says was found.
        value: what arrives at the model in `column`, where it is answered.
        key: what comes back as the row's name.
        row_status: what becomes of the row.
    """

    name: str
    sent: dict[str, str | None]
    status: int = 200
    column: str | None = None
    told: str | None = None
    value: Any = None
    key: Any = 7
    row_status: str = "answered"
    more: dict[str, str] = field(default_factory=dict)


HTML = "<script>alert(1)</script>"
LONG = "x" * 1_000_000

PLANTED = (
    Planted("an identifier above 2^53 keeps its digits", {"id": "9007199254740993"}, key=2**53 + 1),
    Planted("so does a number", {"age": "9007199254740993"}, column="age", value=2**53 + 1),
    Planted("as a text too", {"visits": '"9007199254740993"'}, column="visits", value=2**53 + 1),
    Planted(
        "a float that has lost them is refused",
        {"age": "9007199254740993.0"},
        status=422,
        column="age",
        told="a number",
    ),
    Planted("1.0 is a whole number in JSON", {"age": "1.0"}, column="age", value=1),
    Planted("1.5 is none", {"age": "1.5"}, status=422, column="age", told="a number"),
    Planted(
        "a whole number that int64 does not hold",
        {"age": "9223372036854775808"},
        status=422,
        column="age",
        told="a number",
    ),
    Planted("leading zeros stay", {"zip": '"00501"'}, column="zip", value="00501"),
    Planted(
        "a number is no text: its zeros are lost",
        {"zip": "501"},
        status=422,
        column="zip",
        told="a number",
    ),
    Planted("NA is a text unless declared", {"note": '"NA"'}, column="note", value="NA"),
    Planted("None too", {"note": '"None"'}, column="note", value="None"),
    Planted("what is declared means missing", {"note": '"?"'}, column="note", value=None),
    Planted("null is missing", {"visits": "null"}, column="visits", value=None),
    Planted(
        "null where nothing may be missing",
        {"amount": "null"},
        status=422,
        column="amount",
        told="a missing value",
    ),
    Planted("null of an int64", {"age": "null"}, status=422, column="age", told="nothing"),
    Planted(
        "a declared text for missing, where nothing may be",
        {"age": '"?"'},
        status=422,
        column="age",
        told="a text that means missing",
    ),
    Planted("1e400", {"amount": "1e400"}, status=422, column="amount", told="a number"),
    Planted("1e400 as a text", {"amount": '"1e400"'}, status=422, column="amount", told="a text"),
    Planted("the last bit stays", {"amount": "0.1"}, column="amount", value=0.1),
    Planted("NaN is no JSON", {"amount": "NaN"}, status=400),
    Planted("Infinity is none", {"amount": "-Infinity"}, status=400),
    Planted("true is no number", {"age": "true"}, status=422, column="age", told="true or false"),
    Planted("1 is not true", {"member": "1"}, status=422, column="member", told="a number"),
    Planted(
        "another time zone, the same moment",
        {"logged": '"2011-06-01T06:30:00-0400"'},
        column="logged",
        value="2011-06-01T10:30:00",
    ),
    Planted(
        "a moment without its time zone",
        {"logged": '"2011-06-01T06:30:00"'},
        status=422,
        column="logged",
        told="a text",
    ),
    Planted(
        "a time zone where none is declared",
        {"seen": '"01.06.2011 12:30+0200"'},
        status=422,
        column="seen",
        told="a text",
    ),
    Planted(
        "the clocks of the declared zone",
        {"seen": '"01.12.2011 12:30"'},
        column="seen",
        value="2011-12-01T11:30:00",
    ),
    Planted(
        "a time that is twice on these clocks",
        {"seen": '"30.10.2011 02:30"'},
        status=422,
        column="seen",
        told="a text",
    ),
    Planted(
        "an unknown category",
        {"town": '"west"'},
        status=422,
        column="town",
        told="a value that fails its check",
    ),
    Planted("an unknown rank", {"size": '"huge"'}, status=422, column="size", told="a text"),
    Planted(
        "a code that schema.yaml warns of",
        {"code": "9"},
        column="code",
        value=9,
        told="a value that fails its check",
    ),
    Planted(
        "a code whose rows are dropped",
        {"grade": "9"},
        column="grade",
        told="a value that fails its check",
        row_status="refused",
    ),
    Planted(
        "a field is missing", {"rate": None}, status=422, column="rate", told="the field is missing"
    ),
    Planted("the key may be", {"id": None}, key=...),
    Planted(
        "an unknown field",
        {"agee": "1"},
        status=422,
        column="agee",
        told="no such field; did you mean 'age'?",
    ),
    Planted("the target is passed over", {"y": '"?"'}),
    Planted("HTML is a text", {"note": f'"{HTML}"'}, column="note", value=HTML),
    Planted("HTML is no number", {"age": f'"{HTML}"'}, status=422, column="age", told="a text"),
    Planted("a million characters", {"note": f'"{LONG}"'}, column="note", value=LONG),
    Planted(
        "a million digits", {"age": "1" * 1_000_000}, status=422, column="age", told="a number"
    ),
    Planted("a list", {"note": "[1]"}, status=422, column="note", told="a list"),
    Planted("an object", {"note": '{"a": 1}'}, status=422, column="note", told="an object"),
    Planted("half a character", {"note": '"\\ud800"'}, status=422, column="note", told="a text"),
)
