"""The server, asked in the process: what arrives, what is answered, what is told of a fault."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from tests.operate.serving.made import (
    INPUTS,
    ROW,
    SCHEMA,
    Echo,
    client_of,
    request,
    served,
)
from tests.operate.serving.planted import HTML, PLANTED, Planted

PROBLEM = "application/problem+json"


@pytest.mark.parametrize("planted", PLANTED, ids=[planted.name for planted in PLANTED])
def test_what_is_planted_has_its_answer(planted: Planted) -> None:
    echo = Echo()
    fields = {name: value for name, value in {**ROW, **planted.sent}.items() if value is not None}
    response = client_of(served(echo)).predict(request(ROW, fields))
    document = response.json()
    assert response.status == planted.status, document
    if planted.status != 200:
        assert response.headers["content-type"] == PROBLEM
        assert document["status"] == planted.status
        error = document["errors"][0]
        if planted.column is not None:
            assert (error["row"], error["column"]) == (2, planted.column)
            assert error["what"] == planted.told
        assert error["possible"]
        return
    first, second = document["answers"]
    assert first == {"key": 7, "status": "answered", "y_pred": 0.0, "notes": []}
    assert second["status"] == planted.row_status
    assert second.get("key", ...) == (None if planted.key is ... else planted.key)
    assert [note["what"] for note in second["notes"]] == ([planted.told] if planted.told else [])
    if planted.row_status == "answered" and planted.column is not None:
        value = echo.frame[planted.column].iloc[1]
        if planted.value is None:
            assert pd.isna(value)
        elif isinstance(value, pd.Timestamp):
            assert value.isoformat() == planted.value
        else:
            assert value == planted.value
            assert not isinstance(value, bool)


@pytest.mark.parametrize("planted", [p for p in PLANTED if p.status != 200], ids=lambda p: p.name)
def test_no_value_of_a_row_is_told(planted: Planted, capfd: Any, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    fields = {k: v for k, v in {**ROW, **planted.sent}.items() if v is not None}
    secret = {**fields, "zip": '"secret-4711"'}
    response = client_of(served(Echo())).predict(request(secret))
    out, err = capfd.readouterr()
    for text in (response.text, out, err, caplog.text):
        assert "4711" not in text
        assert HTML not in text
        assert "west" not in text
        assert "huge" not in text
        assert len(text) < 20_000


BAD_BODIES = {
    "no JSON": (b'{"rows": [', 400),
    "no UTF-8": (b'{"rows": ["\xff"]}', 400),
    "a list": (b"[]", 400),
    "no rows": (b'{"rows": []}', 400),
    "rows that are none": (b'{"rows": [1, "a", null]}', 400),
    "more than rows": (b'{"rows": [{}], "model": 1}', 400),
    "a field twice": (b'{"rows": [{"age": 1, "age": 2}]}', 400),
    "too deep": (b'{"rows": ' + b"[" * 100_000, 400),
    "a number of a million digits": (b'{"rows": ' + b"1" * 1_000_000 + b"}", 400),
    "too large": (b'{"rows": [{"note": "' + b"x" * 2_000_000 + b'"}]}', 413),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_one_clear_error(name: str) -> None:
    body, status = BAD_BODIES[name]
    client = client_of(served(Echo()), max_body=1_100_000)
    response = client.predict(body)
    assert response.status == response.json()["status"] == status
    assert response.headers["content-type"] == PROBLEM
    assert response.json()["errors"][0]["possible"]
    # in pieces, so that no length is told before
    streamed = client.ask("POST", "/predict", body[:50], body[50:], content_type="application/json")
    assert streamed.status == status


def test_all_faults_are_told_up_to_a_number() -> None:
    response = client_of(served(Echo())).predict(request(*[{"nose": "1"}] * 3))
    document = response.json()
    assert len(document["errors"]) == 20
    assert document["more"] == 3 * (len(INPUTS) + 1) - 20
    assert document["errors"][0] == {
        "row": 1,
        "column": "zip",
        "what": "the field is missing",
        "possible": "str",
    }


def test_what_is_not_said_to_be_json_is_not_read() -> None:
    client = client_of(served(Echo()))
    response = client.ask("POST", "/predict", request(ROW), content_type="text/plain")
    assert response.status == 415


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/predict", 405)])
def test_another_address_is_a_problem_too(path: str, status: int) -> None:
    response = client_of(served(Echo())).get(path)
    assert response.status == status
    assert response.headers["content-type"] == PROBLEM


class Broken:
    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault

    def predict(self, frame: pd.DataFrame) -> Any:
        if self.fault is not None:
            raise self.fault
        return np.full(len(frame), np.nan)


@pytest.mark.parametrize("fault", [LoopwrightError("found 10115"), ValueError("10115"), None])
def test_a_model_that_fails_tells_nothing_of_the_row(fault: Exception | None, capfd: Any) -> None:
    response = client_of(served(Broken(fault))).predict(request(ROW))
    assert (response.status, response.json()["title"]) == (500, "the model cannot answer")
    told = capfd.readouterr().err
    assert told.startswith(f"error: {type(fault or LoopwrightError('')).__name__} (")
    assert "10115" not in told + response.text


def test_many_at_once_get_each_their_own_answer() -> None:
    client = client_of(served(Echo()))
    bodies = [request({**ROW, "id": str(number)}) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = [answer.json()["answers"][0]["key"] for answer in pool.map(client.predict, bodies)]
    assert found == list(range(40))


def test_health_says_which_model_and_whether_it_was_approved() -> None:
    for approved in (True, False):
        found = client_of(served(Echo(), approved=approved)).get("/health").json()
        assert found == {"status": "ok", "model": "0" * 64, "approved": approved}


def test_the_schema_is_that_of_schema_yaml() -> None:
    client = client_of(served(Echo()))
    found = client.get("/schema").json()
    row = found["properties"]["rows"]["items"]
    assert row["required"] == list(INPUTS)
    assert list(row["properties"]) == ["id", *INPUTS, "y"]
    properties = row["properties"]
    assert properties["visits"]["type"] == ["integer", "null"]
    assert properties["town"]["enum"] == ["north", "south"]
    assert properties["size"]["enum"] == ["small", "medium", "large"]
    assert "enum" not in properties["code"]  # it only warns
    assert properties["seen"]["description"] == (
        "written as %d.%m.%Y %H:%M; by the clocks of Europe/Berlin"
    )
    described = client.get("/openapi.json").json()
    body = described["paths"]["/predict"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == found


def test_the_key_of_a_request_without_keys_is_not_there() -> None:
    without = {name: value for name, value in ROW.items() if name != "id"}
    (answer,) = client_of(served(Echo())).predict(request(without)).json()["answers"]
    assert "key" not in answer
    assert set(SCHEMA.columns) > set(without)


def test_an_answer_is_json_to_everybody() -> None:
    response = client_of(served(Echo())).predict(request(ROW))
    json.loads(response.content, parse_constant=lambda name: pytest.fail(name))
    assert response.headers["content-type"] == "application/json"
    assert "server" not in response.headers
