"""The figures as the site shows them: their files, captions and sizes, known or not."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from stages.report import words
from stages.report.artefacts import Artefact, Figure
from stages.report.evidence import Evidence

# A figure of more pixels in width than this does not share its row with another.
WIDE = 1000
# Figures are drawn at 160 dots an inch and shown at 96: their text has the size of the page's.
SHRINK = 96 / 160


@dataclass(frozen=True)
class Picture:
    """A figure on a page.

    Attributes:
        file: its place in the site.
        href: the same as a link.
        path: where the stage wrote it.
        caption: what it shows.
        title: what it says, as the stage that drew it puts it; "" where that is not known.
        width: in pixels of the page.
        height: in pixels of the page.
        wide: whether it takes a row for itself.
    """

    file: str
    href: str
    path: str
    caption: str
    title: str
    width: int
    height: int
    wide: bool

    @property
    def alt(self) -> str:
        """What stands for the picture where it is not seen."""
        said = f"{self.caption}. {self.title}".strip().rstrip(".")
        return f"{said}. The numbers behind it are in the tables and files of this part."


def pictures(figures: Iterable[Figure], titles: dict[str, str]) -> list[Picture]:
    """Return `figures`, those that the report knows in its own order first."""
    known = {key: place for place, key in enumerate(words.FIGURE_WORDS)}
    order = sorted(figures, key=lambda figure: known.get(figure.key, len(known)))
    return [_picture(figure, titles.get(figure.key, "")) for figure in order]


def _picture(figure: Figure, title: str) -> Picture:
    file = place(figure)
    return Picture(
        file=file,
        href=quote(file),
        path=figure.path,
        caption=words.caption(figure.key),
        title=title,
        width=round(figure.width * SHRINK),
        height=round(figure.height * SHRINK),
        wide=figure.width > WIDE,
    )


def place(figure: Figure) -> str:
    """Return where a figure stands in the site: ``figures/evaluate/roc.png``."""
    return (PurePosixPath("figures") / f"{figure.key}.png").as_posix()


def titles(evidence: Evidence) -> dict[str, str]:
    """Return what figures say in their titles, by key, where the stages wrote that down."""
    documents: dict[str, Artefact | None] = {
        "explore": evidence.findings,
        "featurize": evidence.features,
        "tune": evidence.search,
        "evaluate": evidence.evaluation,
        **{audit.pillar: audit.document for audit in evidence.audits},
    }
    return {
        f"{stage}/{PurePosixPath(file).stem}": title
        for stage, document in documents.items()
        for file, title in _titled((document.model_extra or {}) if document else {})
    }


def _titled(extra: dict[str, Any]) -> Iterable[tuple[str, str]]:
    listed = extra.get("figures")
    for entry in listed if isinstance(listed, list) else []:
        file, title = (entry.get("file"), entry.get("title")) if isinstance(entry, dict) else (0, 0)
        if isinstance(file, str) and isinstance(title, str):
            yield file, title
