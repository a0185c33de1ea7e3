"""Where clients and warm parents meet: sockets in a folder that only their user can enter."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

BUSY = 2.0  # seconds to wait for another start or end, which takes milliseconds


def folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the sockets, made where it is missing.

    Raises:
        PermissionError: somebody else owns it, or could enter it.
        OSError: it cannot be made.
    """
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        path = Path(runtime, "loopwright")
    else:
        temporary = environ.get("TMPDIR") or "/tmp"  # noqa: S108 - what is there is checked
        path = Path(temporary, f"loopwright-{os.getuid()}")
    path.mkdir(0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{path} is not a folder of this user alone")
    return path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the one lock of `folder`: starts and ends of parents happen one after another.

    Raises:
        OSError: it cannot be had.
    """
    deadline = time.monotonic() + BUSY
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def is_own(connection: socket.socket) -> bool:
    """Say whether the other end belongs to this user (where the system tells it)."""
    if sys.platform != "linux":
        return True
    size = struct.calcsize("3i")
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return bool(struct.unpack("3i", peer)[1] == os.getuid())
