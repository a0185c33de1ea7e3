"""What every model card must keep."""

import re

from markdown_it import MarkdownIt

CARD = """Model details; Intended use; Factors; Metrics; Evaluation data; Training data;
Quantitative analyses; Ethical considerations; Caveats and recommendations"""


def check_card(card: str) -> None:
    """Check what every card must keep: the sections, evidence everywhere, no empty field."""
    headings = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert headings == [name.strip() for name in CARD.split(";")]
    for line in card.splitlines():
        if line.startswith("- "):
            assert line.endswith(")"), f"a claim without its evidence: {line}"
            assert ": (" not in line, f"an empty field: {line}"
        if line.startswith("|") and "---" not in line:
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            assert all(cells) or cells[0] == "Status", f"an empty cell: {line}"
    assert not re.search(r"\bNone\b(?! are)|Undefined|\n\n\n", card)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(card)
    assert not [token for token in tokens if token.type == "html_block"]
    inline = [child for token in tokens for child in token.children or []]
    assert not [child for child in inline if child.type in ("html_inline", "link_open", "image")]
