"""The signals that a client passes on to its stage, and how to end by one."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

PASSED_ON = tuple(
    getattr(signal, name)
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")
    if hasattr(signal, name)  # Windows has two of them
)


def end_by(number: int) -> NoReturn:
    """End this process by a signal, so that its parent sees how the stage ended."""
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # as a shell would say it, where the signal does not kill
