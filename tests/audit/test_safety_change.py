"""Rounded numbers, wrong codes, and the curve of what changes of several sizes do."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.audit.safety import examine
from stages.audit.safety.codes import another
from stages.audit.safety.rounding import rounded
from stages.core.params import Params
from stages.core.verdicts import Verdict

from .conftest import Make, table, truth


def answers(e: Any, chosen: Params) -> dict[str, Verdict]:
    return {v.id.partition(".")[2]: v for v in examine(e, chosen.audit.safety).verdicts}


def test_numbers_are_rounded_to_significant_digits_and_keep_their_type() -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([12_345, None, -987, 0], dtype="Int64"),
            "real": [0.0012345, np.nan, -987.6, 0.0],
            "other": [1.234] * 4,
        }
    )
    before = frame.copy()
    told = rounded(frame, ["whole", "real"], 2)
    pd.testing.assert_frame_equal(frame, before)
    assert told["whole"].tolist() == [12_000, pd.NA, -990, 0]
    assert told["whole"].dtype == "Int64"
    assert told["real"].tolist() == pytest.approx([0.0012, np.nan, -990, 0.0], nan_ok=True)
    assert told["other"].equals(frame["other"])


def by_the_third_digit(frame: pd.DataFrame) -> Any:
    return np.where((frame["income"] // 10) % 2 == 0, 0.9, 0.1)


def test_rounding_turns_what_hangs_on_a_digit(make: Make, chosen: Params) -> None:
    verdict = answers(make(by_the_third_digit), chosen)["rounding"]
    assert verdict.status == "fail"
    assert verdict.value == pytest.approx(0.5, abs=0.06)
    for seed in range(3):
        sound = make(truth, test=table(2000, 10 + seed, first=3000))
        assert answers(sound, chosen)["rounding"].status in ("pass", "warn")


def test_another_code_is_a_seen_one_and_never_the_own() -> None:
    seen = pd.Series(pd.array(["a"] * 80 + ["b"] * 15 + ["c"] * 5, dtype="str"))
    column = pd.Series(pd.array(["a"] * 4000 + ["b", "new", None], dtype="str"))
    values = another(column, seen, np.random.default_rng(0))
    assert values is not None
    assert values.dtype == column.dtype
    assert set(values[:4000]) == {"b", "c"}
    assert (values[:4000] == "b").mean() == pytest.approx(0.75, abs=0.03)
    assert values[4000] in ("a", "c")
    assert values[4001] in ("a", "b", "c")
    assert pd.isna(values[4002])
    assert another(column, seen[:80], np.random.default_rng(0)) is None
    numbers = pd.Series(pd.array([1, 2, None], dtype="Int64"))
    drawn = another(numbers, numbers, np.random.default_rng(0))
    assert drawn is not None
    assert drawn.tolist() == [2, 1, pd.NA]


def test_another_code_is_drawn_as_if_each_row_had_a_table_of_its_own() -> None:
    rng = np.random.default_rng(1)
    seen = pd.Series([f"code_{i}" for i in rng.zipf(1.5, 3000) % 400])
    column = pd.Series([f"code_{i}" for i in rng.integers(0, 450, 500)])
    values = another(column, seen, np.random.default_rng(2))
    counts = seen.value_counts().sort_index()
    for row, u in enumerate(np.random.default_rng(2).random(len(column))):
        others = counts.drop(column[row], errors="ignore")
        expected = others.index[int((u * others.sum() >= others.cumsum()).sum())]
        assert values is not None
        assert values[row] == expected


def by_town(frame: pd.DataFrame) -> Any:
    return np.where(frame["town"] == "Kiel", 0.9, 0.1)


def a_little_by_town(frame: pd.DataFrame) -> Any:
    return np.clip(truth(frame) + 0.01 * (frame["town"] == "Kiel"), 0, 1)


def test_a_code_that_decides_alone_is_told(make: Make, chosen: Params) -> None:
    inputs = {"inputs": ["income", "late", "town"]}
    verdict = answers(make(by_town, manifest=inputs), chosen)["wrong_code"]
    assert verdict.status == "fail"
    # Of one third in Kiel all turn, of the others half: they move to Kiel or past it.
    assert verdict.value == pytest.approx(2 / 3, abs=0.05)
    assert "Town" in verdict.why
    assert answers(make(a_little_by_town, manifest=inputs), chosen)["wrong_code"].status == "pass"
    assert answers(make(truth), chosen)["wrong_code"].status == "not_applicable"


def test_the_curve_grows_with_the_size_of_change(make: Make, chosen: Params) -> None:
    found = examine(make(truth), chosen.audit.safety)
    rows = [row for row in found.tables["Size of change"] if row["Change"] == "noise"]
    size = [row["Mean size, interquartile ranges"] for row in rows]
    # The mean of a normal deviation is 0.8 of its standard deviation.
    assert size == pytest.approx([0.8 * s for s in (0.003, 0.01, 0.03, 0.1, 0.3)], rel=0.1)
    turned = [row["Decisions that turn"] for row in rows]
    assert turned == sorted(turned)
    assert turned[-1] > 10 * turned[0]
    assert "change" in found.figures


def test_what_has_no_numbers_has_no_curve(make: Make, chosen: Params) -> None:
    e = make(by_town, manifest={"inputs": ["town"]})
    assert answers(e, chosen)["rounding"].status == "not_applicable"
    assert "Size of change" not in examine(e, chosen.audit.safety).tables
