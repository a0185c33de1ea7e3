"""The rule language, against pandas' own evaluation and at its edges."""

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from stages.core.params import Task
from stages.core.rules import MAX_DEPTH, MAX_TOKENS, parse_rule

WHERE = "charter.rule.expression"


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "late": [-1, 0, 2, 5],
            "limit": [1000.0, np.nan, 0.0, 250.0],
            "monthly bill": [10, 20, 30, 40],
            "sex": ["f", None, "m", "f"],
            "grade": pd.Categorical(["a", "b", None, "a"]),
            "code": pd.Categorical([1, 2, None, 1]),
            "active": pd.array([True, None, False, True], dtype="boolean"),
            "calls": pd.array([1, None, 3, 0], dtype="Int64"),
            "since": pd.to_datetime(["2020-01-01"] * 4),
        }
    )


def mask(expression: str, frame: pd.DataFrame) -> list[bool]:
    return parse_rule(expression, WHERE).mask(frame).tolist()


def fault(expression: str, frame: pd.DataFrame) -> str:
    with pytest.raises(LoopwrightError) as caught:
        parse_rule(expression, WHERE).mask(frame)
    return str(caught.value)


@pytest.mark.parametrize(
    "expression",
    [
        "PAY_0 >= 2",
        "PAY_0 >= 2 or PAY_2 >= 2 and not PAY_3 >= 2",
        "not PAY_0 > 0 and LIMIT_BAL < 50000",
        "(PAY_0 > 1 or PAY_2 > 1) and SEX == 1",
        "18 <= AGE < 30",
        "BILL_AMT1 - PAY_AMT1 * 2 > LIMIT_BAL / 2 - -100",
        "BILL_AMT1 - PAY_AMT1 - PAY_AMT2 > 1e4",
        "`default payment next month` != 0",
        "-PAY_0 == 2",
        "1 < 2",
    ],
)
def test_a_rule_means_what_it_means_to_pandas(expression: str, credit: pd.DataFrame) -> None:
    # pandas reads `not` loosely and `1 < 2` as one value: both get their own spelling.
    spelt = expression.replace("not PAY_3 >= 2", "~(PAY_3 >= 2)").replace(
        "not PAY_0 > 0", "~(PAY_0 > 0)"
    )
    expected = np.broadcast_to(credit.eval(spelt), len(credit))
    found = parse_rule(expression, WHERE).mask(credit)
    assert found.dtype == bool
    assert found.shape == (len(credit),)
    np.testing.assert_array_equal(found, expected)


def test_columns_stand_in_the_order_of_the_text() -> None:
    rule = parse_rule("`monthly bill` > late and limit < 3 or late == 1", WHERE)
    assert rule.columns == ("monthly bill", "late", "limit")
    assert parse_rule("1 < 2", WHERE).columns == ()
    assert parse_rule("sex == 'late'", WHERE).columns == ("sex",)


def test_a_folded_text_is_one_line(frame: pd.DataFrame) -> None:
    rule = parse_rule("late >= 2\n  and limit > 0\n", WHERE)
    assert rule.expression == "late >= 2   and limit > 0"
    assert rule.mask(frame).tolist() == [False, False, False, True]


def test_a_comparison_with_a_missing_value_is_false(frame: pd.DataFrame) -> None:
    assert mask("limit > 0", frame) == [True, False, False, True]
    assert mask("limit != 0", frame) == [True, False, False, True]
    assert mask("limit == limit", frame) == [True, False, True, True]
    assert mask("not limit > 0", frame) == [False, True, True, False]
    assert mask("calls >= 0", frame) == [True, False, True, True]
    assert mask("sex != 'f'", frame) == [False, False, True, False]
    assert mask("code != 2", frame) == [True, False, False, True]
    assert mask("active", frame) == [True, False, False, True]


def test_a_division_by_zero_is_missing(frame: pd.DataFrame) -> None:
    assert mask("late / limit > 0", frame) == [False, False, False, True]
    assert mask("late / limit < 1", frame) == [True, False, False, True]


def test_texts_and_categories(frame: pd.DataFrame) -> None:
    assert mask("sex == 'f'", frame) == [True, False, False, True]
    assert mask('grade == "a"', frame) == [True, False, False, True]
    assert mask("'a' == grade", frame) == [True, False, False, True]
    assert mask("code >= 1", frame) == [True, True, False, True]
    assert mask("sex != grade", frame) == [True, False, False, True]
    assert mask("'x' == 'x'", frame) == [True] * 4


def test_the_frame_is_left_as_it_was(frame: pd.DataFrame) -> None:
    before = frame.copy()
    mask("late / limit > 0 and code == 1 and active", frame)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("expression", "position", "says"),
    [
        ("", 1, "ends too early"),
        ("late >=", 8, "ends too early"),
        ("late > 1 and", 13, "ends too early"),
        ("(late > 1", 10, "ends too early"),
        ("late > 1)", 9, "')' was not expected"),
        ("late = 2", 6, "write =="),
        ("late > 1 & limit > 1", 10, "write and"),
        ("late > 1 || limit > 1", 10, "write or"),
        ("!late > 1", 1, "write not"),
        ("late.max > 1", 5, "'.' was not expected"),
        ("__import__('os')", 11, "'(' was not expected"),
        ("late in (1)", 6, "'in' was not expected"),
        ("1x > 2", 1, "'1' was not expected"),
        ("sex == 'f", 8, "was not expected"),
        ("late > 1 # why", 10, "'#' was not expected"),
        ("late + 1", 6, "a condition was expected, not a number"),
        ("'f'", 1, "a condition was expected, not a text"),
        ("late and 1", 10, "a condition was expected, not a number"),
        ("not 3", 5, "a condition was expected, not a number"),
        ("(late > 1) + 1 > 2", 7, "a number was expected, not a condition"),
        ("- (late > 1) > 2", 9, "a number was expected, not a condition"),
        ("late + 'a' > 2", 8, "a number was expected, not a text"),
        ("(late > 1) == (late > 2)", 12, "joined by and, or"),
        ("1 == 'x'", 3, "a text cannot be compared with a number"),
        ("late > 'x'", 6, "a text is equal or not"),
    ],
)
def test_a_wrong_text_shows_its_place(expression: str, position: int, says: str) -> None:
    with pytest.raises(LoopwrightError) as caught:
        parse_rule(expression, WHERE)
    first, shown, caret, possible = str(caught.value).splitlines()
    assert first.startswith(f"{WHERE}: ")
    assert says in first
    assert first.endswith(f"at character {position}")
    assert shown == f"    {expression}"
    assert caret.index("^") == 4 + position - 1
    assert "possible:" in possible


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("late", "column 'late' is no condition"),
        ("sex and late > 1", "column 'sex' is no condition"),
        ("sex > 1", "a text is equal or not"),
        ("sex > grade", "a text is equal or not"),
        ("late == 'x'", "column 'late' holds numbers"),
        ("sex == late", "column 'late' holds numbers"),
        ("sex == late + 1", "a number, and cannot be compared with a text"),
        ("late + sex > 1", "column 'sex' holds text"),
        ("since > 1", "column 'since' holds dates"),
    ],
)
def test_a_column_of_another_type_is_named(expression: str, says: str, frame: pd.DataFrame) -> None:
    assert says in fault(expression, frame)


def test_an_unknown_column_gets_the_closest(frame: pd.DataFrame) -> None:
    message = fault("latte > 1", frame)
    assert "no column 'latte'; did you mean 'late'?" in message
    assert "monthly bill" in message
    with pytest.raises(LoopwrightError, match="did you mean 'limit'"):
        parse_rule("limits > 1", WHERE).check_columns(["late", "limit"])


def test_size_and_depth_are_bounded() -> None:
    at_depth = "(" * MAX_DEPTH + "late > 1" + ")" * MAX_DEPTH
    assert parse_rule(at_depth, WHERE).columns == ("late",)
    with pytest.raises(LoopwrightError, match="parentheses are open"):
        parse_rule(f"({at_depth})", WHERE)
    at_size = " + ".join(["late"] * (MAX_TOKENS // 2 - 1)) + " > 1"
    frame = pd.DataFrame({"late": [0, 1]})
    assert parse_rule(at_size, WHERE).mask(frame).tolist() == [False, True]
    with pytest.raises(LoopwrightError, match="too long"):
        parse_rule("late + " + at_size, WHERE)
    # Depth is counted by what is open, not by what was.
    assert parse_rule(" or ".join(["(late > 1)"] * (MAX_DEPTH + 5)), WHERE).columns == ("late",)


CHOICES = pd.DataFrame(
    {
        "hours": [1.0, 60.0, np.nan, 49.0],
        "plan": ["basic", "gold", None, "gold"],
        "code": pd.array([3, 1, None, 2], dtype="Int64"),
        "rich": [True, False, True, False],
    }
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'late'", ["late"] * 4),
        ("'late' if hours > 48 else 'in time'", ["in time", "late", "in time", "late"]),
        ("plan", ["basic", "gold", None, "gold"]),
        ("code", ["3", "1", None, "2"]),
        ("7", ["7"] * 4),
        ("code + 1", ["4", "2", None, "3"]),
        ("plan if rich else 'none'", ["basic", "none", None, "none"]),
        ("'a' if rich else 'b' if hours > 50 else 'c'", ["a", "b", "a", "c"]),
        ("('a' if rich else 'b')", ["a", "b", "a", "b"]),
    ],
)
def test_a_rule_of_classes_gives_their_labels(expression: str, expected: list[object]) -> None:
    assert parse_rule(expression, "here", "multiclass").values(CHOICES).tolist() == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("180000", [180000] * 4),
        ("hours * 2", [2, 120, np.nan, 98]),
        ("10 if rich else 20 if hours > 50 else hours / 7", [10, 20, 10, 7]),
        ("1 / (hours - 1)", [np.nan, 1 / 59, np.nan, 1 / 48]),
        ("-(hours if rich else 0)", [-1, 0, np.nan, 0]),
    ],
)
def test_a_rule_of_numbers_gives_numbers(expression: str, expected: list[float]) -> None:
    found = parse_rule(expression, "here", "regression").values(CHOICES)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_a_condition_is_given_as_its_mask() -> None:
    rule = parse_rule("hours > 48 if rich else not rich", "here")
    assert (
        rule.values(CHOICES).tolist() == rule.mask(CHOICES).tolist() == [False, True, False, True]
    )


@pytest.mark.parametrize(
    ("expression", "task", "fault"),
    [
        ("hours > 48", "regression", "a number was expected, not a condition"),
        ("'late'", "regression", "a number was expected, not a text"),
        ("hours > 48", "multiclass", "a class was expected, not a condition"),
        ("hours + 1", "binary", "a condition was expected, not a number"),
        ("1 if hours > 3 else 'a'", "multiclass", "both sides are of one kind"),
        ("1 if hours > 3", "regression", "ends too early"),
        ("1 if hours else 2 else 3", "regression", "'else' was not expected"),
        ("1 if 2 else 3", "regression", "a condition was expected, not a number"),
    ],
)
def test_a_rule_that_gives_something_else_is_refused(
    expression: str, task: Task, fault: str
) -> None:
    with pytest.raises(LoopwrightError, match=fault):
        parse_rule(expression, "here", task)


def test_texts_are_no_numbers_in_a_choice() -> None:
    rule = parse_rule("plan if rich else code", "here", "regression")
    with pytest.raises(LoopwrightError, match="column 'plan' holds text, not numbers"):
        rule.values(CHOICES)
