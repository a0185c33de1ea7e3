"""A document in blocks, and its two forms: Markdown for a pull request and one HTML file."""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape as html
from html import unescape

from stages.core.markdown import code as markdown_code
from stages.core.markdown import escape as markdown
from stages.core.markdown import one_line

# GitHub refuses a comment of more than 65,536 characters; some room for a bot's own words.
MARKDOWN_LIMIT = 65_000
# A table of the Markdown shows at most so many rows: the first of these with which the
# whole document stays below the limit.
ROWS = (30, 15, 8, 4, 0)
# Longer texts in a cell lose their end.
CELL = 200


@dataclass(frozen=True)
class Code:
    """A name from the project, set as code."""

    text: str


Cell = str | Code


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph; `lead` stands before it, bold."""

    text: str
    lead: str = ""


@dataclass(frozen=True)
class Points:
    """A list; with boxes to tick where `boxes`."""

    items: tuple[str, ...]
    boxes: bool = False


@dataclass(frozen=True)
class Table:
    """A table; `numbers` are the columns that are set flush right."""

    header: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Image:
    """A PNG by its name, a path below the folder of pictures."""

    name: str
    alt: str
    png: bytes


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side, each under its title; None leaves a place empty."""

    titles: tuple[str, ...]
    images: tuple[Image | None, ...]


@dataclass(frozen=True)
class Ready:
    """A part that was written elsewhere, in Markdown."""

    text: str


@dataclass(frozen=True)
class Fold:
    """Blocks under a line that opens them."""

    title: str
    blocks: tuple["Block", ...]


Block = Heading | Text | Points | Table | Pictures | Ready | Fold
Link = Callable[[str], str]


def images(blocks: Sequence[Block]) -> list[Image]:
    """Return all pictures of a document."""
    found: list[Image] = []
    for block in blocks:
        if isinstance(block, Fold):
            found += images(block.blocks)
        elif isinstance(block, Pictures):
            found += [image for image in block.images if image is not None]
    return found


# --- Markdown ---------------------------------------------------------------------------


def to_markdown(blocks: Sequence[Block], link: Link | None) -> str:
    """Return a document as GitHub's Markdown, below `MARKDOWN_LIMIT` characters.

    Tables are shortened to as many rows as `ROWS` allows, and say so; if that is not
    enough, whole parts from the end are left out, and that is said too.

    Args:
        blocks: the document.
        link: from the name of a picture to its link; None leaves pictures out.
    """
    for rows in ROWS:
        text = _join(blocks, rows, link)
        if len(text) <= MARKDOWN_LIMIT:
            return text
    note = "\n\n_The rest is left out to fit a comment; `--html` and `--json` have all._\n"
    parts, room = [], MARKDOWN_LIMIT - len(note)
    for block in blocks:
        part = _block(block, ROWS[-1], link)
        room -= len(part) + 2
        if room < 0:
            break
        parts.append(part)
    return "\n\n".join(filter(None, parts)) + note


def _join(blocks: Sequence[Block], rows: int, link: Link | None) -> str:
    parts = [_block(block, rows, link) for block in blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block, rows: int, link: Link | None) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {markdown(block.text)}"
        case Text():
            lead = f"**{markdown(block.lead)}** " if block.lead else ""
            return f"{lead}{markdown(block.text)}".strip()
        case Points():
            box = "[ ] " if block.boxes else ""
            return "\n".join(f"- {box}{markdown(item)}" for item in block.items)
        case Table():
            return _table(block, rows)
        case Pictures():
            return _pictures(block, link)
        case Ready():
            return block.text.strip()
        case Fold():
            inner = _join(block.blocks, rows, link)
            summary = html(one_line(block.title))
            return f"<details><summary>{summary}</summary>\n\n{inner}\n</details>"


def _table(table: Table, rows: int) -> str:
    marks = ["--:" if i in table.numbers else "---" for i in range(len(table.header))]
    lines = [[str(markdown(name)) for name in table.header], marks]
    lines += [[_cell(cell) for cell in row] for row in table.rows[:rows]]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    left = len(table.rows) - rows
    if left > 0:
        text += f"\n\n_{left:,} more rows are left out here; `--html` and `--json` have all._"
    return text


def _cell(cell: Cell) -> str:
    if isinstance(cell, Code):
        return str(markdown_code(shorten(cell.text)))
    return str(markdown(shorten(cell))) or " "


def _pictures(pictures: Pictures, link: Link | None) -> str:
    if link is None:
        return ""
    shown = [
        f"![{markdown(i.alt)}]({link(i.name)})" if i else "no such figure" for i in pictures.images
    ]
    if len(shown) == 1:
        return shown[0]
    titles = " | ".join(str(markdown(title)) for title in pictures.titles)
    return f"| {titles} |\n|{' --- |' * len(shown)}\n| {' | '.join(shown)} |"


def shorten(text: str) -> str:
    """Return `text` on one line of at most `CELL` characters."""
    line = one_line(text)
    return line if len(line) <= CELL else f"{line[: CELL - 1].rstrip()}…"


BOXES = ' class="boxes"'

# --- HTML -------------------------------------------------------------------------------

STYLE = """\
:root { color-scheme: light dark; --ink: #222; --muted: #595959; --line: #ddd; --pale: #f5f5f5 }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 72rem;
  margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line) }
table { border-collapse: collapse; font-size: .9rem; display: block; overflow-x: auto }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; overflow-wrap: break-word; max-width: 34rem }
th { color: var(--muted); font-weight: 600 }
th, .n { white-space: nowrap }
.n { text-align: right; font-variant-numeric: tabular-nums }
code { font: .9em ui-monospace, monospace; background: var(--pale); padding: .05em .3em }
img { max-width: 100%; height: auto; background: #fff }
figure { margin: 0; min-width: 0 }
figure:only-child { max-width: 46rem }
figcaption { color: var(--muted); font-size: .85rem }
.side { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1rem;
  margin: 1rem 0 }
summary { cursor: pointer; font-weight: 600; margin: 1rem 0 }
ul.boxes { list-style: none; padding-left: .2rem }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --muted: #aaa; --line: #444; --pale: #262626 }
  body { background: #1b1b1b }
}
"""


def to_html(title: str, blocks: Sequence[Block]) -> str:
    """Return a document as one HTML file that asks nothing of the network."""
    body = "\n".join(_html(block) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html(one_line(title))}</title>\n<style>\n{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{html(one_line(block.text))}</h{block.level}>"
        case Text():
            lead = f"<strong>{html(one_line(block.lead))}</strong> " if block.lead else ""
            return f"<p>{lead}{html(one_line(block.text))}</p>"
        case Points():
            box = '<input type="checkbox" aria-label="decided"> ' if block.boxes else ""
            items = "".join(f"<li>{box}{html(one_line(item))}</li>" for item in block.items)
            return f"<ul{BOXES if block.boxes else ''}>{items}</ul>"
        case Table():
            return _html_table(block)
        case Pictures():
            return _html_pictures(block)
        case Ready():
            return _ready(block.text)
        case Fold():
            inner = "\n".join(_html(inner) for inner in block.blocks)
            return f"<details><summary>{html(one_line(block.title))}</summary>\n{inner}\n</details>"


def _html_table(table: Table) -> str:
    right = [' class="n"' if i in table.numbers else "" for i in range(len(table.header))]

    def line(tag: str, cells: Sequence[Cell]) -> str:
        shown = (
            f"<code>{html(shorten(cell.text))}</code>"
            if isinstance(cell, Code)
            else html(shorten(cell))
            for cell in cells
        )
        inner = zip(right, shown, strict=True)
        return f"<tr>{''.join(f'<{tag}{css}>{text}</{tag}>' for css, text in inner)}</tr>"

    rows = "\n".join(line("td", row) for row in table.rows)
    return f"<table>\n<thead>{line('th', table.header)}</thead>\n<tbody>\n{rows}\n</tbody></table>"


def _html_pictures(pictures: Pictures) -> str:
    shown = []
    for title, image in zip(pictures.titles, pictures.images, strict=True):
        alone = len(pictures.images) == 1
        caption = "" if alone else f"<figcaption>{html(one_line(title))}</figcaption>"
        if image is None:
            shown.append(f"<figure>{caption}<p>no such figure</p></figure>")
        else:
            data = base64.b64encode(image.png).decode("ascii")
            source = f"data:image/png;base64,{data}"
            shown.append(
                f'<figure>{caption}<img src="{source}" alt="{html(one_line(image.alt))}"></figure>'
            )
    return f'<div class="side">{"".join(shown)}</div>'


def _ready(text: str) -> str:
    """Return paragraphs and tables of Markdown as HTML, all that a part made elsewhere has."""
    parts = []
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = part.splitlines()
        if not lines[0].startswith("|"):
            parts.append(f"<p>{_inline(part)}</p>")
            continue
        rows = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in lines]
        cells = [[_inline(cell.strip()) for cell in row] for i, row in enumerate(rows) if i != 1]
        head, *body = (("".join(f"<td>{cell}</td>" for cell in row)) for row in cells)
        head = head.replace("<td>", "<th>").replace("</td>", "</th>")
        inner = "\n".join(f"<tr>{row}</tr>" for row in body)
        parts.append(f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{inner}\n</tbody></table>")
    return "\n".join(parts)


def _inline(text: str) -> str:
    """Return one line of Markdown with its code spans, and its escapes taken back, as HTML."""
    pieces = re.split(r"(?<!\\)`([^`]*)`", text)
    for i, piece in enumerate(pieces):
        if i % 2:
            pieces[i] = f"<code>{html(piece)}</code>"
        else:
            pieces[i] = html(unescape(re.sub(r"\\(.)", r"\1", piece)))
    return "".join(pieces)
