"""What the page says, for reviews made by hand."""

import json
from dataclasses import replace
from typing import Any

import pytest

from operate.review.changes import Change, CodeChange, Rerun
from operate.review.difference import Decision, not_comparable
from operate.review.document import to_html, to_markdown
from operate.review.page import as_document, compose, headline, looks, questions, signed, title_of
from operate.review.pictures import slices_picture, verdict_picture
from operate.review.results import Flip, MetricRow, ModelRow, SliceRow
from operate.review.review import DataChange, Picture, Review
from operate.review.tries import Tries

FOUND = Decision("better", ("clear",), {"value": 0.02, "interval": (0.01, 0.03)}, (0.005, 0.035))
ESTIMATE: Any = {"value": 0.8, "interval": (0.7, 0.9)}
PLAIN = Review(
    base="main",
    head="workspace",
    metric="roc_auc",
    currency="EUR",
    decision=FOUND,
    rows=(100, 100, 100),
    relabelled=0,
    tries=Tries(2),
    stretched=1.5,
    seeds_only=False,
    metrics=[MetricRow("roc_auc", ESTIMATE, ESTIMATE, FOUND.difference, "higher")],
    params=[],
    packages=[],
    code=[],
    other_files=0,
    reruns=[],
    slices=[],
    verdicts=[],
    model=[],
    pictures=[],
    same_pictures=[],
    data=None,
    stale=[],
    gaps=[],
)


def page(**changed: Any) -> str:
    return to_markdown(compose(replace(PLAIN, **changed)), lambda name: name)


def test_the_verdict_comes_first() -> None:
    lines = page().splitlines()
    assert lines[0] == f"# {title_of(PLAIN)}"
    assert lines[2].startswith("**Verdict: better.** ROC AUC moved by +0.020 [0.010, 0.030]")
    assert "All 100 validation rows are compared" in page()
    assert "Nothing that a stage depends on." in page()
    assert "![roc\\_auc: better](verdict.png)" in page() or "(verdict.png)" in page()


def test_rows_that_are_left_out_are_told() -> None:
    text = page(rows=(120, 110, 90), relabelled=4)
    assert "90 rows are compared; the validation splits have 120 and 110." in text
    assert "4 rows in both have another truth" in text


def test_a_difference_that_rows_alone_would_call_clear_is_told() -> None:
    open_ = replace(FOUND, judgement="no evidence of a difference", decisive=(-0.01, 0.05))
    assert "Over rows alone the difference would be clear" in page(decision=open_)
    assert "Over rows alone" not in page()


def test_what_is_not_comparable_has_its_reasons_and_no_picture() -> None:
    review = replace(PLAIN, decision=not_comparable(["one", "two"]))
    text = to_markdown(compose(review), None)
    assert "**Verdict: not comparable.**\n\n- one\n- two" in text
    assert headline(review) == "one; two"
    assert verdict_picture(review) is None


@pytest.mark.parametrize(
    ("tries", "told"),
    [
        (Tries(2), "nothing to adjust for"),
        (Tries(1, complete=False), "At least 1 models"),
        (Tries(11), "its level is 99.50"),
    ],
)
def test_looks_are_told(tries: Tries, told: str) -> None:
    assert told in looks(replace(PLAIN, tries=tries))


def test_each_finding_asks_its_question() -> None:
    worse = SliceRow("age", "old", 200, 0.4, 0.5, (0.05, 0.15), 0.001)
    changed: dict[str, tuple[Any, str]] = {
        "stale": (["train"], "dvc repro"),
        "verdicts": ([Flip("a.b", "pass", None, "why")], "a.b went from pass to gone"),
        "slices": ([worse], "age = old"),
        "params": ([Change("charter.rule", "1", "2")], "The charter changed (charter.rule)"),
        "data": (DataChange("Rows.", {"x.png": b"png"}), "The data changed"),
        "packages": ([Change("numpy", "1", "2")], "1 package changed"),
        "reruns": ([Rerun("s", ("it is not reproducible",), ("o",), 1)], "other outputs in s"),
        "tries": (Tries(50), "split anew"),
        "gaps": (["one", "two"], "2 things could not be compared"),
        "decision": (replace(FOUND, judgement="worse"), "clearly worse"),
    }
    for name, (value, told) in changed.items():
        assert told not in " ".join(questions(PLAIN))
        assert told in " ".join(questions(replace(PLAIN, **{name: value}))), name
    gate = replace(PLAIN, params=[Change("gate.accept_insufficient.x", "–", "y")])  # noqa: RUF001
    assert "who vouches" in " ".join(questions(gate))


def test_everything_is_shown_in_both_forms() -> None:
    review = replace(
        PLAIN,
        params=[Change("a.b", "1", "2")],
        packages=[Change("numpy", "1", "2")],
        code=[CodeChange("x.py", "+1", ("train", "tune"))],
        other_files=1,
        reruns=[Rerun("train", ("x.py",), ("model",), 2)],
        slices=[SliceRow("age", "old", 200, 0.4, 0.5, (0.05, 0.15), 0.0001)],
        verdicts=[Flip("a.b", "pass", "fail", "because")],
        model=[ModelRow("size, bytes", 10, 12), ModelRow("candidate", "x", "y")],
        pictures=[Picture("roc.png", b"one", None)],
        same_pictures=["other.png"],
        data=DataChange("Rows went.", {"x.png": b"png"}),
        stale=["tune"],
        seeds_only=True,
        gaps=["nobody knows"],
    )
    blocks = compose(review)
    for text in (to_markdown(blocks, lambda name: name), to_html("t", blocks)):
        for told in (
            "Seeds only", "Stale", "a.b", "numpy", "x.py", "train, tune", "1 more file changed",
            "1 of 2", "0.001", "because", "+2", "changed", "no such figure", "other.png",
            "Rows went.", "nobody knows", "age", "Holm",
        ):  # fmt: skip
            assert told in text, told
    assert slices_picture(review) is not None
    document = json.loads(json.dumps(as_document(review)))
    assert document["pictures"] == ["roc.png"] and document["data"] == "Rows went."
    assert document["slices"][0]["reading"] == "worse"


def test_equal_slices_are_not_drawn() -> None:
    same = SliceRow("age", "old", 200, 0.4, 0.4, (0.0, 0.0), 1.0)
    assert slices_picture(replace(PLAIN, slices=[same])) is None


def test_differences_carry_their_sign() -> None:
    assert signed({"value": 0.02, "interval": None}) == "+0.020"
    assert signed({"value": 0.0, "interval": None}) == "0"
    assert not signed({"value": -1.0, "interval": None}).startswith("+")
