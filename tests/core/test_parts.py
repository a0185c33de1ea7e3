import numpy as np
import pandas as pd
import pytest

from stages.core.parts import Condition, between, definition, parts, parts_of
from stages.core.schema import Column, Schema
from stages.core.variables import Variable, read_variables

COLUMNS = {
    "sex": Column(
        dtype="int64", kind="categorical", title="Sex", labels={"1": "male", "2": "female"}
    ),
    "delay": Column(
        dtype="int64", kind="ordinal", title="Delay", labels={"0": "none", "1": "a month"}
    ),
    "age": Column(dtype="float64", kind="numeric", title="Age", nullable=True),
    "town": Column(dtype="str", kind="categorical", title="Town", nullable=True),
    "grade": Column(
        dtype="category",
        kind="ordinal",
        title="Grade",
        labels={"low": "low", "mid": "mid", "high": "high"},
    ),
    "day": Column(dtype="datetime64[ns]", kind="datetime", title="Day", format="%Y-%m-%d"),
    "member": Column(dtype="boolean", kind="categorical", title="Member"),
}
SCHEMA = Schema(columns=COLUMNS)


def table(n: int = 800) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    age = rng.uniform(18, 80, n)
    age[:40] = np.nan
    return pd.DataFrame(
        {
            "sex": rng.integers(1, 3, n),
            "delay": rng.integers(0, 4, n),
            "age": age,
            "town": pd.Series(rng.choice(["ayr", "bath", "cork", None], n), dtype="str"),
            "grade": pd.Categorical(rng.choice(["low", "mid", "high"], n)),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "member": pd.array(rng.random(n) < 0.5, dtype="boolean"),
        }
    )


def variable(name: str) -> Variable:
    return next(v for v in read_variables(table(), SCHEMA, "", None) if v.name == name)


@pytest.mark.parametrize("name", COLUMNS)
def test_the_parts_of_a_column_hold_every_row_once(name: str) -> None:
    masks = [part.mask for part in parts(variable(name))]
    assert np.array_equal(np.sum(masks, axis=0), np.ones(800))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sex", {"sex = male", "sex = female"}),
        ("delay", {"delay = none", "delay = a month", "delay = 2", "delay = 3"}),
        ("town", {"town = ayr", "town = bath", "town = cork", "town is missing"}),
        ("grade", {"grade = low", "grade = mid", "grade = high"}),
        ("member", {"member = True", "member = False"}),
    ],
)
def test_categories_are_said_by_their_labels(name: str, said: set[str]) -> None:
    assert {part.words for part in parts(variable(name))} == said


def test_numbers_are_cut_into_quarters_of_equal_size() -> None:
    found = parts(variable("age"))
    assert [part.mask.sum() for part in found] == [190, 190, 190, 190, 40]
    assert found[0].words.startswith("age <= ") and found[0].value.startswith("up to ")
    assert " < age <= " in found[1].words and " to " in found[1].value
    assert found[3].words.startswith("age > ") and found[3].value.startswith("above ")
    assert (found[4].words, found[4].value) == ("age is missing", "missing")
    # a short number says the same as the exact edge
    assert all(len(part.words) < 25 for part in found)


def test_dates_are_said_as_dates() -> None:
    words = parts(variable("day"))[0].words
    assert words.startswith("day <= 2024-0")


def test_labels_and_rows_of_one_column() -> None:
    found = dict(parts_of(table()["sex"], SCHEMA, "sex"))
    assert set(found) == {"male", "female"}
    assert np.array_equal(found["male"], table()["sex"] == 1)


def test_conditions_of_one_column_are_said_once() -> None:
    age, town = variable("age"), variable("town")
    path = [
        Condition(age, above=20),
        Condition(town, among=(0.0, 1.0)),
        Condition(age, up_to=50, missing=True),
        Condition(town, among=(1.0, 2.0)),
    ]
    assert definition(path) == f"20 < age <= 50 and town = {town.levels[1]}"
    assert definition([Condition(age, up_to=50, missing=True)]) == "(age <= 50 or missing)"
    assert definition([Condition(age)]) == "age is known"
    assert definition([Condition(town, among=(0.0, 1.0, 2.0))]) == "town is known"
    both = definition([Condition(town, among=(0.0, 1.0))])
    assert both == f"town in ({town.levels[0]}, {town.levels[1]})"


def test_many_labels_are_said_by_those_left_out() -> None:
    levels = tuple("abcdefghijklmnop")
    values = np.arange(16, dtype=float)
    many = Variable("letter", COLUMNS["town"], values, levels, ordered=False)
    assert Condition(many, among=tuple(values[:15])).words == "letter != p"
    assert Condition(many, among=tuple(values[:13])).words == "letter not in (n, o, p)"
    half = Condition(many, among=tuple(values[:8])).words
    assert half == "letter in (a, b, c, d, e, f, 2 more)"


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(1.0, 2.0, 1.0), (0.123456, 0.2, 0.2 - 0.04), (0.51234, 0.51240, 0.5124), (0.5, 0.9, 0.7)],
)
def test_the_number_between_is_short_and_parts_the_two(
    low: float, high: float, found: float
) -> None:
    assert low <= between(low, high) < high
    assert between(low, high) == pytest.approx(found, abs=1e-3)


def test_numbers_next_to_each_other_are_parted_exactly() -> None:
    low = 0.1
    high = np.nextafter(low, 1)
    assert low <= between(low, high) < high


def test_a_value_that_repeats_leaves_no_tiny_part_beside_it() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([np.zeros(205), rng.uniform(1, 2, 795)])
    paid = Variable("paid", COLUMNS["age"], values, (), ordered=True)
    rows = [part.mask.sum() for part in parts(paid, 10)]
    assert sum(rows) == 1000 and min(rows) >= 50
    assert rows[0] == 205 or rows[0] > 250


def test_a_column_without_a_value_is_one_part() -> None:
    for name in ("age", "day"):
        empty = Variable(name, COLUMNS[name], np.full(20, np.nan), (), ordered=True)
        assert [part.words for part in parts(empty)] == [f"{name} is missing"]
    same = Variable("day", COLUMNS["day"], np.ones(20), (), ordered=True)
    assert [part.words for part in parts(same)] == ["day is known"]
