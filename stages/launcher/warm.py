"""The client's side of a warm start: reach a parent, hand over, wait for the end.

Whatever goes wrong before a stage was started (no room, no rights, a parent that is
dead, hung or of somebody else) is no fault of the stage: the client runs it by itself.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from stages.launcher import meeting
from stages.launcher.family import LOOK, Family
from stages.launcher.interpreter import Interpreter
from stages.launcher.request import REFUSED, SIZE, Request
from stages.launcher.signals import PASSED_ON, end_by
from stages.launcher.signature import signature

HUNG = 10.0  # seconds without a word; a parent that still imports speaks between two of them
STREAMS = (0, 1, 2)


def run(root: Path, arguments: list[str], environ: dict[str, str], python: Interpreter) -> None:
    """Run a stage in a fork of the warm parent and end this process as the stage ended.

    Comes back if, and only if, the stage was not started.

    Args:
        root: the repository whose code is run.
        arguments: the name of the stage and its own arguments.
        environ: the variables of the stage.
        python: the Python of this process, and of the parent.
    """
    family = Family.of_this_process()
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        for stream in STREAMS:
            os.fstat(stream)  # one that is closed cannot be handed over
        request = Request(root, Path.cwd(), umask, arguments, environ)
        path = meeting.folder(environ) / signature(root, python, environ)
        connection = _reach(path, request, python)
        if connection is None:
            return
        _hand_over(connection, request)
    except OSError:
        return
    answer = _answer(connection, family)
    connection.close()
    if answer != REFUSED:
        _end_as(answer)
    for number in PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _reach(path: Path, request: Request, python: Interpreter) -> socket.socket | None:
    """Return a connection to a parent that has greeted, started where there was none.

    Raises:
        OSError: none can be started.
    """
    for _ in range(2):  # the first may be ending, idle, at this moment
        connection = _connected(path)
        if connection is None:
            with meeting.locked(path.parent):
                connection = _connected(path) or _started(path, request, python)
        try:
            if meeting.is_own(connection) and connection.recv(1):
                return connection
        except TimeoutError:
            path.unlink()  # so that the next client starts another
            return None
        except ConnectionResetError:
            pass
        connection.close()
    return None


def _connected(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(HUNG)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    return connection


def _started(path: Path, request: Request, python: Interpreter) -> socket.socket:
    """Start a parent and return a connection to it, which it will see when it can.

    The socket listens from here on, and the parent inherits it: nobody polls for it.
    """
    import subprocess

    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(128)
        number = listener.fileno()
        subprocess.Popen(
            [python.python, request.root / "stages", "--serve", str(number), path],
            cwd="/",
            env=request.environ,
            pass_fds=[number],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        connection = _connected(path)
    if connection is None:
        raise ConnectionRefusedError(str(path))
    return connection


def _hand_over(connection: socket.socket, request: Request) -> None:
    """Send the request; from then on, pass signals on to the stage.

    Raises:
        OSError: the parent did not get it whole, and so does not start the stage.
    """

    def pass_on(number: int, _: object) -> None:
        with suppress(OSError):
            connection.send(bytes([number]))

    before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    try:
        packed = request.packed()
        sent = socket.send_fds(connection, [packed], STREAMS)
        connection.sendall(packed[sent:])
        for number in PASSED_ON:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, pass_on)
    except OSError:
        connection.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _answer(connection: socket.socket, family: Family) -> int:
    """Wait for the exit code of the stage; negative is the signal that it died of."""
    answer = b""
    connection.settimeout(LOOK)
    while len(answer) < SIZE:
        try:
            part = connection.recv(SIZE - len(answer))
        except TimeoutError:
            if family.is_gone():
                os._exit(1)  # the parent sees it and kills the stage
            continue
        except ConnectionResetError:
            part = b""
        if not part:
            sys.exit(
                "error: the warm parent of this stage was killed, and the stage with it; "
                "run it again, or with LOOPWRIGHT_WARM=0 in a process of its own"
            )
        answer += part
    return int.from_bytes(answer, "big", signed=True)


def _end_as(code: int) -> NoReturn:
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the stage has left its own core
        end_by(-code)
    os._exit(code)
