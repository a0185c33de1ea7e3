"""The command line of a stage: the signature of its `main` and nothing else."""

import argparse
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from stages.core.errors import LoopwrightError


def run(main: Callable[..., None], argv: Sequence[str]) -> int:
    """Call `main` with the paths named in `argv` and return the exit code.

    Each keyword-only parameter of `main` is a path: ``failure_cases`` becomes
    ``--failure-cases PATH``, and all are required. A fault in what was given is
    printed without a traceback and gives 2.

    Linear algebra and OpenMP run on one thread: a sum that several threads share
    has no fixed order, so its last bits would change from run to run, and on tables
    of this size the threads cost more than they gain.
    """
    parser = argparse.ArgumentParser(description=inspect.getdoc(sys.modules[main.__module__]))
    for name in inspect.signature(main).parameters:
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, required=True)
    paths = vars(parser.parse_args(argv))
    try:
        with threadpool_limits(1):
            main(**paths)
    except LoopwrightError as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 2
    except OSError as fault:
        where = f"{fault.filename}: " if fault.filename else ""
        print(f"error: {where}{fault.strerror or fault}", file=sys.stderr)
        return 2
    return 0
