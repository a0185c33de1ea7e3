"""The ledger of a small repository whose commits, locks and cache are written by hand."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dvc.utils.serialize import dumps_yaml
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from bench.history import BAR, call, make
from operate.cli import app
from operate.history import Changes, Entry, Ledger, as_document, read_ledger, show
from operate.history_page import draw, write_figure, write_page
from operate.iterations import read_past
from operate.pipeline import read_pipeline
from stages.core.errors import LoopwrightError
from stages.core.numbers import NOTHING
from stages.core.tables import write_table
from tests.operate.project import run

ROOT = Path(__file__).parents[2]
PATHS = {
    "params": "params.yaml",
    "validated": "table.parquet",
    "validation": "validation.parquet",
    "test": "test.parquet",
    "model": "model.skops",
    "model_manifest": "model.json",
    "metrics": "metrics.json",
    "evaluation": "evaluation.json",
    "predictions": "predictions.parquet",
}
DVC_YAML = {
    "vars": [{"paths": PATHS}],
    "stages": {"audit": {"matrix": {"pillar": ["fairness"]}, "cmd": "true"}},
}
COSTS = {"currency": "NT$", "true_positive": -1, "false_positive": -1, "true_negative": 0}


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Project:
    """A repository to write iterations into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.day = 0
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.name", "A Tester")
        self.git("config", "user.email", "tester@example.org")
        (folder / ".dvc").mkdir()
        (folder / ".dvc/config").write_text("")
        (folder / ".gitignore").write_text("/.dvc/cache\n/.dvc/tmp\n")
        (folder / "dvc.yaml").write_text(dumps_yaml(DVC_YAML))
        shutil.copy(ROOT / "params.yaml", folder)

    def git(self, *arguments: str) -> str:
        return run(self.folder, "git", *arguments).strip()

    def cache(self, name: str, content: bytes) -> str:
        """Put a file into DVC's cache; return its hash."""
        key = md5(name)
        file = self.folder / ".dvc/cache/files/md5" / key[:2] / key[2:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return key

    def predictions(self, name: str, keys: "range", noise: float) -> str:
        """Predictions of rows whose truth follows from their key; less noise is better."""
        rng = np.random.default_rng(7)
        truth = np.array([key % 3 == 0 for key in keys]).astype(np.int64)
        score = np.clip(0.2 + 0.5 * truth + noise * rng.standard_normal(len(truth)), 0.01, 0.99)
        frame = pd.DataFrame({"key": list(keys), "y_true": truth, "y_prob": score})
        frame["y_pred"] = frame["rule"] = (score > 0.5).astype(np.int64)
        file = self.folder / ".dvc/scratch.parquet"
        write_table(file, frame)
        key = self.cache(name, file.read_bytes())
        file.unlink()
        return key

    def write(
        self,
        model: str,
        value: float | None,
        *,
        interval: tuple[float, float] | None = None,
        predictions: str | None = None,
        validation: str = "rows",
        data: str = "table",
        params: dict[str, Any] | None = None,
        code: str = "code",
        schema: str = "schema",
        metric: str = "roc_auc",
    ) -> None:
        """Write what a run of the pipeline would leave."""
        evaluation = md5(f"evaluation of {model}")
        if interval is not None:
            found = {"metrics": {"validation": {metric: {"value": value, "interval": interval}}}}
            evaluation = self.cache(f"evaluation of {model}", json.dumps(found).encode())
        manifest = self.cache(f"manifest of {model}", b'{"rows": 5000}')

        def files(**hashes: str) -> list[dict[str, str]]:
            return [{"path": p, "hash": "md5", "md5": h} for p, h in hashes.items()]

        def named(name: str, key: str) -> dict[str, str]:
            return {"path": PATHS[name], "hash": "md5", "md5": key}

        stages = {
            "validate": {
                "cmd": "validate",
                "deps": files(**{"schema.yaml": md5(schema), "validate.py": md5("validate")}),
                "outs": [named("validated", md5(data))],
            },
            "train": {
                "cmd": "train",
                "deps": files(**{"train.py": md5(code)}),
                "params": {"params.yaml": {"train": params or {"depth": 1}}},
                "outs": [named("model_manifest", manifest), named("model", md5(model))],
            },
            "evaluate": {
                "cmd": "evaluate",
                "deps": [
                    named("model_manifest", manifest),
                    named("model", md5(model)),
                    named("validation", md5(validation)),
                ],
                "params": {"params.yaml": {"charter.costs": COSTS}},
                "outs": [
                    named("evaluation", evaluation),
                    named("metrics", md5(str(value))),
                    named("predictions", predictions or md5(f"predictions of {model}")),
                ],
            },
            "audit@fairness": {
                "cmd": "audit",
                "deps": [named("model", md5(model)), named("test", md5("test"))],
            },
        }
        (self.folder / "dvc.lock").write_text(dumps_yaml({"schema": "2.0", "stages": stages}))
        if value is not None:
            (self.folder / "metrics.json").write_text(json.dumps({metric: value}))

    def commit(self, message: str) -> str:
        self.day += 1
        date = f"2026-01-{self.day:02}T12:00:00+0000"
        self.git("add", "--all")
        environment = os.environ | {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        subprocess.run(
            ["git", "commit", "--quiet", "--allow-empty", "--no-verify", "--message", message],
            cwd=self.folder,
            env=environment,
            check=True,
        )
        return self.git("rev-parse", "HEAD")

    def experiment(self, name: str, message: str) -> str:
        """Commit what was written as `dvc exp run` does: to a ref of its own."""
        base = self.git("rev-parse", "HEAD")
        commit = self.commit(message)
        self.git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", commit)
        self.git("reset", "--quiet", "--hard", base)
        return commit

    def ledger(self, main: str | None = None) -> Ledger:
        return read_ledger(self.folder, main)

    def entry(self, commit: str) -> Entry:
        entries = self.ledger().entries
        return next(entry for entry in entries if entry.iteration.commit.id == commit)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "repo")


# --- what is an iteration -------------------------------------------------------------------


def test_an_iteration_is_a_commit_that_evaluated_something_new(project: Project) -> None:
    project.commit("No pipeline yet")
    project.write("one", 0.7)
    first = project.commit("First: a tree\n\nIt is the simplest.")
    (project.folder / "notes.md").write_text("words")
    project.commit("Write notes")
    project.write("two", 0.71)
    second = project.commit("Second")
    ledger = project.ledger()
    assert [entry.iteration.commit.id for entry in ledger.entries] == [first, second]
    assert [entry.iteration.hypothesis for entry in ledger.entries] == ["First: a tree", "Second"]
    assert ledger.entries[0].iteration.commit.body == "It is the simplest."
    assert ledger.entries[0].iteration.commit.date == "2026-01-02"
    assert [entry.result.value for entry in ledger.entries] == [0.7, 0.71]
    assert ledger.entries[1].iteration.parent is not None
    assert ledger.entries[1].iteration.parent.commit.id == first
    assert {entry.place for entry in ledger.entries} == {"kept"}
    assert ledger.main == "main"


def test_a_lock_of_other_stages_alone_is_no_iteration(project: Project) -> None:
    project.write("one", 0.7)
    project.commit("First")
    lock = project.folder / "dvc.lock"
    lock.write_text(lock.read_text() + "  report:\n    cmd: report\n")
    project.commit("A report")
    assert len(project.ledger().entries) == 1


def test_a_merged_branch_is_kept_and_its_merge_is_no_iteration(project: Project) -> None:
    project.write("one", 0.7)
    first = project.commit("First")
    project.git("checkout", "--quiet", "-b", "leaves")
    project.write("two", 0.72)
    second = project.commit("More leaves")
    project.git("checkout", "--quiet", "main")
    (project.folder / "notes.md").write_text("words")
    project.commit("Write notes")
    assert project.entry(second).place == "branch leaves, not merged"
    assert project.entry(second).is_dead_end
    project.git("checkout", "--quiet", "leaves")  # where HEAD is changes nothing
    assert project.entry(second).place == "branch leaves, not merged"
    project.git("checkout", "--quiet", "--detach")
    project.git("branch", "--quiet", "--delete", "--force", "leaves")
    assert project.entry(second).place == "not merged"
    project.git("branch", "--quiet", "leaves")
    project.git("checkout", "--quiet", "main")
    project.git("merge", "--quiet", "--no-edit", "leaves")
    project.write("three", 0.73)
    third = project.commit("Third")
    entries = project.ledger().entries
    assert [entry.iteration.commit.id for entry in entries] == [first, second, third]
    assert {entry.place for entry in entries} == {"kept"}
    assert entries[2].iteration.baseline is not None
    assert entries[2].iteration.baseline.commit.id == second


def test_experiments_are_listed_and_those_taken_over_are_no_dead_ends(project: Project) -> None:
    project.write("one", 0.7)
    first = project.commit("First")
    project.write("two", 0.6)
    dead = project.experiment("shallow", "Fewer leaves overfit less")
    project.write("three", 0.8)
    taken = project.experiment("deep", "dvc: commit experiment 0123abc")
    project.write("three", 0.8)
    kept = project.commit("Deeper trees")
    (project.folder / "dvc.lock").unlink()
    assert project.entry(dead).place == "experiment shallow, not merged"
    assert project.entry(dead).iteration.hypothesis == "Fewer leaves overfit less"
    assert project.entry(taken).place == f"experiment deep, kept as {kept[:7]}"
    assert project.entry(taken).iteration.hypothesis == ""
    assert not project.entry(taken).is_dead_end and project.entry(dead).is_dead_end
    for commit in (dead, taken, kept):
        baseline = project.entry(commit).iteration.baseline
        assert baseline is not None and baseline.commit.id == first


def test_an_experiment_that_changed_nothing_is_listed_and_not_taken_over(project: Project) -> None:
    project.write("one", 0.7)
    project.commit("First")
    same = project.experiment("nothing", "Perhaps nothing happens")
    assert project.entry(same).place == "experiment nothing, not merged"
    assert project.entry(same).decision.why == "the same predictions"


def test_a_dead_end_of_many_steps_is_held_against_where_it_left_main(project: Project) -> None:
    project.write("one", 0.7)
    first = project.commit("First")
    project.git("checkout", "--quiet", "-b", "long")
    project.write("two", 0.6)
    second = project.commit("A step")
    project.write("three", 0.65)
    third = project.commit("Another")
    iteration = project.entry(third).iteration
    assert iteration.parent is not None and iteration.parent.commit.id == second
    assert iteration.baseline is not None and iteration.baseline.commit.id == first
    on_branch = project.ledger(main="long")
    assert [entry.place for entry in on_branch.entries] == ["kept"] * 3


def test_git_is_not_asked_once_a_commit(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def processes(commits: int) -> int:
        for _ in range(commits):
            project.write(f"model {project.day}", 0.7)
            project.commit("Again")
        calls = []
        asked = subprocess.run
        with monkeypatch.context() as patched:
            patched.setattr(subprocess, "run", lambda *a, **k: calls.append(a) or asked(*a, **k))
            project.ledger()
        return len(calls)

    assert processes(2) == processes(4) < 15


# --- what changed ---------------------------------------------------------------------------


def test_a_short_key_never_stands_for_two() -> None:
    two = Changes({"a.depth": (1, 2), "b.depth": (1, 2)}, False, (), ())
    assert two.brief == str(two) == "a.depth 1 → 2; b.depth 1 → 2"


def test_what_changed_against_the_iteration_before(project: Project) -> None:
    project.write("one", 0.7, params={"depth": 1, "gone": True})
    project.commit("First")
    project.write("two", 0.7, params={"depth": 2, "l2": 1e-3, "names": ["a"]}, data="other")
    second = project.commit("Second")
    project.write(
        "three", 0.7, params={"depth": 2, "l2": 1e-3, "names": ["a"]}, data="other",
        code="new", schema="new",
    )  # fmt: skip
    third = project.commit("Third")
    changes = project.entry(second).changes
    assert changes.params == {
        "train.depth": (1, 2),
        "train.gone": (True, None),
        "train.l2": (None, 0.001),
        "train.names": (None, ["a"]),
    }
    assert changes.data and changes.code == () and changes.files == ()
    assert str(changes) == (
        f"train.depth 1 → 2; train.gone yes → {NOTHING}; train.l2 {NOTHING} → 0.001; "
        f'train.names {NOTHING} → ["a"]; data'
    )
    assert changes.brief.startswith("depth 1 → 2; gone yes")
    later = project.entry(third).changes
    assert (dict(later.params), later.data) == ({}, False)
    assert (later.code, later.files) == (("train",), ("schema.yaml",))
    assert str(later) == "code of train; schema.yaml"


def test_what_had_no_effect_is_not_told_of_the_next_iteration(project: Project) -> None:
    project.write("one", 0.7)
    project.commit("First")
    project.write("one", 0.7, params={"depth": 1, "unused": 3})
    project.commit("A parameter without effect")
    project.write("two", 0.8, params={"depth": 2, "unused": 3})
    second = project.commit("Second")
    assert project.entry(second).changes.params == {"train.depth": (1, 2)}


def test_what_ran_in_part_is_told_of_the_iteration_that_evaluates_it(project: Project) -> None:
    project.write("one", 0.7)
    project.commit("First")
    lock = project.folder / "dvc.lock"
    before = lock.read_text()
    project.write("two", 0.8, params={"depth": 2})
    whole, end = lock.read_text(), "  evaluate:\n"
    # train ran, evaluate did not yet
    lock.write_text(whole.partition(end)[0] + end + before.partition(end)[2])
    (project.folder / "metrics.json").write_text('{"roc_auc": 0.7}')
    project.commit("Only train ran")
    lock.write_text(whole)
    (project.folder / "metrics.json").write_text('{"roc_auc": 0.8}')
    second = project.commit("Second")
    assert len(project.ledger().entries) == 2
    assert project.entry(second).changes.params == {"train.depth": (1, 2)}


# --- the result and the decision ------------------------------------------------------------


def test_the_interval_is_from_the_evaluation_of_that_revision(project: Project) -> None:
    project.write("one", 0.7, interval=(0.68, 0.72))
    first = project.commit("First")
    project.write("two", 0.71)
    second = project.commit("Second")
    assert str(project.entry(first).result) == "0.700 [0.680, 0.720]"
    assert str(project.entry(second).result) == "0.710, no interval"
    assert project.entry(second).decision.answer == "no evidence"
    assert project.entry(second).decision.why == "no intervals"
    for file in (project.folder / ".dvc/cache/files/md5").rglob("*"):
        if file.is_file():
            file.write_text("spoilt")
    assert str(project.entry(first).result) == "0.700, no interval"


@pytest.mark.parametrize(
    ("interval", "options", "answer", "why"),
    [
        ((0.73, 0.77), {}, "better", "the intervals lie apart"),
        ((0.61, 0.67), {}, "worse", "the intervals lie apart"),
        ((0.71, 0.77), {}, "no evidence", "the intervals overlap"),
        (None, {}, "no evidence", "no intervals"),
        ((0.73, 0.77), {"validation": "others"}, "not comparable", "measured on other rows"),
        ((0.73, 0.77), {"metric": "f1"}, "not comparable", "roc_auc was not measured in both"),
    ],
)
def test_without_predictions_intervals_decide(
    project: Project,
    interval: tuple[float, float] | None,
    options: dict[str, Any],
    answer: str,
    why: str,
) -> None:
    project.write("one", 0.7, interval=(0.68, 0.72))
    assert project.commit("First")
    project.write("two", 0.75, interval=interval, **options)
    decision = project.entry(project.commit("Second")).decision
    assert (decision.answer, decision.why, decision.difference) == (answer, why, None)
    assert project.ledger().entries[0].decision.answer == "first"


def test_lower_is_better_where_the_metric_says_so(project: Project) -> None:
    params = project.folder / "params.yaml"
    text = params.read_text()
    assert "{metric: roc_auc, at_least: 0.76" in text
    params.write_text(text.replace("{metric: roc_auc, at_least", "{metric: log_loss, at_most"))
    project.write("one", 0.7, interval=(0.68, 0.72), metric="log_loss")
    project.commit("First")
    project.write("two", 0.6, interval=(0.58, 0.62), metric="log_loss")
    second = project.commit("Second")
    assert project.entry(second).decision.answer == "better"
    assert project.ledger().metric.name == "log_loss"


def test_predictions_in_the_cache_are_paired_on_shared_rows(project: Project) -> None:
    rows = range(900)
    for model, noise, keys in (("one", 0.4, rows), ("two", 0.2, rows), ("three", 0.4, range(1000))):
        predicted = project.predictions(f"predictions of {model}", keys, noise)
        # the intervals overlap: only pairing can tell
        project.write(model, 0.8, interval=(0.7, 0.9), predictions=predicted, validation=str(keys))
        project.commit(model)
    _, better, worse = (entry.decision for entry in project.ledger().entries)
    assert better.answer == "better" and better.why == "paired on 900 rows"
    assert better.difference is not None and better.interval is not None
    assert 0 < better.interval[0] < better.difference < better.interval[1]
    # the thousand rows of the third hold the nine hundred of the second
    assert worse.answer == "worse" and worse.why == "paired on 900 rows"
    assert worse.difference is not None and worse.difference < 0


def test_too_few_shared_rows_are_not_comparable(project: Project) -> None:
    for model, keys in (("one", range(900)), ("two", range(800, 1700))):
        predicted = project.predictions(f"predictions of {model}", keys, 0.3)
        project.write(model, 0.8, interval=(0.7, 0.9), predictions=predicted, validation=str(keys))
        last = project.commit(model)
    decision = project.entry(last).decision
    assert decision.answer == "not comparable" and "only 100 are in both" in decision.why


def test_the_more_was_tried_on_the_same_rows_the_more_it_takes(project: Project) -> None:
    def write(model: str, noise: float) -> None:
        predicted = project.predictions(f"predictions of {model}", range(900), noise)
        project.write(model, 0.8, interval=(0.7, 0.9), predictions=predicted)

    write("one", 0.4)
    project.commit("one")
    write("two", 0.3)
    alone = project.experiment("two", "Less noise")
    before = project.entry(alone).decision
    for number in range(3):
        write(f"try {number}", 0.5)
        project.experiment(f"try-{number}", "More noise")
    after = project.entry(alone).decision
    assert before.interval is not None and after.interval is not None
    assert after.interval[0] < before.interval[0] < before.interval[1] < after.interval[1]
    assert before.difference == after.difference
    assert after.why == "paired on 900 rows, 4 tries"


def test_what_was_compared_is_remembered_and_may_be_lost(project: Project) -> None:
    for model, noise in (("one", 0.4), ("two", 0.2)):
        predicted = project.predictions(f"predictions of {model}", range(600), noise)
        project.write(model, 0.8, interval=(0.7, 0.9), predictions=predicted)
        last = project.commit(model)
    decision = project.entry(last).decision
    memory = project.folder / ".dvc/tmp/loopwright/paired.json"
    (known,) = json.loads(memory.read_text()).items()
    memory.write_text(json.dumps({known[0]: [7, 0.5, 0.4, 0.6]}))
    assert project.entry(last).decision.why == "paired on 7 rows"
    for spoilt in ("not JSON", "[]"):
        memory.write_text(spoilt)
        assert project.entry(last).decision == decision


def test_predictions_of_another_shape_are_told_and_stop_nothing(project: Project) -> None:
    for model in ("one", "two"):
        predicted = project.cache(f"predictions of {model}", b"no table")
        project.write(model, 0.8, interval=(0.7, 0.9), predictions=predicted)
        last = project.commit(model)
    decision = project.entry(last).decision
    assert decision.answer == "not comparable"
    assert decision.why.startswith("the predictions cannot be compared")


def test_money_under_other_costs_is_not_compared(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = project.folder / "params.yaml"
    money = params.read_text().replace("{metric: roc_auc, at_", "{metric: expected_value, at_")
    params.write_text(money)
    project.write("one", 1.0, interval=(0.9, 1.1), metric="expected_value")
    project.commit("First")
    monkeypatch.setitem(COSTS, "true_positive", -2)
    project.write("two", 2.0, interval=(1.9, 2.1), metric="expected_value")
    decision = project.entry(project.commit("Second")).decision
    assert (decision.answer, decision.why) == ("not comparable", "charter.costs changed")


# --- looks ----------------------------------------------------------------------------------


def test_looks_count_each_model_once(project: Project) -> None:
    project.write("one", 0.7)
    project.commit("First")
    project.write("two", 0.7)
    project.experiment("two", "Again")
    project.write("one", 0.71)
    project.commit("The same model, measured anew")
    assert str(project.ledger().looks_at_validation) == "2"
    assert str(project.ledger().looks_at_test) == "2"
    looks = [entry.looks for entry in project.ledger().entries]
    assert looks == [(1, 1), (2, 2), (2, 2)]
    project.write("three", 0.7)  # in the workspace only
    assert str(project.ledger().looks_at_validation) == "3"


# --- what a person sees ---------------------------------------------------------------------


@pytest.fixture
def few(project: Project) -> Project:
    project.write("one", 0.7, interval=(0.68, 0.72))
    project.commit("First | with a pipe\n\nAnd <b>why</b>.")
    project.write("two", 0.6, interval=(0.58, 0.62), params={"depth": 2})
    project.experiment("shallow", "<script>alert(1)</script>")
    project.write("three", 0.75, interval=(0.73, 0.77))
    project.commit("Third")
    return project


def test_elsewhere_it_is_markdown(few: Project, capsys: pytest.CaptureFixture[str]) -> None:
    show(few.ledger(), Console(width=80))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| revision | date | hypothesis | changed | ROC AUC (higher is")
    assert lines[2].count(" | ") == 7 and "First \\| with a pipe" in lines[2]
    assert "&lt;script&gt;" in lines[3] and "train.depth 1 → 2" in lines[3]
    assert lines[-3:] == [
        "- iterations: 3, of which not merged into main: 1",
        "- looks at the validation split: 3",
        "- looks at the test split: 3",
    ]


def test_on_a_terminal_it_is_a_table(few: Project) -> None:
    console = Console(width=200, force_terminal=True, record=True, file=StringIO())
    show(few.ledger(), console)
    text = console.export_text()
    assert "depth 1 → 2" in text and "train.depth" not in text
    assert (
        "worse" in text
        and "the intervals lie apart" not in text
        and "|" not in text.splitlines()[0]
    )
    assert "not merged into main: 1" in text


def test_json_holds_all_of_it(few: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(few.folder)
    done = CliRunner().invoke(app, ["history", "--json"])
    document = json.loads(done.stdout)
    assert document == json.loads(json.dumps(as_document(few.ledger())))
    first, shallow, third = document["iterations"]
    assert first["body"] == "And <b>why</b>." and first["baseline"] is None
    assert shallow["experiment"] == "shallow" and not shallow["on_main"]
    assert shallow["changed"]["params"] == {"train.depth": [1, 2]}
    assert third["baseline"] == first["commit"]
    assert third["result"] == {"value": 0.75, "interval": [0.73, 0.77]}
    assert third["decision"]["answer"] == "better"
    assert third["looks"] == {"validation": 3, "test": 3}


def test_the_page_needs_no_other_file_and_holds_no_code_of_a_stranger(few: Project) -> None:
    file = few.folder / "ledger.html"
    write_page(few.ledger(), file)
    page = file.read_text()
    assert "<script" not in page and "&lt;script&gt;" in page and "<b>" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert page.count("<tr") == 4 and page.count('class="dead"') == 1
    assert page.index("Third") < page.index("First")  # newest first


def test_the_picture_shows_intervals_and_hollow_dead_ends(few: Project) -> None:
    (axes,) = draw(few.ledger()).axes
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    assert list(np.asarray(lines["on main"].get_ydata())) == [0.7, 0.75]
    assert list(np.asarray(lines["not merged"].get_xdata())) == [2]
    assert lines["not merged"].get_markerfacecolor() == "white"
    assert lines["on main"].get_markerfacecolor() != "white"
    assert "criterion: at least 0.760" in lines
    ends = sorted(
        tuple(round(float(y), 6) for _, y in segment)
        for bars in axes.collections
        for segment in bars.get_segments()  # type: ignore[attr-defined]
    )
    assert ends == [(0.58, 0.62), (0.68, 0.72), (0.73, 0.77)]


def test_the_command_writes_picture_and_page(
    few: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(few.folder)
    picture, page = tmp_path / "progress.png", tmp_path / "ledger.html"
    done = CliRunner().invoke(app, ["history", "--figure", str(picture), "--html", str(page)])
    assert done.exit_code == 0, done.output
    with Image.open(picture) as image:
        assert image.format == "PNG" and image.width > 800
    assert page.stat().st_size > 10_000
    assert CliRunner().invoke(app, ["history"]).output.startswith("| revision")
    with pytest.raises(LoopwrightError, match=r"progress\.svg: figures are PNG"):
        write_figure(few.ledger(), Path("progress.svg"))


def test_an_iteration_without_a_value_is_listed_and_not_drawn(few: Project) -> None:
    (few.folder / "metrics.json").unlink()
    few.write("four", None)
    last = few.commit("Fourth")
    assert str(few.entry(last).result) == NOTHING
    (axes,) = draw(few.ledger()).axes
    assert len(axes.get_xticks()) == 3


# --- what cannot be read --------------------------------------------------------------------


def test_without_an_iteration_a_branch_or_git_it_says_what_to_do(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(LoopwrightError, match="git"):
        project.ledger()  # no commit yet
    project.commit("Nothing evaluated")
    with pytest.raises(LoopwrightError, match="no iteration yet: run `dvc repro`"):
        project.ledger()
    project.write("one", 0.7)
    project.commit("First")
    with pytest.raises(LoopwrightError, match="no branch 'mian'; possible: main"):
        project.ledger("mian")
    shutil.copytree(project.folder, tmp_path / "copy", ignore=shutil.ignore_patterns(".git"))
    with pytest.raises(LoopwrightError, match="not a git repository"):
        read_ledger(tmp_path / "copy")
    shutil.rmtree(project.folder / ".dvc")
    with pytest.raises(LoopwrightError, match="no DVC repository"):
        project.ledger()


def test_a_shallow_clone_and_another_name_of_main(project: Project, tmp_path: Path) -> None:
    for number in range(3):
        project.write(f"model {number}", 0.7)
        project.commit(f"Number {number}")
    project.git("branch", "--quiet", "--move", "trunk")
    run(tmp_path, "git", "clone", "--quiet", "--depth", "1", f"file://{project.folder}", "shallow")
    pipeline = read_pipeline(project.folder)
    past = read_past(tmp_path / "shallow", pipeline)
    assert not past.complete and len(past.iterations) == 1 and past.main == "HEAD"
    assert read_past(project.folder, pipeline, "trunk").main == "trunk"


# --- the bar --------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_hundred_commits_take_less_than_five_seconds(tmp_path: Path) -> None:
    make(tmp_path / "repo", 200)
    first, second = (call(tmp_path / "repo") for _ in range(2))
    assert first.printed.count("paired on 6,000 rows") == 199
    assert second.printed == first.printed
    assert max(first.cpu, second.cpu) < BAR  # of one thread: the clock's, on an idle machine
