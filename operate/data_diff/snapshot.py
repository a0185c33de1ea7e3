"""The validated table of a revision, with what the revision says about it."""

from dataclasses import dataclass

import pandas as pd
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from operate.data_diff.changes import DataDiff
from operate.data_diff.compare import compare_tables
from operate.pipeline import read_pipeline
from operate.revisions import Revision, laid_out, open_table, read_bytes
from stages.core.errors import LoopwrightError
from stages.core.params import BinaryTarget
from stages.core.schema import Schema, read_schema


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A revision's validated table and what is declared of it.

    Attributes:
        table: the rows.
        schema: its schema.yaml.
        key: the column that ``charter.key`` names, or None.
        target: what ``charter.target`` says.
    """

    table: pd.DataFrame
    schema: Schema
    key: str | None
    target: BinaryTarget | None


def read_snapshot(revision: Revision) -> Snapshot:
    """Read what `revision` holds, where its own dvc.yaml has it.

    Raises:
        LoopwrightError: a file is missing or cannot be read.
    """
    with laid_out(revision, "dvc.yaml") as folder:
        pipeline = read_pipeline(folder)
    schema = pipeline.path("schema")
    with laid_out(revision, schema) as folder:
        described = read_schema(folder / schema)
    key, target = _charter(revision, pipeline.path("params"))
    return Snapshot(open_table(revision, pipeline.path("validated")), described, key, target)


def _charter(revision: Revision, params: str) -> tuple[str | None, BinaryTarget | None]:
    """Read the key and the target alone: old params need not fit the sections of today."""
    content = read_bytes(revision, params)
    try:
        charter = YAML(typ="safe").load(content.decode("utf-8"))["charter"]
        key, declared = charter["key"], charter["target"]
        # of several classes or a number the column itself is compared, and no rate
        outcome = charter.get("task", "binary") == "binary"
        target = BinaryTarget.model_validate(declared) if outcome else None
    except (UnicodeDecodeError, YAMLError, KeyError, TypeError, ValidationError):
        raise LoopwrightError(
            f"{params} at {revision}: charter.key and charter.target (column, positive, meaning) "
            "were expected"
        ) from None
    return None if key is None else str(key), target


def compare_snapshots(base: Snapshot, head: Snapshot) -> DataDiff:
    """Compare two snapshots, by the key and the target of the newer."""
    return compare_tables(base.table, head.table, base.schema, head.schema, head.key, head.target)
