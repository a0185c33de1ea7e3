"""The bench of quality: how it deals, what it counts as done, and what it concludes."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from bench.quality.__main__ import current, found
from bench.quality.entrants import ENTRANTS
from bench.quality.recipes import preset_files
from bench.quality.runs import Entrant, run, scores
from bench.quality.summary import mean_ranks, paired, summary
from bench.quality.tables import Table, tables

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "bench/quality/entrants"))

RNG = np.random.default_rng(0)


def made(rows: int = 200, task: str = "binary", time: str | None = None) -> Table:
    frame = pd.DataFrame(
        {
            "day": [f"2024-01-{1 + row * 28 // rows:02}" for row in range(rows)],
            "x": RNG.normal(size=rows),
            "town": RNG.choice(["a", "b", "c"], rows),
        }
    )
    y = frame["x"] + RNG.normal(size=rows)
    labels = y if task == "regression" else np.where(y > 0, "yes", "no")
    whole = frame.assign(y=labels)
    return Table("made", task, "y", lambda: whole, positive="yes", time=time)


# --- rows ---------------------------------------------------------------------------------


def test_a_split_is_a_partition_that_its_number_fixes() -> None:
    table = made()
    train, test = table.split(3)
    assert len(test) == 40
    assert sorted([*train["x"], *test["x"]]) == sorted(table.read()["x"])
    assert list(table.split(3)[1]["x"]) == list(test["x"]) != list(table.split(4)[1]["x"])
    assert (train["y"] == "yes").mean() == pytest.approx((test["y"] == "yes").mean(), abs=0.02)


@pytest.mark.parametrize("number", [0, 1, 4])
def test_by_time_the_test_rows_follow_those_of_train(number: int) -> None:
    table = made(task="regression", time="day")
    train, test = table.split(number)
    assert train["day"].max() <= test["day"].min()
    assert len(train) + len(test) == 200 - 10 * number
    assert len(test) == 40


def test_made_tables_are_as_large_as_they_say() -> None:
    known = tables(Path("nowhere"))
    assert known["made_wide"].read().shape == (250, 751)
    assert known["made_rare"].read()["target"].mean() == pytest.approx(0.045, abs=0.001)
    assert known["made_23_classes"].read()["target"].nunique() == 23
    assert not known["bank_full"].there()


# --- entrants -----------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["quick", "best"])
@pytest.mark.parametrize(
    ("table", "task"),
    [
        ("unheard_of", "binary"),
        ("unheard_of", "multiclass"),
        ("unheard_of", "regression"),
        ("credit_default", "binary"),
    ],
)
def test_presets_are_sections_of_params(preset: str, table: str, task: str) -> None:
    from with_loopwright import read_preset

    sections = read_preset(preset, table, task)
    assert sections.train.ensemble is not None
    assert all(task in candidate.tasks for candidate in sections.train.candidates.values())
    assert bool(sections.featurize.create) == (table == "credit_default")
    assert len(preset_files(preset, table, task)) == (4 if table == "credit_default" else 2)


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_run_scores_costs_and_repeats(task: str, tmp_path: Path) -> None:
    table, entrant = made(task=task), ENTRANTS["default_boosting"]
    lines = [run(entrant, table, 0, tmp_path / f"{n}.npy") for n in range(2)]
    assert lines[0]["sha256"] == lines[1]["sha256"]
    again = scores(table, table.split(0)[1]["y"].to_numpy(), np.load(tmp_path / "0.npy"))
    assert again.items() <= lines[0].items()
    assert lines[0]["cpu_seconds"] > lines[0]["work_cpu_seconds"] > 0
    assert found(lines, table, 0, entrant) is lines[0]
    assert found(lines, table, 1, entrant) is None
    other = Entrant(entrant.name, entrant.script, entrant.python, {"other": 1})
    assert found(lines, table, 0, other) is None
    assert current(lines, {"made": table}) == lines
    assert current([lines[0] | {"fingerprint": "old"}], {"made": table}) == []


def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    table = made()
    broken = Table("made", "binary", "y", table.read, positive="no such label")
    with pytest.raises(RuntimeError, match="ValueError"):
        run(ENTRANTS["default_boosting"], broken, 0, tmp_path / "p.npy")


# --- the summary --------------------------------------------------------------------------


def test_the_paired_interval_is_students() -> None:
    ours, theirs = RNG.normal(size=10), RNG.normal(size=10)
    interval = ttest_1samp(ours - theirs, 0).confidence_interval(0.95)
    assert paired(ours, theirs) == pytest.approx((np.mean(ours - theirs), *interval))


def lines_of(gain: float, table: str = "t") -> list[dict[str, Any]]:
    noise = RNG.normal(size=(10, 2)) * 0.001
    cost = {"cpu_seconds": 1.0, "work_cpu_seconds": 0.5, "peak_rss_mb": 100}
    return [
        {"table": table, "split": k, "entrant": name, "log_loss": 0.4 + shift + noise[k, n], **cost}
        for k in range(10)
        for n, (name, shift) in enumerate((("loopwright_best", -gain), ("autogluon_medium", 0)))
    ]


@pytest.mark.parametrize(
    ("gain", "says"), [(0.01, "better"), (-0.01, "worse"), (0.0, "no difference shown")]
)
def test_the_summary_says_what_the_interval_says(gain: float, says: str) -> None:
    lines = json.loads(json.dumps(lines_of(gain)))
    row = next(row for row in summary(lines).splitlines() if " - autogluon_medium" in row)
    assert row.endswith(f"| {says} |")


def test_each_table_counts_alike_in_the_mean_of_ranks() -> None:
    lines = [*lines_of(0.01, "a"), *lines_of(-0.01, "b")[:2]]
    assert mean_ranks(lines) == {"autogluon_medium": 1.5, "loopwright_best": 1.5}
    assert mean_ranks(lines_of(0.01)) == {"autogluon_medium": 2, "loopwright_best": 1}
