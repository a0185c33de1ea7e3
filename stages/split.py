"""Split: deal the validated rows to train, validation and test, and show that nothing leaks."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.files import write_json
from stages.core.params import Split, Target, read_params
from stages.core.splits import PARTS, Ints, deal_rows, times_of
from stages.core.tables import read_table, write_table
from stages.core.targets import described, strata
from stages.core.twins import features_of, twins
from stages.core.verdicts import Status, Verdict, as_documents

# A part's share of a class may miss that of the whole table by one point in a hundred, or by
# one row where a part has fewer than a hundred.
MAX_SHARE_GAP = 0.01


def main(
    *, params: Path, validated: Path, train: Path, validation: Path, test: Path, splits: Path
) -> None:
    """Write the three parts, each in the order of the validated table, and the verdicts."""
    chosen = read_params(params)
    frame = read_table(validated)
    split, target, key = chosen.split, chosen.charter.target, chosen.charter.key
    parts = deal_rows(frame, split, target, key)
    tables = {name: frame.loc[parts == place] for place, name in enumerate(PARTS)}
    for path, table in zip((train, validation, test), tables.values(), strict=True):
        write_table(path, table)
    verdicts = [
        check_rows(frame, tables, splits),
        check_groups(frame, parts, split, key, splits),
        check_duplicates(frame, parts, split, target, key, splits),
        check_time(frame, parts, split, splits),
        check_shares(frame, parts, split, target, splits),
    ]
    write_json(
        splits,
        {
            "strategy": split.strategy,
            **describe(frame, parts, split, target),
            "verdicts": as_documents(verdicts),
        },
    )


def describe(frame: pd.DataFrame, parts: Ints, split: Split, target: Target) -> dict[str, Any]:
    """Return the size of each part, its target and, of a cut in time, its span."""
    summaries: dict[str, Any] = {
        "rows": {name: int((parts == place).sum()) for place, name in enumerate(PARTS)},
        "target": {
            name: described(frame.loc[parts == place], target) for place, name in enumerate(PARTS)
        },
    }
    if split.strategy == "time":
        times = times_of(frame, split)
        summaries["time"] = {
            name: [str(times[parts == place].min()), str(times[parts == place].max())]
            for place, name in enumerate(PARTS)
        }
    return summaries


def check_rows(frame: pd.DataFrame, tables: dict[str, pd.DataFrame], splits: Path) -> Verdict:
    """Every row of the table is in one part and no more."""
    dealt = pd.concat([table.index.to_series() for table in tables.values()])
    wrong = int(dealt.duplicated().sum()) + len(frame.index.symmetric_difference(dealt))
    why = f"rows that are in two parts or in none, of {len(frame):,}"
    return _verdict("disjoint_rows", "pass" if wrong == 0 else "fail", wrong, "0 rows", splits, why)


def check_groups(
    frame: pd.DataFrame, parts: Ints, split: Split, key: str | None, splits: Path
) -> Verdict:
    """No group is in two parts; a cut in time may go through one, and says so.

    Where no group is declared but keys repeat, they are counted: split.group may be missing.
    """
    if split.group is not None:
        divided = _divided(pd.factorize(frame[split.group])[0], parts)
        why = f"groups by '{split.group}' that are in two parts or more"
        status = _status(divided, split)
        return _verdict("disjoint_groups", status, divided, "0 groups", splits, why)
    if key is not None and frame[key].duplicated().any():
        divided = _divided(pd.factorize(frame[key], use_na_sentinel=False)[0], parts)
        why = f"keys '{key}' that are in two parts or more; split.group would keep them together"
        status = "warn" if divided else "pass"
        return _verdict("disjoint_groups", status, divided, "0 groups", splits, why)
    why = "split.group names no column, and no key repeats"
    return _verdict("disjoint_groups", "not_applicable", None, None, splits, why)


def check_duplicates(
    frame: pd.DataFrame, parts: Ints, split: Split, target: Target, key: str | None, splits: Path
) -> Verdict:
    """No two rows with equal features, whatever their label, are in two parts."""
    divided = _divided(twins(frame, features_of(frame, target.column, key)), parts)
    why = "sets of rows with equal features that are in two parts or more"
    status = _status(divided, split)
    return _verdict("disjoint_duplicates", status, divided, "0 sets", splits, why)


def _divided(numbers: Ints, parts: Ints) -> int:
    """Count the numbers that are met in more than one part."""
    met = np.unique(np.stack([numbers, parts], axis=1), axis=0)
    return int((np.unique(met[:, 0], return_counts=True)[1] > 1).sum())


def _status(divided: int, split: Split) -> Status:
    if divided == 0:
        return "pass"
    # A cut in time is chosen for the order; it cannot promise this too.
    return "warn" if split.strategy == "time" else "fail"


def check_time(frame: pd.DataFrame, parts: Ints, split: Split, splits: Path) -> Verdict:
    """All of train lies before all of validation, and that before all of test."""
    if split.strategy != "time":
        why = f"the strategy is {split.strategy}"
        return _verdict("time_order", "not_applicable", None, None, splits, why)
    times = times_of(frame, split)
    late = sum(
        int((times[parts < place] >= times[parts == place].min()).sum())
        for place in range(1, len(PARTS))
    )
    why = f"rows whose '{split.time}' is not before that of every later part"
    return _verdict("time_order", "pass" if late == 0 else "fail", late, "0 rows", splits, why)


def check_shares(
    frame: pd.DataFrame, parts: Ints, split: Split, target: Target, splits: Path
) -> Verdict:
    """Each part has about the share of each class, or tenth of a number, that the table has."""
    classes = strata(frame, target)
    inside = np.eye(int(classes.max()) + 1)[classes]
    whole = inside.mean(axis=0)
    gaps = [
        np.abs(inside[parts == place].mean(axis=0) - whole).max() for place in range(len(PARTS))
    ]
    gap = round(float(max(gaps)), 6)
    noun = {
        "binary": "share of positives",
        "multiclass": "share of any class",
        "regression": "share of any tenth of the target's values",
    }[target.task]
    why = f"the largest gap between a part's {noun} and the whole table's"
    if split.strategy == "time":
        why += "; over time it may drift, so it is shown and not judged"
        return _verdict("stratified", "not_applicable", gap, None, splits, why)
    allowed = max(MAX_SHARE_GAP, round(1 / int(np.bincount(parts).min()), 6))
    status: Status = "pass" if gap <= allowed else "warn"
    return _verdict("stratified", status, gap, f"<= {allowed:g}", splits, why)


def _verdict(
    check: str, status: Status, value: float | None, threshold: str | None, splits: Path, why: str
) -> Verdict:
    return Verdict(f"split.{check}", status, value, None, threshold, (splits.as_posix(),), why)
