"""The command line: what is asked for, and the exit code. The work is elsewhere."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from stages.core.errors import LoopwrightError


class Commands(TyperGroup):
    """The commands; a fault in what was given is told without a traceback, exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LoopwrightError as fault:
            print(f"error: {fault}", file=sys.stderr)
            raise SystemExit(2) from None


app = typer.Typer(
    cls=Commands,
    help="Run what the pipeline decided: go to the top of the repository and call one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _loopwright() -> None:
    """Keep the name of the command on the line, however few there are."""


@app.command()
def gate(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """May it ship? Exit code 0: it may; 1: it may not; 2: that cannot be told."""
    from operate.gate import as_document, decide, show

    decision = decide(Path())
    if as_json:
        print(json.dumps(as_document(decision), indent=2, ensure_ascii=False))
    else:
        show(decision, Console())
    raise typer.Exit(0 if decision.ships else 1)


@app.command()
def verify(
    keep: Annotated[
        Path | None, typer.Option(help="Keep the clones in this new folder, to look at them.")
    ] = None,
) -> None:
    """Run HEAD in two fresh clones, in different worlds. Exit code 1: a byte differs."""
    from operate.verify import show, verify, worlds

    console = Console()
    pair = worlds()
    with console.status("two clones run the pipeline"):
        rows = verify(Path(), pair, keep)
    show(rows, pair, console)
    raise typer.Exit(0 if all(row.result == "same" for row in rows) else 1)
