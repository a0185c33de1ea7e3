"""Which Python runs the stages, and the variables that it starts with."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
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

    python: Path
    packages: Path

    def is_complete(self) -> bool:
        """Say whether the project's packages were installed here."""
        return (self.packages / NEEDED).is_dir()

    def runs_this(self) -> bool:
        """Say whether this is the Python that runs this process."""
        return self.python.parent == Path(sys.executable).parent


def settled(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a stage: those of the user, and over them `SETTLED`."""
    found = {**environ, **SETTLED}
    if found.get("PYTHONPATH"):  # a warm parent has another working folder
        folders = found["PYTHONPATH"].split(os.pathsep)
        found["PYTHONPATH"] = os.pathsep.join(str(Path(folder).absolute()) for folder in folders)
    return found


def find(root: Path) -> Interpreter | None:
    """Return the first Python that has the packages, or None.

    In this order: the one that runs this if it is a virtual environment, the active
    virtual environment, `.venv` in the repository, the one that runs this in any case.
    A temporary workspace of DVC has no `.venv`; that of its repository counts.
    """
    this = Path(sys.executable)
    prefixes = [this.parent.parent, root / ".venv"]
    if "VIRTUAL_ENV" in os.environ:
        prefixes.insert(1, Path(os.environ["VIRTUAL_ENV"]))
    for folder in root.parents:
        if (folder.parent.name, folder.name) == (".dvc", "tmp"):
            prefixes.append(folder.parent.parent / ".venv")
    for prefix in prefixes:
        version = _version(prefix)
        python = "Scripts/python.exe" if os.name == "nt" else "bin/python"
        found = Interpreter(prefix / python, _packages(prefix, version))
        if version and found.is_complete():
            return found
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = Interpreter(this, _packages(Path(sys.prefix), version))
    return found if found.is_complete() else None


def become(python: Path, arguments: list[str], environ: dict[str, str]) -> NoReturn:
    """Replace this process with another Python."""
    command = [str(python), *arguments]
    if os.name == "nt":  # where exec does not wait
        import subprocess

        sys.exit(subprocess.run(command, env=environ, check=False).returncode)
    os.execve(python, command, environ)


def _packages(prefix: Path, version: str) -> Path:
    if os.name == "nt":
        return prefix / "Lib/site-packages"
    return prefix / f"lib/python{version}/site-packages"


def _version(prefix: Path) -> str:
    """Return the version ("3.11") of the virtual environment at `prefix`, or nothing."""
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() in ("version", "version_info"):  # venv's word, and virtualenv's
            return ".".join(value.strip().split(".")[:2])
    return ""
