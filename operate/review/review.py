"""The review as data: what a page shows and JSON holds."""

from dataclasses import dataclass

from operate.review.changes import Change, CodeChange, Rerun
from operate.review.difference import Decision
from operate.review.results import Flip, MetricRow, ModelRow, SliceRow
from operate.review.tries import Tries


@dataclass(frozen=True)
class Picture:
    """A figure of the stages at both revisions, as PNG; None where a side has none."""

    name: str
    base: bytes | None
    head: bytes | None


@dataclass(frozen=True)
class DataChange:
    """What changed in the validated table, in Markdown, and PNGs of it by name."""

    text: str
    pictures: dict[str, bytes]


@dataclass(frozen=True)
class Review:
    """All that was found.

    Attributes:
        base: what the old revision is called.
        head: what the new one is called.
        metric: the main metric's name; empty where no criterion names one.
        currency: of all that is money; empty where nobody says.
        decision: the verdict.
        rows: validation rows of base, head, and those that are compared.
        relabelled: rows in both with another truth.
        tries: how many models were measured on these rows.
        stretched: by how much the plain interval was stretched.
        seeds_only: nothing but seeds changed.
        metrics: a row each, the main one first.
        params: what changed in params.yaml.
        packages: what changed in the locked environment.
        code: what changed in files that stages depend on.
        other_files: how many files changed that no stage depends on.
        reruns: the stages that are not as they were.
        slices: parts of the shared rows.
        verdicts: those that are not what they were.
        model: what the model takes.
        pictures: figures of evaluate that differ.
        same_pictures: the names of those that do not.
        data: the diff of the validated tables, or None where they are the same.
        stale: stages of the workspace that must run again first.
        gaps: what could not be compared, and why.
    """

    base: str
    head: str
    metric: str
    currency: str
    decision: Decision
    rows: tuple[int, int, int]
    relabelled: int
    tries: Tries
    stretched: float
    seeds_only: bool
    metrics: list[MetricRow]
    params: list[Change]
    packages: list[Change]
    code: list[CodeChange]
    other_files: int
    reruns: list[Rerun]
    slices: list[SliceRow]
    verdicts: list[Flip]
    model: list[ModelRow]
    pictures: list[Picture]
    same_pictures: list[str]
    data: DataChange | None
    stale: list[str]
    gaps: list[str]
