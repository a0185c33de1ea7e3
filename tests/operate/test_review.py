"""The review of real revisions: a tiny project in git and DVC, and the command on it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from operate.cli import app
from operate.review.ends import default_base
from stages.core.errors import LoopwrightError
from stages.core.tables import write_table
from tests.operate.project import commit, init, run, verdict

ROOT = Path(__file__).parents[2]
NAME = "sex | `x` <b>"  # of a slice
N = 600

DVC_YAML = """\
vars:
  - paths:
      params: params.yaml
      schema: schema.yaml
      lock: requirements.lock
      validated: data/table.parquet
      validation: data/validation.parquet
      model: data/model.bin
      model_manifest: data/model.json
      predictions: data/evaluate/predictions.parquet
      evaluation: data/evaluate/evaluation.json
      metrics: data/evaluate/metrics.json
      evaluate_figures: data/evaluate/figures
      audit: data/audit
stages:
  split:
    cmd: mkdir -p data && cp given/table.parquet given/validation.parquet data/
    deps: [given/table.parquet, given/validation.parquet]
    outs: ["${paths.validated}", "${paths.validation}"]
  train:
    cmd: cp given/model.bin given/model.json data/
    params: [train.random_state]
    deps: [given/model.bin, given/model.json, code.py, requirements.lock]
    outs: ["${paths.model}", "${paths.model_manifest}"]
  evaluate:
    cmd: rm -rf data/evaluate && cp -r given/evaluate data/
    deps: [given/evaluate, "${paths.model}", "${paths.validation}"]
    outs: ["${paths.predictions}", "${paths.evaluation}", "${paths.evaluate_figures}"]
    metrics: [{"${paths.metrics}": {cache: false}}]
  audit:
    matrix: {pillar: [fairness]}
    cmd: mkdir -p data/audit/fairness && cp given/verdicts.json data/audit/fairness/
    deps: [given/verdicts.json, "${paths.model}"]
    outs: ["data/audit/${item.pillar}/verdicts.json"]
"""
PARAMS = """\
charter:
  target: {column: y, positive: 1, meaning: it happened}
  key: id
  rule: {expression: a > 1}
  costs:
    {currency: EUR, true_positive: -1, false_positive: -2, true_negative: 0, false_negative: -9,
     source: us}
  success_criteria: [{metric: roc_auc, at_least: 0.6, why: so}]
split: {group: null}
train: {random_state: 0}
evaluate: {bootstrap: 200, random_state: 0, calibration_bins: 5}
"""
SCHEMA = """\
columns:
  id: {dtype: int64, kind: identifier, title: the row, unique: true}
  y: {dtype: int64, kind: categorical, title: the truth, labels: {0: "no", 1: "yes"}}
  "sex | `x` <b>":
    {dtype: int64, kind: categorical, title: odd, labels: {1: "a|b", 2: "<i>"}}
"""


def predict(noise: float, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    signal = rng.normal(size=N)
    y = (rng.random(N) < 1 / (1 + np.exp(-2 * signal))).astype(int)
    logit = 2 * signal + noise * np.random.default_rng(seed).normal(size=N)
    y_prob = 1 / (1 + np.exp(-logit))
    decided = (y_prob > 0.2).astype(int)
    rule = (signal > 1).astype(int)
    return pd.DataFrame(
        {"key": np.arange(N), "y_true": y, "y_prob": y_prob, "y_pred": decided, "rule": rule}
    )


def give(folder: Path, model: str, noise: float, status: Any, colour: int) -> None:
    """Write what the stages copy."""
    given = folder / "given"
    (given / "evaluate/figures").mkdir(parents=True, exist_ok=True)
    predictions = predict(noise, 2)
    write_table(given / "evaluate/predictions.parquet", predictions)
    (given / "model.bin").write_text(model)
    manifest = {"candidate": "boosting", "rows": 4 * N, "features": ["a"], "inputs": ["a"]}
    (given / "model.json").write_text(json.dumps(manifest))
    (given / "verdicts.json").write_text(
        json.dumps({"verdicts": [verdict("fairness.check", status)]})
    )
    measured = {"roc_auc": {"value": 0.8, "interval": [0.7, 0.9]}, "our_own": {"value": 3.0}}
    evaluation = {"metrics": {"validation": measured}, "slices": [{"column": NAME}]}
    (given / "evaluate/evaluation.json").write_text(json.dumps(evaluation))
    (given / "evaluate/metrics.json").write_text('{"roc_auc": 0.8}')
    for name, value in (("roc.png", colour), ("same.png", 1)):
        Image.new("L", (4, 4), value).save(given / "evaluate/figures" / name)
    rows = np.arange(N)
    table = pd.DataFrame({"id": rows, "y": predictions["y_true"], NAME: 1 + rows % 2})
    for name in ("table", "validation"):
        write_table(given / f"{name}.parquet", table)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """main with a poor model, tagged v1; a branch `better`; an experiment `trial`."""
    folder = tmp_path_factory.mktemp("review") / "project"
    folder.mkdir()
    init(folder)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "params.yaml").write_text(PARAMS)
    (folder / "schema.yaml").write_text(SCHEMA)
    (folder / "code.py").write_text("one = 1\n")
    (folder / "notes.txt").write_text("one\n")
    (folder / "requirements.lock").write_text("numpy==2.3.0\n")
    # what stages write is ignored by hand
    outs = "/data/*\n!/data/evaluate\n/data/evaluate/*\n!/data/evaluate/metrics.json\n"
    (folder / ".gitignore").write_text(outs)
    give(folder, "1", 3.0, "pass", 0)
    run(folder, "dvc", "repro", "--quiet")
    commit(folder, "first")
    run(folder, "git", "tag", "v1")
    run(folder, "git", "checkout", "--quiet", "-b", "better")
    give(folder, "22", 0.3, "fail", 200)
    (folder / "code.py").write_text("one = 1\ntwo = 2\n")
    (folder / "notes.txt").write_text("two\n")
    (folder / "requirements.lock").write_text("numpy==2.4.0\n")
    run(folder, "dvc", "repro", "--quiet")
    commit(folder, "better")
    # nothing that the stages write depends on the seed, so none has to run for it
    (folder / "params.yaml").write_text(PARAMS.replace("{random_state: 0}", "{random_state: 1}", 1))
    run(folder, "dvc", "exp", "save", "--quiet", "--name", "trial")
    run(folder, "git", "checkout", "--quiet", "--", ".")
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to spoil, and the folder that commands run in."""
    folder = tmp_path / "project"
    shutil.copytree(made, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return folder


def review(*arguments: str) -> Any:
    """Run the command; return what it prints as JSON."""
    done = CliRunner().invoke(app, ["review", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def printed(*arguments: str) -> list[str]:
    """Run the command; return the lines of the Markdown that it prints."""
    done = CliRunner().invoke(app, ["review", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout.splitlines()


def fault(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command on bad input; return the error."""
    with pytest.raises(SystemExit) as stopped:
        app(["review", *arguments], standalone_mode=False)
    assert stopped.value.code == 2
    return capsys.readouterr().err


# --- what is compared -----------------------------------------------------------------------


def test_a_branch_is_reviewed_against_main(project: Path) -> None:
    found = review("main", "better")
    assert found["decision"]["judgement"] == "better"
    assert found["rows"] == [N, N, N]
    assert found["tries"] == {"count": 2, "complete": True, "comparisons": 1}
    assert [(c["file"], c["lines"]) for c in found["code"] if c["file"] == "code.py"] == [
        ("code.py", "+1 −0")  # noqa: RUF001
    ]
    assert found["packages"] == [{"name": "numpy", "old": "2.3.0", "new": "2.4.0"}]
    assert [(v["id"], v["direction"]) for v in found["verdicts"]] == [("fairness.check", "worse")]
    assert [run["stage"] for run in found["reruns"]] == ["train", "evaluate", "audit@fairness"]
    assert found["pictures"] == ["roc.png"] and found["same_pictures"] == ["same.png"]
    assert {"name": "size, bytes", "old": 1, "new": 2} in found["model"]
    assert found["gaps"] == [] and found["stale"] == [] and found["data"] is None
    assert any("fairness.check" in question for question in found["to_decide"])


def test_nothing_is_checked_out_and_turning_it_around_is_worse(project: Path) -> None:
    before = run(project, "git", "status", "--porcelain")
    assert review("better", "v1")["decision"]["judgement"] == "worse"
    assert run(project, "git", "status", "--porcelain") == before


def test_the_default_is_where_head_left_main_against_the_workspace(project: Path) -> None:
    found = review()
    assert found["head"] == "workspace"
    assert found["base"].startswith(run(project, "git", "rev-parse", "--short", "v1").strip())
    assert found["decision"]["judgement"] == "better"


def test_an_experiment_has_a_name(project: Path) -> None:
    found = review("better", "trial")
    assert found["params"] == [{"name": "train.random_state", "old": "0", "new": "1"}]
    assert found["seeds_only"]
    assert found["decision"]["judgement"] == "no evidence of a difference"


def test_every_model_that_was_measured_is_a_look(project: Path) -> None:
    lock = project / "dvc.lock"
    for i in range(3):
        md5 = lock.read_text().split("path: data/model.bin")[1].split("md5: ")[1][:32]
        lock.write_text(lock.read_text().replace(md5, f"{i:032x}"))
        commit(project, f"try {i}")
    found = review("main", "better")
    assert found["tries"] == {"count": 5, "complete": True, "comparisons": 4}
    assert any("98.75" in line for line in printed("main", "better"))


def test_on_main_head_is_compared_with_what_is_new(project: Path) -> None:
    run(project, "git", "checkout", "--quiet", "main")
    with pytest.raises(LoopwrightError, match="nothing to compare"):
        default_base(project)
    (project / "notes.txt").write_text("three\n")
    head = run(project, "git", "rev-parse", "HEAD").strip()
    assert default_base(project) == (head, None)
    commit(project, "another")
    assert default_base(project) == (head, run(project, "git", "rev-parse", "HEAD").strip())


def test_without_main_a_base_is_asked_for(project: Path) -> None:
    run(project, "git", "branch", "--quiet", "-D", "main")
    with pytest.raises(LoopwrightError, match="no branch main"):
        default_base(project)


def test_no_commit_and_no_common_history_are_told(project: Path, tmp_path: Path) -> None:
    run(project, "git", "checkout", "--quiet", "--orphan", "island")
    run(project, "git", "commit", "--quiet", "--no-verify", "--message", "island")
    with pytest.raises(LoopwrightError, match="no commit in common"):
        default_base(project)
    with pytest.raises(LoopwrightError, match="there is no commit"):
        default_base(tmp_path)


def test_slices_are_compared_and_odd_names_stay_text(project: Path) -> None:
    found = review("main", "better")
    assert [(row["column"], row["rows"]) for row in found["slices"]] == [(NAME, N // 2)] * 2
    assert {row["value"] for row in found["slices"]} == {"a|b", "<i>"}
    assert {row["reading"] for row in found["slices"]} == {"better"}
    text = "\n".join(printed("main", "better"))
    assert "<b>" not in text and "<i>" not in text and "a\\|b" in text
    assert "2 of 2 slices are clearly better or worse" in text


def test_a_broken_schema_leaves_slices_and_data_out(project: Path) -> None:
    (project / "schema.yaml").write_text("columns: 3")
    found = review("better")
    assert found["slices"] == []
    assert any(gap.startswith("slices:") for gap in found["gaps"])


# --- what is missing ------------------------------------------------------------------------


def test_an_unknown_revision_is_an_error_with_a_guess(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "did you mean 'better'?" in fault(capsys, "bettr")
    assert "did you mean 'trial'?" in fault(capsys, "main", "trail")


def test_what_is_not_in_the_cache_is_told(project: Path) -> None:
    shutil.rmtree(project / ".dvc/cache")
    found = review("main", "better")
    assert found["decision"]["judgement"] == "not comparable"
    assert any("predictions.parquet" in gap and "no remote" in gap for gap in found["gaps"])
    assert found["params"] == [] and found["code"] != []


def test_what_is_missing_comes_from_the_remote(project: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    run(project, "dvc", "remote", "add", "--quiet", "--local", "--default", "store", store)
    run(project, "dvc", "push", "--quiet", "--all-commits")
    shutil.rmtree(project / ".dvc/cache")
    found = review("main", "better")
    assert found["decision"]["judgement"] == "better"
    assert found["pictures"] == ["roc.png"]
    kept = sum(file.is_file() for file in (project / ".dvc/cache").rglob("*"))
    stored = sum(file.is_file() for file in (tmp_path / "store").rglob("*"))
    assert 0 < kept < stored  # only what a review reads


def test_without_the_old_outputs_the_page_says_so(project: Path) -> None:
    shutil.rmtree(project / ".dvc/cache")
    lines = printed("main", "workspace")
    assert "**Verdict: not comparable.**" in lines
    assert "## What could not be compared" in lines


def test_a_remote_that_does_not_answer_keeps_its_password(project: Path) -> None:
    url = "ssh://me:secret@localhost:9/"
    run(project, "dvc", "remote", "add", "--quiet", "--local", "--default", "store", url)
    shutil.rmtree(project / ".dvc/cache")
    told = " ".join(review("main", "better")["gaps"])
    assert "cache" in told and "secret" not in told


def test_no_repository_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "error:" in fault(capsys, "workspace", "workspace")


def test_a_dvc_yaml_without_paths_is_told(project: Path) -> None:
    (project / "dvc.yaml").write_text("stages: {}\n")
    found = review("better")
    assert any("no vars.paths.predictions" in gap for gap in found["gaps"])
    (project / "params.yaml").write_text("a: [")
    with pytest.raises(SystemExit):
        app(["review", "better"], standalone_mode=False)


def test_a_revision_without_dvc_lock_is_told(project: Path) -> None:
    run(project, "git", "rm", "--quiet", "dvc.lock")
    commit(project, "no lock")
    found = review("main", "HEAD")
    assert found["decision"]["judgement"] == "not comparable"
    assert any("has no dvc.lock" in gap for gap in found["gaps"])


def test_a_workspace_that_moved_on_is_stale(project: Path) -> None:
    (project / "code.py").write_text("three = 3\n")
    found = review()
    assert found["stale"] == ["train"]
    assert "dvc repro" in " ".join(found["to_decide"])


def edited(project: Path, old: str, new: str) -> Any:
    params = project / "params.yaml"
    assert old in params.read_text()
    params.write_text(params.read_text().replace(old, new))
    return review("better")


def test_another_main_metric_is_measured_on_both(project: Path) -> None:
    found = edited(project, "metric: roc_auc, at_least: 0.6", "metric: log_loss, at_most: 0.6")
    assert found["metric"] == "log_loss"
    assert found["decision"]["judgement"] == "no evidence of a difference"
    assert any("the main metric was roc_auc" in gap for gap in found["gaps"])


def test_a_metric_nobody_knows_is_not_comparable(project: Path) -> None:
    found = edited(project, "metric: roc_auc", "metric: roc_auk")
    assert found["decision"]["judgement"] == "not comparable"
    assert "did you mean 'roc_auc'?" in found["decision"]["why"][0]
    assert "our_own" in [row["name"] for row in found["metrics"]]


def test_no_criterion_is_not_comparable(project: Path) -> None:
    found = edited(project, "[{metric: roc_auc, at_least: 0.6, why: so}]", "[]")
    assert any("is none" in gap for gap in found["gaps"])
    commit(project, "no criteria")
    assert review("HEAD")["decision"]["judgement"] == "not comparable"


def test_other_costs_matter_to_metrics_of_decisions_alone(project: Path) -> None:
    found = edited(project, "false_negative: -9", "false_negative: -90")
    assert found["decision"]["judgement"] == "no evidence of a difference"
    rows = {row["name"]: row for row in found["metrics"]}
    assert "expected_value" not in rows or rows["expected_value"]["difference"] is None
    assert rows["log_loss"]["difference"] is not None


def test_another_target_is_not_comparable(project: Path) -> None:
    found = edited(project, "positive: 1", "positive: 0")
    assert "the target changed" in found["decision"]["why"][0]


def test_rows_without_a_key_need_the_same_split(project: Path) -> None:
    assert edited(project, "key: id", "key: null")["decision"]["judgement"] != "not comparable"
    lock = project / "dvc.lock"
    md5 = lock.read_text().split("path: data/validation.parquet")[1].split("md5: ")[1][:32]
    lock.write_text(lock.read_text().replace(md5, "0" * 32))
    found = review("better")
    assert found["decision"]["judgement"] == "not comparable"
    assert any("no key" in why for why in found["decision"]["why"])


def test_groups_are_drawn_where_the_split_is_by_group(project: Path) -> None:
    assert edited(project, "group: null", "group: y")["gaps"] == []
    found = edited(project, "group: y", "group: nothing")
    assert any("'nothing'" in gap for gap in found["gaps"])


def test_broken_files_are_told(project: Path) -> None:
    (project / "data/evaluate/predictions.parquet").unlink()
    (project / "data/evaluate/predictions.parquet").write_text("no table")
    (project / "data/evaluate/evaluation.json").unlink()
    (project / "data/evaluate/evaluation.json").write_text("{")
    found = review("better")
    assert found["decision"]["judgement"] == "not comparable"
    told = " ".join(found["gaps"])
    assert "not a Parquet file" in told and "not a JSON object" in told


def test_impossible_predictions_are_told(project: Path) -> None:
    file = project / "data/evaluate/predictions.parquet"
    frame = pd.read_parquet(file)
    file.unlink()
    write_table(file, frame.assign(y_prob=2.0))
    assert "cannot be measured" in review("better")["decision"]["why"][0]
    write_table(file, frame.drop(columns="y_prob"))
    assert any("no column y_prob" in gap for gap in review("better")["gaps"])


def test_money_without_costs_is_not_comparable(project: Path) -> None:
    (project / "data/model.json").unlink()
    (project / "data/model.json").write_text("{}")
    params = project / "params.yaml"
    text = params.read_text().replace("metric: roc_auc", "metric: expected_value")
    params.write_text(text.replace("currency", "money"))
    commit(project, "no costs")
    found = review("HEAD")
    assert "needs charter.costs" in found["decision"]["why"][0]
    assert any(row["name"] == "log_loss" and row["difference"] for row in found["metrics"])


def test_a_table_that_changed_is_compared(project: Path) -> None:
    table = pd.read_parquet(project / "given/table.parquet")
    write_table(project / "given/table.parquet", table.iloc[:400])
    run(project, "dvc", "repro", "--quiet", "split")
    found = review("better")
    assert "200 of 600 rows" in found["data"]
    assert "The data changed: is each of the changes meant?" in found["to_decide"]


# --- what is written ------------------------------------------------------------------------


def test_the_files_are_written_and_linked(project: Path) -> None:
    arguments = ["review", "main", "better", "--out", "out dir/r.md", "--html", "page/r.html"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    text = (project / "out dir/r.md").read_text()
    assert text.splitlines()[2].startswith("**Verdict: better.**")
    assert "](r_figures/verdict.png)" in text
    assert {path.name for path in (project / "out dir/r_figures").iterdir()} == {
        "before", "now", "slices.png", "verdict.png",
    }  # fmt: skip
    page = (project / "page/r.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "<h1>Review of better" in page


def test_markdown_is_printed_and_pictures_only_where_asked(project: Path) -> None:
    done = CliRunner().invoke(app, ["review", "main", "better"])
    assert done.exit_code == 0
    assert "**Verdict: better.**" in done.stdout and "![" not in done.stdout
    (project / "some").mkdir()
    (project / "some/file").write_text("kept")
    done = CliRunner().invoke(app, ["review", "main", "better", "--figures", "some"])
    assert "](some/verdict.png)" in done.stdout
    assert (project / "some/verdict.png").is_file()
    assert (project / "some/file").read_text() == "kept"
