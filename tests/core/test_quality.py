from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stages.core.params import (
    BinaryTarget,
    MulticlassTarget,
    RegressionTarget,
    SingleFeatureLeakage,
)
from stages.core.quality import (
    MIN_CLASS_SIZE,
    Outcome,
    check_conflicting_labels,
    check_constant_columns,
    check_duplicates,
    check_leakage,
    check_missing_labels,
    check_target,
    status_of,
    table_of_cases,
)
from stages.core.schema import Column, Policy, Schema

TARGET = BinaryTarget(column="y", positive=1, meaning="m")
LEAKAGE = SingleFeatureLeakage(policy="fail", roc_auc=0.95)


def rows(outcome: Outcome) -> list[int]:
    return outcome.cases["row"].dropna().astype(int).tolist()


@pytest.mark.parametrize(
    ("policies", "status"), [([], "pass"), (["warn", "drop"], "warn"), (["warn", "fail"], "fail")]
)
def test_the_worst_policy_of_the_cases_is_the_status(
    policies: Sequence[Policy], status: str
) -> None:
    tables = [table_of_cases("c", policy, [("x", 0, 1, "m")]) for policy in policies]
    cases = pd.concat(tables) if tables else table_of_cases("c", "fail", [])
    assert status_of(cases) == status


def test_copies_are_the_later_rows_equal_in_all_but_the_key() -> None:
    frame = pd.DataFrame({"k": [1, 2, 3, 4], "x": [5, 5, 5, 6], "y": [0, 0, 1, 0]})
    outcome = check_duplicates(frame, "y", "k", "drop")
    assert rows(outcome) == [1]
    assert outcome.cases["message"].tolist() == ["equals row 1 in all columns but k"]
    assert (outcome.value, outcome.status) == (1, "warn")
    assert check_duplicates(frame, "y", None, "fail").status == "pass"
    unnamed = check_duplicates(frame.drop(columns="k"), "y", None, "fail")
    assert (rows(unnamed), unnamed.status) == ([1], "fail")


def test_rows_keep_the_numbers_of_the_ingested_table() -> None:
    frame = pd.DataFrame({"x": [5, 5, 6], "y": [0, 0, 1]}, index=[3, 7, 8])
    outcome = check_duplicates(frame, "y", None, "warn")
    assert rows(outcome) == [7]
    assert outcome.cases["message"].tolist() == ["equals row 4 in all columns"]


def test_conflicting_labels_are_whole_sets() -> None:
    frame = pd.DataFrame(
        {"k": range(7), "x": [5, 6, 5, 5, 6, 7, 8], "y": [0, 1, 1, 0, 1, 0, 0]},
    )
    outcome = check_conflicting_labels(frame, "y", "k", "warn")
    assert rows(outcome) == [0, 2, 3]
    assert outcome.cases["value"].tolist() == [0, 1, 0]
    assert (outcome.value, outcome.status) == (1, "warn")
    assert "1 sets of rows" in outcome.why
    assert "(3 rows)" in outcome.why
    agreed = check_conflicting_labels(frame.assign(y=frame["x"] % 2), "y", "k", "fail")
    assert (agreed.value, agreed.status) == (0, "pass")


def test_missing_features_are_equal_to_one_another() -> None:
    frame = pd.DataFrame({"x": [None, None, 1.0], "y": [0, 1, 0]})
    assert rows(check_conflicting_labels(frame, "y", None, "warn")) == [0, 1]


def test_the_known_duplicates_and_conflicts_of_the_default_table(credit: pd.DataFrame) -> None:
    target = "default payment next month"
    copies = check_duplicates(credit, target, "ID", "warn")
    assert copies.value == 35
    # pandas' own count, an independent way to the same rows
    later = np.flatnonzero(credit.drop(columns="ID").duplicated())
    assert rows(copies) == later.tolist()
    conflicts = check_conflicting_labels(credit, target, "ID", "warn")
    assert conflicts.value == 21
    assert len(conflicts.cases) == 46


def test_a_constant_column_is_found_whatever_its_type() -> None:
    frame = pd.DataFrame(
        {
            "one": [1, 1, 1],
            "none": [None, None, None],
            "word": pd.Categorical(["a", "a", "a"], categories=["a", "b"]),
            "nearly": [1.0, None, 1.0],
            "varies": [1, 2, 1],
            "y": [0, 0, 0],
        }
    )
    outcome = check_constant_columns(frame, "y", "fail")
    assert outcome.cases["column"].tolist() == ["one", "none", "word"]
    assert outcome.status == "fail"
    assert check_constant_columns(frame[["varies", "y"]], "y", "fail").status == "pass"
    assert check_constant_columns(frame.iloc[:0], "y", "fail").status == "pass"


@pytest.mark.parametrize(
    ("labels", "policy", "status", "why"),
    [
        ([0, 1, 0, 0], "fail", "pass", "both classes are there: 25.0% of the labels"),
        ([1, 1], "fail", "fail", "every row has this one label"),
        ([1, 1], "warn", "warn", "every row has this one label"),
        ([0, 0, 2], "fail", "fail", "no row has the positive value 1; found: 0, 2"),
        (["1", "0"], "fail", "fail", "no row has the positive value 1; found: 0, 1"),
        ([2, 3, 4, 5, 6, 7], "warn", "warn", "found: 2, 3, 4, 5, 6, ..."),
        (
            [0, 1, 2],
            "fail",
            "fail",
            "3 labels, and all but the positive one are one class: 0, 1, 2",
        ),
        ([1, None, None], "warn", "warn", "every row has this one label"),
        ([None, None], "warn", "fail", "no row has a label"),
        ([], "warn", "fail", "no row has a label"),
    ],
)
def test_a_target_that_cannot_be_learned_is_found(
    labels: list[object], policy: Policy, status: str, why: str
) -> None:
    outcome = check_target(pd.DataFrame({"y": labels}), TARGET, policy)
    assert outcome.status == status
    assert why in outcome.why


@pytest.mark.parametrize(("policy", "status"), [("fail", "fail"), ("drop", "warn")])
def test_each_missing_label_is_listed(policy: Policy, status: str) -> None:
    frame = pd.DataFrame({"y": pd.array([0, None, 1, None], dtype="Int64")}, index=[0, 4, 5, 9])
    outcome = check_missing_labels(frame, "y", policy)
    assert rows(outcome) == [4, 9]
    assert set(outcome.cases["policy"]) == {policy}
    assert (outcome.status, outcome.value) == (status, 2)
    assert outcome.why == "2 of 4 rows have no label"
    assert check_missing_labels(frame.dropna(), "y", policy).status == "pass"


def leakage_schema(*names: str, kind: str = "numeric", dtype: str = "float64") -> Schema:
    line = {"title": "T", "dtype": dtype, "kind": kind, "nullable": dtype != "int64"}
    label = {"title": "Y", "dtype": "int64", "kind": "categorical"}
    key = {"title": "K", "dtype": "int64", "kind": "identifier"}
    columns = {"k": key, **dict.fromkeys(names, line), "y": label}
    return Schema.model_validate({"columns": columns})


@pytest.fixture
def labelled() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    y = (rng.random(3000) < 0.2).astype(np.int64)
    return pd.DataFrame({"k": np.arange(3000), "noise": rng.normal(size=3000), "y": y})


def leaks(frame: pd.DataFrame, schema: Schema) -> dict[str, float]:
    frame = frame[[name for name in frame.columns if name in schema.columns]]
    outcome = check_leakage(frame, schema, TARGET, "k", LEAKAGE)
    assert outcome.status == ("fail" if len(outcome.cases) else "pass")
    return dict(zip(outcome.cases["column"], outcome.cases["value"], strict=True))


def test_noise_is_no_leak(labelled: pd.DataFrame) -> None:
    assert leaks(labelled, leakage_schema("noise")) == {}


@pytest.mark.parametrize("sign", [1, -1])
def test_a_copy_of_the_target_leaks_in_either_direction(labelled: pd.DataFrame, sign: int) -> None:
    labelled["copy"] = sign * labelled["y"].astype(float)
    assert leaks(labelled, leakage_schema("noise", "copy")) == {"copy": 1.0}


def test_a_noisy_copy_leaks_with_the_roc_auc_of_sklearn(labelled: pd.DataFrame) -> None:
    # Two normals 2.66 apart have a ROC AUC of 0.97.
    labelled["echo"] = 2.66 * labelled["y"] + np.random.default_rng(1).normal(size=3000)
    expected = roc_auc_score(labelled["y"], labelled["echo"])
    assert 0.96 < expected < 0.98
    found = leaks(labelled, leakage_schema("noise", "echo"))
    assert found == {"echo": pytest.approx(expected, abs=1e-6)}


def test_a_good_feature_below_the_threshold_does_not_leak(labelled: pd.DataFrame) -> None:
    labelled["good"] = 2 * labelled["y"] + np.random.default_rng(1).normal(size=3000)
    assert 0.9 < roc_auc_score(labelled["y"], labelled["good"]) < 0.94
    assert leaks(labelled, leakage_schema("good")) == {}


def test_a_value_known_only_of_one_class_leaks(labelled: pd.DataFrame) -> None:
    labelled["refund"] = labelled["noise"].where(labelled["y"] == 1)
    assert leaks(labelled, leakage_schema("noise", "refund")) == {"refund": 1.0}


@pytest.mark.parametrize("dtype", ["str", "category"])
def test_a_category_that_encodes_the_target_leaks(labelled: pd.DataFrame, dtype: str) -> None:
    # 40 names without any order, half of them met by one class only.
    names = np.random.default_rng(2).integers(0, 20, 3000) * 2 + labelled["y"]
    labelled["code"] = ("c" + (names * 7 % 41).astype(str)).astype(dtype)
    found = leaks(labelled, leakage_schema("code", kind="categorical", dtype=dtype))
    assert found["code"] > 0.99


@pytest.mark.parametrize("distinct", [300, 1500, 3000, 100_000])
@pytest.mark.parametrize("seed", range(5))
def test_a_random_name_of_many_does_not_leak(
    labelled: pd.DataFrame, distinct: int, seed: int
) -> None:
    names = np.random.default_rng(seed).integers(0, distinct, 3000)
    labelled["name"] = pd.Series("n" + names.astype(str).astype(object), dtype="str")
    schema = leakage_schema("name", kind="categorical", dtype="str")
    outcome = check_leakage(labelled.drop(columns="noise"), schema, TARGET, "k", LEAKAGE)
    assert outcome.status == "pass"
    assert outcome.value is not None
    assert 0.5 <= outcome.value < 0.6


def test_keys_and_identifiers_are_no_features(labelled: pd.DataFrame) -> None:
    by_target = labelled.sort_values("y", kind="stable").assign(k=np.arange(3000))
    by_target["other"] = by_target["k"]
    schema = leakage_schema("other", kind="identifier", dtype="int64")
    outcome = check_leakage(by_target.drop(columns="noise"), schema, TARGET, "k", LEAKAGE)
    assert outcome.status == "not_applicable"


def test_a_few_rows_cannot_tell(labelled: pd.DataFrame) -> None:
    labelled["y"] = (np.arange(3000) < MIN_CLASS_SIZE - 1).astype(np.int64)
    labelled["copy"] = labelled["y"].astype(float)
    schema = leakage_schema("noise", "copy")
    outcome = check_leakage(labelled, schema, TARGET, "k", LEAKAGE)
    assert outcome.status == "insufficient"
    assert len(outcome.cases) == 0
    labelled["y"] = (np.arange(3000) < MIN_CLASS_SIZE).astype(np.int64)
    labelled["copy"] = labelled["y"].astype(float)
    assert leaks(labelled, schema) == {"copy": 1.0}


def test_rows_without_a_label_are_left_out(labelled: pd.DataFrame) -> None:
    schema = leakage_schema("noise")
    whole = check_leakage(labelled, schema, TARGET, "k", LEAKAGE)
    unlabelled = labelled.head(100).assign(y=pd.NA)
    more = pd.concat([labelled.astype({"y": "Int64"}), unlabelled.astype({"y": "Int64"})])
    assert check_leakage(more, schema, TARGET, "k", LEAKAGE).value == whole.value


def test_the_default_table_has_no_leak(credit: pd.DataFrame, schema: Schema) -> None:
    target = BinaryTarget(column="default payment next month", positive=1, meaning="m")
    outcome = check_leakage(credit, schema, target, "ID", LEAKAGE)
    assert outcome.status == "pass"
    expected = roc_auc_score(credit[target.column], credit["PAY_0"])
    assert outcome.value == pytest.approx(expected, abs=1e-6)
    assert "PAY_0" in outcome.why


# --- other tasks ------------------------------------------------------------------------


def several(rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.random(rows), "y": rng.choice(["u", "v", "w"], rows)})


CLASSES = MulticlassTarget(column="y", meaning="m")
REAL = RegressionTarget(column="y", meaning="m")


def test_classes_and_numbers_are_targets() -> None:
    outcome = check_target(several(), CLASSES, "fail")
    assert (outcome.status, outcome.value, outcome.why) == ("pass", 3, "there are 3 classes")
    numbers = several().assign(y=np.arange(300.0))
    assert check_target(numbers, REAL, "fail").status == "pass"


def test_a_class_too_rare_to_split_is_named() -> None:
    frame = several()
    frame.loc[:1, "y"] = "rare"
    outcome = check_target(frame, CLASSES, "warn")
    assert outcome.status == "warn"
    assert "class 'rare' has 2 rows" in outcome.why


def test_a_text_is_no_number_to_predict() -> None:
    outcome = check_target(several(), REAL, "warn")
    assert outcome.status == "fail"
    assert "a regression predicts a number" in outcome.why


def test_one_number_alone_is_told() -> None:
    outcome = check_target(several().assign(y=2.0), REAL, "fail")
    assert (outcome.status, outcome.value) == ("fail", 1)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_leak_is_found_for_every_task(task: str) -> None:
    rng = np.random.default_rng(1)
    frame = several(900)
    leaking = SingleFeatureLeakage(policy="fail", roc_auc=0.95)
    number = Column(dtype="float64", kind="numeric", title="A")
    text = Column(dtype="str", kind="categorical", title="T")
    if task == "multiclass":
        target, known = CLASSES, text
        frame["b"] = frame["y"].map({"u": 1.0, "v": 2.0, "w": 3.0}) + rng.normal(0, 0.01, 900)
    else:
        target, known = REAL, number
        frame["y"] = rng.lognormal(size=900)
        frame["b"] = frame["y"] * 2 + rng.normal(0, 0.01, 900)
    described = Schema(columns={"a": number, "b": number, "y": known})
    outcome = check_leakage(frame, described, target, None, leaking)
    assert outcome.status == "fail"
    assert outcome.cases["column"].tolist() == ["b"]
    clean = check_leakage(frame.drop(columns="b"), described, target, None, leaking)
    assert clean.status == "pass"
