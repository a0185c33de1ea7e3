"""The two forms of a document: nothing from the data becomes markup, and it fits."""

import re

import pytest

from operate.review.document import (
    CELL,
    MARKDOWN_LIMIT,
    Block,
    Code,
    Fold,
    Heading,
    Image,
    Pictures,
    Points,
    Ready,
    Table,
    Text,
    images,
    shorten,
    to_html,
    to_markdown,
)

NASTY = "a|b<script>alert(1)</script>`c`\n# d ![x](y) &amp;"


def everywhere(text: str) -> list[Block]:
    return [
        Heading(text, 1),
        Text(text, text),
        Points((text, text), boxes=True),
        Table((text, "b"), [[text, Code(text)], [Code(text), text]], frozenset({1})),
        Fold(text, (Text(text),)),
        Pictures((text,), (Image("a.png", text, b"png"),)),
    ]


def test_names_from_data_stay_text_in_markdown() -> None:
    text = to_markdown(everywhere(NASTY), lambda name: f"pictures/{name}")
    assert "<script" not in text
    # a summary is HTML, where nothing but & and < is special
    text = "\n".join(line for line in text.splitlines() if not line.startswith("<details>"))
    assert not re.search(r"(?<!\\)`c", text)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {3}
    assert text.count("](") == 1 + text.count("\\](")
    assert "![" in text and "](pictures/a.png)" in text


def test_names_from_data_stay_text_in_html() -> None:
    text = to_html(NASTY, everywhere(NASTY))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "&amp;amp;" in text


def test_html_asks_nothing_of_the_network() -> None:
    text = to_html("t", everywhere("x"))
    assert "data:image/png;base64,cG5n" in text
    assert "http" not in text and 'src="a' not in text


def test_a_ready_part_becomes_html_too() -> None:
    markdown = "One `a|b` and \\*two\\* &lt;b&gt;.\n\n| What | x |\n|---|---|\n| `c` | d \\| <i> |"
    text = to_html("t", [Ready(markdown)])
    assert "<p>One <code>a|b</code> and *two* &lt;b&gt;.</p>" in text
    assert "<th>What</th><th>x</th>" in text
    assert "<td><code>c</code></td><td>d | &lt;i&gt;</td>" in text
    assert to_markdown([Ready(markdown)], None).strip() == markdown


def test_pictures_stand_side_by_side_and_can_be_left_out() -> None:
    both = Pictures(("before", "now"), (Image("a.png", "a", b""), None))
    text = to_markdown([both], lambda name: name)
    assert "| before | now |" in text and "| ![a](a.png) | no such figure |" in text
    assert to_markdown([both], None).strip() == ""
    assert "no such figure" in to_html("t", [both])
    assert [image.name for image in images([Fold("f", (both,))])] == ["a.png"]


def test_long_tables_are_shortened_and_say_so() -> None:
    rows = [[f"row {i}", "x"] for i in range(40)]
    text = to_markdown([Table(("a", "b"), rows)], None)
    assert "row 29" in text and "row 30" not in text
    assert "10 more rows are left out" in text
    assert "row 39" in to_html("t", [Table(("a", "b"), rows)])


@pytest.mark.parametrize(("blocks", "rows"), [(60, 5), (2000, 1)])
def test_a_document_fits_a_comment_whatever_happens(blocks: int, rows: int) -> None:
    table = Table(("a", "b"), [["x" * CELL, "y" * CELL]] * rows)
    text = to_markdown([Heading("first", 1), *[table] * blocks], None)
    assert len(text) <= MARKDOWN_LIMIT
    assert text.startswith("# first")
    assert "left out" in text


def test_long_cells_lose_their_end() -> None:
    assert len(shorten("x" * 1000)) == CELL
    assert shorten("short\nline") == "short line"
