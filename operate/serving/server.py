"""The server: one model, loaded once, asked over HTTP.

Nothing of a row is written down: there is no access log, and an error tells its kind alone.
"""

import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from uvicorn import Config, Server

from operate.serving.answer import answer
from operate.serving.contract import request_schema
from operate.serving.faults import Fault, Refusal, as_json
from operate.serving.rows import from_json
from operate.serving.served import Served, load
from stages.core.errors import LoopwrightError

# A megabyte is some 2,000 rows of 20 columns; a table is for `loopwright predict`.
MAX_BODY = 8 * 2**20
JSON, PROBLEM = "application/json", "application/problem+json"


def serve(root: Path, host: str, port: int) -> None:
    """Answer requests until the process is told to end.

    Raises:
        LoopwrightError: the model may not answer, or the address is taken.
    """
    served = load(root)
    # The checks would import it at the first answer, and somebody would wait for it.
    import pandera.pandas  # noqa: F401

    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as fault:
        raise LoopwrightError(f"--host {host} --port {port}: {fault.strerror or fault}") from None
    shown = f"[{host}]" if ":" in host else host
    server = Server(
        Config(build(served), access_log=False, log_level="warning", server_header=False)
    )
    # uvicorn hands the signal on when it is done; by then there is nothing left to end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    for line in (*served.told(), f"http://{shown}:{listening.getsockname()[1]}"):
        print(line, flush=True)
    server.run(sockets=[listening])


def build(served: Served, max_body: int = MAX_BODY) -> FastAPI:
    """Return the application that answers for `served`."""
    app = FastAPI(title="loopwright", version=served.sha256[:12], docs_url=None, redoc_url=None)
    schema = request_schema(served)
    body = {"required": True, "content": {JSON: {"schema": schema}}}

    @app.post("/predict", openapi_extra={"requestBody": body})
    async def predict(request: Request) -> Response:
        """Answer rows."""
        try:
            given = await _body(request, max_body)
            return _json(200, await run_in_threadpool(_answers, served, given))
        except Refusal as refusal:
            return _problem(refusal)
        except Exception as fault:  # whatever it is, its message may hold a value of a row
            _tell(fault)
            return _problem(Refusal(500, "the model cannot answer"))

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Which model answers, and whether a person let it through."""
        return {"status": "ok", "model": served.sha256, "approved": served.approved}

    @app.get("/schema")
    async def contract() -> dict[str, Any]:
        """The JSON schema of a request."""
        return schema

    @app.exception_handler(HTTPException)
    async def elsewhere(_: Request, fault: HTTPException) -> Response:
        return _problem(Refusal(fault.status_code, str(fault.detail)))

    return app


def _answers(served: Served, body: bytes) -> bytes:
    answers = answer(served, from_json(body, served))
    return as_json({"model": served.sha256, "answers": answers.documents()})


async def _body(request: Request, most: int) -> bytes:
    """Return the body, of which no more is read than may be.

    Raises:
        Refusal: it is too large, or is not said to be JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        # A page in a browser cannot send JSON to another site without asking it first.
        raise Refusal(415, "the body is not JSON", [Fault(None, None, "content-type", JSON)])
    too_large = Refusal(
        413, "the body is too large", [Fault(None, None, "the body", f"up to {most:,} bytes")]
    )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise too_large
    found = bytearray()
    chunks: AsyncIterator[bytes] = request.stream()
    async for chunk in chunks:
        found += chunk
        if len(found) > most:
            raise too_large
    return bytes(found)


def _json(status: int, content: bytes) -> Response:
    return Response(content, status, media_type=JSON)


def _problem(refusal: Refusal) -> Response:
    return Response(as_json(refusal.document()), refusal.status, media_type=PROBLEM)


def _tell(fault: Exception) -> None:
    """Print what kind of fault it is and where in the code, and nothing of a row."""
    place = fault.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f" ({place.tb_frame.f_code.co_qualname}:{place.tb_lineno})"
    print(f"error: {type(fault).__name__}{where}", file=sys.stderr, flush=True)
