import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from operate import exp
from operate.cli import app
from operate.exp import Experiment, check
from stages.core.errors import LoopwrightError
from tests.operate.project import ROOT, commit, init, run

DVC_YAML = """\
vars:
  - paths: {params: params.yaml}
stages:
  train:
    cmd: python stages/train.py
    params: [train.candidates, split]
    deps: [stages/train.py, data/source, one.csv]
    outs: [model.txt]
  evaluate:
    cmd: cp model.txt metrics.json
    params: [evaluate]
    deps: [model.txt]
    metrics: [{metrics.json: {cache: false}}]
  audit:
    matrix: {pillar: [fairness]}
    cmd: cp model.txt ${item.pillar}.txt
    deps: [model.txt]
    outs: ["${item.pillar}.txt"]
"""
RATE = "train.candidates.boosting.learning_rate"
TRAIN = """\
import json, pathlib, ruamel.yaml
params = ruamel.yaml.YAML(typ="safe").load(pathlib.Path("params.yaml"))
rate = params["train"]["candidates"]["boosting"]["learning_rate"]
pathlib.Path("model.txt").write_text(json.dumps({"roc_auc": rate}))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exp") / "repo"
    (folder / "stages/core").mkdir(parents=True)
    (folder / "data/source").mkdir(parents=True)
    init(folder)
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / ".gitignore").write_text("/model.txt\n/fairness.txt\n__pycache__/\n")
    (folder / "stages/train.py").write_text(TRAIN)
    (folder / "data/source/rows.csv").write_text("a\n1\n")
    (folder / "one.csv").write_text("a\n1\n")
    run(folder, "dvc", "repro", "--quiet")
    commit(folder, "first")
    return folder


@pytest.fixture
def repo(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    subprocess.run(["cp", "-a", made, folder], check=True)
    return folder


@pytest.fixture(scope="module", autouse=True)
def remembered() -> Iterator[None]:
    """Let DVC resolve each folder once: no test here changes what its stages read."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exp, "_inputs", cache(exp._inputs))
        yield


def experiment(*overrides: str, name: str = "try", queue: bool = False) -> Experiment:
    return Experiment(name, "Smaller steps overfit less", overrides, queue)


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("train.candidates.boosting", "key=value was expected"),
        (f"+{RATE}=0.1", "a key cannot be added or taken away here"),
        (f"++{RATE}=0.1", "a key cannot be added or taken away here"),
        (f"~{RATE}=", "a key cannot be added or taken away here"),
        ("other.yaml:seed=1", "no stage reads parameters from other.yaml"),
        ("train.candidates.boosting.learning_rat=0.1", f"did you mean '{RATE}'?"),
        ("train.scoring=f1", "no stage reads 'train.scoring', so nothing would change"),
        (f"{RATE}=-1", "params.yaml: train.candidates.boosting.learning_rate: found -1"),
        (f"{RATE}=quick", 'found "quick"'),
        (f"{RATE}=[", "-S: "),
        (f"{RATE}=0.1,0.2", "-S with several values: add --queue"),
        ("train.candidates=3", "train.candidates: found 3"),
    ],
)
def test_a_parameter_that_tells_nothing_is_refused(made: Path, override: str, told: str) -> None:
    with pytest.raises(LoopwrightError) as refused:
        check(made, experiment(override))
    assert told in str(refused.value)
    assert tempfile.gettempdir() not in str(refused.value)
    assert run(made, "git", "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "override",
    [f"{RATE}=0.1", f"params.yaml:{RATE}=0.1", "split.random_state=3", "evaluate.bootstrap=500"],
)
def test_a_parameter_that_a_stage_reads_is_taken(made: Path, override: str) -> None:
    check(made, experiment(override))


def test_every_value_of_a_list_is_held_against_params(made: Path) -> None:
    check(made, experiment(f"{RATE}=0.1,0.2", queue=True))
    with pytest.raises(LoopwrightError, match=f"-S {RATE}=-2"):
        check(made, experiment(f"{RATE}=0.1,-2", queue=True))


def test_a_file_that_git_does_not_have_is_named(repo: Path) -> None:
    (repo / "notes.txt").write_text("nobody reads me")
    (repo / "stages/core/unused.py").write_text("")
    check(repo, experiment())
    (repo / "data/source/more.csv").write_text("a\n2\n")
    (repo / "stages/core/far.py").write_text("")
    (repo / "stages/core/near.py").write_text("from . import far\n")
    with (repo / "stages/train.py").open("a") as code:
        code.write("\n\ndef later():\n    import stages.core.near\n")
    with (repo / ".gitignore").open("a") as ignored:
        ignored.write("/one.csv\nnear.py\n")  # ignored, and read all the same
    run(repo, "git", "rm", "--quiet", "--cached", "one.csv")
    with pytest.raises(LoopwrightError) as refused:
        check(repo, experiment())
    named = "data/source/more.csv, one.csv, stages/core/far.py, stages/core/near.py"
    assert f"a stage reads what is not in git: {named};" in str(refused.value)


def test_code_that_cannot_be_parsed_is_left_to_its_stage(repo: Path) -> None:
    (repo / "stages/train.py").write_text("def broken(:\n")
    check(repo, experiment())


@pytest.mark.parametrize("name", ["", "a b", "-n", "x/y", "é"])
def test_a_name_that_git_cannot_hold_is_refused(made: Path, name: str) -> None:
    with pytest.raises(LoopwrightError, match="is no name for an experiment"):
        check(made, experiment(name=name))


def test_a_hypothesis_is_needed(made: Path) -> None:
    with pytest.raises(LoopwrightError, match="say what you expect and why"):
        check(made, Experiment("try", "  "))


def test_outside_of_git_or_dvc_it_is_told(tmp_path: Path, repo: Path) -> None:
    with pytest.raises(LoopwrightError, match="not a git repository"):
        check(tmp_path, experiment())
    (repo / "dvc.yaml").write_text(DVC_YAML.replace("cmd: cp", "command: cp"))
    with pytest.raises(LoopwrightError, match="DVC cannot read the repository"):
        check(repo, experiment())


# --- what DVC is asked ----------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, made: Path) -> Iterator[list[list[str]]]:
    """The commands that would run, and a folder to run them in; each exits with 7."""
    commands: list[list[str]] = []
    real = subprocess.run

    def instead(command: list[str], **options: object) -> object:
        if command[:3] != [sys.executable, "-m", "dvc"]:
            return real(command, **options)  # type: ignore[call-overload]
        commands.append(command[3:])
        return subprocess.CompletedProcess(command, 7)

    monkeypatch.setattr(exp.subprocess, "run", instead)
    monkeypatch.chdir(made)
    yield commands


def test_dvc_runs_it_with_its_own_flags_and_its_exit_code(asked: list[list[str]]) -> None:
    options = ["-n", "try", "-m", "it's; a $try", "-S", f"{RATE}=0.1,0.2", "--queue"]
    done = CliRunner().invoke(app, ["exp", "run", *options])
    assert done.exit_code == 7
    expected = ["exp", "run", "-n", "try", "-m", "it's; a $try", "--queue", "-S", f"{RATE}=0.1,0.2"]
    assert asked == [expected]


def test_without_a_terminal_a_missing_word_is_refused(asked: list[list[str]]) -> None:
    done = CliRunner().invoke(app, ["exp", "run", "-n", "try"])
    assert done.exit_code == 2 and 'an experiment needs -m "' in done.output
    done = CliRunner().invoke(app, ["exp", "run"])
    assert done.exit_code == 2 and 'needs -n NAME, -m "' in done.output
    assert asked == []


def test_on_a_terminal_it_asks(asked: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"name of the experiment": "try", "what do you expect, and why": "Less is more"}
    monkeypatch.setattr(typer, "prompt", lambda text: answers[text])
    with monkeypatch.context() as patched:
        leader, follower = os.openpty()
        with os.fdopen(follower) as terminal:
            patched.setattr(sys, "stdin", terminal)
            with pytest.raises(SystemExit) as ended:
                app(["exp", "run"])
        os.close(leader)
    assert ended.value.code == 7
    assert asked == [["exp", "run", "-n", "try", "-m", "Less is more"]]


# --- with DVC -------------------------------------------------------------------------------


def test_it_runs_and_its_message_is_in_the_experiment(repo: Path) -> None:
    run(repo, "loopwright", "exp", "run", "-n", "quick", "-m", "Larger steps", "-S", f"{RATE}=0.5")
    (ref,) = [
        ref
        for ref in run(repo, "git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
        if ref.endswith("/quick")
    ]
    assert run(repo, "git", "log", "-1", "--format=%s", ref).strip() == "Larger steps"
    assert '"roc_auc": 0.5' in run(repo, "git", "show", f"{ref}:metrics.json")
    with pytest.raises(LoopwrightError, match=r"an experiment 'quick' already.*dvc exp remove"):
        check(repo, experiment(name="quick"))


@pytest.mark.slow
def test_a_name_that_waits_in_the_queue_is_taken(repo: Path) -> None:
    options = ["-n", "later", "-m", "Steps of two sizes", "-S", f"{RATE}=0.1,0.2", "--queue"]
    run(repo, "loopwright", "exp", "run", *options)
    for name in ("later", "later-2"):
        with pytest.raises(LoopwrightError, match="an experiment 'later-"):
            check(repo, experiment(name=name))
    check(repo, experiment(name="late"))
