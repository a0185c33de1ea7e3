"""A stage in this process, from its import to the end of the process.

A warm start and a cold one meet here, so that nothing differs between them.
"""

import atexit
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from stages.launcher.catalogue import no_stage
from stages.launcher.family import Family
from stages.launcher.interpreter import NEEDED
from stages.launcher.signals import end_by


def run(root: Path, arguments: Sequence[str], family: Family) -> NoReturn:
    """Import the stage from `root`, run it, and end this process as it ended.

    Args:
        root: the repository whose code is run, whatever else could be imported.
        arguments: the name of the stage and its own arguments.
        family: the processes without which this one must not go on.
    """
    name, *paths = arguments
    sys.argv = [f"python stages {name}", *paths]
    _look_only_in(root)
    family.watch()
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = _call(root, name, paths)
    except KeyboardInterrupt:
        _flushed()
        end_by(signal.SIGINT)
    _end(code)


def _look_only_in(root: Path) -> None:
    """Make `root` the only place where project code is found.

    An editable install leads to the repository that it was made from, also for a
    module that is not in this one.
    """
    folders = [str(root), str(root / "stages")]
    sys.path[:] = [str(root), *(folder for folder in sys.path if folder not in folders)]
    sys.meta_path[:] = [
        finder
        for finder in sys.meta_path
        if "stages" not in getattr(sys.modules.get(finder.__module__), "MAPPING", ())
    ]


def _call(root: Path, name: str, paths: Sequence[str]) -> int:
    """Return the exit code of the stage; show a bug as Python does, without our frames."""
    try:
        # Not import_module: it would put frames of importlib into the traceback.
        __import__(f"stages.{name}")
        main = getattr(sys.modules[f"stages.{name}"], "main", None)
        if main is None:
            return no_stage(root, name)
        from stages.core.stage import run as run_stage

        return run_stage(main, paths)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except Exception as bug:
        if isinstance(bug, ModuleNotFoundError) and find_spec(NEEDED) is None:
            print(
                f"error: {sys.executable} has no package '{bug.name}'; run `make install`, and "
                f"activate .venv or keep it in the repository",
                file=sys.stderr,
            )
            return 2
        frames = bug.__traceback__.tb_next if bug.__traceback__ else None
        traceback.print_exception(type(bug), bug, frames)
        return 1


def _end(code: int) -> NoReturn:
    """End without tearing down the libraries, which takes longer than many a stage."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading._shutdown()  # type: ignore[attr-defined]  # as the interpreter does at its end
    atexit._run_exitfuncs()
    os._exit(code if _flushed() else code or 2)


def _flushed() -> bool:
    """Write out what was printed; say so where it could not be written."""
    whole = True
    for name, stream in (("output", sys.stdout), ("error", sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except OSError as fault:
            whole = False
            with suppress(OSError):
                os.write(2, f"error: standard {name}: {fault.strerror}\n".encode())
    return whole
