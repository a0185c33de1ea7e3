from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

from stages.core.errors import LoopwrightError
from stages.core.params import BinaryTarget, MulticlassTarget, Params, RegressionTarget, Split
from stages.core.splits import cut, deal, deal_rows, folds, times_of, units_of

TARGET = BinaryTarget(column="y", positive=1, meaning="m")
SHARES = np.array([0.6, 0.2, 0.2])


def split(strategy: str = "stratified", **more: object) -> Split:
    return Split.model_validate(
        {
            "strategy": strategy,
            "group": None,
            "time": None,
            "fractions": {"train": 0.6, "validation": 0.2, "test": 0.2},
            "random_state": 0,
            **more,
        }
    )


def together(parts: np.ndarray, *columns: pd.Series) -> bool:
    """Whether rows equal in `columns` are in one part."""
    return bool((pd.Series(parts).groupby(list(columns), dropna=False).nunique() == 1).all())


tables = st.integers(0, 2**32 - 1).flatmap(
    lambda seed: st.builds(
        lambda rows, values, groups: _table(seed, rows, values, groups),
        st.integers(30, 200),
        st.integers(15, 500),
        st.integers(8, 60),
    )
)


def _table(seed: int, rows: int, values: int, groups: int) -> pd.DataFrame:
    """A table with duplicates, rows that differ in the label alone, and uneven groups."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, values, rows)
    return pd.DataFrame(
        {
            "k": rng.permutation(rows),
            "x": x,
            "g": "g" + pd.Series(x % groups).astype(str),
            "y": rng.integers(0, 2, rows),
        }
    )


@settings(deadline=None, max_examples=30)
@given(tables, st.integers(0, 100))
def test_equal_rows_are_in_one_part_and_every_part_has_both_classes(
    frame: pd.DataFrame, random_state: int
) -> None:
    try:
        parts = deal_rows(frame, split(random_state=random_state), TARGET, "k")
    except LoopwrightError:
        assume(False)
    assert together(parts, frame["x"], frame["g"])
    for part in range(3):
        assert set(frame["y"][parts == part]) == {0, 1}


@settings(deadline=None, max_examples=30)
@given(tables, st.integers(0, 100))
def test_a_group_is_in_one_part(frame: pd.DataFrame, random_state: int) -> None:
    grouped = split("group", group="g", random_state=random_state)
    try:
        parts = deal_rows(frame, grouped, TARGET, "k")
    except LoopwrightError:
        assume(False)
    assert together(parts, frame["g"])
    for part in range(3):
        assert set(frame["y"][parts == part]) == {0, 1}


@settings(deadline=None, max_examples=30)
@given(tables)
def test_time_cuts_strictly(frame: pd.DataFrame) -> None:
    try:
        parts = deal_rows(frame, split("time", time="x"), TARGET, "k")
    except LoopwrightError:
        assume(False)
    last = frame.groupby(parts)["x"].max()
    first = frame.groupby(parts)["x"].min()
    assert last[0] < first[1]
    assert last[1] < first[2]


@settings(deadline=None, max_examples=30)
@given(tables, st.sampled_from(["stratified", "group", "time"]), st.integers(2, 4))
def test_folds_keep_the_promises_of_the_split(
    frame: pd.DataFrame, strategy: str, n_folds: int
) -> None:
    chosen = split(strategy, group="g" if strategy == "group" else None, time="x")
    try:
        dealt = folds(frame, chosen, TARGET, "k", n_folds, 7)
    except LoopwrightError:
        assume(False)
    assert len(dealt) == n_folds
    held = np.concatenate([validation for _, validation in dealt])
    assert len(set(held)) == len(held)
    for train, validation in dealt:
        assert not set(train) & set(validation)
        assert set(frame["y"].iloc[validation]) == {0, 1}
        assert set(frame["y"].iloc[train]) == {0, 1}
        assert not set(frame["x"].iloc[train]) & set(frame["x"].iloc[validation])
        if strategy == "group":
            assert not set(frame["g"].iloc[train]) & set(frame["g"].iloc[validation])
        if strategy == "time":
            assert frame["x"].iloc[train].max() < frame["x"].iloc[validation].min()
        else:
            assert len(train) + len(validation) == len(frame)
    if strategy != "time":
        assert len(held) == len(frame)


@settings(deadline=None, max_examples=30)
@given(tables, st.sampled_from(["stratified", "group", "time"]), st.randoms())
def test_the_order_of_the_rows_and_their_index_do_not_matter(
    frame: pd.DataFrame, strategy: str, random: object
) -> None:
    chosen = split(strategy, group="g" if strategy == "group" else None, time="x")
    order = np.arange(len(frame))
    random.shuffle(order)  # type: ignore[attr-defined]
    for key in ("k", None):
        table = frame if key else frame.drop(columns="k")
        try:
            parts = deal_rows(table, chosen, TARGET, key)
        except LoopwrightError:
            assume(False)
        shuffled = deal_rows(table.iloc[order], chosen, TARGET, key)
        assert shuffled.tolist() == parts[order].tolist()


def test_the_default_table_is_dealt_to_the_row(chosen: Params, credit: pd.DataFrame) -> None:
    target = chosen.charter.target
    parts = deal_rows(credit, chosen.split, target, chosen.charter.key)
    assert np.bincount(parts).tolist() == [18_000, 6_000, 6_000]
    y = credit[target.column]
    counts = y.groupby(parts).sum().tolist()
    # sklearn deals single rows; sets of equal rows cost one positive at most.
    shuffle = StratifiedShuffleSplit(n_splits=1, train_size=0.6, random_state=0)
    train, _ = next(shuffle.split(credit, y))
    assert abs(counts[0] - y.iloc[train].sum()) <= 1
    assert abs(counts[1] - counts[2]) <= 1


def test_a_seed_gives_its_own_split_and_always_the_same(
    chosen: Params, sample: pd.DataFrame
) -> None:
    target = chosen.charter.target
    first = deal_rows(sample, chosen.split, target, "ID")
    assert deal_rows(sample, chosen.split, target, "ID").tolist() == first.tolist()
    other = chosen.split.model_copy(update={"random_state": 1})
    same = (deal_rows(sample, other, target, "ID") == first).mean()
    # Two independent draws agree in 0.6² + 0.2² + 0.2² of the rows.
    assert same == pytest.approx(0.44, abs=0.04)


def test_a_split_looks_random(chosen: Params, credit: pd.DataFrame) -> None:
    parts = deal_rows(credit, chosen.split, chosen.charter.target, "ID")
    for name in ("ID", "LIMIT_BAL", "AGE", "PAY_0"):
        column = credit[name]
        error = column.std() * np.sqrt(1 / 6000 - 1 / 30_000)
        for part in range(3):
            assert abs(column[parts == part].mean() - column.mean()) < 4 * error


def test_more_rows_and_another_column_leave_the_others_in_their_part(
    chosen: Params, credit: pd.DataFrame
) -> None:
    target = chosen.charter.target
    parts = deal_rows(credit, chosen.split, target, "ID")
    before = deal_rows(credit.iloc[:25_000], chosen.split, target, "ID")
    assert (before == parts[:25_000]).mean() > 0.98
    wider = credit.assign(noise=credit["ID"] % 7)
    assert (deal_rows(wider, chosen.split, target, "ID") == parts).mean() > 0.99


def test_fractions_and_shares_are_met_as_near_as_groups_allow() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 60, 200)
    group = np.repeat(np.arange(200), sizes)
    rate = rng.random(200)[group]
    frame = pd.DataFrame({"x": np.arange(len(group)), "g": group})
    frame["y"] = (rng.random(len(group)) < rate).astype(int)
    parts = deal_rows(frame, split("group", group="g"), TARGET, None)
    assert np.abs(np.bincount(parts) / len(frame) - SHARES).max() < 0.005
    shares = frame["y"].groupby(parts).mean()
    assert np.abs(shares - frame["y"].mean()).max() < 0.01


def test_groups_go_to_other_parts_with_another_seed() -> None:
    frame = pd.DataFrame({"g": np.repeat(np.arange(40), np.arange(1, 41))})
    frame["x"] = np.arange(len(frame))
    frame["y"] = frame["x"] % 2
    where = {g: set() for g in range(40)}
    for seed in range(20):
        parts = deal_rows(frame, split("group", group="g", random_state=seed), TARGET, None)
        for g, part in pd.Series(parts).groupby(frame["g"]).first().items():
            where[g].add(part)
    assert where[39] >= {0, 1}
    assert sum(len(parts) == 3 for parts in where.values()) > 30


def test_three_large_groups_get_a_part_each() -> None:
    frame = pd.DataFrame({"g": np.repeat([0, 1, 2], [100, 99, 98]), "x": np.arange(297)})
    frame["y"] = frame["x"] % 2
    parts = deal_rows(frame, split("group", group="g"), TARGET, None)
    assert sorted(pd.Series(parts).groupby(frame["g"]).first()) == [0, 1, 2]


def test_a_group_of_nearly_all_rows_leaves_a_group_to_each_other_part() -> None:
    frame = pd.DataFrame(
        {"g": [0] * 95 + [1, 2] * 2 + [1], "x": range(100), "y": [0, 0, 1, 1] * 25}
    )
    parts = deal_rows(frame, split("group", group="g"), TARGET, None)
    assert sorted(np.bincount(parts)) == [2, 3, 95]


def test_rare_positives_reach_every_part() -> None:
    frame = pd.DataFrame({"x": np.arange(1000), "y": 0})
    frame.loc[[3, 500, 900], "y"] = 1
    for seed in range(10):
        parts = deal_rows(frame, split(random_state=seed), TARGET, None)
        assert frame["y"].groupby(parts).sum().tolist() == [1, 1, 1]


def test_a_group_stays_whole_with_the_strategy_stratified_too() -> None:
    frame = _table(1, 200, 500, 50)
    parts = deal_rows(frame, split(group="g"), TARGET, "k")
    assert together(parts, frame["g"])


def test_what_equal_rows_and_groups_join_is_joined() -> None:
    frame = pd.DataFrame({"g": [1, 1, 2, 2, 3], "x": [5, 6, 6, 7, 8], "y": [0, 1, 0, 1, 0]})
    # With the group as the key it is no feature, so row 1 equals row 2 and links 1 to 2.
    units = units_of(frame, split("group", group="g"), "y", "g")
    assert len(set(units[:4])) == 1
    assert len(set(units)) == 2
    apart = units_of(frame, split("group", group="g"), "y", None)
    assert len(set(apart)) == 3


@pytest.mark.parametrize("name", ["str", "category", "datetime64[ns]", "Int64", "boolean"])
def test_a_group_may_have_any_type(name: str) -> None:
    values = pd.Series(np.arange(120) // 2 if name != "boolean" else [False, True] * 60)
    frame = pd.DataFrame({"x": np.arange(120), "g": values.astype(name)})
    frame["y"] = np.arange(120) % 2
    units = units_of(frame, split("group", group="g"), "y", None)
    assert len(set(units)) == frame["g"].nunique()


@pytest.mark.parametrize("kind", ["int64", "float64", "Int64", "datetime64[ns]"])
def test_time_may_be_a_date_or_a_number(kind: str) -> None:
    frame = pd.DataFrame({"t": pd.Series(np.arange(20) // 2).astype(kind), "y": [0, 1] * 10})
    parts = deal_rows(frame.assign(x=1), split("time", time="t"), TARGET, None)
    assert parts.tolist() == [0] * 12 + [1] * 4 + [2] * 4


@pytest.mark.parametrize("kind", ["str", "category", "boolean"])
def test_time_is_no_text(kind: str) -> None:
    values = pd.Series([False, True] * 5) if kind == "boolean" else pd.Series(list("abcdefghij"))
    frame = pd.DataFrame({"t": values.astype(kind), "y": [0, 1] * 5})
    with pytest.raises(LoopwrightError, match="declare it datetime64"):
        times_of(frame, split("time", time="t"))


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (np.arange(10), [0] * 6 + [1] * 2 + [2] * 2),
        ([1, 1, 1, 2, 3], [0, 0, 0, 1, 2]),
        ([3, 1, 2], [2, 0, 1]),
        ([1, 2, 3, 3, 3, 3, 3], [0, 1, 2, 2, 2, 2, 2]),
        ([1, 1, 1, 1, 1, 2, 3], [0, 0, 0, 0, 0, 1, 2]),
        ([1, 2, 2, 2, 3, 3, 4], [0, 0, 0, 0, 1, 1, 2]),
    ],
)
def test_cuts_lie_where_the_shares_are_met_best(times: list[int], expected: list[int]) -> None:
    assert cut(np.array(times), SHARES).tolist() == expected


def test_too_few_moments_are_an_error() -> None:
    with pytest.raises(LoopwrightError, match="2 different moments cannot be cut into 3 parts"):
        cut(np.array([1, 1, 2]), SHARES)


def test_dealing_single_units_meets_every_share_to_the_row() -> None:
    counts = np.array([[1, 0]] * 700 + [[0, 1]] * 300)
    parts = deal(counts, SHARES, np.random.default_rng(0).permutation(1000))
    table = pd.crosstab(parts, counts[:, 1])
    assert table.to_numpy().tolist() == [[420, 180], [140, 60], [140, 60]]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_dealing_gives_each_unit_one_part_near_its_share(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(3, (int(rng.integers(3, 400)), 2))
    counts[:, 0] += 1
    parts = deal(counts, SHARES, rng.permutation(len(counts)))
    assert set(parts) == {0, 1, 2}
    rows = np.array([counts[parts == part].sum() for part in range(3)])
    assert np.abs(rows - SHARES * counts.sum()).max() <= counts.sum(axis=1).max() + 1


@pytest.mark.parametrize(
    ("frame", "chosen", "expected"),
    [
        (
            pd.DataFrame({"g": [0] * 98 + [1] * 2, "x": range(100), "y": [0, 1] * 50}),
            split("group", group="g"),
            r"gets no rows.*100 rows form 2 units.*equal features or 'g'.*largest holds 98%",
        ),
        (
            pd.DataFrame({"x": [1] * 90 + [2] * 10, "y": [0, 1] * 50}),
            split(),
            r"gets no rows.*form 2 units.*\(rows with equal features\)",
        ),
        (
            pd.DataFrame({"x": range(100), "y": [1] + [0] * 99}),
            split(),
            r"rows of one class, and each part needs both classes",
        ),
        (pd.DataFrame({"x": [1, 2], "y": [0, 1]}), split(), "needs both classes"),
        (pd.DataFrame({"x": [], "y": []}), split(), "train gets no rows"),
        (
            pd.DataFrame({"t": range(100), "y": [0, 1] * 40 + [0] * 20, "x": 1}),
            split("time", time="t"),
            r"test gets 20 rows of one class.*column 't' has 100 different moments",
        ),
        (
            pd.DataFrame({"t": [1, 2] * 50, "y": [0, 1] * 50, "x": 1}),
            split("time", time="t"),
            "2 different moments",
        ),
        (
            pd.DataFrame({"clnt": [1, 2], "y": [0, 1]}),
            split("group", group="client"),
            r"split\.group: the table has no column 'client'; did you mean 'clnt'\?",
        ),
        (
            pd.DataFrame({"x": [1, 2], "y": [0, 1]}),
            split("time", time="t"),
            r"split\.time: the table has no column 't'",
        ),
        (
            pd.DataFrame({"g": [1, None, 2], "y": [0, 1, 0]}),
            split("group", group="g"),
            r"split\.group: column 'g' is missing in 1 rows",
        ),
        (
            pd.DataFrame({"t": pd.to_datetime(["2011", None], format="%Y"), "y": [0, 1]}),
            split("time", time="t"),
            r"split\.time: column 't' is missing in 1 rows",
        ),
    ],
)
def test_a_split_that_cannot_be_is_explained(
    frame: pd.DataFrame, chosen: Split, expected: str
) -> None:
    with pytest.raises(LoopwrightError, match=expected):
        deal_rows(frame, chosen, TARGET, None)


def test_time_folds_grow_with_time() -> None:
    frame = pd.DataFrame({"t": np.arange(40), "y": [0, 1] * 20, "x": 1})
    dealt = folds(frame, split("time", time="t"), TARGET, None, 3, 0)
    assert [(train.tolist(), validation.tolist()) for train, validation in dealt] == [
        (list(range(10)), list(range(10, 20))),
        (list(range(20)), list(range(20, 30))),
        (list(range(30)), list(range(30, 40))),
    ]


def test_folds_of_the_default_train_rows_are_even(chosen: Params, sample: pd.DataFrame) -> None:
    target = chosen.charter.target
    dealt = folds(sample, chosen.split, target, "ID", 3, 0)
    assert sorted(len(validation) for _, validation in dealt) == [666, 667, 667]
    counts = [int(sample[target.column].iloc[validation].sum()) for _, validation in dealt]
    assert max(counts) - min(counts) <= 1
    again = folds(sample, chosen.split, target, "ID", 3, 1)
    assert again[0][1].tolist() != dealt[0][1].tolist()


def test_folds_name_the_one_that_fails() -> None:
    frame = pd.DataFrame({"x": range(9), "y": [1, 1] + [0] * 7})
    with pytest.raises(LoopwrightError, match=r"fold . of 3 gets 3 rows of one class"):
        folds(frame, split(), TARGET, None, 3, 0)


@pytest.mark.parametrize(
    "counts", [[[5, 2], [4, 1], [1, 3]], [[5, 1], [2, 5], [1, 3]], [[2, 4], [3, 2], [1, 3]]]
)
def test_few_units_are_left_to_the_parts_that_still_need_them(counts: list[list[int]]) -> None:
    for draw in permutations(range(3)):
        parts = deal(np.array(counts), SHARES, np.array(draw))
        assert sorted(parts) == [0, 1, 2]


def test_single_rows_make_up_for_large_units_class_by_class() -> None:
    # One large unit with most of the positives, then single rows.
    counts = np.array([[10, 150]] + [[1, 0]] * 2000 + [[0, 1]] * 1000)
    parts = deal(counts, SHARES, np.random.default_rng(0).permutation(len(counts)))
    for part, share in enumerate(SHARES):
        dealt = counts[parts == part].sum(axis=0)
        assert np.abs(dealt - share * counts.sum(axis=0)).max() <= 2


# --- other tasks ------------------------------------------------------------------------


def test_classes_and_tenths_are_dealt_in_proportion() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"k": range(2000), "x": rng.random(2000)})
    frame["y"] = rng.choice(["a", "b", "c", "d"], 2000, p=[0.6, 0.3, 0.09, 0.01])
    parts = deal_rows(frame, split(), MulticlassTarget(column="y", meaning="m"), "k")
    table = pd.crosstab(frame["y"], parts, normalize="columns")
    assert (table.sub(table.mean(axis=1), axis=0).abs() < 0.01).all(axis=None)
    frame["y"] = rng.lognormal(size=2000)
    parts = deal_rows(frame, split(), RegressionTarget(column="y", meaning="m"), "k")
    assert np.bincount(parts).tolist() == [1200, 400, 400]
    tenths = pd.crosstab(pd.qcut(frame["y"], 10, labels=False), parts, normalize="columns")
    assert (tenths.sub(0.1).abs() < 0.01).all(axis=None)


def test_a_rare_class_is_in_every_part() -> None:
    frame = pd.DataFrame({"x": np.arange(303), "y": ["a"] * 300 + ["b"] * 3})
    parts = deal_rows(frame, split(), MulticlassTarget(column="y", meaning="m"), None)
    assert sorted(parts[300:]) == [0, 1, 2]


def test_one_number_only_is_no_target() -> None:
    frame = pd.DataFrame({"x": np.arange(60), "y": 1.5})
    with pytest.raises(LoopwrightError, match="each part needs two numbers"):
        deal_rows(frame, split(), RegressionTarget(column="y", meaning="m"), None)
