import json
from fnmatch import fnmatch

import numpy as np
import pandas as pd
import pytest

from stages.core.associations import correlations, spearman
from stages.core.params import BinaryTarget, Params
from stages.core.schema import Checks, Column, Schema
from stages.core.variables import read_variables
from stages.explore.findings import Finding, find
from stages.explore.outcomes import YesNo, outcome_of

NUMBER = Column(dtype="float64", kind="numeric", title="Number")
TEXT = Column(dtype="str", kind="categorical", title="Text")
TARGET = Column(dtype="int64", kind="categorical", title="Target", checks=Checks(isin=(0, 1)))


def findings(chosen: Params, frame: pd.DataFrame, **columns: Column) -> list[Finding]:
    schema = Schema(columns={**dict.fromkeys(frame.columns, NUMBER), **columns, "y": TARGET})
    y = frame["y"].to_numpy(dtype=np.int64)
    variables = read_variables(frame, schema, "y", None)
    ordered = [v.values for v in variables if v.ordered]
    matrix = np.column_stack(ordered) if ordered else np.empty((len(frame), 0))
    outcome = YesNo("y", "Target", 0, y, ("no", "yes"))
    return find(
        frame,
        schema,
        BinaryTarget(column="y", positive=1, meaning="m"),
        variables,
        [outcome.strength(variable) for variable in variables],
        outcome,
        spearman(matrix),
        correlations(matrix),
        chosen.explore,
    )


def ids(found: list[Finding]) -> list[str]:
    return [finding.id for finding in found]


@pytest.fixture
def clean() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(size=(2000, 3)), columns=["a", "b", "c"])
    return frame.assign(y=(rng.random(2000) < 0.4).astype(np.int64))


def test_a_clean_table_raises_no_alarm(chosen: Params, clean: pd.DataFrame) -> None:
    assert findings(chosen, clean) == []


def test_a_long_tail_is_found_with_its_outliers(chosen: Params, clean: pd.DataFrame) -> None:
    rng = np.random.default_rng(1)
    found = findings(
        chosen, clean.assign(a=rng.lognormal(0, 2, 2000), b=-(rng.exponential(1, 2000) ** 2))
    )
    assert ids(found) == ["skew:a", "skew:b", "outliers:a", "outliers:b"]
    assert found[0].value > 2
    assert "a long tail of large values" in found[0].why
    assert "a long tail of small values" in found[1].why
    assert found[1].value < -2


def test_outliers_around_one_value_are_told_as_such(chosen: Params, clean: pd.DataFrame) -> None:
    values = np.where(np.arange(2000) % 5 == 0, 0.5, 3.0)
    (finding,) = findings(chosen, clean.assign(a=values))
    assert finding.id == "outliers:a"
    assert finding.value == 0.2
    assert finding.why.startswith("the middle half is one value, 3;")


@pytest.mark.parametrize(
    ("make", "how"),
    [
        (lambda a, rng: a + 0.01 * rng.normal(size=len(a)), "correlation 0.9"),
        (lambda a, rng: np.exp(40 * a), "Spearman correlation 1.000"),
        (lambda a, rng: -2 * a, "correlation \N{MINUS SIGN}1.000"),
        (lambda a, rng: np.where(a > 0.995, 1e4 * a, rng.uniform(size=len(a))), "Pearson"),
    ],
)
def test_columns_that_go_together_are_found(chosen: Params, clean: pd.DataFrame, make, how) -> None:
    rng = np.random.default_rng(2)
    a = clean["a"].to_numpy()
    base = np.where(a > 0.995, 1e4, rng.uniform(size=2000)) if how == "Pearson" else a
    frame = clean.rename(columns={"a": "z"}).assign(z=base, c=make(a, rng))
    found = [f for f in findings(chosen, frame) if f.kind == "collinear"]
    assert ids(found) == ["collinear:c~z"]
    assert how in found[0].why
    assert abs(found[0].value) >= chosen.explore.collinear


@pytest.mark.parametrize("sign", [1, -1])
def test_a_leak_is_found_whatever_its_direction(
    chosen: Params, clean: pd.DataFrame, sign: int
) -> None:
    leak = sign * clean["y"] + 0.3 * clean["a"]
    (finding,) = findings(chosen, clean[["b", "y"]].assign(leak=leak))
    assert finding.id == "leakage:leak"
    assert finding.value == 1.0
    assert "its value alone" in finding.why


def test_a_leak_in_categories_and_in_gaps_is_found(chosen: Params, clean: pd.DataFrame) -> None:
    rng = np.random.default_rng(3)
    reason = np.where(clean["y"] == 1, "late", rng.choice(["paid", "new"], 2000))
    frame = clean[["a", "y"]].assign(
        reason=pd.Series(reason, dtype="str"),
        filled=np.where(clean["y"] == 1, clean["b"], np.nan),
        noise=pd.Series(rng.integers(0, 900, 2000).astype(str), dtype="str"),
    )
    found = [f for f in findings(chosen, frame, reason=TEXT, noise=TEXT) if f.kind == "leakage"]
    assert ids(found) == ["leakage:reason", "leakage:filled"]
    assert "its category alone" in found[0].why
    assert "its being missing alone" in found[1].why


@pytest.mark.parametrize(
    ("positives", "why"),
    [
        (150, "moderate imbalance: the smaller class has 150 of 2,000 rows"),
        (1850, "moderate imbalance: the smaller class has 150 of 2,000 rows"),
        (15, "extreme imbalance"),
        (0, "one class only"),
        (2000, "one class only"),
    ],
)
def test_imbalance_is_found(chosen: Params, clean: pd.DataFrame, positives: int, why: str) -> None:
    frame = clean.assign(y=(np.arange(2000) < positives).astype(np.int64))
    rows = np.random.default_rng(0).permutation(2000)
    (finding,) = [f for f in findings(chosen, frame.iloc[rows]) if f.kind == "imbalance"]
    assert finding.id == "imbalance:y"
    assert finding.value == min(positives, 2000 - positives) / 2000
    assert finding.why.startswith(why)


def test_missing_and_infinite_values_are_found(chosen: Params, clean: pd.DataFrame) -> None:
    holes = clean.assign(
        a=clean["a"].mask(clean.index < 3), b=clean["b"].where(clean.index > 0, np.inf)
    )
    found = findings(chosen, holes)
    assert ids(found) == ["missing:a", "infinite:b"]
    assert [f.value for f in found] == [3 / 2000, 1 / 2000]
    assert "3 of 2,000 values are missing (0.15" in found[0].why


def test_codes_that_the_schema_does_not_list_are_found(chosen: Params, clean: pd.DataFrame) -> None:
    code = Column(
        dtype="Int64", kind="categorical", title="Code", checks=Checks(isin=(1, 2)), nullable=True
    )
    values = pd.array(np.arange(2000) % 2 + 1, dtype="Int64")
    values[0] = pd.NA
    known = clean.assign(code=values)
    assert ids(findings(chosen, known, code=code)) == ["missing:code"]
    values[1:8] = [7, 7, 9, 3, 4, 5, 6]
    found = findings(chosen, clean.assign(code=values), code=code)
    assert ids(found) == ["missing:code", "undocumented:code"]
    assert found[1].value == 7 / 2000
    assert found[1].why.endswith("does not list: 7 (2), 3 (1), 4 (1), 5 (1), 6 (1) and 1 more")


def test_constant_and_nearly_constant_columns_are_found(
    chosen: Params, clean: pd.DataFrame
) -> None:
    frame = clean.assign(
        a=3.0, b=(clean.index < 20).astype(float), c=(clean.index < 21).astype(float)
    )
    found = [f for f in findings(chosen, frame) if "constant" in f.kind]
    assert ids(found) == ["constant:a", "near_constant:b"]
    assert found[1].value == 0.99


def test_too_many_categories_are_found(chosen: Params, clean: pd.DataFrame) -> None:
    frame = clean.assign(
        few=pd.Series((clean.index % 50).astype(str), dtype="str"),
        many=pd.Series((clean.index % 51).astype(str), dtype="str"),
    )
    found = findings(chosen, frame, few=TEXT, many=TEXT)
    assert ids(found) == ["high_cardinality:many"]
    assert found[0].value == 51


def test_two_rows_raise_no_alarm_of_chance(chosen: Params, clean: pd.DataFrame) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0], "y": [0, 1]})
    assert findings(chosen, frame) == []


def test_the_default_table_has_its_known_findings(
    chosen: Params, schema: Schema, credit: pd.DataFrame
) -> None:
    frame = credit.drop(columns="ID")
    target = chosen.charter.target
    outcome = outcome_of(frame, schema, target, 0)
    variables = read_variables(frame, schema, target.column, None)
    matrix = np.column_stack([v.values for v in variables if v.ordered])
    found = find(
        frame,
        schema,
        target,
        variables,
        [outcome.strength(variable) for variable in variables],
        outcome,
        spearman(matrix),
        correlations(matrix),
        chosen.explore,
    )
    undocumented = {f.id: f.why for f in found if f.kind == "undocumented"}
    # As told in the table's own facts: 0, 5 and 6 in 14, 280 and 51 rows; 0 in 54.
    assert undocumented["undocumented:EDUCATION"].endswith("list: 5 (280), 6 (51), 0 (14)")
    assert undocumented["undocumented:MARRIAGE"].endswith("list: 0 (54)")
    kinds = {f.kind for f in found}
    assert kinds == {"undocumented", "collinear", "skew", "outliers"}
    assert all(
        f.columns[0][:3] == f.columns[1][:3] == "BIL" for f in found if f.kind == "collinear"
    )
    # Each is answered by a pattern of params.yaml.
    for finding in found:
        assert any(fnmatch(finding.id, pattern) for pattern in chosen.featurize.answers)
    order = {kind: place for place, kind in enumerate(dict.fromkeys(f.kind for f in found))}
    assert [order[f.kind] for f in found] == sorted(order[f.kind] for f in found)


def test_a_document_is_plain_and_rounded() -> None:
    finding = Finding("skew", ("a",), np.float64(1 / 3), 2, "why")  # type: ignore[arg-type]
    document = finding.as_document()
    assert json.loads(json.dumps(document)) == {
        "id": "skew:a",
        "kind": "skew",
        "columns": ["a"],
        "value": 0.333333,
        "threshold": 2.0,
        "why": "why",
    }
