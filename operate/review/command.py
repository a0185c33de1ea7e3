"""`loopwright review`: resolve, compare, and write what was asked for."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from operate.review.document import Block, Link, images, to_html, to_markdown
from operate.review.ends import default_base
from operate.review.gather import review
from operate.review.page import as_document, compose, title_of
from operate.revisions import resolve
from stages.core.files import published, write_text


def run(
    root: Path,
    base: str | None,
    head: str | None,
    *,
    out: Path | None,
    html: Path | None,
    figures: Path | None,
    as_json: bool,
) -> None:
    """Compare two revisions and write the review.

    Args:
        root: the repository.
        base: the old revision; by default where HEAD left main.
        head: the new one; by default the workspace.
        out: where the Markdown goes; by default it is printed, unless something else is
            asked for.
        html: where the HTML goes, if anywhere.
        figures: the folder of the pictures that the Markdown links; by default beside
            `out`. Printed Markdown has pictures only where this is given.
        as_json: print JSON instead of Markdown.

    Raises:
        LoopwrightError: there is no such revision, or nothing to compare.
    """
    if base is None:
        base, head = default_base(root)
    found = review(root, resolve(base, root), resolve(head, root))
    if as_json:
        print(json.dumps(as_document(found), indent=2, ensure_ascii=False, default=str))
    printed = out is None and html is None and not as_json
    blocks = compose(found) if out or html or printed else []
    if out is not None and figures is None:
        figures = out.parent / f"{out.stem}_figures"
    if out is not None or printed:
        text = to_markdown(blocks, _links(figures, out))
        if figures is not None:
            _write_pictures(blocks, figures)
        if out is None:
            sys.stdout.write(text)
        else:
            write_text(out, text)
    if html is not None:
        write_text(html, to_html(title_of(found), blocks))


def _links(figures: Path | None, out: Path | None) -> Link | None:
    """Return how the Markdown at `out` names a picture; None where there are no pictures."""
    if figures is None:
        return None
    start = Path() if out is None else out.parent
    folder = Path(os.path.relpath(figures, start)).as_posix()
    return lambda name: quote(f"{folder}/{name}")


def _write_pictures(blocks: Sequence[Block], figures: Path) -> None:
    for image in images(blocks):
        with published(figures / image.name) as file:
            file.write_bytes(image.png)
