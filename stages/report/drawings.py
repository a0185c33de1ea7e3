"""Small pictures that the page draws itself, as coordinates for SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin

from stages.core.numbers import number
from stages.report.evidence import Curve


@dataclass(frozen=True)
class Node:
    """A step on the loop: its centre, and where its label of two lines begins."""

    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True)
class Loop:
    """The loop: a node a step, the arcs between them, and the way back that is advised."""

    nodes: tuple[Node, ...]
    arcs: tuple[str, ...]
    back: str | None


CENTRE = (200.0, 170.0)
RADIUS = 112.0
NODE = 19.0
LINE = 15.0


def loop(size: int, back: tuple[int, int] | None) -> Loop:
    """Return a loop of `size` steps, clockwise from the top.

    Args:
        size: how many steps.
        back: from which step to which the way leads next, counted from 0.
    """
    angles = [2 * pi * place / size - pi / 2 for place in range(size)]
    gap = (NODE + 6) / RADIUS
    nodes = []
    for angle in angles:
        x, y = _at(angle, RADIUS)
        label_x, label_y = _at(angle, RADIUS + NODE + 12)
        side = round(cos(angle), 6)
        anchor = "middle" if abs(side) < 0.2 else "start" if side > 0 else "end"
        label_y -= round(LINE / 2 * (1 - sin(angle)), 1)  # two lines: above, beside or below
        nodes.append(Node(x, y, label_x, round(label_y, 1), anchor))
    arcs = tuple(_arc(a + gap, a + 2 * pi / size - gap) for a in angles)
    return Loop(tuple(nodes), arcs, _chord(nodes, *back) if back else None)


def _at(angle: float, radius: float) -> tuple[float, float]:
    return round(CENTRE[0] + radius * cos(angle), 1), round(CENTRE[1] + radius * sin(angle), 1)


def _arc(start: float, end: float) -> str:
    (x0, y0), (x1, y1) = _at(start, RADIUS), _at(end, RADIUS)
    return f"M{x0} {y0}A{RADIUS:g} {RADIUS:g} 0 0 1 {x1} {y1}"


def _chord(nodes: Sequence[Node], start: int, end: int) -> str:
    """Return a curve from one node to another that bends towards the centre."""
    a, b = nodes[start], nodes[end]
    bend = ((a.x + b.x) / 2 + CENTRE[0]) / 2, ((a.y + b.y) / 2 + CENTRE[1]) / 2

    def near(node: Node) -> tuple[float, float]:
        away = ((bend[0] - node.x) ** 2 + (bend[1] - node.y) ** 2) ** 0.5 or 1.0
        part = (NODE + 7) / away
        return node.x + (bend[0] - node.x) * part, node.y + (bend[1] - node.y) * part

    (x0, y0), (x1, y1) = near(a), near(b)
    return f"M{x0:.1f} {y0:.1f}Q{bend[0]:.1f} {bend[1]:.1f} {x1:.1f} {y1:.1f}"


@dataclass(frozen=True)
class Bars:
    """Values with intervals and a bound on one scale, in percent of its width."""

    bound: float
    better: str
    marks: tuple[tuple[float, float, float], ...]


def bars(
    bound: float, better: str, measured: Sequence[tuple[float, Sequence[float] | None]]
) -> Bars:
    """Return where `bound` and the measured values stand on a scale that holds them all.

    Args:
        bound: what the values are held against.
        better: ``higher`` or ``lower``.
        measured: values with their intervals.
    """
    spans = [(low, value, high) for value, ends in measured for low, high in [ends or (value,) * 2]]
    every = [bound, *(place for span in spans for place in span)]
    reach = (max(every) - min(every)) or abs(bound) or 1.0
    low = min(every) - 0.12 * reach

    def place(value: float) -> float:
        return round(100 * (value - low) / (1.24 * reach), 2)

    return Bars(place(bound), better, tuple((place(a), place(b), place(c)) for a, b, c in spans))


@dataclass(frozen=True)
class Line:
    """A curve as a path, with its first and its last value."""

    name: str
    path: str
    first: str
    last: str


@dataclass(frozen=True)
class Chart:
    """Lines in a box of `width` x `height`, with ticks: (place, label)."""

    width: int
    height: int
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


def chart(curves: Sequence[Curve], width: int = 430, height: int = 180) -> Chart:
    """Return `curves` on common axes."""
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [y for curve in curves for _, y in curve.points]
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    x_reach, y_reach = (x1 - x0) or 1.0, (y1 - y0) or 1.0

    def across(x: float) -> float:
        return round(width * (x - x0) / x_reach, 1)

    def down(y: float) -> float:
        return round(height * (y1 - y) / y_reach, 1)

    def line(curve: Curve) -> Line:
        path = "M" + "L".join(f"{across(x)} {down(y)}" for x, y in curve.points)
        first, last = (number(curve.points[place][1], 3) for place in (0, -1))
        return Line(curve.name, path, first, last)

    return Chart(
        width=width,
        height=height,
        lines=tuple(line(curve) for curve in curves),
        x_ticks=tuple((across(x), number(round(x))) for x in (x0, (x0 + x1) / 2, x1)),
        y_ticks=tuple((down(y), number(float(y), 3)) for y in (y0, (y0 + y1) / 2, y1)),
    )
