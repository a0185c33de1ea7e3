"""The data diff: each planted change is found, by its own line, and nothing else alarms."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import chi2_contingency, ks_2samp
from typer.testing import CliRunner

from operate.cli import app
from operate.data_diff import DataDiff, as_document, compare_tables, figures, markdown
from operate.data_diff.categories import MAX_LEVELS
from operate.data_diff.labels import difference_interval
from operate.data_diff.matching import by_key, by_rows
from operate.data_diff.page import KINDS, LETTERS, LINES, NAMES, Finding, findings
from operate.data_diff.pairs import pair
from stages.core.params import BinaryTarget
from stages.core.schema import Checks, Column, Schema
from stages.core.shifts import SMALL_KS, of_counts, of_values
from stages.core.tables import write_table
from tests.operate.project import ROOT, commit, init, run

Frame = pd.DataFrame
DEFAULT = "default payment next month"
TARGET = BinaryTarget(column=DEFAULT, positive=1, meaning="did not pay")


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def some(frame: Frame, count: int) -> Any:
    """The index of `count` rows."""
    return rng().choice(frame.index.to_numpy(), count, replace=False)


def columns(**kinds: str) -> Schema:
    dtypes = {"numeric": "float64", "categorical": "str", "ordinal": "int64", "identifier": "str"}
    return Schema.model_validate(
        {
            "columns": {
                name: {"dtype": dtypes[kind], "kind": kind, "title": name}
                for name, kind in kinds.items()
            }
        }
    )


NOTHING = columns(nothing="numeric")


def told(diff: DataDiff) -> list[tuple[str, str]]:
    return [(each.kind, each.column) for each in findings(diff)]


def lines(diff: DataDiff) -> str:
    return "\n".join(f"{each.kind} {each.column}: {each.text}" for each in findings(diff))


# --- each planted change, alone, on the default table ---------------------------------------


def edit_rows(frame: Frame) -> Frame:
    rows = some(frame, 100)
    frame.loc[rows, "BILL_AMT1"] += rng().integers(1, 900, 100)
    frame.loc[rows[:40], "PAY_AMT1"] += 7
    return frame


def rename(frame: Frame) -> Frame:
    return frame.rename(columns={"PAY_0": "PAY_1"})


def change_unit(frame: Frame) -> Frame:
    frame["LIMIT_BAL"] *= 1000
    return frame


def merge(frame: Frame) -> Frame:
    frame.loc[frame["EDUCATION"] == 5, "EDUCATION"] = 4
    return frame


def flip(frame: Frame) -> Frame:
    rows = [some(frame[frame[DEFAULT] == label], count) for label, count in ((0, 225), (1, 75))]
    frame.loc[np.concatenate(rows), DEFAULT] = [1] * 225 + [0] * 75
    return frame


def remove_rows(frame: Frame) -> Frame:
    return frame.drop(index=some(frame, 60))


def drop(frame: Frame) -> Frame:
    return frame.drop(columns="PAY_AMT6")


def add(frame: Frame) -> Frame:
    frame["noise"] = rng().normal(size=len(frame))
    return frame


def retype(frame: Frame) -> Frame:
    frame["AGE"] = frame["AGE"].astype(str)
    return frame


def empty(frame: Frame) -> Frame:
    frame.loc[some(frame, 600), "BILL_AMT6"] = pd.NA
    return frame


def shift(frame: Frame) -> Frame:
    frame["PAY_AMT2"] += rng().integers(0, 9000, len(frame))
    return frame


PLANTED: dict[Callable[[Frame], Frame], tuple[str, str, str]] = {
    edit_rows: (
        "rows",
        "",
        "100 of 30,000 rows (0.3\xa0%) edited: `BILL_AMT1` (100 cells), `PAY_AMT1` (40 cells)",
    ),
    rename: ("column renamed", "PAY_1", "was `PAY_0`: same content in 100.0\xa0% of rows"),
    change_unit: (
        "unit",
        "LIMIT_BAL",
        "multiplied by 1,000 in all 30,000 rows: from thousands to units?",
    ),
    merge: ("categories", "EDUCATION", "`5` merged into `4` (280 rows)"),
    flip: (
        "labels",
        DEFAULT,
        "300 of 30,000 rows (1.0\xa0%) have another label: 225 became `1`, 75 were",
    ),
    remove_rows: ("rows", "", "60 of 30,000 rows (0.2\xa0%) removed"),
    drop: ("column removed", "PAY_AMT6", "gone"),
    add: ("column added", "noise", "new"),
    retype: ("type", "AGE", "`int64` became `str`"),
    empty: ("missing values", "BILL_AMT6", "0.0\xa0% became 2.0\xa0%; 600 cells emptied"),
}


@pytest.fixture(scope="module")
def base(credit: Frame) -> Frame:
    """The default table, one column of it able to hold missing values; do not change it."""
    return credit.assign(BILL_AMT6=credit["BILL_AMT6"].astype("Int64"))


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_change_is_found_and_nothing_else(
    base: Frame, schema: Schema, plant: Callable[[Frame], Frame]
) -> None:
    head = base.copy()
    head = plant(head)
    diff = compare_tables(base, head, schema, schema, "ID", TARGET)
    (found,) = findings(diff)
    assert asdict(found) == asdict(Finding(*PLANTED[plant]))
    assert not [shift for shift in diff.shifts if shift.flagged and shift.of == "values"]


def test_all_planted_changes_at_once_are_told_the_most_important_first(
    base: Frame, schema: Schema
) -> None:
    head = base.copy()
    for plant in PLANTED:
        head = plant(head)
    diff = compare_tables(base, head, schema, schema, "ID", TARGET)
    kinds = [kind for kind, _ in told(diff)]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert sorted(told(diff)) == sorted((kind, name) for kind, name, _ in PLANTED.values())


def test_a_planted_shift_is_flagged_beside_the_edits_that_made_it(
    base: Frame, schema: Schema
) -> None:
    head = shift(base.copy())
    diff = compare_tables(base, head, schema, schema, "ID", TARGET)
    assert told(diff) == [("distribution", "PAY_AMT2"), ("rows", "")]
    assert "Kolmogorov-Smirnov distance 0." in findings(diff)[0].text


def test_rows_that_were_added_are_counted(base: Frame, schema: Schema) -> None:
    diff = compare_tables(base.iloc[70:], base, schema, schema, "ID", TARGET)
    assert lines(diff) == "rows : 70 rows added to 29,930"


# --- silence --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["ID", None])
def test_another_order_of_rows_and_columns_is_no_change(
    base: Frame, schema: Schema, key: str | None
) -> None:
    head = base.sample(frac=1, random_state=1)[base.columns[::-1]]
    diff = compare_tables(base, head, schema, schema, key, TARGET)
    assert markdown(diff) == "No change in the data.\n"
    assert (diff.rows.matched, diff.rows.added, diff.rows.removed) == (30_000, 0, 0)


def test_keys_that_repeat_or_are_missing_are_no_change_in_another_order() -> None:
    frame = pd.DataFrame({"k": ["a", "a", "a", "b", None, None], "x": [1.0, 2, 2, 3, 4, np.nan]})
    diff = compare_tables(frame, frame[::-1], NOTHING, NOTHING, "k", None)
    assert findings(diff) == []
    assert diff.rows.repeated == (2, 2)


@pytest.mark.parametrize(
    ("rows", "splits"), [(1000, 40), pytest.param(200, 200, marks=pytest.mark.slow)]
)
def test_halves_of_one_table_raise_few_false_alarms(
    credit: Frame, schema: Schema, rows: int, splits: int
) -> None:
    alarms = 0
    for seed in range(splits):
        frame = credit.sample(rows, random_state=seed)
        diff = compare_tables(frame[::2], frame[1::2], schema, schema, None, TARGET)
        alarms += any(shift.flagged for shift in diff.shifts)
    assert alarms <= splits / 20


def test_a_large_table_does_not_alarm_on_what_is_significant_and_small() -> None:
    normal = rng().normal(size=400_000)
    base, head = pd.DataFrame({"x": normal[::2]}), pd.DataFrame({"x": normal[1::2] + 0.03})
    (found,) = compare_tables(base, head, NOTHING, NOTHING, None, None).shifts
    assert found.p_adjusted < 1e-9
    assert not found.flagged
    head += 0.2
    (found,) = compare_tables(base, head, NOTHING, NOTHING, None, None).shifts
    assert found.flagged


# --- rows -----------------------------------------------------------------------------------


def test_of_a_key_that_repeats_equal_rows_match_and_the_last_pair_is_one_changed_row() -> None:
    base = pd.DataFrame({"k": [1, 1, 1, 2, 3, 3], "x": [5, 6, 7, 8, 1, 2]})
    head = pd.DataFrame({"k": [1, 1, 1, 2, 3, 3], "x": [9, 7, 5, 8, 3, 4]})
    diff = compare_tables(base, head, NOTHING, NOTHING, "k", None)
    # 6 became 9; of key 3 nothing says which row became which
    assert (diff.rows.matched, diff.rows.edited) == (4, 1)
    assert (diff.rows.removed, diff.rows.added) == (2, 2)


def test_keys_that_begin_to_repeat_are_told() -> None:
    base = pd.DataFrame({"k": range(50), "x": range(50)})
    head = pd.concat([base, base[:3]])
    assert lines(compare_tables(base, head, NOTHING, NOTHING, "k", None)) == (
        "key k: 3 keys repeated or missing; before 0\nrows : 3 rows added to 50"
    )


def test_a_key_of_another_type_or_name_still_matches(base: Frame, schema: Schema) -> None:
    head = base.assign(ID=base["ID"].astype(str)).rename(columns={"ID": "client"})[20:]
    diff = compare_tables(base, head, schema, schema, "client", TARGET)
    assert told(diff) == [("type", "client"), ("column renamed", "client"), ("rows", "")]
    assert (diff.rows.key, diff.rows.matched) == ("client", 29_980)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (None, "no key is declared"),
        ("gone", "neither table has the key 'gone'"),
        ("k", "only the base has the key 'k'"),
    ],
)
def test_without_a_key_whole_rows_are_compared_and_that_is_said(key: str | None, why: str) -> None:
    base = pd.DataFrame({"k": range(100, 200), "x": np.arange(100) % 7, "y": 1})
    head = base.drop(columns="k")
    head.loc[3, "x"] = 50
    diff = compare_tables(base, head, NOTHING, NOTHING, key, None)
    assert f"Rows were compared whole ({why})" in markdown(diff)
    assert (diff.rows.removed, diff.rows.added) == (1, 1)


small = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([1.0, 2.0, None])), max_size=8)


@settings(max_examples=60, deadline=None)
@given(small, small)
def test_matching_agrees_with_counting(first: list[Any], second: list[Any]) -> None:
    frames = [pd.DataFrame(rows, columns=["k", "x"]) for rows in (first, second)]
    frames = [frame.astype({"k": "str", "x": "float64"}) for frame in frames]
    key, value = (pair(name, frames[0][name], frames[1][name]) for name in ("k", "x"))
    whole = by_rows([key, value], (len(first), len(second)))
    assert len(whole.base) == (Counter(first) & Counter(second)).total()
    assert [first[i] for i in whole.base] == [second[i] for i in whole.head]
    keyed = by_key(key, [value])
    assert all(first[i][0] == second[j][0] for i, j in zip(keyed.base, keyed.head, strict=True))
    assert len(set(keyed.base)) == len(set(keyed.head)) == len(keyed.base)
    for name in "abc":
        a, b = (Counter(row for row in rows if row[0] == name) for rows in (first, second))
        same = (a & b).total()
        left = a.total() - same, b.total() - same
        expected = same + (left == (1, 1))
        assert sum(first[i][0] == name for i in keyed.base) == expected


# --- columns --------------------------------------------------------------------------------


def test_a_column_is_renamed_where_nearly_all_rows_agree_and_not_by_chance() -> None:
    n = 1000
    base = pd.DataFrame({"k": range(n), "flag": 0, "x": rng().normal(size=n)})
    base.loc[:9, "flag"] = 1
    head = base.rename(columns={"flag": "other", "x": "y"})
    head.loc[:29, "y"] += 1.0
    head["other"] = head["other"].iloc[::-1].to_numpy()  # 98 % are 0 in both, and no more
    diff = compare_tables(base, head, NOTHING, NOTHING, "k", None)
    assert [(each.before, each.after) for each in diff.columns.renamed] == [("x", "y")]
    assert (diff.columns.removed, diff.columns.added) == (("flag",), ("other",))
    head.loc[:80, "y"] += 1.0
    diff = compare_tables(base, head, NOTHING, NOTHING, "k", None)
    assert diff.columns.renamed == ()


def test_a_constant_is_renamed_and_few_values_are_not_without_a_key() -> None:
    base = pd.DataFrame({"k": range(40), "one": 1, "x": np.arange(40.0), "few": [0, 1] * 20})
    head = base.rename(columns={"one": "only", "x": "y", "few": "two"})
    diff = compare_tables(base, head, NOTHING, NOTHING, "k", None)
    pairs = {"one": "only", "x": "y", "few": "two"}
    assert {each.before: each.after for each in diff.columns.renamed} == pairs
    diff = compare_tables(base, head, NOTHING, NOTHING, None, None)
    assert {each.before: each.after for each in diff.columns.renamed} == {"x": "y"}
    assert diff.columns.removed == ("one", "few")


def test_a_rename_is_found_among_rows_that_came_and_went_and_many_columns() -> None:
    draws = rng().normal(size=(400, 120))
    base = pd.DataFrame(draws, columns=[f"a{i}" for i in range(120)]).assign(k=range(400))
    head = base.rename(columns=lambda name: name.replace("a", "b"))[250:]
    start = perf_counter()
    diff = compare_tables(base, head, NOTHING, NOTHING, "k", None)
    assert perf_counter() - start < 2
    assert [(each.before, each.after) for each in diff.columns.renamed] == [
        (f"a{i}", f"b{i}") for i in range(120)
    ]


def test_a_renamed_target_is_followed(base: Frame, schema: Schema) -> None:
    head = base.rename(columns={DEFAULT: "y"})
    flips = head["y"].to_numpy().copy()
    flips[:100] = 1 - flips[:100]
    head["y"] = flips
    new = TARGET.model_copy(update={"column": "y"})
    for target in (TARGET, new):
        diff = compare_tables(base, head, schema, schema, "ID", target)
        assert told(diff) == [("labels", "y"), ("column renamed", "y")]
        assert diff.label and diff.label.flips == 100


def test_a_target_that_is_gone_is_told(base: Frame, schema: Schema) -> None:
    head = base.drop(columns=DEFAULT)
    diff = compare_tables(base, head, schema, schema, "ID", TARGET)
    assert lines(diff) == f"column removed {DEFAULT}: the target is gone"
    assert diff.label and diff.label.base is not None and diff.label.head is None


def test_what_schema_yaml_says_otherwise_is_told(base: Frame, schema: Schema) -> None:
    changed = {
        **schema.columns,
        "AGE": schema.columns["AGE"].model_copy(
            update={"nullable": True, "dtype": "Int64", "checks": Checks(in_range=(21, 110))}
        ),
        "SEX": schema.columns["SEX"].model_copy(update={"labels": {"1": "m", "2": "female"}}),
    }
    diff = compare_tables(base, base, schema, Schema(columns=changed), "ID", TARGET)
    assert lines(diff).splitlines() == [
        "schema.yaml SEX: labels.1: `male` became `m`",
        "schema.yaml AGE: dtype: `int64` became `Int64`",
        "schema.yaml AGE: nullable: `no` became `yes`",
        "schema.yaml AGE: checks.in_range: `18.0, 110.0` became `21.0, 110.0`",
    ]


def test_a_type_that_the_schema_names_too_is_told_once(base: Frame, schema: Schema) -> None:
    head = base.astype({"AGE": "Int64"})
    age = schema.columns["AGE"].model_copy(update={"dtype": "Int64"})
    changed = Schema(columns={**schema.columns, "AGE": age})
    diff = compare_tables(base, head, schema, changed, "ID", TARGET)
    assert lines(diff) == "type AGE: `int64` became `Int64`"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pd.Series([1, 2, 3]), pd.Series(["1", "2", "3"])),
        (pd.Series([1, 2, None]), pd.Series(["1", "2", None])),
        (pd.Series([0.1, 0.2, 0.3]), pd.Series([0.1, 0.2, 0.3], dtype="float32")),
        (pd.Series(["a", "b", "a"]), pd.Series(["a", "b", "a"], dtype="category")),
        (pd.Series([True, False, True]), pd.Series([1, 0, 1])),
        (pd.Series(["2024-01-01", None]), pd.to_datetime(pd.Series(["2024-01-01", None]))),
        (pd.Series([None, None], dtype="str"), pd.Series([np.nan, np.nan])),
        (pd.Series([2**53, 2**53 + 1]), pd.Series([2**53, 2**53 + 1], dtype="Int64")),
    ],
)
def test_the_same_values_in_another_type_are_a_change_of_type_alone(
    before: pd.Series, after: pd.Series
) -> None:
    for first, second in ((before, after), (after, before)):
        frames = [pd.DataFrame({"k": range(len(s)), "x": s}) for s in (first, second)]
        for key in ("k", None):
            diff = compare_tables(*frames, NOTHING, NOTHING, key, None)
            assert told(diff) == [("type", "x")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pd.Series(["007", "8"]), pd.Series([7, 8])),
        (pd.Series(["a", "b"]), pd.Series([1, 2])),
        (pd.Series(["x", "2"]), pd.to_datetime(pd.Series(["2024-01-01", "2024-01-02"]))),
        (pd.Series(["1", "2"]), pd.Series(["1.0", "2"])),
        (pd.Series([2**53, 2**53 + 1]), pd.Series([2**53, 2**53])),
        (pd.Series([1.5, 2]), pd.Series(["1.5", "two"])),
        (pd.Series([1.0, np.inf]), pd.Series([1.0, -np.inf])),
    ],
)
def test_other_values_are_other_values_in_any_type(before: pd.Series, after: pd.Series) -> None:
    frames = [pd.DataFrame({"k": [1, 2], "x": s}) for s in (before, after)]
    diff = compare_tables(*frames, NOTHING, NOTHING, "k", None)
    assert diff.rows.changed >= 1


# --- units ----------------------------------------------------------------------------------

UNITS = columns(k="identifier", x="numeric")


@pytest.mark.parametrize("factor", [1000, 0.001, 100, 2.54, 1 / 2.54, 0.45359237, 12, -1, 1.19])
@pytest.mark.parametrize("rounded", [False, True])
def test_a_factor_is_found_by_key(factor: float, rounded: bool) -> None:
    x = np.round(rng().lognormal(11, 1, 3000))
    base = pd.DataFrame({"k": range(3000), "x": x})
    scaled = x * factor
    head = base.assign(x=np.round(scaled) if rounded else scaled)
    (found,) = compare_tables(base, head, UNITS, UNITS, "k", None).units
    assert found.factor == pytest.approx(factor, rel=1e-4)
    assert found.whole
    assert bool(found.meaning) == (factor != 1.19)


@pytest.mark.parametrize("factor", [1000, 0.001, 100, 2.54, 0.45359237, -1])
def test_a_factor_is_found_by_quantiles_without_a_key(factor: float) -> None:
    x = rng().lognormal(3, 1, 6000)
    base, head = pd.DataFrame({"x": x}), pd.DataFrame({"x": x[50:] * factor})
    diff = compare_tables(base, head, UNITS, UNITS, None, None)
    (found,) = diff.units
    assert found.factor == pytest.approx(factor)
    assert not any(shift.flagged for shift in diff.shifts)


def test_a_factor_of_a_part_of_the_rows_is_found_with_its_rows() -> None:
    x = rng().lognormal(3, 1, 3000)
    base = pd.DataFrame({"k": range(3000), "x": x})
    head = base.assign(x=np.where(np.arange(3000) < 200, 1000 * x, x))
    (found,) = compare_tables(base, head, UNITS, UNITS, "k", None).units
    assert (found.factor, found.rows, found.whole) == (1000, 200, False)


@pytest.mark.parametrize(
    "head",
    [
        lambda x: x + 5,
        lambda x: x * rng().choice([1, 3, 10, 30], len(x)),
        lambda x: x * 0,
        lambda x: np.where(np.arange(len(x)) < 5, x * 10, x),
        lambda x: x * 1.001,
    ],
)
def test_what_is_no_factor_is_no_unit(head: Callable[[Any], Any]) -> None:
    x = np.round(rng().lognormal(3, 1, 2000), 2)
    base = pd.DataFrame({"k": range(2000), "x": x})
    for key in ("k", None):
        assert compare_tables(base, base.assign(x=head(x)), UNITS, UNITS, key, None).units == ()


def test_codes_that_were_doubled_are_no_unit() -> None:
    base = pd.DataFrame({"k": range(90), "x": [1, 2] * 45})
    diff = compare_tables(base, base.assign(x=base["x"] * 2), UNITS, UNITS, "k", None)
    assert diff.units == ()


# --- categories -----------------------------------------------------------------------------

TEXTS = columns(k="identifier", c="categorical")


@pytest.mark.parametrize("key", ["k", None])
def test_categories_that_went_came_merged_and_were_renamed(key: str | None) -> None:
    names = ["a"] * 100 + ["b"] * 60 + ["c"] * 33 + ["d"] * 44
    base = pd.DataFrame({"k": [f"{i}" for i in range(len(names))], "c": names})
    merged = base.assign(c=base["c"].replace({"c": "a", "d": "D"}))
    if key is None:
        base, merged = base.drop(columns="k"), merged.drop(columns="k")
    diff = compare_tables(base, merged, TEXTS, TEXTS, key, None)
    (change,) = diff.categories
    assert [(m.before, m.after, m.rows, m.renamed) for m in change.merged] == [
        ("c", "a", 33, False),
        ("d", "D", 44, True),
    ]
    assert (change.added, change.removed) == ((), ())
    assert not any(shift.flagged for shift in diff.shifts)
    split = base.assign(c=np.where(base["c"] == "c", ["a", "e", "b"] * 79, base["c"]))
    (change,) = compare_tables(base, split, TEXTS, TEXTS, key, None).categories
    assert change.merged == ()
    assert [level.name for level in change.removed] == ["c"]
    assert [(level.name, level.rows) for level in change.added] == [("e", 11)]


def test_free_text_has_no_categories() -> None:
    base = pd.DataFrame({"c": [f"text {i}" for i in range(2 * MAX_LEVELS)]})
    diff = compare_tables(base, base[10:], TEXTS, TEXTS, None, None)
    assert told(diff) == [("rows", "")]


def test_many_merges_are_counted() -> None:
    names = [f"level {i}" for i in range(NAMES + 3)]
    base = pd.DataFrame({"k": range(20 * len(names)), "c": names * 20})
    head = base.assign(c="all of them")
    text = findings(compare_tables(base, head, TEXTS, TEXTS, "k", None))[0].text
    assert text.count("merged into `all of them` (20 rows)") == NAMES
    assert text.endswith("3 more merged")


def test_a_category_that_chance_takes_away_weighs_less_than_one_that_it_does_not() -> None:
    base = pd.DataFrame({"c": ["a"] * 500 + ["rare"] * 2 + ["known"] * 30})
    diff = compare_tables(base, base[:500], TEXTS, TEXTS, None, None)
    assert told(diff)[0] == ("categories", "c")
    diff = compare_tables(base[:502], base[:500], TEXTS, TEXTS, None, None)
    assert told(diff) == [("rows", ""), ("rare categories", "c")]


# --- missing values -------------------------------------------------------------------------


def test_missing_values_that_came_and_went_are_counted() -> None:
    x = rng().normal(size=1000)
    x[:50] = np.nan
    base = pd.DataFrame({"k": range(1000), "x": x})
    head = base.copy()
    head.loc[:9, "x"] = 1.0
    head.loc[100:104, "x"] = np.nan
    diff = compare_tables(base, head, NOTHING, NOTHING, "k", None)
    (found,) = diff.missing
    assert (found.base, found.head, found.emptied, found.filled) == (0.05, 0.045, 5, 10)
    assert told(diff) == [("missing values", "x")]


def test_a_missing_share_that_moved_is_flagged_without_a_key_too() -> None:
    x = rng().normal(size=2000)
    base = pd.DataFrame({"x": np.where(np.arange(2000) < 100, np.nan, x)})
    head = pd.DataFrame({"x": np.where(np.arange(2000) < 600, np.nan, rng().normal(size=2000))})
    diff = compare_tables(base, head, NOTHING, NOTHING, None, None)
    assert told(diff)[0] == ("missing values", "x")
    same = head.assign(x=base["x"].to_numpy()[::-1])
    assert compare_tables(base, same, NOTHING, NOTHING, None, None).missing == ()


# --- statistics against others --------------------------------------------------------------


@pytest.mark.parametrize("size", [30, 500])
def test_distances_agree_with_scipy(size: int) -> None:
    draw = rng()
    first, second = draw.integers(0, 40, size), draw.integers(3, 44, 2 * size)
    both = pair("x", pd.Series(first), pd.Series(second))
    found = of_values("x", (first.astype(float), second.astype(float)), both.counts)
    expected = ks_2samp(first, second, method="asymp")
    assert found
    assert found.effect == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    spread = np.sqrt((first.var() + second.var()) / 2)
    assert found.second == pytest.approx((second.mean() - first.mean()) / spread)


def test_categories_agree_with_scipy_and_rare_ones_are_pooled() -> None:
    counts = np.array([[50, 30, 20, 0, 1], [40, 45, 10, 2, 0]])
    found = of_counts("x", (counts[0], counts[1]))
    pooled = np.array([[50, 30, 21], [40, 45, 12]])
    expected = chi2_contingency(pooled, correction=False)
    assert found
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.second == pytest.approx(np.sqrt(expected.statistic / pooled.sum()))
    share = counts / counts.sum(axis=1, keepdims=True)
    assert found.effect == pytest.approx(np.abs(share[0] - share[1]).sum() / 2)


def test_rare_categories_together_are_one_of_their_own() -> None:
    counts = np.array([[100, 4, 4, 4, 4], [100, 4, 4, 4, 4]])
    found = of_counts("x", (counts[0], counts[1]))
    assert found and found.p_value == pytest.approx(1.0)
    nobody = np.zeros(5, dtype=np.int64)
    assert of_counts("x", (counts[0], nobody)) is None
    alone = of_counts("x", (np.array([9, 0]), np.array([9, 0])))
    assert alone and (alone.p_value, alone.second) == (1.0, None)


def test_the_interval_of_a_difference_agrees_with_the_paper() -> None:
    # Newcombe (1998), table II, method 10: 56/70 - 48/80
    assert difference_interval((48, 80), (56, 70)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_bound_of_the_distance_is_that_of_a_small_effect() -> None:
    draw = rng().normal(size=(2, 200_000))
    assert ks_2samp(draw[0], draw[1] + 0.2).statistic == pytest.approx(SMALL_KS, abs=0.005)


# --- labels ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "positive"),
    [(["no", "yes"], "yes"), ([0, 1], 1), ([False, True], True), ([0.0, 1.0], 1)],
)
def test_flips_are_counted_by_direction_whatever_the_type(labels: list[Any], positive: Any) -> None:
    y = rng().integers(0, 2, 400)
    flipped = y.copy()
    flipped[:30] = 1 - flipped[:30]
    target = BinaryTarget(column="y", positive=positive, meaning="it is so")
    base = pd.DataFrame({"k": range(400), "y": [labels[i] for i in y]})
    head = base.assign(y=[labels[i] for i in flipped])
    diff = compare_tables(base, head, NOTHING, NOTHING, "k", target)
    assert diff.label
    assert diff.label.flips == 30
    assert diff.label.to_positive == np.sum(y[:30] == 0)
    assert told(diff) == [("labels", "y")]


def test_labels_of_another_type_are_not_flipped(base: Frame, schema: Schema) -> None:
    head = base.astype({DEFAULT: "str"})
    diff = compare_tables(base, head, schema, schema, "ID", TARGET)
    assert diff.label and diff.label.flips == 0
    assert told(diff) == [("type", DEFAULT)]


def test_a_rate_that_moved_far_is_told_with_its_interval() -> None:
    base = pd.DataFrame({"y": [1] * 200 + [0] * 800})
    head = pd.DataFrame({"y": [1] * 350 + [0] * 650})
    target = BinaryTarget(column="y", positive=1, meaning="it is so")
    diff = compare_tables(base, head, NOTHING, NOTHING, None, target)
    assert told(diff)[0] == ("labels", "y")
    assert "`1` in 20.0\xa0% of rows, now 35.0\xa0% (difference 15.0 points [11.1," in lines(diff)


# --- the page -------------------------------------------------------------------------------

EVIL = "a|b`c<script>\n**x** [l](http://e)"


def test_names_from_the_data_show_letter_by_letter() -> None:
    base = pd.DataFrame({"k": range(60), EVIL: [EVIL, "<b>"] * 30, "x": 1.0})
    head = base.assign(**{EVIL: ["<i>|", "<b>"] * 30})
    page = markdown(compare_tables(base, head, NOTHING, NOTHING, "k", None))
    assert "<script>" not in page.replace("`", "") or "&lt;script&gt;" in page
    assert "&lt;script&gt;" in page
    assert "[l](http" not in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)


def test_the_page_is_trimmed_and_says_what_it_left_out() -> None:
    names = [f"column {i} {'long ' * 30}" for i in range(LINES + 9)]
    base = pd.DataFrame({"k": range(30)} | dict.fromkeys(names, 1))
    page = markdown(compare_tables(base, base[["k"]], NOTHING, NOTHING, "k", None))
    assert page.count("column removed |") == LINES
    assert "9 more of less weight are left out (9 \N{MULTIPLICATION SIGN} column removed)" in page
    assert max(map(len, page.splitlines()[4:-2])) < LETTERS + 60


def test_a_line_names_few_columns_and_counts_the_rest() -> None:
    wide = {f"x{i}": np.arange(50.0) for i in range(NAMES + 2)}
    base = pd.DataFrame({"k": range(50)} | wide)
    head = base.copy()
    head.iloc[0, 1:] += 0.5
    page = markdown(compare_tables(base, head, NOTHING, NOTHING, "k", None))
    assert "and 2 more" in page
    assert page.count("(1 cell)") == NAMES


def test_the_document_is_json_of_all(base: Frame, schema: Schema) -> None:
    head = base.copy()
    for plant in PLANTED:
        head = plant(head)
    diff = compare_tables(base, head, schema, schema, "ID", TARGET)
    document = json.loads(json.dumps(as_document(diff), allow_nan=False))
    assert document["units"][0]["factor"] == 1000
    assert document["rows"]["edited"] == diff.rows.edited
    assert len(document["shifts"]) == len(diff.shifts)


def test_nothing_given_is_changed_and_tables_may_be_empty(schema: Schema, sample: Frame) -> None:
    before = sample.copy()
    for first, second in ((sample, sample[:0]), (sample[:0], sample), (sample[:0], sample[:0])):
        for key in ("ID", None):
            diff = compare_tables(first, second, schema, schema, key, TARGET)
            json.dumps(as_document(diff), allow_nan=False)
            assert all(kind == "rows" for kind, _ in told(diff))
    pd.testing.assert_frame_equal(sample, before)


cells = st.sampled_from([0, 1, -3, 2**53 + 1, 0.5, 1e300, np.inf, "a", "1", "", "2024-01-01", None])
types = st.sampled_from(["object", "str", "category", "float64"])


@st.composite
def frames(draw: Any) -> Frame:
    """A table of few rows and columns of any types, some of which both tables have."""
    rows = draw(st.integers(0, 14))
    found = {}
    for name in draw(st.lists(st.sampled_from(["k", "x", "y", "|"]), unique=True)):
        column = pd.Series(draw(st.lists(cells, min_size=rows, max_size=rows)), dtype="object")
        dtype = draw(types)
        if dtype == "float64":
            column = pd.to_numeric(column, errors="coerce")
        elif dtype != "object":
            column = column.astype("str").where(column.notna()).astype(dtype)
        found[name] = column
    return pd.DataFrame(found, index=range(rows))


@settings(max_examples=150, deadline=None)
@given(frames(), frames(), st.sampled_from(["k", None]))
def test_any_two_tables_can_be_compared(base: Frame, head: Frame, key: str | None) -> None:
    target = BinaryTarget(column="y", positive="a", meaning="it is so")
    diff = compare_tables(base, head, NOTHING, NOTHING, key, target)
    json.dumps(as_document(diff), allow_nan=False)
    assert diff.rows.matched + diff.rows.removed == len(base)
    assert diff.rows.matched + diff.rows.added == len(head)
    assert markdown(diff)
    same = compare_tables(base, base[::-1][base.columns[::-1]], NOTHING, NOTHING, key, target)
    assert findings(same) == []


# --- pictures -------------------------------------------------------------------------------


def test_the_worst_columns_are_drawn_the_same_each_time(
    base: Frame, schema: Schema, tmp_path: Path
) -> None:
    head = base.copy()
    for plant in PLANTED:
        head = plant(head)
    diff = compare_tables(base, head, schema, schema, "ID", TARGET)
    first = figures(diff, base, head, schema, tmp_path / "a")
    second = figures(diff, base, head, schema, tmp_path / "b")
    assert [file.name for file in first] == [
        "1-default-payment-next-month.png",
        "2-limit-bal.png",
        "3-education.png",
    ]
    assert [f.read_bytes() for f in first] == [f.read_bytes() for f in second]
    assert all(Image.open(file).width > 600 for file in first)


def test_at_most_six_are_drawn_of_any_type_and_name(tmp_path: Path) -> None:
    draw = rng()
    times = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 900, 500), "D"))
    base = pd.DataFrame(
        {
            "t": times,
            EVIL: draw.choice(list("abcdefghijklmnop"), 500),
            "../..": draw.normal(size=500),
        }
        | {f"x{i}": draw.normal(size=500) for i in range(5)}
    )
    head = base.assign(t=base["t"] + pd.Timedelta(days=400), **{EVIL: "a"})
    for name in base.columns[2:]:
        head[name] = base[name] + 3
    head.loc[:20, EVIL] = None
    described = columns(**{EVIL: "categorical"})
    kinds = Column(dtype="datetime64[ns]", kind="datetime", title="t", format="%Y")
    rank = Column(dtype="category", kind="ordinal", title="r", labels={"low": "L", "high": "H"})
    described = Schema(columns={**described.columns, "t": kinds, "r": rank})
    base["r"], head["r"] = ["low", "high"] * 250, ["low"] * 400 + ["high"] * 100
    diff = compare_tables(base, head, described, described, None, None)
    files = figures(diff, base, head, described, tmp_path / "f")
    assert len(files) == 6
    assert sorted((tmp_path / "f").iterdir()) == sorted(files)
    assert (
        figures(
            compare_tables(base, base, NOTHING, NOTHING, None, None), base, base, NOTHING, tmp_path
        )
        == []
    )


# --- the command ----------------------------------------------------------------------------

DVC_YAML = """\
vars:
  - paths: {params: params.yaml, schema: schema.yaml, validated: data/table.parquet}
stages:
  validate:
    cmd: mkdir -p data && cp given.parquet ${paths.validated}
    deps: [given.parquet]
    outs: ["${paths.validated}"]
  audit:
    matrix: {pillar: [safety]}
    cmd: echo ${item.pillar}
"""


@pytest.fixture(scope="module")
def project(credit: Frame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose tag v1 is before, HEAD after, and the workspace after once more."""
    folder = tmp_path_factory.mktemp("data_diff") / "repo"
    folder.mkdir()
    init(folder)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    for name in ("params.yaml", "schema.yaml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    frame = credit[:500].copy()
    write_table(folder / "given.parquet", frame)
    run(folder, "dvc", "repro", "--quiet", "validate")
    commit(folder, "before")
    run(folder, "git", "tag", "v1")
    frame["AGE"] *= 12
    write_table(folder / "given.parquet", frame)
    run(folder, "dvc", "repro", "--quiet", "validate")
    # an older params.yaml need not fit the sections of today
    (folder / "params.yaml").write_text(
        f"charter: {{key: ID, target: {{column: {DEFAULT}, positive: 1, meaning: late}}}}\n"
    )
    commit(folder, "after")
    (folder / "data/table.parquet").unlink()
    write_table(folder / "data/table.parquet", frame.drop(columns="SEX"))
    return folder


@pytest.fixture
def call(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.chdir(project)
    return lambda *given: CliRunner().invoke(app, ["data-diff", *map(str, given)])


def test_the_command_compares_two_revisions_without_a_checkout(
    call: Callable[..., Any], project: Path
) -> None:
    before = (project / "data/table.parquet").read_bytes()
    shown = call("v1", "HEAD").stdout
    assert shown.startswith("## Data: v1 (")
    assert "| unit | `AGE` | multiplied by 12 in all 500 rows: from years to months? |" in shown
    assert shown.count("| `") == 1
    assert "No change in the data." in call("v1", "v1").stdout
    assert (project / "data/table.parquet").read_bytes() == before


def test_by_default_the_workspace_is_compared(call: Callable[..., Any]) -> None:
    shown = call("HEAD").stdout
    assert "to workspace" in shown
    assert "| column removed | `SEX` | gone |" in shown
    assert call().stdout.startswith("## Data: ")


def test_the_command_writes_what_is_asked_for(call: Callable[..., Any], tmp_path: Path) -> None:
    out, folder = tmp_path / "page/diff.md", tmp_path / "my figures"
    assert call("v1", "HEAD", "--out", out, "--figures", folder).stdout == ""
    assert "![1-age](../my%20figures/1-age.png)" in out.read_text()
    assert (folder / "1-age.png").is_file()
    document = json.loads(call("v1", "HEAD", "--json").stdout)
    assert document["findings"][0]["kind"] == "unit"
    assert document["head"].startswith("HEAD (")


def test_what_cannot_be_compared_is_told(call: Callable[..., Any], project: Path) -> None:
    unknown = call("mian")
    assert unknown.exit_code == 2
    assert "no revision 'mian'; did you mean 'main'" in unknown.stderr
    params = (project / "params.yaml").read_text()
    try:
        (project / "params.yaml").write_text("charter: {key: ID}\n")
        assert "params.yaml at workspace: charter.key and charter.target" in call("v1").stderr
    finally:
        (project / "params.yaml").write_text(params)


# --- speed ----------------------------------------------------------------------------------


def test_thirty_thousand_rows_take_less_than_two_seconds(base: Frame, schema: Schema) -> None:
    head = base.copy()
    for plant in PLANTED:
        head = plant(head)
    start = perf_counter()
    compare_tables(base, head, schema, schema, "ID", TARGET)
    assert perf_counter() - start < 2


@pytest.mark.slow
def test_a_million_rows_are_not_quadratic(base: Frame, schema: Schema) -> None:
    large = pd.concat([base] * 34, ignore_index=True)
    large["ID"] = np.arange(len(large))
    head = large.copy()
    for plant in PLANTED:
        head = plant(head)
    start = perf_counter()
    compare_tables(large, head, schema, schema, "ID", TARGET)
    compare_tables(large, head, schema, schema, None, TARGET)
    assert perf_counter() - start < 60
