import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from stages.core.params import BinaryTarget, Split
from stages.core.splits import PARTS
from stages.core.tables import read_table, write_table
from stages.core.verdicts import Verdict, from_document
from stages.split import (
    check_duplicates,
    check_groups,
    check_rows,
    check_shares,
    check_time,
    main,
)

ROOT = Path(__file__).parent.parent
SPLITS = Path("splits.json")
TARGET = BinaryTarget(column="y", positive=1, meaning="m")


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


def run(folder: Path, frame: pd.DataFrame, **changes: str) -> dict[str, Path]:
    """Run the stage with some lines of params.yaml changed."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for old, new in changes.items():
        assert f"\n  {old}: " in text
        start = text.index(f"\n  {old}: ", text.index("\nsplit:")) + 1
        text = text[:start] + f"  {old}: {new}" + text[text.index("\n", start) :]
    params = folder / "params.yaml"
    params.write_text(text, encoding="utf-8")
    write_table(folder / "validated.parquet", frame)
    paths = {name: folder / f"{name}.parquet" for name in PARTS}
    splits = folder / "splits.json"
    main(params=params, validated=folder / "validated.parquet", splits=splits, **paths)
    return {**paths, "splits": splits}


def verdicts(splits: Path) -> dict[str, Verdict]:
    documents = json.loads(splits.read_text())["verdicts"]
    return {document["id"]: from_document(document) for document in documents}


def test_the_default_split(tmp_path: Path, credit: pd.DataFrame) -> None:
    paths = run(tmp_path, credit)
    tables = [read_table(paths[name]) for name in PARTS]
    assert [len(table) for table in tables] == [18_000, 6_000, 6_000]
    # Each part keeps the order of the rows; together they are the table.
    for table in tables:
        assert table["ID"].is_monotonic_increasing
    whole = pd.concat(tables).sort_values("ID").reset_index(drop=True)
    pd.testing.assert_frame_equal(whole, credit)
    features = [name for name in credit.columns if name not in ("ID", "default payment next month")]
    seen = pd.concat([table[features].drop_duplicates() for table in tables])
    assert not seen.duplicated().any()
    described = json.loads(paths["splits"].read_text())
    assert described["strategy"] == "stratified"
    assert described["rows"] == {"train": 18_000, "validation": 6_000, "test": 6_000}
    for name, table in zip(PARTS, tables, strict=True):
        share = round(table["default payment next month"].mean(), 6)
        assert described["target"][name] == {"positive_share": share}
    found = verdicts(paths["splits"])
    assert {check: verdict.status for check, verdict in found.items()} == {
        "split.disjoint_rows": "pass",
        "split.disjoint_groups": "not_applicable",
        "split.disjoint_duplicates": "pass",
        "split.time_order": "not_applicable",
        "split.stratified": "pass",
    }
    assert found["split.stratified"].evidence == (paths["splits"].as_posix(),)


def test_a_split_by_group(tmp_path: Path, sample: pd.DataFrame) -> None:
    paths = run(tmp_path, sample, strategy="group", group="BILL_AMT1")
    groups = [set(read_table(paths[name])["BILL_AMT1"]) for name in PARTS]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    found = verdicts(paths["splits"])
    assert found["split.disjoint_groups"].status == "pass"
    assert found["split.disjoint_groups"].value == 0


def test_a_split_by_time(tmp_path: Path, sample: pd.DataFrame) -> None:
    sample["LIMIT_BAL"] = sample["ID"] // 100
    paths = run(tmp_path, sample, strategy="time", time="LIMIT_BAL", group="AGE")
    described = json.loads(paths["splits"].read_text())
    spans = [described["time"][name] for name in PARTS]
    for name, (low, high) in described["time"].items():
        times = read_table(paths[name])["LIMIT_BAL"]
        assert [str(times.min()), str(times.max())] == [low, high]
    assert int(spans[0][1]) < int(spans[1][0]) <= int(spans[1][1]) < int(spans[2][0])
    found = verdicts(paths["splits"])
    assert found["split.time_order"].status == "pass"
    assert found["split.stratified"].status == "not_applicable"
    # A client's age is met in every part: said, not hidden.
    assert found["split.disjoint_groups"].status == "warn"


def test_the_same_table_gives_the_same_bytes(tmp_path: Path, sample: pd.DataFrame) -> None:
    outputs = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        paths = run(folder, sample)
        outputs.append([paths[part].read_bytes() for part in PARTS])
    assert outputs[0] == outputs[1]


def test_a_split_that_cannot_be_leaves_no_file(tmp_path: Path, sample: pd.DataFrame) -> None:
    with pytest.raises(LoopwrightError, match=r"split\.group"):
        run(tmp_path, sample, strategy="group", group="nonsense")
    assert not any((tmp_path / f"{name}.parquet").exists() for name in PARTS)


FRAME = pd.DataFrame(
    {
        "k": range(6),
        "t": [1, 2, 3, 4, 5, 6],
        "g": [1, 1, 2, 2, 3, 3],
        "x": [5, 5, 6, 6, 7, 7],
        "y": [0, 1, 0, 1, 0, 1],
    }
)
GOOD = np.array([0, 0, 1, 1, 2, 2])
BAD = np.array([0, 1, 1, 1, 2, 2])


def tables(parts: np.ndarray) -> dict[str, pd.DataFrame]:
    return {name: FRAME[parts == place] for place, name in enumerate(PARTS)}


def test_a_row_in_two_parts_or_in_none_is_seen() -> None:
    good = tables(GOOD)
    assert check_rows(FRAME, good, SPLITS).status == "pass"
    doubled = {**good, "test": FRAME.iloc[[3, 4, 5]]}
    assert (
        check_rows(FRAME, doubled, SPLITS).status,
        check_rows(FRAME, doubled, SPLITS).value,
    ) == (
        "fail",
        1,
    )
    lost = {**good, "test": FRAME.iloc[[5]]}
    assert check_rows(FRAME, lost, SPLITS).status == "fail"


def test_a_divided_group_is_seen() -> None:
    grouped = split("group", group="g")
    assert check_groups(FRAME, GOOD, grouped, "k", SPLITS).status == "pass"
    bad = check_groups(FRAME, BAD, grouped, "k", SPLITS)
    assert (bad.status, bad.value) == ("fail", 1)


def test_a_key_that_repeats_over_parts_asks_for_a_group() -> None:
    repeated = FRAME.assign(k=[0, 0, 1, 1, 2, 2])
    assert check_groups(repeated, GOOD, split(), "k", SPLITS).status == "pass"
    bad = check_groups(repeated, BAD, split(), "k", SPLITS)
    assert (bad.status, bad.value) == ("warn", 1)
    assert "split.group" in bad.why
    assert check_groups(repeated, BAD, split(), None, SPLITS).status == "not_applicable"


def test_equal_rows_in_two_parts_are_seen_whatever_their_label() -> None:
    frame = FRAME[["k", "x", "y"]]
    assert check_duplicates(frame, GOOD, split(), TARGET, "k", SPLITS).status == "pass"
    bad = check_duplicates(frame, BAD, split(), TARGET, "k", SPLITS)
    assert (bad.status, bad.value) == ("fail", 1)


def test_a_row_out_of_time_is_seen() -> None:
    timed = split("time", time="t")
    assert check_time(FRAME, GOOD, timed, SPLITS).status == "pass"
    late = check_time(FRAME, np.array([0, 2, 1, 1, 2, 2]), timed, SPLITS)
    assert (late.status, late.value) == ("fail", 2)
    level = FRAME.assign(t=[1, 3, 3, 4, 5, 6])
    assert check_time(level, GOOD, timed, SPLITS).status == "fail"


def test_an_uneven_share_is_seen() -> None:
    frame = pd.DataFrame({"y": [0, 1] * 300})
    even = np.repeat([0, 1, 2], 200)
    assert check_shares(frame, even, split(), TARGET, SPLITS).status == "pass"
    uneven = even.copy()
    uneven[[1, 3, 5]], uneven[[200, 202, 204]] = 1, 0
    found = check_shares(frame, uneven, split(), TARGET, SPLITS)
    assert (found.status, found.value, found.threshold) == ("warn", 0.015, "<= 0.01")
    # In a part of 40 one row is 2.5 points.
    small = check_shares(frame.head(120), np.repeat([0, 1, 2], 40), split(), TARGET, SPLITS)
    assert small.threshold == "<= 0.025"
