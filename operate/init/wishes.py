"""What a person wants of a first project: told by options, or asked for on a terminal."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import typer

from operate.init.sniff import sniff
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.params import Task
from stages.core.sources.formats import read_file


@dataclass(frozen=True)
class Wishes:
    """What a person says; None where the table decides.

    Attributes:
        target: the column to predict.
        task: what is predicted.
        positive: of a binary task.
        title: of the project.
    """

    target: str
    task: Task | None = None
    positive: str | None = None
    title: str | None = None


def wishes(
    source: Path,
    target: str | None,
    task: str | None,
    positive: str | None,
    title: str | None,
    ask: bool,
) -> Wishes:
    """Return what a person wants; on a terminal, what is missing is asked for.

    Raises:
        LoopwrightError: the target is not named and nobody can be asked, or there is no
            such task.
    """
    tasks = get_args(Task)
    if task is not None and task not in tasks:
        raise LoopwrightError(
            f"--task: no task '{task}'{did_you_mean(task, tasks)}; possible: {', '.join(tasks)}"
        )
    if target is None:
        columns = ", ".join(columns_of(source))
        if not ask:
            raise LoopwrightError(f"--target: name the column to predict; possible: {columns}")
        typer.echo(f"columns: {columns}")
        target = typer.prompt("Which column is to be predicted?")
        title = title or typer.prompt("What is the project called?", default=source.stem)
    return Wishes(target, task, positive, title)  # type: ignore[arg-type]  # one of the tasks


def columns_of(source: Path) -> tuple[str, ...]:
    """Return the names of the columns of the table at `source`."""
    found: list[str] = []

    def keep(_: str, header: object) -> dict[str, str]:
        found.extend(map(str, header))  # type: ignore[call-overload]  # names of columns
        return {}

    read_file(source, str(source), sniff(source).format, keep)
    return tuple(found)
