"""The stages that there are: modules or packages here and in `audit` that define a `main`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

FOLDERS = ("", "audit")


def is_there(root: Path, name: str) -> bool:
    """Say whether the module of a stage called `name` exists, by its file alone."""
    folder, _, module = name.rpartition(".")
    return (
        folder in FOLDERS
        and module.isidentifier()
        and not module.startswith("_")
        and _path(root, name).is_file()
    )


def names(root: Path) -> list[str]:
    """Return the names of all stages, found in their sources and without an import."""
    found = []
    for folder in FOLDERS:
        for entry in sorted((root / "stages" / folder).iterdir()):
            name = f"{folder}.{entry.stem}" if folder else entry.stem
            if is_there(root, name) and _has_main(_path(root, name)):
                found.append(name)
    return found


def no_stage(root: Path, name: str) -> int:
    """Print that there is no stage called `name`, and return the exit code."""
    import sys

    from stages.core.errors import did_you_mean

    possible = names(root)
    hint = did_you_mean(name, possible) or ";"
    print(f"error: no stage '{name}'{hint} possible: {', '.join(possible)}", file=sys.stderr)
    return 2


def usage(root: Path) -> str:
    """Return what `python stages --help` prints."""
    stages = {name: _summary(_path(root, name)) for name in names(root)}
    width = max(map(len, stages), default=0)
    return "\n".join(
        [
            "usage: python stages STAGE --PATH FILE ...",
            "",
            "Run one stage as dvc.yaml does; `dvc repro` runs those whose inputs changed.",
            "`python stages STAGE --help` lists the paths that a stage takes.",
            "",
            "stages:",
            *(f"  {name:{width}}  {summary}" for name, summary in stages.items()),
        ]
    )


def _path(root: Path, name: str) -> Path:
    path = root.joinpath("stages", *name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _has_main(path: Path) -> bool:
    import ast

    return any(
        isinstance(node, ast.FunctionDef) and node.name == "main" for node in _parsed(path).body
    )


def _summary(path: Path) -> str:
    import ast

    return (ast.get_docstring(_parsed(path)) or "").partition("\n")[0]


def _parsed(path: Path) -> ast.Module:
    import ast

    return ast.parse(path.read_bytes(), path)
