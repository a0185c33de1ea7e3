"""The stages that there are: the modules here and in `audit` that define a `main`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

FOLDERS = ("", "audit")


def is_there(root: str, name: str) -> bool:
    """Say whether the module of a stage called `name` exists, by its file alone."""
    folder, _, module = name.rpartition(".")
    return (
        folder in FOLDERS
        and module.isidentifier()
        and not module.startswith("_")
        and os.path.isfile(_path(root, name))
    )


def names(root: str) -> list[str]:
    """Return the names of all stages, found in their sources and without an import."""
    found = []
    for folder in FOLDERS:
        for file in sorted(os.listdir(os.path.join(root, "stages", folder))):
            module, extension = os.path.splitext(file)
            name = f"{folder}.{module}" if folder else module
            if extension == ".py" and is_there(root, name) and _has_main(_path(root, name)):
                found.append(name)
    return found


def no_stage(root: str, name: str) -> int:
    """Print that there is no stage called `name`, and return the exit code."""
    import sys

    from stages.core.errors import did_you_mean

    possible = names(root)
    hint = did_you_mean(name, possible) or ";"
    print(f"error: no stage '{name}'{hint} possible: {', '.join(possible)}", file=sys.stderr)
    return 2


def usage(root: str) -> str:
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


def _path(root: str, name: str) -> str:
    return os.path.join(root, "stages", *name.split(".")) + ".py"


def _has_main(path: str) -> bool:
    import ast

    return any(
        isinstance(node, ast.FunctionDef) and node.name == "main" for node in _parsed(path).body
    )


def _summary(path: str) -> str:
    import ast

    return (ast.get_docstring(_parsed(path)) or "").partition("\n")[0]


def _parsed(path: str) -> ast.Module:
    import ast

    with open(path, "rb") as source:
        return ast.parse(source.read(), path)
