import numpy as np
import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from stages.core.schema import Column, Schema
from stages.core.variables import Variable, read_variables


def read(values: object, **column: object) -> Variable:
    frame = pd.DataFrame({"x": values})
    schema = Schema(columns={"x": Column(title="X", **column)})  # type: ignore[arg-type]
    (variable,) = read_variables(frame, schema, "target", None)
    return variable


def test_features_are_all_but_target_key_and_identifiers() -> None:
    frame = pd.DataFrame({"id": [1], "b": [1], "k": [1], "a": [1], "y": [1]})
    number = Column(dtype="int64", kind="numeric", title="T")
    named = Column(dtype="int64", kind="identifier", title="T")
    schema = Schema(columns={"id": named, "b": number, "k": number, "a": number, "y": number})
    assert [v.name for v in read_variables(frame, schema, "y", "k")] == ["b", "a"]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (pd.array([1, None, 3], dtype="Int64"), "Int64"),
        (np.array([1, np.nan, 3]), "float64"),
        (np.array([1, np.inf, 3]), "float64"),
        (np.array([1, -np.inf, 3]), "float64"),
        (np.array([1, 1.5e308, 3]), "float64"),
    ],
)
def test_what_is_missing_or_not_finite_is_nan(values: object, dtype: str) -> None:
    variable = read(values, dtype=dtype, kind="numeric", nullable=True)
    np.testing.assert_array_equal(variable.values, [1, np.nan, 3])
    np.testing.assert_array_equal(variable.known, [1, 3])
    assert variable.distinct == 2
    assert variable.ordered
    assert variable.levels == ()


def test_a_boolean_is_ordered_and_has_levels() -> None:
    variable = read(
        pd.array([True, None, False], dtype="boolean"),
        dtype="boolean",
        kind="categorical",
        labels={"True": "yes"},
    )
    np.testing.assert_array_equal(variable.values, [1, np.nan, 0])
    assert variable.levels == ("False", "yes")
    assert variable.ordered


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_date_is_days_whatever_its_resolution(unit: str) -> None:
    times = pd.Series(pd.to_datetime(["1970-01-02 00:00", None, "2000-01-01 12:00"])).astype(
        f"datetime64[{unit}]"
    )
    variable = read(times, dtype="datetime64[ns]", kind="datetime", format="%Y")
    np.testing.assert_array_equal(variable.values, [1, np.nan, 10957.5])


def test_categories_stand_by_frequency_and_then_by_name() -> None:
    variable = read(["b", "c", "a", "c", None], dtype="str", kind="categorical")
    assert variable.levels == ("c", "a", "b")
    np.testing.assert_array_equal(variable.values, [2, 0, 1, 0, np.nan])
    assert not variable.ordered


def test_the_order_of_categories_does_not_hang_on_the_order_of_rows() -> None:
    values = ["b", "c", "a", "c", "d"]
    forwards = read(values, dtype="str", kind="categorical")
    backwards = read(values[::-1], dtype="str", kind="categorical")
    assert forwards.levels == backwards.levels
    np.testing.assert_array_equal(forwards.values, backwards.values[::-1])


def test_codes_have_their_labels_and_a_strange_code_its_own() -> None:
    variable = read(
        np.array([1.0, 2.0, 2.0, 9.0]),
        dtype="float64",
        kind="categorical",
        labels={"1": "male", "2": "female"},
    )
    assert variable.levels == ("female", "male", "9")


def test_ordinal_categories_stand_in_their_declared_order() -> None:
    variable = read(
        pd.Categorical(["high", "odd", "low", "low"]),
        dtype="category",
        kind="ordinal",
        labels={"low": "bad", "mid": "so", "high": "good"},
    )
    assert variable.ordered
    assert variable.levels == ("bad", "good", "odd")
    np.testing.assert_array_equal(variable.values, [1, 2, 0, 0])


def test_an_empty_text_column_has_no_level() -> None:
    variable = read(pd.Series([None, None], dtype="str"), dtype="str", kind="categorical")
    assert variable.levels == ()
    assert variable.distinct == 0


@pytest.mark.parametrize("kind", ["numeric", "datetime"])
def test_a_column_that_is_not_what_the_schema_says_is_told(kind: str) -> None:
    column = {
        "numeric": {"dtype": "int64"},
        "datetime": {"dtype": "datetime64[ns]", "format": "%Y"},
    }
    with pytest.raises(LoopwrightError, match=r"column 'x': schema.yaml says .*dvc repro validate"):
        read(["a", "b"], kind=kind, **column[kind])


def test_a_column_without_a_description_is_told() -> None:
    with pytest.raises(LoopwrightError, match="no column 'x' in schema"):
        other = Column(dtype="int64", kind="numeric", title="Other")
        read_variables(pd.DataFrame({"x": [1]}), Schema(columns={"z": other}), "y", None)


def test_the_frame_is_left_as_it_was(sample: pd.DataFrame, schema: Schema) -> None:
    before = sample.copy(deep=True)
    read_variables(sample, schema, "default payment next month", "ID")
    pd.testing.assert_frame_equal(sample, before)
