"""What a client asks of a warm parent: a stage, and all that it would have inherited."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

SIZE = 4  # bytes of the length that stands before a request, and of the answer
REFUSED = 2**31 - 1  # the answer of a parent that could not fork: no exit code is so large


class Request(NamedTuple):
    """A stage to run; the three standard streams travel beside it."""

    root: Path
    folder: Path
    umask: int
    arguments: list[str]
    environ: dict[str, str]

    def packed(self) -> bytes:
        """Return the request as bytes, its length first."""
        variables = [f"{name}={value}" for name, value in self.environ.items()]
        counted = [str(self.umask), str(len(self.arguments)), *self.arguments, *variables]
        # No path, argument or variable can hold a zero byte.
        body = os.fsencode("\0".join([str(self.root), str(self.folder), *counted]))
        return len(body).to_bytes(SIZE, "big") + body


def unpacked(received: bytes) -> tuple[Request, bytes] | None:
    """Return the request that `received` starts with and what follows it, or None.

    None stands for a request that is not yet whole.
    """
    end = SIZE + int.from_bytes(received[:SIZE], "big")
    if len(received) < max(SIZE, end):
        return None
    root, folder, umask, count, *rest = os.fsdecode(received[SIZE:end]).split("\0")
    arguments, variables = rest[: int(count)], rest[int(count) :]
    environ = dict(variable.split("=", 1) for variable in variables)
    return Request(Path(root), Path(folder), int(umask), arguments, environ), received[end:]
