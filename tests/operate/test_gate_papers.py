"""The files that others are given are evidence too: missing, altered or stale, they hold back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from operate.gate import decide
from tests.operate.project import commit, run

PAPERS = ("data/report/data_sheet.md", "data/report/crosswalk.json", "data/audit/safety/sbom.json")


@pytest.fixture
def papers(project: Path) -> Path:
    """The project, whose report and audit also write papers."""
    dvc_yaml = project / "dvc.yaml"
    text = dvc_yaml.read_text()
    text = text.replace(
        "data/report && cp pillars/summary.json ${paths.summary}",
        "data/report && cp pillars/summary.json ${paths.summary} && "
        "cp code.py data/report/data_sheet.md && cp code.py data/report/crosswalk.json",
    ).replace(
        'outs: ["${paths.summary}"]',
        'outs: ["${paths.summary}", data/report/data_sheet.md, data/report/crosswalk.json]',
    )
    text = text.replace(
        "cp pillars/${item.pillar}.json data/audit/${item.pillar}/verdicts.json",
        "cp pillars/${item.pillar}.json data/audit/${item.pillar}/verdicts.json &&\n"
        "      cp code.py data/audit/${item.pillar}/sbom.json",
    )
    text = text.replace("deps: [pillars/summary.json,", "deps: [code.py, pillars/summary.json,")
    dvc_yaml.write_text(text)
    run(project, "dvc", "repro", "--quiet")
    commit(project, "papers")
    assert decide(project).ships
    return project


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (Path.unlink, ("is missing", "is not what")),
        (lambda path: path.write_text("all is well\n"), ("is not what",)),
    ],
    ids=["missing", "altered"],
)
def test_a_paper_that_is_missing_or_altered_holds_back(
    papers: Path, paper: str, spoil: Callable[[Path], object], told: tuple[str, ...]
) -> None:
    (papers / paper).chmod(0o644)
    spoil(papers / paper)
    (fault,) = decide(papers).blocking
    assert any(text in fault.why for text in told)
    assert fault.why.split(" ")[0] in paper


def test_a_stale_paper_holds_back(papers: Path) -> None:
    (papers / "code.py").write_text("two = 2\n")
    assert "code.py changed after" in decide(papers).blocking[0].why
    assert "report" in decide(papers).blocking[0].why
