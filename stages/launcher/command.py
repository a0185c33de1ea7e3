"""The command line: which stage, in which Python, warm or in this process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from stages.launcher import catalogue, interpreter

CALLED = "LOOPWRIGHT_CALLED_BY"
OFF = ("0", "no", "off", "false")


def main(root: Path, arguments: list[str]) -> NoReturn:
    """Run the stage that `arguments` name, and end this process as the stage ended.

    Args:
        root: the repository, the folder above `stages`.
        arguments: the name of a stage and its own arguments.
    """
    # A traceback of the launcher helps nobody; a signal that was ignored stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(catalogue.usage(root), file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else 2)
    if arguments[0] == "--serve":
        from stages.launcher.parent import serve

        serve(root, int(arguments[1]), Path(arguments[2]))
    if not catalogue.is_there(root, arguments[0]):
        sys.exit(catalogue.no_stage(root, arguments[0]))
    environ = interpreter.settled(os.environ)
    found = interpreter.find(root)
    # Once: a `python` that hands over to another one would lead here for ever.
    if found is not None and not found.runs_this() and CALLED not in environ:
        environ[CALLED] = sys.executable
        interpreter.become(found.python, [str(root / "stages"), *arguments], environ)
    environ.pop(CALLED, None)
    if found is not None and _may_be_warm(environ):
        from stages.launcher import warm

        warm.run(root, arguments, environ, found)  # comes back where there is no warm parent
    from stages.launcher import process
    from stages.launcher.family import Family

    os.environ.clear()
    os.environ.update(environ)
    process.run(root, arguments, Family.of_this_process())


def _may_be_warm(environ: dict[str, str]) -> bool:
    """Say whether a warm start is safe here and nobody asked for this very process.

    A fork is safe on Linux; on macOS the system's own libraries may not survive it.
    Who gives options to Python, or runs it through a debugger, a profiler or coverage,
    means the process that they started.
    """
    switch = environ.get("LOOPWRIGHT_WARM", "").lower()
    if switch in OFF or not hasattr(os, "fork"):
        return False
    has_options = len(sys.orig_argv) != 1 + len(sys.argv)
    return not has_options and (sys.platform == "linux" or bool(switch))
