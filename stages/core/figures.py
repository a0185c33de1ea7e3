"""The house style of every figure: plain matplotlib figures that become the same PNG bytes.

    fig, ax = figure()
    ax.plot(x, y, color=BLUE, label="model")
    ax.set(title="What is seen", xlabel=column.axis_title(), ylabel="share of rows")
    save(fig, path)

Text is never read as mathematics: "NT$" and ``a$b_c^{2}`` stand as they are written.
"""

import textwrap
import warnings
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from math import floor, log10
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import Formatter, LogFormatter, NullFormatter, ScalarFormatter
from PIL import Image

from stages.core.files import published
from stages.core.numbers import MINUS, SPACE

# Okabe and Ito (2008), "Color Universal Design": told apart with every kind of colour vision.
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
YELLOW = "#F0E442"
BLACK = "#000000"
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, YELLOW, BLACK)

# The two classes of the target, the same in every figure.
NEGATIVE = BLUE
POSITIVE = VERMILION

INK = "#222222"  # text
MUTED = "#595959"  # second text: 7:1 on white
FAINT = "#E3E3E3"  # grid
PALE = "#F2F2F2"  # "nothing here"

SEQUENTIAL = "cividis"
# From blue over near-white to vermilion: the two hues that all colour vision tells apart.
DIVERGING = LinearSegmentedColormap.from_list(
    "blue_vermilion", ["#003F63", BLUE, "#8FC1DE", "#F6F6F6", "#F0B68C", VERMILION, "#7A3600"]
)

DPI = 160
SMALL, NORMAL, LARGE = 9.0, 9.5, 11.0  # font sizes in points; nothing is smaller than SMALL

_STYLE: dict[str, Any] = {
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.titlesize": LARGE,
    "figure.titleweight": "bold",
    "font.family": ["DejaVu Sans"],
    "font.size": NORMAL,
    "text.color": INK,
    "text.parse_math": False,
    "axes.axisbelow": True,
    "axes.edgecolor": "#8C8C8C",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": NORMAL,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.titlesize": LARGE,
    "axes.titleweight": "bold",
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "image.cmap": SEQUENTIAL,
    "legend.edgecolor": "none",
    "legend.fancybox": False,
    "legend.fontsize": SMALL,
    "legend.framealpha": 0.85,
    "lines.linewidth": 1.8,
    "xtick.color": "#8C8C8C",
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": SMALL,
    "ytick.color": "#8C8C8C",
    "ytick.labelcolor": MUTED,
    "ytick.labelsize": SMALL,
}
_TICKS: dict[str, Any] = {
    "color": "#8C8C8C",
    "labelcolor": MUTED,
    "labelsize": SMALL,
    "grid_color": FAINT,
    "grid_linewidth": 0.7,
}
_ELSEWHERE = ("backend", "interactive", "savefig", "toolbar", "tk", "webagg", "keymap", "docstring")


def house_style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in the house style.

    It starts from matplotlib's own defaults, so that a ``matplotlibrc`` of the
    machine changes nothing. `figure` and `save` enter it by themselves; a stage that
    draws much puts its drawing into one such block.
    """
    own: dict[Any, Any] = {
        key: value
        for key, value in matplotlib.rcParamsDefault.items()
        if not key.startswith(_ELSEWHERE)
    }
    return matplotlib.rc_context(own | _STYLE)


def figure(width: float = 7.2, height: float = 4.4, **subplots_kw: Any) -> tuple[Figure, Any]:
    """Return a new figure of `width` by `height` inches and its axes, in the house style.

    Args:
        width: inches; 7.2 fits a page, 10 is the widest that stays readable in the report.
        height: inches.
        subplots_kw: for `Figure.subplots`: ``nrows``, ``ncols``, ``sharex``,
            ``squeeze``... and ``layout``, ``"constrained"`` unless given.

    Returns:
        The figure and one `Axes`, or an array of them where rows or columns are asked for.
    """
    layout = subplots_kw.pop("layout", "constrained")
    with house_style():
        fig = Figure(figsize=(width, height), layout=layout)
        FigureCanvasAgg(fig)
        axes = fig.subplots(**subplots_kw)
    for ax in fig.axes:
        dress(ax)
    return fig, axes


def panels(
    count: int,
    columns: int,
    size: tuple[float, float],
    title: str,
    note: str = "",
    keys: Sequence[tuple[str, str]] = (),
    gap: tuple[float, float] = (0.45, 0.75),
    margin: tuple[float, float] = (0.55, 0.6),
) -> tuple[Figure, list[Axes]]:
    """Return a figure of `count` equal panels under a common heading, and their axes.

    It is laid out in inches, once: no layout engine measures every text again. All
    lengths are inches.

    Args:
        count: how many panels, 1 or more, row by row.
        columns: how many panels stand side by side, at most.
        size: width and height of one panel's axes.
        title: what is seen.
        note: a second line: what is drawn, and of how many rows.
        keys: (name, colour) of what the colours mean.
        gap: between the axes of two panels: across, and down with room for names.
        margin: left of the first and below the last panel's axes.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    (w, h), (across, down), (left, below) = size, gap, margin
    # A single narrow panel leaves its heading no room.
    width = max(left + columns * w + (columns - 1) * across + 0.15, 5.2)
    right = width - left - columns * w - (columns - 1) * across
    title, note = (wrap(text, width - 0.3, points) for text, points in ((title, LARGE), (note, 9)))
    lines = title.count("\n") + 1, note.count("\n") + 1 if note else 0
    under_title = 0.12 + 0.2 * lines[0]
    under_note = under_title + 0.17 * lines[1]
    side_by_side = _keys_beside(keys, width)
    head = under_note + (0.5 if keys else 0.3)
    head += 0.2 * (-(-len(keys) // max(side_by_side, 1)) - 1) if keys else 0.0
    height = head + rows * h + (rows - 1) * down + below
    fig, grid = figure(
        width,
        height,
        nrows=rows,
        ncols=columns,
        squeeze=False,
        layout=None,
        gridspec_kw={
            "left": left / width,
            "right": 1 - right / width,
            "top": 1 - head / height,
            "bottom": below / height,
            "wspace": across / w,
            "hspace": down / h,
        },
    )
    axes: list[Axes] = list(grid.flat)
    for ax in axes[count:]:
        ax.remove()
    x = 0.12 / width
    with house_style():
        fig.suptitle(title, x=x, y=1 - 0.12 / height, ha="left", va="top")
        fig.text(x, 1 - under_title / height, note, color=MUTED, size=SMALL, va="top")
        if keys:
            fig.legend(
                handles=[Patch(color=colour, label=name) for name, colour in keys],
                loc="upper left",
                bbox_to_anchor=(0.04 / width, 1 - under_note / height),
                ncols=side_by_side,
                borderaxespad=0.1,
                handlelength=1.0,
                handleheight=1.0,
            )
    return fig, axes[:count]


def _keys_beside(keys: Sequence[tuple[str, str]], width: float) -> int:
    """Return how many keys of colours fit beside each other in `width` inches."""
    # Measured: a letter of a key takes 0.075 inches, its patch and the room around it 0.47.
    widest = max((0.47 + 0.075 * len(name) for name, _ in keys), default=1.0)
    total = sum(0.47 + 0.075 * len(name) for name, _ in keys)
    return len(keys) if total <= width else max(int(width / widest), 1)


def dress(ax: Axes) -> None:
    """Give axes that were added later the ticks, grid and number format of the house."""
    ax.tick_params(which="both", **_TICKS)
    for axis in (ax.xaxis, ax.yaxis):
        if isinstance(axis.get_major_formatter(), ScalarFormatter):
            axis.set_major_formatter(Amounts())


def notice(title: str, why: str) -> Figure:
    """Return a small figure that says in words why there is nothing to draw."""
    fig, (ax,) = panels(1, 1, (6.4, 0.02), title, why, margin=(0.2, 0.02))
    ax.remove()
    return fig


def save(fig: Figure, path: Path) -> None:
    """Write `fig` as PNG at `path`, whole or not at all: 160 dpi, no date, no software name."""
    with house_style(), warnings.catch_warnings():
        # A letter that the font has not is drawn as a box, which says so by itself.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        _finish(fig)
        canvas = FigureCanvasAgg(fig)
        fig.set_dpi(DPI)
        # matplotlib has no types for these two.
        canvas.draw()  # type: ignore[no-untyped-call]
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]
    with published(path) as temporary:
        Image.fromarray(np.ascontiguousarray(pixels)).save(
            temporary, format="PNG", dpi=(DPI, DPI), compress_level=6
        )


def _finish(fig: Figure) -> None:
    """Bring what was made outside the house style into it."""
    for ax in fig.axes:
        for axis in (ax.xaxis, ax.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatter):
                axis.set_major_formatter(Amounts())
                axis.set_minor_formatter(NullFormatter())
        _place_title(fig, ax)
    if fig.get_suptitle() and fig.get_layout_engine() is not None:
        title = wrap(fig.get_suptitle(), fig.get_figwidth() - 0.3, LARGE)
        fig.suptitle(title, x=0.1 / fig.get_figwidth(), ha="left")
    for legend in fig.findobj(Legend):
        legend.get_frame().set(edgecolor="none", alpha=0.85)
    for text in fig.findobj(Text):
        text.set_parse_math(False)


def _place_title(fig: Figure, ax: Axes) -> None:
    """Set a title at the left, broken where it is wider than its column of the figure."""
    title = ax.get_title(loc="left") or ax.get_title(loc="center")
    spec = ax.get_subplotspec()
    share = len(spec.colspan) / spec.get_gridspec().ncols if spec else 1.0
    size = LARGE if share == 1 else NORMAL
    if title:
        # The axes begin to the right of their tick labels: about half an inch.
        title = wrap(title, fig.get_figwidth() * share - 0.5, size)
        ax.set_title("", loc="center")
        ax.set_title(title, loc="left", fontsize=size)


def wrap(text: str, inches: float, points: float = NORMAL) -> str:
    """Return `text` broken into lines of about `inches` at a font of `points`.

    A text that has line breaks already keeps them.
    """
    if "\n" in text:
        return text
    # Titles are bold: their letters are wider by a tenth.
    return textwrap.fill(text, _letters(inches, 1.1 * points))


def elide(text: str, limit: int = 28) -> str:
    """Return `text` on one line and at most `limit` characters long, its middle left out.

    Names of columns often differ at their ends (``..._sep``, ``..._oct``): both stay.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= limit:
        return line
    tail = (limit - 1) // 2
    return f"{line[: limit - 1 - tail].rstrip()}…{line[len(line) - tail :].lstrip()}"


def fit(text: str, inches: float, lines: int = 1, points: float = SMALL) -> str:
    """Return `text` in at most `lines` lines of about `inches`, elided where it is longer."""
    letters = _letters(inches, points)
    line = elide(text, letters * lines)
    while len(textwrap.wrap(line, letters)) > lines:
        line = elide(text, len(line) - 1)
    # Lines of about one length: no last word stands alone.
    count = len(textwrap.wrap(line, letters))
    even = next(
        width
        for width in range(-(-len(line) // max(count, 1)), letters + 1)
        if len(textwrap.wrap(line, max(width, 1))) <= count
    )
    return textwrap.fill(line, max(even, 1))


def _letters(inches: float, points: float) -> int:
    # Measured: a letter of DejaVu Sans is 0.52 em wide in the mean of English text.
    return max(int(inches * 72 / (0.56 * points)), 6)


def amount(value: float, digits: int = 3) -> str:
    """Return a number short enough for a figure: ``1.2M``, ``50k``, ``0.25``, ``1e20``."""
    return amounts([value], digits)[0]


def amounts(values: Iterable[float], digits: int = 3) -> list[str]:
    """Return numbers as `amount` does, with the fewest digits that tell them apart.

    Args:
        values: the numbers; those that are not finite give ``""``.
        digits: significant digits to begin with; whole numbers below 10,000 keep all.
    """
    numbers = [float(value) for value in values]
    finite = {value for value in numbers if np.isfinite(value)}
    # One spelling for all: 2.5k beside 10k, but 2500 where nothing is larger.
    thousands = max(map(abs, finite), default=0.0) >= 9999.5
    for precision in range(digits, 16):
        spelt = {_amount(value, precision, thousands) for value in finite}
        if len(spelt) == len(finite):
            break
    return [_amount(value, precision, thousands) if np.isfinite(value) else "" for value in numbers]


def percents(values: Iterable[float]) -> list[str]:
    """Return shares of 1 as ``22 %``, with the fewest digits that tell them apart."""
    return [f"{text}{SPACE}%" for text in amounts([100 * value for value in values], 2)]


def _amount(value: float, digits: int, thousands: bool) -> str:
    if value == 0:
        return "0"
    exponent = floor(log10(abs(value)))
    # Round first: 999,999 is 1M and not 1000k.
    rounded = round(
        value, max(digits - 1 - exponent, 0) if abs(value) < 1e4 else digits - 1 - exponent
    )
    size = abs(rounded)
    if size >= 1e15 or size < 1e-4:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        text = f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(power)}"
    else:
        units = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")] if thousands else []
        scale, suffix = next((unit for unit in units if size >= unit[0]), (1.0, ""))
        decimals = max(digits - 1 - floor(log10(size / scale)), 0)
        text = f"{rounded / scale:.{decimals}f}"
        text = (text.rstrip("0").rstrip(".") if "." in text else text) + suffix
    return text.replace("-", MINUS)


class Amounts(Formatter):
    """Tick labels by `amounts`: all ticks of an axis with one precision."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the label of one tick."""
        return amount(x)

    def format_ticks(self, values: Iterable[float]) -> list[str]:
        """Return the labels of all ticks of an axis."""
        ticks = np.asarray(list(values), dtype=float)
        # What is nothing beside the step is zero: 1e-17 on an axis from 0 to 1.
        step = np.ptp(ticks) if ticks.size else 0.0
        return amounts(np.where(np.abs(ticks) < step * 1e-9, 0.0, ticks))
