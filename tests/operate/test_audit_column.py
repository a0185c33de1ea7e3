"""A system outside of the project, whose answers stand in a column of the table."""

import json
import shutil
from pathlib import Path

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from operate.audit_column import JSON, PAGE, audit_column
from operate.cli import app
from stages.core.errors import LoopwrightError
from stages.core.tables import write_table
from stages.core.verdicts import Verdict

ROOT = Path(__file__).parents[2]
TARGET = "default payment next month"
DVC_YAML = """\
vars:
  - paths: {params: params.yaml, schema: schema.yaml, validated: data/validated.parquet}
stages:
  audit:
    matrix: {pillar: [fairness]}
    cmd: "true"
"""


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """Give the rows four systems: fair, hard on one sex, wrong for one sex, and decisions."""
    rng = np.random.default_rng(0)
    risk = np.clip(0.15 + 0.1 * rows["PAY_0"].clip(0, 4) + rng.normal(0, 0.02, len(rows)), 0, 1)
    happened = (rng.random(len(rows)) < risk).astype(np.int64)
    hard = np.clip(risk + np.where(rows["SEX"] == 1, 0.25, 0), 0, 1)
    return rows.assign(
        **{TARGET: happened},
        fair=risk,
        hard=hard,
        decided=(hard >= 0.3).astype(np.int64),
        percent=100 * risk,
        gaps=pd.Series(risk).where(rows.index != 7),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, credit: pd.DataFrame) -> Path:
    root = tmp_path_factory.mktemp("outside")
    text = (ROOT / "params.yaml").read_text()
    bands = "age_bands: [18, 30, 40, 50, 60, 111]"
    assert bands in text
    assert "  bootstrap: 1000\n" in text
    text = text.replace(bands, "age_bands: [18, 40, 111]").replace(
        "  bootstrap: 1000\n", "  bootstrap: 200\n"
    )
    (root / "params.yaml").write_text(text)
    (root / "dvc.yaml").write_text(DVC_YAML)
    shutil.copy(ROOT / "schema.yaml", root)
    (root / "data").mkdir()
    rows = credit.sample(4000, random_state=1).reset_index(drop=True)
    write_table(root / "data/validated.parquet", scored(rows))
    return root


def by_id(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {verdict.id: verdict for verdict in verdicts}


def test_a_fair_system_passes_and_a_hard_one_fails(made: Path, tmp_path: Path) -> None:
    fair = by_id(audit_column(made, "fair", 0.3, tmp_path / "fair"))
    hard = by_id(audit_column(made, "hard", 0.3, tmp_path / "hard"))
    for name in ("demographic_parity_difference", "equalized_odds_difference", "calibration_error"):
        assert fair[f"fairness.{name}:SEX"].status in ("pass", "warn")
        assert hard[f"fairness.{name}:SEX"].status == "fail"
        assert hard[f"fairness.intersections:{name}"].status == "fail"


def test_its_numbers_are_fairlearns(made: Path, tmp_path: Path) -> None:
    audit_column(made, "decided", None, tmp_path / "out")
    table = scored_table(made)
    document = json.loads((tmp_path / "out" / JSON).read_text())
    found = {
        row["Disparity"]: row["Value"]
        for row in document["tables"]["Disparities"]
        if row["Features"] == "SEX"
    }
    for name in ("demographic_parity_ratio", "equalized_odds_difference", "equalized_odds_ratio"):
        expected = getattr(fl, name)(
            table[TARGET], table["decided"], sensitive_features=table["SEX"]
        )
        assert found[name] == pytest.approx(expected, abs=1e-6)
    assert document["kind"] == "decisions"
    assert not any("calibration" in verdict["id"] for verdict in document["verdicts"])


def scored_table(root: Path) -> pd.DataFrame:
    return pd.read_parquet(root / "data/validated.parquet")


def test_what_is_written_is_whole_and_the_same_again(made: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = tmp_path / "a/out", tmp_path / "b/out"
    audit_column(made, "hard", 0.3, one)
    audit_column(made, "hard", 0.3, two)
    text = (one / PAGE).read_text()
    assert text.startswith("# Fairness of hard: fail")
    assert "`fairness.demographic_parity_ratio:SEX`" in text
    for picture in ("selection_rate", "error_rates", "group_calibration"):
        assert f"figures/{picture}.png" in text
        name = f"figures/{picture}.png"
        assert (one / name).read_bytes() == (two / name).read_bytes()
    for row in json.loads((one / JSON).read_text())["verdicts"]:
        assert all(Path(file).is_file() for file in row["evidence"])


@pytest.mark.parametrize(
    ("column", "threshold", "message"),
    [
        ("hards", 0.3, "no column 'hards'.*hard"),
        ("percent", 0.3, "lies outside of 0 to 1 in .* rows, first in row 0"),
        ("gaps", 0.3, "is missing in 1 rows, first in row 7"),
        ("fair", None, "--decision-threshold X; by the charter's costs"),
        ("fair", 1.5, "--decision-threshold: 1.5 lies outside"),
        (TARGET, None, "is the target itself"),
    ],
)
def test_what_cannot_be_asked_is_said(
    made: Path, tmp_path: Path, column: str, threshold: float | None, message: str
) -> None:
    with pytest.raises(LoopwrightError, match=message):
        audit_column(made, column, threshold, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_target_is_said(made: Path, tmp_path: Path) -> None:
    root = shutil.copytree(made, tmp_path / "root")
    write_table(root / "data/validated.parquet", scored_table(made).drop(columns=TARGET))
    with pytest.raises(LoopwrightError, match=f"no column '{TARGET}'"):
        audit_column(root, "fair", 0.3, tmp_path / "out")


def test_text_is_no_score(made: Path, tmp_path: Path) -> None:
    root = shutil.copytree(made, tmp_path / "root")
    table = scored_table(made).assign(words=lambda f: np.where(f["SEX"] == 1, "yes", "no"))
    write_table(root / "data/validated.parquet", table)
    with pytest.raises(LoopwrightError, match="decisions 0 and 1, were expected"):
        audit_column(root, "words", 0.3, tmp_path / "out")


def test_a_folder_that_is_there_is_left_alone(made: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(LoopwrightError, match="is there already"):
        audit_column(made, "fair", 0.3, tmp_path)
    assert (tmp_path / "mine").read_text() == "x"


def test_the_command_tells_what_failed(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    asked = ["audit-column", "hard", "--decision-threshold", "0.3", "--out"]
    done = CliRunner().invoke(app, [*asked, str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "fail: fairness.demographic_parity_difference:SEX" in done.output
    again = CliRunner().invoke(app, [*asked, str(tmp_path / "out")])
    assert again.exit_code == 2
