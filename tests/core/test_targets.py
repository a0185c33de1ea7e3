import numpy as np
import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from stages.core.params import BinaryTarget, MulticlassTarget, RegressionTarget
from stages.core.targets import STRATA, class_label, described, questions, strata, truth, weights_of

CLASSES = MulticlassTarget(column="y", meaning="m")
NUMBER = RegressionTarget(column="y", meaning="m")


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (pd.Series([0, 1, 1]), 1),
        (pd.Series(["no", "yes", "yes"]), "yes"),
        (pd.Series([False, True, True], dtype="boolean"), True),
        (pd.Series(pd.Categorical(["n", "y", "y"])), "y"),
        (pd.Series([0, 1, 1], dtype="Int64"), 1),
    ],
)
def test_positives_are_1(labels: pd.Series, positive: int | str | bool) -> None:
    target = BinaryTarget(column="y", positive=positive, meaning="m")
    found = truth(pd.DataFrame({"y": labels}), target)
    assert found.tolist() == [0, 1, 1]
    assert found.dtype == np.int64


@pytest.mark.parametrize("labels", [[1.0, np.nan, 0.0], pd.array([1, None, 0], dtype="Int64")])
def test_a_missing_label_is_never_a_negative_one(labels: object) -> None:
    target = BinaryTarget(column="y", positive=1, meaning="m")
    with pytest.raises(LoopwrightError, match="'y' is missing in 1 rows"):
        truth(pd.DataFrame({"y": labels}), target)


def test_a_missing_target_is_named() -> None:
    target = BinaryTarget(column="y", positive=1, meaning="m")
    with pytest.raises(LoopwrightError, match="no column 'y'"):
        truth(pd.DataFrame({"x": [1]}), target)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["b", "a", "b"], ["b", "a", "b"]),
        ([3, 1, 3], ["3", "1", "3"]),
        ([3.0, 1.5, 3.0], ["3", "1.5", "3"]),
        (pd.array([3, 1, 3], dtype="Int64"), ["3", "1", "3"]),
        (pd.Categorical(["b", "a", "b"], ["b", "a"]), ["b", "a", "b"]),
        ([True, False, True], ["True", "False", "True"]),
    ],
)
def test_a_class_is_called_by_its_text(labels: object, expected: list[str]) -> None:
    found = truth(pd.DataFrame({"y": labels}), CLASSES)
    assert found.tolist() == expected
    assert {type(label) for label in found} == {str}


def test_a_label_of_a_whole_number_has_no_decimals() -> None:
    assert class_label(np.float64(7)) == "7"
    assert class_label(7.25) == "7.25"


def test_a_number_stays_one() -> None:
    found = truth(pd.DataFrame({"y": pd.array([3, 1], dtype="Int64")}), NUMBER)
    assert found.dtype == np.float64
    assert found.tolist() == [3, 1]
    with pytest.raises(LoopwrightError, match="a regression predicts a number"):
        truth(pd.DataFrame({"y": ["3", "1"]}), NUMBER)
    with pytest.raises(LoopwrightError, match="a regression predicts a number"):
        truth(pd.DataFrame({"y": [True, False]}), NUMBER)


@pytest.mark.parametrize("target", [CLASSES, NUMBER])
def test_a_missing_value_is_no_class_and_no_number(target: MulticlassTarget) -> None:
    with pytest.raises(LoopwrightError, match="'y' is missing in 1 rows"):
        truth(pd.DataFrame({"y": [1.0, np.nan]}), target)


def test_strata_are_the_classes_and_the_tenths_of_a_number() -> None:
    frame = pd.DataFrame({"y": ["b", "a", "c", "a"]})
    assert strata(frame, CLASSES).tolist() == [1, 0, 2, 0]
    positive = BinaryTarget(column="y", positive="a", meaning="m")
    assert strata(frame, positive).tolist() == [0, 1, 0, 1]
    numbers = pd.DataFrame({"y": np.random.default_rng(0).exponential(size=1000)})
    assert np.bincount(strata(numbers, NUMBER)).tolist() == [100] * STRATA
    assert np.bincount(strata(pd.DataFrame({"y": [0.0] * 90 + [1.0] * 10}), NUMBER)).tolist() == [
        90,
        10,
    ]
    assert strata(pd.DataFrame({"y": [2.5, 2.5]}), NUMBER).tolist() == [0, 0]


def test_weights_are_numbers_of_0_or_more() -> None:
    frame = pd.DataFrame({"w": [1.0, 0.0, 2.5]})
    assert weights_of(frame, None) is None
    found = weights_of(frame, "w")
    assert found is not None and found.tolist() == [1, 0, 2.5]
    with pytest.raises(LoopwrightError, match="no column 'v'"):
        weights_of(frame, "v")
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(LoopwrightError, match=r"'w', row 1.*is no weight"):
            weights_of(pd.DataFrame({"w": [1.0, bad]}), "w")
    with pytest.raises(LoopwrightError, match="row 1: 'x' is no weight"):
        weights_of(pd.DataFrame({"w": ["1", "x"]}), "w")
    with pytest.raises(LoopwrightError, match="0 in every row"):
        weights_of(pd.DataFrame({"w": [0, 0]}), "w")


def test_every_target_answers_yes_or_no() -> None:
    frame = pd.DataFrame({"y": ["b", "a", "b", "c"]})
    asked = [(name, answer.tolist()) for name, answer in questions(frame, CLASSES)]
    assert asked == [("b", [1, 0, 1, 0]), ("a", [0, 1, 0, 0]), ("c", [0, 0, 0, 1])]
    positive = BinaryTarget(column="y", positive="a", meaning="m")
    assert [(n, a.tolist()) for n, a in questions(frame, positive)] == [("a", [0, 1, 0, 0])]
    ((name, answer),) = questions(pd.DataFrame({"y": [1.0, 2.0, 3.0, 40.0]}), NUMBER)
    assert (name, answer.tolist()) == ("above 2.5", [0, 0, 1, 1])
    ((name, answer),) = questions(pd.DataFrame({"y": [1.0, 7.0, 7.0, 7.0]}), NUMBER)
    assert (name, answer.tolist()) == ("7 or more", [0, 1, 1, 1])


def test_a_target_in_a_few_numbers() -> None:
    frame = pd.DataFrame({"y": ["b", "a", "b", "c"]})
    assert described(frame, CLASSES) == {"classes": {"b": 2, "a": 1, "c": 1}}
    positive = BinaryTarget(column="y", positive="a", meaning="m")
    assert described(frame, positive) == {"positive_share": 0.25}
    numbers = pd.DataFrame({"y": [1.0, 2.0, 6.0]})
    assert described(numbers, NUMBER) == {
        "mean": 3.0,
        "std": 2.160247,
        "min": 1.0,
        "median": 2.0,
        "max": 6.0,
    }
