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
def init(
    source: Annotated[Path, typer.Argument(help="The table: CSV, Parquet, JSON lines or Excel.")],
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    task: Annotated[str | None, typer.Option(help="binary, multiclass or regression.")] = None,
    positive: Annotated[str | None, typer.Option(help="Of a binary task: the positive.")] = None,
    title: Annotated[str | None, typer.Option(help="What the project is called.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the files of a project.")
    ] = False,
) -> None:
    """Write params.yaml and schema.yaml for a table, and say what was guessed."""
    from operate.init.command import show, start
    from operate.init.wishes import wishes

    asked = wishes(source, target, task, positive, title, ask=sys.stdin.isatty())
    show(start(Path(), source, asked, overwrite), Console())


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


By = Annotated[str, typer.Option(help="Who decides: a role of charter.owners, or a name.")]
Why = Annotated[str, typer.Option(help="The reason, for those who read it in a year.")]
Expires = Annotated[str | None, typer.Option(help="The last day on which it holds: 2027-03-31.")]


@app.command()
def approve(by: By, why: Why, expires: Expires = None) -> None:
    """Record that this model may ship. Refused where the gate holds it back."""
    _decide("approve", by, why, expires)


@app.command()
def reject(by: By, why: Why, expires: Expires = None) -> None:
    """Record that this model may not ship, whatever the gate says."""
    _decide("reject", by, why, expires)


@app.command()
def override(by: By, why: Why, expires: Expires = None) -> None:
    """Record that this model may ship although the gate holds it back, and why."""
    _decide("override", by, why, expires)


def _decide(kind: Any, by: str, why: str, expires: str | None) -> None:
    from datetime import date

    from operate.approval import Wish
    from operate.approve import record

    try:
        day = date.fromisoformat(expires) if expires else None
    except ValueError:
        raise LoopwrightError(f"--expires {expires}: a day was expected: 2027-03-31") from None
    print(record(Path(), Wish(kind, by, why, day)))


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


@app.command("audit-column")
def audit_column(
    column: Annotated[str, typer.Argument(help="A column of scores, 0 to 1, or decisions.")],
    out: Annotated[Path, typer.Option(help="A new folder: page, JSON, pictures.")],
    decision_threshold: Annotated[
        float | None, typer.Option(help="The score from which on the system acts.")
    ] = None,
) -> None:
    """Does a system outside of this project treat groups alike? Exit code 1: a check failed."""
    from operate.audit_column import JSON, PAGE
    from operate.audit_column import audit_column as run

    verdicts = run(Path(), column, decision_threshold, out)
    for status in ("fail", "insufficient", "warn"):
        for verdict in verdicts:
            if verdict.status == status:
                print(f"{status}: {verdict.id}: {verdict.why}")
    print(f"{out / PAGE}, {out / JSON}")
    raise typer.Exit(1 if any(verdict.status == "fail" for verdict in verdicts) else 0)


@app.command()
def history(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a page that needs no other file.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the progress as PNG.")] = None,
    main: Annotated[str | None, typer.Option(help="The branch that keeps; else main.")] = None,
) -> None:
    """List what was tried, what came of it, and what was decided."""
    from operate.history import as_document, read_ledger, show

    with Console(stderr=True).status("comparing iterations on their rows"):
        ledger = read_ledger(Path(), main)
    if html or figure:
        from operate.history_page import write_figure, write_page

        if figure:
            write_figure(ledger, figure)
        if html:
            write_page(ledger, html)
    elif as_json:
        print(json.dumps(as_document(ledger), indent=2, ensure_ascii=False))
    else:
        show(ledger, Console())


@app.command()
def leaderboard(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the candidates of the last run: score, distance to the winner, seconds, size."""
    from operate.leaderboard import as_document, leaderboard, show

    board = leaderboard(Path())
    if as_json:
        print(json.dumps(as_document(board), indent=2, ensure_ascii=False))
    else:
        show(board, Console())


@app.command(name="merge-lock")
def merge_lock(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Ancestor, ours and theirs; ours is replaced.")
    ] = None,
    install: Annotated[bool, typer.Option("--install", help="Tell git of this merge.")] = False,
) -> None:
    """Merge dvc.lock for git. Exit code 1: stages are left out for `dvc repro` to compute."""
    from operate.merge_lock import install as install_driver
    from operate.merge_lock import merge_files

    if install:
        install_driver(Path())
        return
    if files is None or len(files) != 3:
        raise LoopwrightError("merge-lock takes three files (%O %A %B of git), or --install")
    dropped = merge_files(*files)
    for stage, why in dropped.items():
        print(f"dvc.lock: {stage}: {why}; `dvc repro` computes it", file=sys.stderr)
    raise typer.Exit(1 if dropped else 0)


@app.command()
def restore(
    revisions: Annotated[
        list[str] | None, typer.Argument(help="Commits to fetch too, to compare with.")
    ] = None,
    compute: Annotated[
        bool, typer.Option("--compute", help="Run these commits for what cannot be fetched.")
    ] = False,
) -> None:
    """Fetch what the DVC remote has; without one, say so. Then `dvc repro` has less to do."""
    from operate.remote import restore

    for line in restore(Path(), revisions or (), compute):
        print(line, flush=True)


remote = typer.Typer(help="Where the outputs of all commits are: a DVC remote.")
app.add_typer(remote, name="remote", no_args_is_help=True)


@remote.command(name="add")
def remote_add(
    url: Annotated[str, typer.Argument(help="A folder, s3://..., ssh://...; no credentials.")],
    name: Annotated[str, typer.Option(help="What the remote is called.")] = "storage",
    check: Annotated[bool, typer.Option(help="Write and read a small file first.")] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Give a name that is taken this address.")
    ] = False,
) -> None:
    """Write a DVC remote into .dvc/config, as the default, once it can be written and read."""
    from operate.remote import add

    print(add(Path(), url, name, probe=check, force=force))


@remote.command(name="check")
def remote_check() -> None:
    """Can the default remote be written and read? Exit code 2: it cannot, and why."""
    from operate.remote import check

    print(check(Path()))


@remote.command(name="push")
def remote_push() -> None:
    """Upload the outputs of dvc.lock and the run cache, by `dvc push --run-cache`."""
    from operate.remote import push

    raise typer.Exit(push(Path()))


@app.command()
def freshness(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    repro: Annotated[
        bool, typer.Option("--repro", help="Then read again what changed, and what depends on it.")
    ] = False,
) -> None:
    """Which sources changed since they were read? 0: none; 1: one did; 2: one cannot be asked."""
    from operate.freshness import as_document, exit_code, freshness, show
    from operate.freshness import repro as run

    rows = freshness(Path())
    if as_json:
        print(json.dumps(as_document(rows), indent=2, ensure_ascii=False))
    else:
        show(rows, Console())
    code = exit_code(rows)
    raise typer.Exit(run(rows) if repro and code != 2 else code)


@app.command()
def comment(
    file: Annotated[Path, typer.Argument(help="The review, in Markdown.")],
    artifact: Annotated[
        str, typer.Option(help="What the job calls the pictures that it keeps.")
    ] = "loopwright-review",
) -> None:
    """Put FILE on the pull request of this CI job: one comment, brought up to date."""
    from operate.comment import comment

    for line in comment(_text(file), artifact=artifact):
        print(line)


schema = typer.Typer(help="Let schema.yaml follow the data, line by line and by hand.")
app.add_typer(schema, name="schema", no_args_is_help=True)


@schema.command(name="propose")
def schema_propose() -> None:
    """What do the sources ask of schema.yaml, and why? Exit code 1: something."""
    from operate.schema_change.command import propose

    proposal = propose(Path())
    for line in proposal.told([change for change in proposal.changes if change.is_proposed]):
        print(line)
    raise typer.Exit(1 if proposal.changes else 0)


@schema.command(name="accept")
def schema_accept(
    only: Annotated[
        list[str] | None, typer.Option("--only", help="A column whose line is accepted.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Accept all lines.")] = False,
) -> None:
    """Write proposed lines into schema.yaml; on a terminal each is asked about."""
    from operate.schema_change.command import accept

    def ask(told: str) -> bool:
        print(told)
        return typer.confirm("accept")

    for line in accept(Path(), only or (), everything, ask if sys.stdin.isatty() else None):
        print(line)


@app.command("json-schema")
def json_schema() -> None:
    """Write the JSON schemas by which an editor completes params.yaml and schema.yaml."""
    from operate.json_schema import write

    for path in write(Path()):
        print(path)


Files = Annotated[
    list[str] | None, typer.Argument(help="Files of git's index; all of them by default.")
]


@app.command("check-tracked")
def check_tracked(files: Files = None) -> None:
    """Is what git would keep for git to keep? Exit code 1: a table, a model or a notebook."""
    from operate.hooks import check_tracked
    from operate.index import read_index

    index = read_index(Path())
    _tell([str(found) for found in check_tracked(index, files or index.blobs)])


@app.command("check-private")
def check_private(files: Files = None) -> None:
    """Does git keep personal data or secrets? Exit code 1: it does; values are not shown."""
    from operate.hooks import check_private
    from operate.index import read_index

    index = read_index(Path())
    _tell([str(found) for found in check_private(index, files or index.blobs)])


@app.command("check-lock")
def check_lock() -> None:
    """Is dvc.lock in step with what would be committed? Exit code 1: a stage has to run."""
    from operate.in_step import drift, told
    from operate.index import read_index

    _tell(told(drift(read_index(Path()))))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise LoopwrightError(f"{file} cannot be read: {fault}") from None


def _tell(faults: list[str]) -> None:
    for fault in faults:
        print(fault)
    raise typer.Exit(1 if faults else 0)


exp = typer.Typer(help="Try something by `dvc exp`, after a look at what it would do.")
app.add_typer(exp, name="exp", no_args_is_help=True)


@exp.callback()
def _exp() -> None:
    """Keep the name of the command on the line, however few there are."""


@exp.command(name="run")
def exp_run(
    name: Annotated[str | None, typer.Option("--name", "-n", help="What it is called.")] = None,
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="The hypothesis: what you expect, why.")
    ] = None,
    set_param: Annotated[
        list[str] | None, typer.Option("--set-param", "-S", help="key=value of params.yaml.")
    ] = None,
    queue: Annotated[bool, typer.Option("--queue", help="Wait for `dvc queue start`.")] = False,
) -> None:
    """Run an experiment by `dvc exp run`, unless it could not tell anything."""
    from operate.exp import Experiment, run

    asked = {"-n NAME": name, '-m "what you expect, and why"': message}
    if not sys.stdin.isatty() and None in asked.values():
        missing = ", ".join(option for option, given in asked.items() if given is None)
        raise LoopwrightError(f"an experiment needs {missing}")
    name = name if name is not None else typer.prompt("name of the experiment")
    message = message if message is not None else typer.prompt("what do you expect, and why")
    raise typer.Exit(run(Path(), Experiment(name, message, tuple(set_param or ()), queue)))


@app.command()
def trace(
    key: Annotated[str, typer.Argument(help="The row: a value of the column charter.key.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Follow one prediction to its model, data, params and commit."""
    from dataclasses import asdict

    from operate.trace import show
    from operate.trace import trace as follow

    found = follow(Path(), key)
    if as_json:
        print(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        show(found, Console())


@app.command()
def predict(
    file: Annotated[Path, typer.Argument(help="The rows: CSV, Parquet, JSON lines or Excel.")],
    out: Annotated[
        Path | None, typer.Option(help="Write .csv, .jsonl or .parquet; else CSV is printed.")
    ] = None,
) -> None:
    """Answer each row of a file with the model that is here. No target is needed."""
    from operate.serving.batch import predict as run

    run(Path(), file, out)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes one that is free.")] = 8000,
) -> None:
    """Answer rows over HTTP with the model that is here, until the process is ended."""
    try:
        from operate.serving.server import serve as run
    except ModuleNotFoundError as fault:
        raise LoopwrightError(
            f"serve: the package '{fault.name}' is not installed; it is an extra: "
            'run `make lock EXTRAS="--extra serve"` and then `make install`'
        ) from None
    run(Path(), host, port)


@app.command()
def review(
    base: Annotated[
        str | None, typer.Argument(help="The old revision; by default where HEAD left main.")
    ] = None,
    head: Annotated[
        str | None, typer.Argument(help="The new revision; by default the workspace.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the Markdown here, its pictures beside it.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page here.")] = None,
    figures: Annotated[Path | None, typer.Option(help="The folder of the pictures.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Is a revision better than another, and what changed? Commits, branches, experiments."""
    from operate.review.command import run

    run(Path(), base, head, out=out, html=html, figures=figures, as_json=as_json)


@app.command("data-diff")
def data_diff(
    base: Annotated[
        str | None, typer.Argument(help="The old revision; by default where HEAD left main.")
    ] = None,
    head: Annotated[
        str | None, typer.Argument(help="The new revision; by default the workspace.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it as one JSON document.")] = False,
    figures: Annotated[Path | None, typer.Option(help="Draw the worst columns there.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
) -> None:
    """What changed in the data? Rows, columns, units, categories, labels, distributions."""
    from operate.data_diff.command import run

    run(Path(), base, head, as_json=as_json, folder=figures, out=out)
