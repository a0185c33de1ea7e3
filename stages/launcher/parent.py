"""The warm parent: it has imported the libraries, and forks once for each stage.

It holds no code of a project and reads nothing of a repository; each fork imports the
stage afresh. It belongs to no terminal and keeps no stream of its clients open.
"""

import gc
import io
import os
import selectors
import signal
import socket
import sys
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from stages.launcher import meeting, process
from stages.launcher.family import Family
from stages.launcher.request import REFUSED, SIZE, Request, unpacked
from stages.launcher.signals import PASSED_ON

# In the order in which the pipeline comes to need them: clients are served between two
# imports, so the first stages run while the libraries of the later ones are loaded.
PRELOADED = (
    "pydantic",
    "ruamel.yaml",
    "threadpoolctl",
    "jinja2",
    "pandas",
    "pyarrow.csv",
    "pyarrow.parquet",
    "pyarrow.dataset",  # which Arrow itself loads to read a Parquet file
    "pandera.pandas",
    "scipy.stats",
    "sklearn.model_selection",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "scipy.cluster.hierarchy",
    "sklearn.compose",
    "sklearn.feature_selection",
    "narwhals._pandas_like.dataframe",  # scikit-learn, at its first look at a table
    "skops.io",
    "sklearn.ensemble",
    "sklearn.calibration",
    "sklearn.inspection",
    "dvclive",
    "dulwich.porcelain",  # dvclive, to look for a git repository
    "rich.progress",
    "markdown_it",
)
IDLE = 60.0  # seconds without a stage until the parent ends
MANNERS = 1.0  # seconds that a client has to say what it wants before the next import


@dataclass(eq=False)
class Visit:
    """A client and, once it has said what it wants, the process of its stage."""

    connection: socket.socket
    received: bytes = b""
    streams: list[int] = field(default_factory=list)
    stage: int = 0

    def drop_streams(self) -> None:
        """Close the client's streams here: whoever reads from them waits for all to close."""
        while self.streams:
            os.close(self.streams.pop())


def serve(root: Path, descriptor: int, path: Path) -> NoReturn:
    """Serve the clients of the socket at `path` until none has come for a while.

    Args:
        root: the repository that this module was imported from; it is forgotten.
        descriptor: the number of the listening socket, inherited.
        path: where that socket is bound.
    """
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _forget(root)
    idle = float(os.environ.get("LOOPWRIGHT_WARM_IDLE", IDLE))
    parent = Parent(socket.socket(fileno=descriptor), path)
    parent.preload()
    parent.serve(idle)
    parent.end()


class Parent:
    """The loop of a warm parent: one thread, and no step that waits for one client."""

    def __init__(self, listener: socket.socket, path: Path) -> None:
        self.path = path
        self.bound = path.stat().st_ino
        self.inherited = set(os.environ)
        self.visits: set[Visit] = set()
        self.importing = False
        self.listener = listener
        self.listener.setblocking(False)
        # A stage that ends writes a byte here, which ends the wait in `turn`.
        self.bell, self.rope = socket.socketpair()
        self.bell.setblocking(False)
        self.rope.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, self.welcome)
        self.selector.register(self.bell, selectors.EVENT_READ, self.answer)
        signal.set_wakeup_fd(self.rope.fileno(), warn_on_full_buffer=False)
        # During an import nothing looks at the bell.
        signal.signal(signal.SIGCHLD, lambda *_: self.answer() if self.importing else None)

    def preload(self) -> None:
        """Import the libraries, and serve whoever came between two of them."""
        gc.disable()
        for name in PRELOADED:
            self.importing = True
            with suppress(Exception):  # a stage that needs it will say so itself
                import_module(name)
            self.importing = False
            self.turn(0)
            until = time.monotonic() + MANNERS
            while any(not visit.stage for visit in self.visits) and time.monotonic() < until:
                self.turn(MANNERS)

    def serve(self, idle: float) -> None:
        """Serve until there was no client for `idle` seconds."""
        last = time.monotonic()
        while self.visits or time.monotonic() < last + idle:
            self.turn(None if self.visits else last + idle - time.monotonic())
            if self.visits:
                last = time.monotonic()

    def turn(self, wait: float | None) -> None:
        """Do what is to be done now, or after at most `wait` seconds."""
        for key, _ in self.selector.select(wait):
            key.data()

    def welcome(self) -> None:
        """Greet a client."""
        with suppress(BlockingIOError, ConnectionAbortedError):  # it may have gone
            connection, _ = self.listener.accept()
            connection.setblocking(False)
            if not meeting.is_own(connection):
                connection.close()
                return
            visit = Visit(connection)
            self.visits.add(visit)
            self.selector.register(connection, selectors.EVENT_READ, partial(self.listen, visit))
            with suppress(OSError):
                connection.send(b"\n")

    def listen(self, visit: Visit) -> None:
        """Take a part of a request, signals for the stage, or the news that the client ended."""
        if visit not in self.visits:  # dismissed in this very turn
            return
        try:
            received, streams, _, _ = socket.recv_fds(visit.connection, 2**16, 3)
        except BlockingIOError:
            return
        except OSError:
            received, streams = b"", []
        visit.streams += streams
        if not received:
            self.dismiss(visit)
        elif visit.stage:
            signal_group(visit.stage, received)
        else:
            visit.received += received
            whole = unpacked(visit.received)
            if whole is not None:
                self.fork(visit, *whole)

    def fork(self, visit: Visit, request: Request, signals: bytes) -> None:
        """Start the stage that a client asked for."""
        parent = os.getpid()
        gc.freeze()  # or the collector of the stage would copy every page that it looks at
        before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        try:
            with warnings.catch_warnings():
                # Python warns that threads do not survive a fork. The only one here is of
                # an allocator in Arrow, which is made for it.
                warnings.simplefilter("ignore", DeprecationWarning)
                visit.stage = os.fork()
        except OSError:
            self.dismiss(visit, REFUSED)
        else:
            if visit.stage == 0:
                self.leave(visit)
                become_stage(request, visit.streams, Family(parent, 0), self.made())
            signal_group(visit.stage, signals)
            visit.drop_streams()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def made(self) -> dict[str, str]:
        """Return the variables that a library has set for itself when it was imported."""
        return {n: value for n, value in os.environ.items() if n not in self.inherited}

    def answer(self) -> None:
        """Tell clients how their stages ended."""
        with suppress(BlockingIOError):
            self.bell.recv(2**12)
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                for visit in [visit for visit in self.visits if visit.stage == ended[0]]:
                    visit.stage = 0  # the number is free for another process
                    self.dismiss(visit, os.waitstatus_to_exitcode(ended[1]))

    def dismiss(self, visit: Visit, answer: int | None = None) -> None:
        """End a visit, with an answer; or without one, and then its stage ends too."""
        self.visits.discard(visit)
        self.selector.unregister(visit.connection)
        if answer is not None:
            with suppress(OSError):
                visit.connection.send(answer.to_bytes(SIZE, "big", signed=True))
        elif visit.stage:
            signal_group(visit.stage, bytes([signal.SIGKILL]))
        visit.connection.close()
        visit.drop_streams()

    def leave(self, own: Visit) -> None:
        """Give up, in the fork for one visit, what belongs to the parent and to other visits."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.selector.close()
        for mine in (self.listener, self.bell, self.rope):
            mine.close()
        for visit in self.visits:
            visit.connection.close()
            if visit is not own:
                visit.drop_streams()

    def end(self) -> NoReturn:
        """Remove the socket, if it is still this parent's, and end."""
        with suppress(OSError), meeting.locked(self.path.parent):
            if self.path.stat().st_ino == self.bound:
                self.path.unlink()
        # A client that came in this moment is refused and starts another parent.
        os._exit(0)


def become_stage(
    request: Request, streams: list[int], family: Family, made: dict[str, str]
) -> NoReturn:
    """Make this fork the process that the client would have been, and run the stage."""
    try:
        os.setsid()
        for own, stream in enumerate(streams):
            os.dup2(stream, own)
            os.close(stream)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=os.isatty(1))
        os.environ.clear()
        os.environ.update({**made, **request.environ})
        os.umask(request.umask)
        os.chdir(request.folder)
        gc.enable()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        process.run(request.root, request.arguments, family)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    os._exit(1)  # never back into the loop of the parent


def signal_group(leader: int, signals: bytes) -> None:
    """Send signals to a stage and to all that it started."""
    for number in signals:
        try:
            os.killpg(leader, number)
        except ProcessLookupError:  # it was forked just now, and leads no group yet
            os.kill(leader, number)


def _forget(root: Path) -> None:
    """Drop the project from what Python knows, so that a fork imports its own."""
    sys.path.remove(str(root))
    for name in [name for name in sys.modules if name.partition(".")[0] == "stages"]:
        del sys.modules[name]
    for folder in [
        folder for folder in sys.path_importer_cache if Path(folder).is_relative_to(root)
    ]:
        del sys.path_importer_cache[folder]
