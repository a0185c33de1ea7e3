from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from stages.core.documents import Section, read_document
from stages.core.errors import LoopwrightError


class Plain(Section):
    kind: Literal["plain"]
    size: int


class Fancy(Section):
    kind: Literal["fancy"]
    colour: Literal["red", "green"]


class Inner(Section):
    share: float
    bounds: tuple[float, float] | None = None


class Book(Section):
    title: str
    pages: Annotated[int, Field(ge=1)]
    inner: Inner
    parts: dict[str, Annotated[Plain | Fancy, Field(discriminator="kind")]] = Field({})
    notes: tuple[str, ...] = ()


GOOD = """\
title: A
pages: 3
inner:
  share: 0.5
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return tmp_path / "book.yaml"


def fault(document: Path, text: str) -> str:
    document.write_text(text, encoding="utf-8")
    with pytest.raises(LoopwrightError) as raised:
        read_document(document, Book)
    return str(raised.value).replace(str(document), "book.yaml")


def test_a_good_document_becomes_its_model(document: Path) -> None:
    document.write_text(GOOD + "parts: {x: {kind: fancy, colour: red}}\n", encoding="utf-8")
    book = read_document(document, Book)
    assert book.inner.share == 0.5
    assert book.parts == {"x": Fancy(kind="fancy", colour="red")}


def test_yaml_is_read_as_dvc_reads_it(document: Path) -> None:
    # PyYAML takes 1e-3 for text and `no` for False.
    document.write_text(GOOD.replace("0.5", "1e-3").replace("title: A", "title: no"))
    book = read_document(document, Book)
    assert (book.inner.share, book.title) == (0.001, "no")


def test_a_section_is_frozen(document: Path) -> None:
    document.write_text(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        read_document(document, Book).pages = 4  # type: ignore[misc]


def test_all_faults_are_told_at_once_with_line_and_key(document: Path) -> None:
    message = fault(document, "title: 7\npages: 0\ninner:\n  shere: 0.5\n")
    assert message.splitlines() == [
        "book.yaml has 4 faults",
        "  book.yaml:1: title: found 7; input should be a valid string",
        "  book.yaml:2: pages: found 0; input should be greater than or equal to 1",
        "  book.yaml:3: inner.share: this key is missing",
        "  book.yaml:4: inner.shere: unknown key; did you mean 'share'?; possible: share, bounds",
    ]


def test_one_fault_is_one_fault(document: Path) -> None:
    assert fault(document, GOOD.replace("3", "x")).startswith("book.yaml has 1 fault\n")


def test_a_line_is_that_of_the_key_in_a_list_too(document: Path) -> None:
    message = fault(document, GOOD + "notes:\n  - a\n  - 2\n")
    assert "book.yaml:7: notes.1: found 2;" in message


def test_a_wrong_choice_of_a_union_offers_the_closest(document: Path) -> None:
    message = fault(document, GOOD + "parts:\n  x: {kind: fance, colour: red}\n")
    assert "parts.x: unknown kind 'fance'; did you mean 'fancy'?; possible: plain, fancy" in message


def test_a_key_of_the_chosen_member_of_a_union_is_offered(document: Path) -> None:
    message = fault(document, GOOD + "parts:\n  x: {kind: fancy, color: red}\n")
    assert "book.yaml:6: parts.x.color: unknown key; did you mean 'colour'?" in message
    assert "possible: kind, colour" in message
    assert "parts.x.colour: this key is missing" in message


def test_a_misspelt_value_offers_the_closest(document: Path) -> None:
    message = fault(document, GOOD + "parts:\n  x: {kind: fancy, colour: gren}\n")
    assert 'parts.x.colour: found "gren"; input should be' in message
    assert "did you mean 'green'?" in message


def test_a_pair_with_one_value_says_so(document: Path) -> None:
    message = fault(document, GOOD + "  bounds: [1]\n")
    assert "book.yaml:5: inner.bounds: found [1]; one value more was expected" in message


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_infinity_and_nan_are_refused(document: Path, number: str) -> None:
    assert "finite number" in fault(document, GOOD.replace("0.5", number))


def test_a_number_written_as_text_is_refused(document: Path) -> None:
    assert 'pages: found "3"' in fault(document, GOOD.replace("3", '"3"'))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a mapping of sections was expected, found null"),
        ("- 1\n", "a mapping of sections was expected, found [1]"),
        ("title: [1\n", "not valid YAML"),
        ("title: a\ntitle: b\n", "book.yaml:2: not valid YAML: found duplicate key"),
        ("title: !!python/object:os.system x\n", "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("title: \x01\n", "not valid YAML: unacceptable character"),
        (f"pages: {'9' * 5000}\n", "not valid YAML"),
        ("a: &a [*a]\n", "Circular reference"),
        ("2011-01-01: x\n", "quote a key that is to be text"),
        ("? [a, b]\n: c\n", "quote a key that is to be text"),
    ],
)
def test_what_is_no_document_gets_one_error(document: Path, text: str, expected: str) -> None:
    assert expected in fault(document, text)


def test_a_long_value_is_shown_short(document: Path) -> None:
    message = fault(document, GOOD.replace("3", "x" * 500))
    assert len(message) < 200


def test_a_missing_file_and_other_bytes_are_named(document: Path) -> None:
    with pytest.raises(LoopwrightError, match=r"book\.yaml: no such file"):
        read_document(document, Book)
    document.write_bytes(b"title: \xff\n")
    with pytest.raises(LoopwrightError, match="not UTF-8 text"):
        read_document(document, Book)
