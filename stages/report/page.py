"""The evidence as one HTML page that asks nothing of the network and runs no script."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import count as counter
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.core.numbers import bound, measured, number, percent
from stages.core.verdicts import SEVERITY, Status, Verdict
from stages.report import rows, words
from stages.report.artefacts import Figure
from stages.report.drawings import Chart, chart, loop
from stages.report.evidence import Audit, Curve, Evidence, count, overall
from stages.report.grid import cell, table
from stages.report.promises import promises

TEMPLATES = Path(__file__).parent / "templates"

# Base64 of the figures that one page may hold: it stays below 6 MB and opens on a phone.
FIGURE_BUDGET = 5_400_000
# A figure of more pixels in width than this does not share its row with another.
WIDE = 1000
# Figures are drawn at 160 dots an inch and shown at 96: their text has the size of the page's.
SHRINK = 96 / 160
# Longer tables, and passed checks in a larger number, are folded.
LONG_TABLE = 12
MANY_PASSES = 6


@dataclass(frozen=True)
class Check:
    """A verdict as the page shows it; `anchor` is its id in the page."""

    verdict: Verdict
    anchor: str

    @property
    def status(self) -> Status:
        """The verdict's."""
        return self.verdict.status

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do about it."""
        return self.status in ("pass", "not_applicable")


@dataclass(frozen=True)
class Section:
    """A step of the loop, or a pillar of the audit."""

    id: str
    number: int
    title: str
    question: str
    status: Status
    checks: tuple[Check, ...]


def render_page(evidence: Evidence) -> str:
    """Return the report as HTML: the same text for the same evidence."""
    steps, pillars = sections(evidence)
    checks = by_severity(check for step in steps for check in step.checks)
    charter = evidence.charter.charter if evidence.charter else None
    back = way_back(evidence)
    template = _environment().get_template("page.html.jinja")
    return template.render(
        answer=words.answer(evidence.all_verdicts),
        back=back,
        charter=charter,
        counts=count(evidence.all_verdicts),
        currency=charter.costs.currency if charter else "",
        curve_charts=curve_charts(evidence.curves),
        drawn=fitting(evidence, FIGURE_BUDGET),
        evidence=evidence,
        loop_picture=loop(len(steps), back),
        next_step=next_step(evidence),
        open_checks=[check for check in checks if not check.settled],
        pillars=pillars,
        promises=promises(evidence),
        status=overall(evidence.all_verdicts),
        steps=steps,
        titles=figure_titles(evidence),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "bound": bound,
        "by_severity": by_severity,
        "caption": words.caption,
        "cell": cell,
        "check_words": words.check_words,
        "in_order": in_order,
        "in_words": words.in_words,
        "metric_words": words.metric_words,
        "number": number,
        "percent": percent,
    }
    environment.globals |= {
        "long_table": LONG_TABLE,
        "many_passes": MANY_PASSES,
        "measured": measured,
        "rows": rows,
        "shrink": SHRINK,
        "status_words": words.STATUS_WORDS,
        "table": table,
        "wide": WIDE,
    }
    return environment


def next_step(evidence: Evidence) -> str | None:
    """Return the section that the evaluation points to, if there is one."""
    return rows.SECTIONS.get(evidence.evaluation.next_step.step) if evidence.evaluation else None


def way_back(evidence: Evidence) -> tuple[int, int] | None:
    """Return the way from evaluate back to an earlier step, as places on the loop."""
    order = list(evidence.verdicts)
    start, found = order.index("evaluate"), next_step(evidence)
    return (start, order.index(found)) if found and order.index(found) < start else None


def curve_charts(curves: Iterable[Curve]) -> list[tuple[str, Chart]]:
    """Return one chart for each score: ``train/log_loss`` beside ``validation/log_loss``."""
    scores: dict[str, list[Curve]] = {}
    for curve in curves:
        scores.setdefault(curve.name.rpartition("/")[2], []).append(curve)
    return [(words.metric_words(name), chart(found)) for name, found in scores.items()]


def in_order(figures: Iterable[Figure]) -> list[Figure]:
    """Return `figures`, those that the report knows in its own order first."""
    known = {key: place for place, key in enumerate(words.FIGURE_WORDS)}
    return sorted(figures, key=lambda figure: known.get(figure.key, len(known)))


def fitting(evidence: Evidence, budget: int) -> frozenset[str]:
    """Return the paths of the figures that the page holds; those that decide come first."""
    audited = [figure for audit in evidence.audits for figure in audit.figures]
    shown = set()
    for figure in (*evidence.evaluate_figures, *audited, *evidence.explore_figures):
        if len(figure.data) <= budget:
            budget -= len(figure.data)
            shown.add(figure.path)
    return frozenset(shown)


def figure_titles(evidence: Evidence) -> dict[str, str]:
    """Return what explore's figures say in their titles, by key."""
    titled = evidence.findings.figures if evidence.findings else []
    return {f"explore/{Path(figure.file).stem}": figure.title for figure in titled}


def sections(evidence: Evidence) -> tuple[list[Section], list[tuple[Audit, Section]]]:
    """Return the steps of the loop, and the audit's pillars with their part of its checks."""
    anchors = (f"check-{place}" for place in counter(1))
    steps, pillars = [], []
    for place, (step, verdicts) in enumerate(evidence.verdicts.items(), start=1):
        checks = tuple(Check(verdict, next(anchors)) for verdict in verdicts)
        # The last step stands for the whole.
        status = overall(evidence.all_verdicts if step == "decide" else verdicts)
        steps.append(Section(step, place, *words.STEP_WORDS[step], status, checks))
    rest = iter(next(step.checks for step in steps if step.id == "audit"))
    for place, audit in enumerate(evidence.audits, start=1):
        own = tuple(next(rest) for _ in audit.verdicts)
        title, question = words.PILLAR_WORDS.get(audit.pillar, (words.in_words(audit.pillar), ""))
        status = overall(audit.verdicts)
        pillars.append((audit, Section(f"pillar-{place}", place, title, question, status, own)))
    return steps, pillars


def by_severity(checks: Iterable[Check]) -> list[Check]:
    """Return `checks`, the worst first, else in their order."""
    return sorted(checks, key=lambda check: SEVERITY.index(check.status))
