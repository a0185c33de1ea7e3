"""`loopwright init`: from a file to the two files that the pipeline starts from."""

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from operate.inference import MISSING, infer_columns, missing_markers
from operate.init.proposal import Note, Proposal, propose, target_of
from operate.init.sniff import Sniffed, sniff
from operate.init.wishes import Wishes
from operate.init.writing import write_params, write_schema
from operate.pipeline import read_pipeline
from stages.core.errors import LoopwrightError
from stages.core.files import write_text
from stages.core.params import read_params
from stages.core.schema import Schema, read_schema
from stages.core.sources.formats import read_file
from stages.core.sources.raw import Raw
from stages.core.sources.typed import typed

# What is written anew; git must be able to bring it back.
REPLACED = ("params.yaml", "schema.yaml", "dvc.yaml")

# Larger than this, git is no place for a table; DVC keeps it.
GIT_BYTES = 1_000_000


@dataclass(frozen=True)
class Started:
    """What was written.

    Attributes:
        files: the files, the first the two that a person reviews.
        notes: what was guessed.
        source: where the table is now.
    """

    files: tuple[str, ...]
    notes: tuple[Note, ...]
    source: str


def start(root: Path, source: Path, wishes: Wishes, overwrite: bool) -> Started:
    """Write params.yaml and schema.yaml for the table at `source`, and point dvc.yaml at it.

    Raises:
        LoopwrightError: the table cannot be read, the target is not in it, or there is a
            project already and `overwrite` is False. Then nothing is written.
    """
    pipeline = read_pipeline(root)
    if not overwrite and not _is_default(root, pipeline.path("source")):
        raise LoopwrightError(
            "params.yaml and schema.yaml are those of a project already; --overwrite replaces them"
        )
    _check_committed(root)
    found = sniff(source)
    raw = _read(source, found)
    missing_values = missing_markers(raw)
    guesses = infer_columns(raw, missing_values)
    target, line, notes = target_of(guesses, wishes.target, wishes.task, wishes.positive)
    columns = {name: guess.column for name, guess in guesses.items()} | {target.column: line}
    schema = Schema(columns=columns)
    frame = typed(raw, schema, missing_values)
    frame = frame[frame[target.column].notna()].reset_index(drop=True)
    proposal = propose(guesses, frame, target, columns)
    every = (*_of_dialect(found), *_of_markers(missing_values), *notes, *proposal.notes)
    proposal = _with(proposal, every)
    title = wishes.title or f"{line.title}, from {source.name.split('.')[0]}"
    params = write_params(
        (root / "params.yaml").read_text(encoding="utf-8"),
        proposal,
        found.format,
        missing_values,
        title,
    )
    described = write_schema(columns, guesses, every)
    place, tracked = _place(root, source)
    written = [(root / "params.yaml", params), (root / "schema.yaml", described)]
    loop = (root / "dvc.yaml").read_text(encoding="utf-8")
    edited = _named(_pointed_at(loop, place), place, target.task)
    written.append((root / "dvc.yaml", edited))
    for file, text in written:
        _check(file, text)
    for file, text in written:
        write_text(file, text)
    return Started(("params.yaml", "schema.yaml", "dvc.yaml", *tracked), every, place)


def _read(source: Path, found: Sniffed) -> Raw:
    def every(name: str, header: object) -> dict[str, str]:
        names = list(map(str, header))  # type: ignore[call-overload]  # names of columns
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise LoopwrightError(
                f"{source}: column {', '.join(map(repr, twice))} stands twice; give each column a "
                "name of its own"
            )
        return dict(zip(names, names, strict=True))

    return read_file(source, str(source), found.format, every)


def _of_dialect(found: Sniffed) -> tuple[Note, ...]:
    return tuple(Note("ingest.sources", found.format.kind, why, False) for why in found.doubts)


def _of_markers(missing_values: tuple[str, ...]) -> tuple[Note, ...]:
    """Say which texts are taken for missing that elsewhere may be values."""
    odd = [repr(text) for text in missing_values if text not in MISSING]
    why = f"{', '.join(odd)}: taken for missing wherever it stands"
    return (Note("ingest.sources", "missing_values", why, False),) if odd else ()


def _with(proposal: Proposal, notes: tuple[Note, ...]) -> Proposal:
    return replace(proposal, notes=notes)


def _is_default(root: Path, source: str) -> bool:
    return source == "data/source/credit_default.csv.gz" and (root / source).is_file()


def _check_committed(root: Path) -> None:
    """Refuse to replace what only this working tree has."""
    command = ["git", "status", "--porcelain", "--", *REPLACED]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True)
    changed = [line[3:] for line in told.stdout.splitlines()]
    if told.returncode or changed:
        what = ", ".join(changed) if changed else told.stderr.strip()
        raise LoopwrightError(
            f"{what}: changed and not committed, and would be replaced; commit it first, or "
            "take the change back by `git checkout`"
        )


def _place(root: Path, source: Path) -> tuple[str, tuple[str, ...]]:
    """Return where the table lies in the repository, and what was written to keep it there."""
    top = root.resolve()
    path = source.resolve()
    if not path.is_relative_to(top):
        copy = top / "data" / "source" / source.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, copy, dirs_exist_ok=True)
        else:
            shutil.copyfile(path, copy)
        path = copy
    place = path.relative_to(top).as_posix()
    listed = subprocess.run(
        ["git", "ls-files", "--error-unmatch", place], cwd=top, capture_output=True
    )
    small = path.is_file() and path.stat().st_size <= GIT_BYTES
    if listed.returncode == 0 or (small and path.is_relative_to(top / "data" / "source")):
        return place, (place,)
    added = subprocess.run(["dvc", "add", place], cwd=top, capture_output=True, text=True)
    if added.returncode:
        told = [line for line in added.stderr.splitlines() if line.strip()]
        raise LoopwrightError(f"dvc add {place}: {' '.join(told[-3:]) or added.stdout.strip()}")
    return place, (f"{place}.dvc",)


def _pointed_at(pipeline: str, place: str) -> str:
    """Return dvc.yaml with `paths.source` set to `place`."""
    edited, count = re.subn(
        r"(?m)^(\s+source:\s).*$", lambda found: f"{found[1]}{_scalar(place)}", pipeline, count=1
    )
    if not count:
        raise LoopwrightError("dvc.yaml: vars.paths has no line for source")
    return edited


def _named(pipeline: str, place: str, task: str) -> str:
    """Return dvc.yaml with its artifact called after the table, and labelled by its task."""
    words = re.findall("[a-z0-9]+", Path(place).name.split(".")[0].lower())
    # DVC takes names of letters, digits and hyphens that begin with a letter.
    name = "-".join(words if words and words[0][0].isalpha() else ["model", *words])
    named = re.sub(r"(?m)^(artifacts:\n  )[\w-]+:$", rf"\g<1>{name}:", pipeline, count=1)
    return re.sub(r"(?m)^(    labels: \[tabular, )\w+\]$", rf"\g<1>{task}]", named, count=1)


def _scalar(text: str) -> str:
    return text if re.fullmatch(r"[\w./-]+", text) else "'" + text.replace("'", "''") + "'"


def _check(file: Path, text: str) -> None:
    """Refuse to write what the pipeline would refuse to read."""
    if file.name == "dvc.yaml":
        return
    trial = file.with_name(f".{file.stem}.trial.yaml")
    try:
        trial.write_text(text, encoding="utf-8")
        (read_params if file.name == "params.yaml" else read_schema)(trial)
    except LoopwrightError as fault:
        raise LoopwrightError(str(fault).replace(str(trial), str(file))) from None
    finally:
        trial.unlink(missing_ok=True)


def show(started: Started, console: Console) -> None:
    """Print what was guessed, the unsure first, and what to do next."""
    table = Table(title="What was guessed: look at it", title_justify="left", show_lines=False)
    for heading in ("Where", "Guess", "Why", ""):
        table.add_column(heading, overflow="fold")
    for note in sorted(started.notes, key=lambda note: note.sure):
        table.add_row(note.key, note.guess, note.why, "" if note.sure else "unsure")
    console.print(table)
    console.print(f"written: {', '.join(started.files)}")
    console.print(
        "next: read params.yaml and schema.yaml (`git diff`), answer each TODO of the charter, "
        "then `dvc repro`; `loopwright gate` says what is still open"
    )
