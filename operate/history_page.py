"""The ledger to look at: the picture of progress, and a page that holds it."""

import base64
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure

from operate.history import Entry, Ledger, cells, closing, heads
from stages.core.errors import LoopwrightError
from stages.core.figures import BLUE, INK, MUTED, SMALL, VERMILION, elide, figure, save
from stages.core.files import write_text
from stages.core.numbers import number

LABELLED = 30  # more points than this have no room for their revisions


def draw(ledger: Ledger) -> Figure:
    """Draw the main metric over the iterations, with intervals; dead ends are hollow."""
    entries = [
        entry
        for entry in ledger.entries
        if entry.result.value is not None and entry.iteration.applied is None
    ]
    fig, ax = figure(width=10 if len(entries) > 12 else 7.2)
    kept = [(x, entry) for x, entry in enumerate(entries, 1) if not entry.is_dead_end]
    dead = [(x, entry) for x, entry in enumerate(entries, 1) if entry.is_dead_end]
    size = 6 if len(entries) <= LABELLED else 3
    for points, colour, filled, label in (
        (kept, BLUE, BLUE, f"on {ledger.main}"),
        (dead, VERMILION, "white", "not merged"),
    ):
        if points:
            xs, ys = [x for x, _ in points], [_value(entry) for _, entry in points]
            spread = [_spread(entry) for _, entry in points]
            ax.errorbar(
                xs, ys, tuple(zip(*spread, strict=True)), fmt="none", ecolor=colour, elinewidth=1.0
            )
            line = "-" if colour == BLUE else "none"
            ax.plot(
                xs, ys, marker="o", ls=line, ms=size, color=colour, mfc=filled, label=label, lw=1.2
            )
    criterion = ledger.criterion
    bound = criterion.at_least if criterion.at_least is not None else criterion.at_most
    if bound is not None:
        sign = "at least" if criterion.at_least is not None else "at most"
        ax.axhline(bound, color=INK, ls="--", lw=1.0, label=f"criterion: {sign} {number(bound)}")
    if len(entries) <= LABELLED:
        ax.set_xticks(range(1, len(entries) + 1))
        names = [
            elide(entry.iteration.experiment, 14) or entry.iteration.commit.short
            for entry in entries
        ]
        ax.set_xticklabels(names, rotation=60, ha="right", color=MUTED, size=SMALL)
    ax.set(
        title=f"{ledger.metric.title} on validation, with 95 % intervals",
        xlabel="iteration, oldest first",
        ylabel=f"{ledger.metric.title} ({ledger.metric.direction} is better)",
    )
    fig.legend(loc="outside lower center", ncols=3)
    return fig


def _value(entry: Entry) -> float:
    assert entry.result.value is not None  # noqa: S101 - only those that have one are drawn
    return entry.result.value


def _spread(entry: Entry) -> tuple[float, float]:
    """Return how far the interval reaches below and above the value."""
    value = _value(entry)
    low, high = entry.result.interval or (value, value)
    return max(value - low, 0.0), max(high - value, 0.0)


def write_figure(ledger: Ledger, file: Path) -> None:
    """Write the picture as PNG.

    Raises:
        LoopwrightError: `file` has another suffix.
    """
    if file.suffix.lower() != ".png":
        raise LoopwrightError(f"{file}: figures are PNG; give it the suffix .png")
    save(draw(ledger), file)


def write_page(ledger: Ledger, file: Path) -> None:
    """Write the ledger as one HTML file that needs no other."""
    with TemporaryDirectory() as folder:
        picture = Path(folder) / "progress.png"
        save(draw(ledger), picture)
        image = base64.b64encode(picture.read_bytes()).decode("ascii")
    head = "".join(f"<th>{escape(title)}</th>" for title in heads(ledger))
    rows = "\n".join(_row(entry) for entry in reversed(ledger.entries))
    notes = "".join(f"<li>{escape(line)}</li>" for line in closing(ledger))
    title = f"Progress of the {ledger.metric.title} over {len(ledger.entries)} iterations"
    write_text(
        file, _PAGE.format(image=image, title=escape(title), head=head, rows=rows, notes=notes)
    )


def _row(entry: Entry) -> str:
    columns = [escape(cell) for cell in cells(entry)]
    if entry.iteration.commit.body:
        columns[2] += (
            f"<details><summary>more</summary>{escape(entry.iteration.commit.body)}</details>"
        )
    columns[5] = f'<span class="{entry.decision.answer.replace(" ", "-")}">{columns[5]}</span>'
    kind = ' class="dead"' if entry.is_dead_end else ""
    return f"<tr{kind}>{''.join(f'<td>{column}</td>' for column in columns)}</tr>"


_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>History of iterations</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; color: #222; margin: 2rem auto; max-width: 75rem;
  padding: 0 1rem; }}
img {{ max-width: 100%; height: auto; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #e3e3e3; padding: .35rem .6rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }}
td:first-child {{ font-family: monospace; }}
td:nth-child(-n+2), td:nth-child(5) {{ white-space: nowrap; }}
details {{ white-space: pre-wrap; color: #595959; }}
.dead {{ color: #595959; background: #fafafa; }}
.better {{ color: #00694d; font-weight: 600; }}
.worse {{ color: #a33f00; font-weight: 600; }}
</style>
</head>
<body>
<h1>History of iterations</h1>
<img src="data:image/png;base64,{image}" alt="{title}">
<ul>{notes}</ul>
<div class="wide"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table></div>
</body>
</html>
"""
