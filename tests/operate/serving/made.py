"""A table with every type, and models that answer for it, without a project around them."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from operate.serving.served import Served
from operate.serving.server import MAX_BODY, build
from stages.core.params import ClassCosts, Costs, NumberCosts, Task
from stages.core.schema import Schema
from stages.core.sources.declared import Csv, FileSource

COMMA = Csv(kind="csv", separator=",", quote='"', decimal=".", encoding="utf-8")
# `NA` and `None` are texts here: nobody declared that they mean missing.
SOURCE = FileSource(kind="file", format=COMMA, missing_values=("", "?"))

_LINES: dict[str, dict[str, Any]] = {
    "id": {"dtype": "int64", "kind": "identifier", "unique": True},
    "zip": {"dtype": "str", "kind": "identifier"},
    "age": {"dtype": "int64", "kind": "numeric", "checks": {"in_range": [-(2.0**63), 2.0**63]}},
    "visits": {"dtype": "Int64", "kind": "numeric", "nullable": True},
    "amount": {"dtype": "float64", "kind": "numeric"},
    "rate": {"dtype": "float64", "kind": "numeric", "nullable": True},
    "member": {"dtype": "boolean", "kind": "categorical", "nullable": True},
    "town": {
        "dtype": "category",
        "kind": "categorical",
        "checks": {"isin": ["north", "south"]},
    },
    "size": {
        "dtype": "category",
        "kind": "ordinal",
        "labels": {"small": "S", "medium": "M", "large": "L"},
    },
    "note": {"dtype": "str", "kind": "text", "nullable": True},
    "seen": {
        "dtype": "datetime64[ns]",
        "kind": "datetime",
        "format": "%d.%m.%Y %H:%M",
        "time_zone": "Europe/Berlin",
    },
    "logged": {"dtype": "datetime64[ns]", "kind": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"},
    "code": {
        "dtype": "int64",
        "kind": "categorical",
        "checks": {"isin": [1, 2], "on_failure": "warn"},
    },
    "grade": {
        "dtype": "int64",
        "kind": "categorical",
        "checks": {"isin": [1, 2], "on_failure": "drop"},
    },
    "y": {"dtype": "float64", "kind": "numeric"},
}
SCHEMA = Schema.model_validate_json(
    json.dumps({"columns": {name: {"title": name, **line} for name, line in _LINES.items()}})
)
INPUTS = {name: column for name, column in SCHEMA.columns.items() if name not in ("id", "y")}
KEY = SCHEMA.columns["id"].model_copy(update={"dtype": "Int64", "nullable": True, "unique": False})

# What the server gets of a row, and what a CSV file holds of it.
ROW: dict[str, str] = {
    "id": "7",
    "zip": '"10115"',
    "age": "41",
    "visits": "3",
    "amount": "2.5",
    "rate": "0.1",
    "member": "true",
    "town": '"north"',
    "size": '"medium"',
    "note": '"plain"',
    "seen": '"01.06.2011 12:30"',
    "logged": '"2011-06-01T12:30:00+0200"',
    "code": "1",
    "grade": "2",
}

COSTS: dict[Task, Any] = {
    "binary": Costs(
        currency="EUR",
        true_positive=1,
        false_positive=-1,
        false_negative=-2,
        true_negative=0,
        source="x",
    ),
    "multiclass": ClassCosts(currency="EUR", right=0, wrong=-1, exceptions=(), source="x"),
    "regression": NumberCosts(currency="EUR", per_unit_over=-1, per_unit_under=-1, source="x"),
}


class Echo:
    """A model that keeps the frame that it is given."""

    def predict(self, frame: pd.DataFrame) -> Any:
        self.frame = frame
        return np.zeros(len(frame))


def served(model: Any, task: Task = "regression", **more: Any) -> Served:
    """Return a model that answers; for the table above unless `more` says otherwise."""
    given: dict[str, Any] = {
        "model": model,
        "sha256": "0" * 64,
        "task": task,
        "inputs": INPUTS,
        "key": ("id", KEY),
        "possible": tuple(SCHEMA.columns),
        "sources": (SOURCE,),
        "threshold": 0.4 if task == "binary" else None,
        "costs": COSTS[task],
        "ranges": {},
        "out_of_range": "report",
        "approved": False,
        "decided": "no person has decided about it",
    }
    return Served(**{**given, **more})


def request(*rows: Mapping[str, str]) -> bytes:
    """Return a request of rows whose values are written as JSON already."""
    written = [", ".join(f"{json.dumps(k)}: {v}" for k, v in row.items()) for row in rows]
    return ('{"rows": [' + ", ".join(f"{{{row}}}" for row in written) + "]}").encode()


@dataclass(frozen=True)
class Answer:
    """A response of the server."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Client:
    """Asks the application in the process, as a server of ASGI would."""

    app: Any

    def ask(self, method: str, path: str, *chunks: bytes, **headers: str) -> Answer:
        """Send a request whose body comes in `chunks`."""
        named = [(name.replace("_", "-").encode(), v.encode()) for name, v in headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": named,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        parts = iter([*chunks, b""])
        sent: list[Any] = []

        async def receive() -> Any:
            body = next(parts, None)
            if body is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": body, "more_body": body != b""}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        start, *rest = sent
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], found, b"".join(part.get("body", b"") for part in rest))

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def predict(self, body: bytes) -> Answer:
        """Post a request, its length told first."""
        length = str(len(body))
        return self.ask(
            "POST", "/predict", body, content_type="application/json", content_length=length
        )


def client_of(served: Served, max_body: int = MAX_BODY) -> Client:
    return Client(build(served, max_body))
