"""`loopwright data-diff`: resolve, compare, and write what was asked for."""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from operate.data_diff.changes import DataDiff, as_document
from operate.data_diff.figures import figures
from operate.data_diff.page import findings, markdown
from operate.data_diff.snapshot import compare_snapshots, read_snapshot
from operate.review.ends import default_base
from operate.revisions import Revision, resolve
from stages.core.files import write_text
from stages.core.markdown import escape


def run(
    root: Path,
    base: str | None,
    head: str | None,
    *,
    as_json: bool,
    folder: Path | None,
    out: Path | None,
) -> None:
    """Compare the validated tables of two revisions and tell what changed.

    Args:
        root: the repository.
        base: the old revision; by default where HEAD left main.
        head: the new one; by default the workspace.
        as_json: tell it as JSON instead of Markdown.
        folder: where pictures go, if anywhere; the Markdown links them.
        out: where the text goes; by default it is printed.

    Raises:
        LoopwrightError: there is no such revision, or its table cannot be read.
    """
    if base is None:
        base, head = default_base(root)
    first, second = resolve(base, root), resolve(head, root)
    before, now = read_snapshot(first), read_snapshot(second)
    diff = compare_snapshots(before, now)
    drawn = figures(diff, before.table, now.table, now.schema, folder) if folder else []
    if as_json:
        text = (
            json.dumps(
                _document(first, second, diff), indent=2, ensure_ascii=False, allow_nan=False
            )
            + "\n"
        )
    else:
        heading = f"## Data: {escape(first)} to {escape(second)}"
        start = Path() if out is None else out.parent
        text = "\n\n".join([heading, markdown(diff).rstrip("\n"), *_links(drawn, start)]) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        write_text(out, text)


def _document(base: Revision, head: Revision, diff: DataDiff) -> dict[str, Any]:
    told = [asdict(finding) for finding in findings(diff)]
    return {"base": str(base), "head": str(head), "findings": told, **as_document(diff)}


def _links(files: Iterable[Path], start: Path) -> list[str]:
    """Return each picture as Markdown, by its path from the folder `start`."""
    paths = [Path(os.path.relpath(file, start)).as_posix() for file in files]
    return [f"![{escape(Path(path).stem)}]({quote(path)})" for path in paths]
