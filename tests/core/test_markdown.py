from pathlib import Path

import jinja2
import pytest
from markdown_it import MarkdownIt

from stages.core.markdown import code, escape, render

HOSTILE = [
    "<script>alert(1)</script>",
    "a | b || c",
    "*bold* _thin_ ~~gone~~ `code` ``x``",
    "[link](https://example.org) ![image](x.png)",
    "[x] done",
    "# not a heading",
    "- not a list",
    "1. not a list",
    "---",
    "=====",
    "&lt;b&gt; &amp; © & more",
    "back\\slash \\* at the end \\",
    "> no quote",
    "+ plus",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_the_data_stays_text(text: str) -> None:
    markdown = MarkdownIt("gfm-like", {"linkify": False})
    for around in ("{}", "| a |\n|---|\n| {} |", "- {}", "before {} after"):
        tokens = markdown.parse(around.format(escape(text)))
        inline = [t for t in tokens if t.type == "inline" and t.content not in ("a",)]
        assert len(inline) == 1, "the text made a block or a cell of its own"
        children = inline[0].children or []
        assert {child.type for child in children} <= {"text", "text_special"}
        shown = "".join(child.content for child in children)
        assert shown == around.format(text) if around[0] in "{b" else shown == text


def test_white_space_and_control_characters_become_one_space() -> None:
    assert escape(" a\r\n\n# b\x00\u2028c ") == "a # b c"


def test_names_of_columns_stay_readable() -> None:
    assert escape("PAY_0 and BILL_AMT1 in NT$ [0.770, 0.792]") == (
        "PAY_0 and BILL_AMT1 in NT$ [0.770, 0.792]"
    )


def test_a_formula_is_no_formula() -> None:
    assert escape("$x$ costs 5 NT$") == "\\$x$ costs 5 NT$"


def test_code_holds_what_it_can() -> None:
    assert code("data/a.json") == "`data/a.json`"
    assert code("a`b") == "a\\`b"
    assert code("a|b") == "a\\|b"


def test_a_template_escapes_values_and_not_itself(tmp_path: Path) -> None:
    template = tmp_path / "page.md.jinja"
    row = "{% for x in rows %}\n| {{ x }} | {{ x | code }} |\n{% endfor %}\n"
    template.write_text("# {{ title }}\n" + row)
    assert render(template, title="<b>", rows=["a|b", 1]) == (
        "# &lt;b&gt;\n| a\\|b | a\\|b |\n| 1 | `1` |\n"
    )


def test_a_template_must_name_what_there_is(tmp_path: Path) -> None:
    template = tmp_path / "page.md.jinja"
    template.write_text("{{ missing }}")
    with pytest.raises(jinja2.UndefinedError, match="missing"):
        render(template)
