"""Who waits for this process: an orphan must end before it publishes anything."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NamedTuple

LOOK = 0.2  # seconds between two looks at the family
SHELLS = ("ash", "bash", "busybox", "dash", "fish", "ksh", "sh", "zsh")


class Family(NamedTuple):
    """The parent of this process and, behind a passing shell, the parent's parent.

    DVC runs a command through `sh -c`. A killed DVC leaves that shell waiting for its
    command, so the shell alone says nothing. 0 stands for nobody.
    """

    parent: int
    grandparent: int

    @classmethod
    def of_this_process(cls) -> Family:
        """Return the family as it is now.

        Under `nohup` it is nobody: a person asked for a process that outlives them. DVC
        under `nohup` is family nevertheless: it writes dvc.lock, which nothing else does.
        """
        if os.name == "nt":  # where a process is not told of its parent's end
            return cls(0, 0)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN and "DVC_STAGE" not in os.environ:
            return cls(0, 0)
        parent = os.getppid()
        return cls(parent, _parent_of(parent) if _is_passing_shell(parent) else 0)

    def is_gone(self) -> bool:
        """Say whether one of them has ended."""
        return bool(
            (self.parent and os.getppid() != self.parent)
            or (self.grandparent and _parent_of(self.parent) != self.grandparent)
        )

    def watch(self) -> None:
        """Kill this process, and what it leads, when one of them has ended.

        A thread looks. While a library computes and lets no thread run, the stage cannot
        publish anything either.
        """
        import threading
        import time

        def look() -> None:
            while not self.is_gone():
                time.sleep(LOOK)
            if os.getpgrp() == os.getpid():
                os.killpg(0, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

        if self.parent:
            threading.Thread(target=look, name="family", daemon=True).start()


def _is_passing_shell(process: int) -> bool:
    """Say whether `process` is a shell that runs one command, as in `sh -c "..."`."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # macOS, whose shells hand over to the command and are not seen here
        return False
    program, *arguments = os.fsdecode(command).split("\0")
    return Path(program).name in SHELLS and "-c" in arguments


def _parent_of(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return 0
