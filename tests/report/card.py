"""What every model card must keep."""

import hashlib
import re
from pathlib import Path

from markdown_it import MarkdownIt

FILES = "Files that show it"
CARD = """Model details; Intended use; Factors; Metrics; Evaluation data; Training data;
Quantitative analyses; Ethical considerations; Caveats and recommendations"""
SHEET = """Motivation; Composition; Collection process; Preprocessing, cleaning and labelling; Uses;
Distribution; Maintenance"""


def check_card(card: str) -> None:
    """Check what every card must keep: the sections, evidence everywhere, no empty field."""
    check_paper(card, CARD)


def check_sheet(sheet: str) -> None:
    """Check that a data sheet has its sections, evidence everywhere and no empty field."""
    check_paper(sheet, SHEET)


def check_paper(paper: str, sections: str) -> None:
    headings = re.findall(r"^## (.*)$", paper, re.MULTILINE)
    assert headings == [*(name.strip() for name in sections.split(";")), FILES]
    hashes = dict(re.findall(r"^\| `(.+)` \| ([0-9a-f]{64}|missing) \|$", paper, re.MULTILINE))
    for file, sha256 in hashes.items():
        path = Path(file)
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "missing"
        assert sha256 == found, file
    for line in paper.splitlines():
        if line.startswith("- "):
            assert line.endswith(")"), f"a claim without its evidence: {line}"
            assert ": (" not in line, f"an empty field: {line}"
            shown = re.findall(r"\(`([^`]+)`\)$", line)
            assert shown and shown[0] in hashes, f"a claim whose file has no sha256: {line}"
    check_markdown(paper)


def check_markdown(paper: str) -> None:
    """Check that no cell is empty, and that nothing in it is HTML, a link or a picture."""
    for line in paper.splitlines():
        if line.startswith("|") and "---" not in line:
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            assert all(cells) or cells[0] == "Status", f"an empty cell: {line}"
    assert not re.search(r"\bNone\b(?! are)|Undefined|\n\n\n", paper)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(paper)
    assert not [token for token in tokens if token.type == "html_block"]
    inline = [child for token in tokens for child in token.children or []]
    assert not [child for child in inline if child.type in ("html_inline", "link_open", "image")]
