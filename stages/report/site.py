"""The evidence as a site of plain files: it asks nothing of the network and needs no server."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stages.core.numbers import bound, measured, number, percent
from stages.core.verdicts import SEVERITY
from stages.report import rows, words
from stages.report.drawings import Chart, chart, loop
from stages.report.evidence import Curve, Evidence, count, overall
from stages.report.grid import cell, table
from stages.report.outline import Outline, Section, by_severity, outline
from stages.report.pictures import pictures, place, titles
from stages.report.promises import promises

TEMPLATES = Path(__file__).parent / "templates"

# Both are copied beside the pages as they are.
ASSETS = ("site.css", "site.js")
# Longer tables are folded until the script cuts them to pages.
LONG_TABLE = 100
# Tables of more columns are set smaller on paper.
BROAD = 9
# Passed checks in a larger number are folded.
MANY_PASSES = 6
# The overview names so many open checks; the page of the decision names all.
OVERVIEW_CHECKS = 6


def render_site(evidence: Evidence, papers: dict[str, str]) -> dict[str, bytes]:
    """Return the files of the site by their places in it: the same for the same evidence.

    `papers` are the model card and its kin, as Markdown, by the names of their pages.
    """
    files = {name: (TEMPLATES / name).read_bytes() for name in ASSETS}
    drawn = [figure for figures in evidence.figures.values() for figure in figures]
    drawn += [figure for audit in evidence.audits for figure in audit.figures]
    files |= {place(figure): figure.content for figure in drawn}
    found = outline(evidence)
    context = _context(evidence, found) | {
        "papers": {f"{name}.html": paper_as_html(text) for name, text in papers.items()}
    }
    for at, page in enumerate(found.every_page):
        around = {"page": page, "before": None, "after": None}
        if at > 0:
            around["before"] = found.every_page[at - 1]
        if at + 1 < len(found.every_page):
            around["after"] = found.every_page[at + 1]
        template = _environment().get_template(f"pages/{page.template}.html.jinja")
        files[page.file] = template.render(context | around).encode("utf-8")
    return files


def _context(evidence: Evidence, found: Outline) -> dict[str, Any]:
    """Return what every page may show."""
    charter = evidence.charter.charter if evidence.charter else None
    told = titles(evidence)
    sections = {section.id: section for section in found.steps}
    back = way_back(evidence)
    return {
        "advice": words.ADVICE[overall(evidence.all_verdicts)],
        "answer": words.answer(evidence.all_verdicts),
        "back": sections[back[1]] if back else None,
        "charter": charter,
        "counts": count(evidence.all_verdicts),
        "currency": charter.costs.currency if charter else "",
        "curve_charts": curve_charts(evidence.curves),
        "evidence": evidence,
        "ledger": (Path(evidence.paths["summary"]).parent / "history.html").as_posix(),
        "loop_picture": loop(len(found.steps), _places(found, back)),
        "next_step": next_step(evidence, sections),
        "open_checks": [check for check in found.checks if not check.settled],
        "outline": found,
        "pictures_of": lambda figures: pictures(figures, told),
        "promises": promises(evidence),
        "sections": sections,
        "status": overall(evidence.all_verdicts),
    }


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
        "cell": cell,
        "check_words": words.check_words,
        "in_words": words.in_words,
        "metric_words": words.metric_words,
        "number": number,
        "percent": percent,
    }
    environment.globals |= {
        "answer_of_pillar": words.answer_of_pillar,
        "broad": BROAD,
        "long_table": LONG_TABLE,
        "many_passes": MANY_PASSES,
        "measured": measured,
        "overview_checks": OVERVIEW_CHECKS,
        "pillar_words": words.pillar_words,
        "rows": rows,
        "severity": SEVERITY,
        "state_words": words.STATE_WORDS,
        "table": table,
        "table_words": words.table_words,
    }
    return environment


def next_step(evidence: Evidence, sections: dict[str, Section]) -> Section | None:
    """Return the section that the evaluation points to, if there is one."""
    step = evidence.evaluation.next_step.step if evidence.evaluation else ""
    return sections.get(rows.SECTIONS.get(step, ""))


def way_back(evidence: Evidence) -> tuple[str, str] | None:
    """Return the way from evaluate back to an earlier step, where the evaluation advises it."""
    order = list(evidence.verdicts)
    step = evidence.evaluation.next_step.step if evidence.evaluation else ""
    found = rows.SECTIONS.get(step)
    earlier = found is not None and order.index(found) < order.index("evaluate")
    return ("evaluate", found) if found and earlier else None


def _places(found: Outline, way: tuple[str, str] | None) -> tuple[int, int] | None:
    """Return a way between steps as places on the loop."""
    order = [step.id for step in found.steps]
    return (order.index(way[0]), order.index(way[1])) if way else None


def curve_charts(curves: tuple[Curve, ...]) -> list[tuple[str, Chart]]:
    """Return one chart for each score: ``train/log_loss`` beside ``validation/log_loss``."""
    scores: dict[str, list[Curve]] = {}
    for curve in curves:
        scores.setdefault(curve.name.rpartition("/")[2], []).append(curve)
    return [(words.metric_words(name), chart(found)) for name, found in scores.items()]


def paper_as_html(paper: str) -> Markup:
    """Return a paper, which is Markdown of our own in which data is escaped, as HTML."""
    from markdown_it import MarkdownIt  # 0.1 s, and this stage alone needs it

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(paper)
    tables = 0
    for token in tokens:
        if token.type == "table_open":
            tables += 1
            token.meta["place"] = tables
        elif token.type == "th_open":
            token.attrSet("scope", "col")
        if token.type in ("th_open", "td_open") and "right" in str(token.attrGet("style")):
            token.attrSet("class", "value")
        token.attrs.pop("style", None)
    reader.add_render_rule("table_open", _open_table)
    reader.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return Markup(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704 - it escapes


def _open_table(_: Any, tokens: Any, place: int, *__: Any) -> str:
    name = f"Table {tokens[place].meta['place']} of this page"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">'
        f'<table class="grid"><caption class="hidden">{name}</caption>\n'
    )
