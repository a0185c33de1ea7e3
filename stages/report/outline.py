"""Which pages the site has, and on which of them each step, pillar and check stands."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count as counter

from stages.core.verdicts import SEVERITY, Status, Verdict
from stages.report import words
from stages.report.evidence import Audit, Evidence, overall
from stages.report.words import State


@dataclass(frozen=True)
class Check:
    """A verdict as the site shows it; `href` is where."""

    verdict: Verdict
    page: str
    anchor: str

    @property
    def href(self) -> str:
        """Its page and its place there."""
        return f"{self.page}#{self.anchor}"

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
    """A step of the loop, or a pillar of the audit, and where it stands.

    `heading` is its title on a page that bears that title already.
    """

    id: str
    href: str
    title: str
    heading: str
    question: str
    state: State
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Page:
    """A page of the site: its file, its title, its template, what stands on it and below it."""

    file: str
    title: str
    template: str
    sections: tuple[Section, ...] = ()
    audit: Audit | None = None
    children: tuple["Page", ...] = ()

    @property
    def state(self) -> State | None:
        """The worst state of its sections; None where it has none."""
        found = {section.state for section in self.sections}
        return next((state for state in words.STATES if state in found), None)


@dataclass(frozen=True)
class Outline:
    """The pages in the order of reading, and the steps of the loop in theirs."""

    pages: tuple[Page, ...]
    steps: tuple[Section, ...]

    @property
    def every_page(self) -> tuple[Page, ...]:
        """The pages, each with its children after it."""
        return tuple(each for page in self.pages for each in (page, *page.children))

    @property
    def checks(self) -> list[Check]:
        """All checks, the worst first, else in the order of the process."""
        return by_severity(check for step in self.steps for check in step.checks)


# Where the steps of the loop stand: the page, its title, its steps.
_PAGES = (
    ("problem.html", "Problem", ("define",)),
    ("data.html", "Data", ("data", "explore")),
    ("features.html", "Features", ("features",)),
    ("model.html", "Model", ("train", "evaluate")),
    ("audit.html", "Audit", ("audit",)),
    ("decision.html", "Decision", ("decide",)),
)


def outline(evidence: Evidence) -> Outline:
    """Return the pages of the site for `evidence`."""
    anchors = (f"check-{place}" for place in counter(1))
    pillars = tuple(_pillars(evidence.audits, anchors))
    pages, steps = [Page("index.html", "Overview", "index")], []
    for file, title, names in _PAGES:
        sections = []
        for name in names:
            sections.append(_step(name, file, evidence, anchors, pillars))
        steps += sections
        below = pillars if names == ("audit",) else ()
        pages.append(Page(file, title, file.removesuffix(".html"), tuple(sections), None, below))
    pages.append(Page("card.html", "Model card", "card"))
    pages.append(Page("data_sheet.html", "Data sheet", "paper"))
    pages.append(Page("crosswalk.html", "Crosswalk", "paper"))
    pages.append(Page("history.html", "History", "history"))
    return Outline(tuple(pages), tuple(steps))


def _step(
    name: str, file: str, evidence: Evidence, anchors: Iterator[str], pillars: tuple[Page, ...]
) -> Section:
    verdicts = evidence.verdicts[name]
    if name == "audit":
        checks = tuple(check for page in pillars for check in page.sections[0].checks)
    else:
        checks = tuple(Check(verdict, file, next(anchors)) for verdict in verdicts)
    # The last step stands for the whole.
    status = overall(evidence.all_verdicts if name == "decide" else verdicts)
    state: State = "not_run" if name in evidence.not_run else status
    title, question = words.STEP_WORDS[name]
    heading = words.HEADINGS.get(name, title)
    return Section(name, f"{file}#{name}", title, heading, question, state, checks)


def _pillars(audits: Iterable[Audit], anchors: Iterator[str]) -> Iterator[Page]:
    taken: set[str] = set()
    for audit in audits:
        title, question, _ = words.pillar_words(audit.pillar)
        file = _free(audit.pillar, taken)
        checks = tuple(Check(verdict, file, next(anchors)) for verdict in audit.verdicts)
        state: State = "not_run" if audit.not_run else overall(audit.verdicts)
        section = Section("pillar", file, title, title, question, state, checks)
        yield Page(file, title, "pillar", (section,), audit)


def _free(pillar: str, taken: set[str]) -> str:
    """Return a file name for a pillar of any name, which no other has."""
    name = f"audit-{re.sub(r'[^a-z0-9]+', '-', pillar.lower()).strip('-') or 'pillar'}"
    while name in taken:
        name += "-more"
    taken.add(name)
    return f"{name}.html"


def by_severity(checks: Iterable[Check]) -> list[Check]:
    """Return `checks`, the worst first, else in their order."""
    return sorted(checks, key=lambda check: SEVERITY.index(check.status))
