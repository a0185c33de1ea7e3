"""Which Python runs the stages, and the variables that it starts with."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

# Set before the first library loads, over whatever the user has: a sum that several
# threads share has no fixed order, so its last bits change with their number. A person's
# own matplotlibrc would change every figure.
SETTLED = {
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "MATPLOTLIBRC": os.devnull,
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "OPENBLAS_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}

# An environment that has this package was made for the project.
NEEDED = "sklearn"


class Interpreter(NamedTuple):
    """A Python and the folder of the packages that it imports."""

    python: str
    packages: str

    def is_complete(self) -> bool:
        """Say whether the project's packages were installed here."""
        return os.path.isdir(os.path.join(self.packages, NEEDED))

    def runs_this(self) -> bool:
        """Say whether this is the Python that runs this process."""
        return os.path.dirname(self.python) == os.path.dirname(sys.executable)


def settled(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a stage: those of the user, and over them `SETTLED`."""
    found = {**environ, **SETTLED}
    if found.get("PYTHONPATH"):  # a warm parent has another working folder
        folders = found["PYTHONPATH"].split(os.pathsep)
        found["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, folders))
    return found


def find(root: str) -> Interpreter | None:
    """Return the first Python that has the packages, or None.

    In this order: the one that runs this if it is a virtual environment, the active
    virtual environment, `.venv` in the repository, the one that runs this in any case.
    A temporary workspace of DVC has no `.venv`; that of its repository counts.
    """
    repository = root.partition(os.path.join(os.sep, ".dvc", "tmp", ""))[0]
    for prefix in (
        os.path.dirname(os.path.dirname(sys.executable)),
        os.environ.get("VIRTUAL_ENV", ""),
        os.path.join(root, ".venv"),
        os.path.join(repository, ".venv"),
    ):
        version = _version(prefix)
        folder, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        found = Interpreter(os.path.join(prefix, folder, name), _packages(prefix, version))
        if version and found.is_complete():
            return found
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    this = Interpreter(sys.executable, _packages(sys.prefix, version))
    return this if this.is_complete() else None


def become(python: str, arguments: list[str], environ: dict[str, str]) -> NoReturn:
    """Replace this process with another Python."""
    command = [python, *arguments]
    if os.name == "nt":  # where exec does not wait
        import subprocess

        sys.exit(subprocess.run(command, env=environ, check=False).returncode)  # noqa: S603
    os.execve(python, command, environ)  # noqa: S606


def _packages(prefix: str, version: str) -> str:
    if os.name == "nt":
        return os.path.join(prefix, "Lib", "site-packages")
    return os.path.join(prefix, "lib", f"python{version}", "site-packages")


def _version(prefix: str) -> str:
    """Return the version of the virtual environment at `prefix`, or nothing."""
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.partition("=")
                if key.strip() in ("version", "version_info"):  # venv's word, and virtualenv's
                    return ".".join(value.strip().split(".")[:2])
    except OSError:
        pass
    return ""
