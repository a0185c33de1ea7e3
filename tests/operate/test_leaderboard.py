"""The candidates of the last run, with and without the seconds that they took here."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from operate.leaderboard import as_document, leaderboard, show
from stages.core.errors import LoopwrightError
from stages.core.numbers import NOTHING

PIPELINE = """\
vars:
  - paths: {leaderboard: leaderboard.csv, model_manifest: model.json}
stages: {audit: {matrix: {pillar: [safety]}}}
"""

BOARD = """\
candidate,estimator,validation_log_loss,difference,difference_low,difference_high,bytes,note,winner
dummy,dummy,0.53,0.10,0.09,0.11,6000,,False
NA,rule,0.46,0.03,,,1700,"a rule, so to speak",False
trees,extra_trees,0.43,,,,673484,,True
"""

TIMINGS = """\
candidate,fit_seconds,predict_ms_per_1000_rows
trees,1.5,20.25
NA,0.002,0.07
dummy,0.001,0.03
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "leaderboard.csv").write_text(BOARD)
    (tmp_path / "timings.csv").write_text(TIMINGS)
    (tmp_path / "model.json").write_text(json.dumps({"scoring": "log_loss"}))
    return tmp_path


def shown(root: Path) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        show(leaderboard(root), console)
    return captured.get()


def test_the_best_is_first_and_has_its_seconds_by_name(root: Path) -> None:
    found = as_document(leaderboard(root))
    assert found["scoring"] == "log_loss"
    names: list[Any] = [row["candidate"] for row in found["candidates"]]
    assert names == ["trees", "NA", "dummy"]
    best, rule, _ = found["candidates"]
    assert best["winner"] is True
    assert best["difference"] is None
    assert (best["fit_seconds"], best["predict_ms_per_1000_rows"]) == (1.5, 20.25)
    assert rule["note"] == "a rule, so to speak"
    assert rule["fit_seconds"] == 0.002
    assert json.loads(json.dumps(found)) == found


def test_a_higher_score_is_first_where_higher_is_better(root: Path) -> None:
    (root / "model.json").write_text(json.dumps({"scoring": "roc_auc"}))
    (root / "leaderboard.csv").write_text(BOARD.replace("log_loss", "roc_auc"))
    assert leaderboard(root).rows[0]["candidate"] == "dummy"


def test_a_person_reads_scores_distances_seconds_and_sizes(root: Path) -> None:
    heads, best, rule, dummy = shown(root).splitlines()
    assert heads.split()[:2] == ["candidate", "log_loss"]
    assert best.split() == ["trees", "0.4300", NOTHING, "1.50", "20.25", "673.5"]
    assert rule.split() == ["NA", "0.4600", "0.030", "0.00", "0.07", "1.7"]
    assert dummy.split()[2:5] == ["0.100", "[0.090,", "0.110]"]


def test_seconds_of_another_machine_are_not_made_up(root: Path) -> None:
    (root / "timings.csv").unlink()
    assert {row["fit_seconds"] for row in leaderboard(root).rows} == {None}
    assert "train did not run here" in shown(root)


def test_a_project_that_has_not_trained_is_told_what_to_run(root: Path) -> None:
    (root / "leaderboard.csv").unlink()
    with pytest.raises(LoopwrightError, match="dvc repro train"):
        leaderboard(root)
