"""`loopwright schema`: what the data asks of schema.yaml, and what a person accepted of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from operate.pipeline import read_pipeline
from operate.schema_change.proposal import Change, accepted, changes, read_raw
from operate.schema_change.text import diff, rewritten
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.files import write_text
from stages.core.markdown import one_line
from stages.core.params import read_params
from stages.core.schema import Schema, read_schema


@dataclass(frozen=True)
class Proposal:
    """What the sources ask of schema.yaml.

    Attributes:
        path: of schema.yaml, as dvc.yaml names it.
        text: what stands in it.
        schema: what that says.
        changes: the columns that fit no more, in the order of the schema.
    """

    path: str
    text: str
    schema: Schema
    changes: tuple[Change, ...]

    def named(self, names: Sequence[str]) -> list[Change]:
        """Return the changes of these columns.

        Raises:
            LoopwrightError: a column has none.
        """
        proposed = {change.column: change for change in self.changes if change.is_proposed}
        for name in names:
            if name not in proposed:
                possible = ", ".join(proposed) or "none"
                raise LoopwrightError(
                    f"no change of column '{name}' is proposed{did_you_mean(name, proposed)}; "
                    f"possible: {possible}"
                )
        return [proposed[name] for name in dict.fromkeys(names)]

    def with_lines(self, chosen: Sequence[Change]) -> str:
        """Return the text of schema.yaml with the lines of `chosen`."""
        return rewritten(self.text, self.schema, accepted(self.schema, chosen))

    def told(self, chosen: Sequence[Change]) -> Iterator[str]:
        """Yield the diff that `chosen` make, then what is left for a person to do."""
        if chosen:
            why = {change.column: one_line(str(change)) for change in chosen}
            yield from diff(self.text, self.with_lines(chosen), why, self.path)
        for change in self.changes:
            if not change.is_proposed:
                yield f"# {one_line(str(change))}"


def propose(root: Path) -> Proposal:
    """Read the sources of the repository `root` and hold them against its schema.yaml.

    Raises:
        LoopwrightError: a file of the project or a source cannot be read.
    """
    pipeline = read_pipeline(root)
    chosen = read_params(root / pipeline.path("params"))
    path = pipeline.path("schema")
    schema = read_schema(root / path)
    sources = read_raw(chosen.ingest, root / pipeline.path("source"))
    text = (root / path).read_text(encoding="utf-8")
    return Proposal(path, text, schema, tuple(changes(schema, sources)))


def accept(
    root: Path, only: Sequence[str], everything: bool, ask: Callable[[str], bool] | None
) -> Iterator[str]:
    """Write the chosen lines into schema.yaml; yield what was done.

    Args:
        root: the repository.
        only: the columns whose lines are chosen; with none, `everything` or `ask` decides.
        everything: all lines are chosen.
        ask: asks a person about one change; None where there is nobody to ask.

    Raises:
        LoopwrightError: as `propose`; a column of `only` has no change; nothing says which
            lines are chosen.
    """
    proposal = propose(root)
    proposed = [change for change in proposal.changes if change.is_proposed]
    if only:
        chosen = proposal.named(only)
    elif everything or not proposed:
        chosen = proposed
    elif ask is not None:
        chosen = [change for change in proposed if ask("\n".join(proposal.told([change])))]
    else:
        names = ", ".join(change.column for change in proposed)
        raise LoopwrightError(
            f"which lines? --only COLUMN, once or more, or --all; proposed: {names}"
        )
    if not chosen:
        yield f"{proposal.path}: nothing is accepted"
        return
    write_text(root / proposal.path, proposal.with_lines(chosen))
    after = accepted(proposal.schema, chosen)
    names = ", ".join(change.column for change in chosen)
    left = len(proposed) - len(chosen)
    rest = f"; {left} more are proposed" if left else ""
    yield f"{proposal.path}: version {after.version}: {names}{rest}; commit it, then `dvc repro`"
