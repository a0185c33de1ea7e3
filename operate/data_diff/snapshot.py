"""The validated table of a revision, with what the revision says about it."""

from dataclasses import dataclass

import pandas as pd

from operate.data_diff.changes import DataDiff
from operate.data_diff.compare import compare_tables
from operate.pipeline import read_pipeline
from operate.revisions import Revision, laid_out, open_table
from stages.core.params import read_params
from stages.core.schema import Schema, read_schema


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A revision's validated table and its schema."""

    table: pd.DataFrame
    schema: Schema


def read_snapshot(revision: Revision) -> Snapshot:
    """Read the validated table and the schema of `revision`, where its own dvc.yaml has them.

    Raises:
        LoopwrightError: one of them is missing or cannot be read.
    """
    with laid_out(revision, "dvc.yaml") as folder:
        pipeline = read_pipeline(folder)
    schema = pipeline.path("schema")
    with laid_out(revision, schema) as folder:
        described = read_schema(folder / schema)
    return Snapshot(open_table(revision, pipeline.path("validated")), described)


def compare_snapshots(base: Snapshot, head: Snapshot, revision: Revision) -> DataDiff:
    """Compare two snapshots by the key and the target that the charter names at `revision`.

    Raises:
        LoopwrightError: its params.yaml is missing or has faults.
    """
    with laid_out(revision, "dvc.yaml") as folder:
        params = read_pipeline(folder).path("params")
    with laid_out(revision, params) as folder:
        charter = read_params(folder / params).charter
    return compare_tables(
        base.table, head.table, base.schema, head.schema, charter.key, charter.target
    )
