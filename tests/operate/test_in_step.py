"""dvc.lock in step: commits of a tiny project, with DVC's own `dvc status` beside."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from operate.cli import app
from operate.in_step import defined, drift
from operate.index import read_index
from stages.core.errors import LoopwrightError
from tests.operate.project import commit, run


def stages(project: Path) -> dict[str, list[str]]:
    return drift(read_index(project)).stages


def add(project: Path, file: str, content: str) -> None:
    (project / file).parent.mkdir(parents=True, exist_ok=True)
    (project / file).write_text(content)
    run(project, "git", "add", file)


def edit(project: Path, file: str, old: str, new: str) -> None:
    text = (project / file).read_text()
    assert old in text
    add(project, file, text.replace(old, new))


def changed_for_dvc(project: Path) -> set[str]:
    """The stages that `dvc status` finds changed by themselves, not by an earlier stage."""
    return set(json.loads(run(project, "dvc", "status", "--json")))


def test_a_commit_after_a_run_is_in_step(project: Path) -> None:
    assert stages(project) == {}
    edit(project, "code.py", "1", "2")
    run(project, "dvc", "repro", "--quiet")
    run(project, "git", "add", "--all")
    assert stages(project) == {}


def test_a_commit_of_other_files_is_silent(project: Path) -> None:
    add(project, "README.md", "words")
    assert stages(project) == {}


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("code.py", "1", "2", {"train": ["code.py changed"]}),
        ("given/quality.json", "0.5", "0.7", {"judge": ["given changed"]}),
        ("given/rows.csv", "1,2", "3,4", {"split": ["given/rows.csv changed"]}),
        ("pillars/safety.json", "0.5", "0.7", {"audit@safety": ["pillars/safety.json changed"]}),
    ],
)
def test_an_input_without_a_run_is_told(
    project: Path, file: str, old: str, new: str, told: dict[str, list[str]]
) -> None:
    edit(project, file, old, new)
    found = stages(project)
    assert {name: found[name] for name in told} == told
    assert set(found) == changed_for_dvc(project)


def test_a_parameter_without_a_run_is_told(project: Path) -> None:
    edit(project, "params.yaml", "scoring: log_loss", "scoring: roc_auc")
    assert stages(project) == {"train": ["params.yaml: train.scoring changed"]}
    assert changed_for_dvc(project) == {"train"}


def test_a_parameter_that_no_stage_reads_is_none_of_its_business(project: Path) -> None:
    edit(project, "params.yaml", "title: Early", "title: Very early")
    assert stages(project) == {}
    assert changed_for_dvc(project) == set()


LISTED = """\
schema: '2.0'
stages:
  one:
    cmd: ls
    params:
      params.yaml:
        names.1: {value}
"""


@pytest.mark.parametrize(("value", "changed"), [("b", False), ("a", True)])
def test_a_parameter_may_be_an_item_of_a_list(tmp_path: Path, value: str, changed: bool) -> None:
    run(tmp_path, "git", "init", "--quiet")
    add(tmp_path, "params.yaml", "names: [a, b]\n")
    add(tmp_path, "dvc.yaml", "stages: {one: {cmd: ls, params: [names.1]}}\n")
    add(tmp_path, "dvc.lock", LISTED.format(value=value))
    assert bool(stages(tmp_path)) is changed


def test_a_parameter_that_is_gone_is_told(project: Path) -> None:
    add(project, "params.yaml", "train: {}\n")
    assert stages(project) == {"train": ["params.yaml: train.scoring changed"]}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("cp given/rows.csv ", "cp -p given/rows.csv ", {"split": ["its command changed"]}),
        ("data/split/test.csv", "data/split/rows.csv", None),
        ("code.py]", "code.py, dvc.yaml]", {"train": ["dvc.yaml is a new input"]}),
        (
            "given/model.bin, code.py]",
            "given/model.bin]",
            {"train": ["code.py is no input any more"]},
        ),
        ("[train.scoring]", "[train.scoring, tune]", {"train": ["tune is a new parameter"]}),
        ("  report:\n", "  again:\n    cmd: ls\n  report:\n", {"again": ["it never ran"]}),
        ("[fairness, safety]", "[fairness, safety, new]", {"audit@new": ["it never ran"]}),
    ],
)
def test_a_definition_without_a_run_is_told(
    project: Path, old: str, new: str, told: dict[str, list[str]] | None
) -> None:
    edit(project, "dvc.yaml", old, new)
    found = stages(project)
    if told is None:  # a path that moved: whoever writes or reads it
        assert {"split", "audit@fairness", "audit@safety"} <= set(found)
    else:
        assert found == told


def test_a_deleted_input_is_told(project: Path) -> None:
    run(project, "git", "rm", "--quiet", "code.py")
    assert stages(project) == {"train": ["code.py is gone"]}


def test_only_what_a_commit_touches_is_its_business(project: Path) -> None:
    edit(project, "code.py", "1", "2")
    commit(project, "out of step, and let pass")
    assert set(stages(project)) == {"train"}  # nothing is staged: all is asked
    add(project, "README.md", "words")
    assert stages(project) == {}
    add(project, "dvc.lock", (project / "dvc.lock").read_text() + "\n")
    assert set(stages(project)) == {"train"}  # it vouches for all


def test_a_run_whose_lock_is_not_staged_is_told(project: Path) -> None:
    edit(project, "code.py", "1", "2")
    run(project, "dvc", "repro", "--quiet")
    assert set(stages(project)) == {"train"}


def test_a_lock_that_is_staged_without_the_code_is_told(project: Path) -> None:
    (project / "code.py").write_text("one = 2\n")
    run(project, "dvc", "repro", "--quiet")
    run(project, "git", "add", "dvc.lock")
    assert set(stages(project)) == {"train"}


def test_an_output_that_git_keeps_is_staged_with_its_lock(project: Path) -> None:
    edit(project, "dvc.yaml", '["${paths.summary}"]', '[{"${paths.summary}": {cache: false}}]')
    edit(project, "data/report/.gitignore", "/summary.json\n", "")
    run(project, "dvc", "repro", "--quiet")
    run(project, "git", "add", "--all")
    assert stages(project) == {}
    commit(project, "git keeps the summary")
    edit(project, "data/report/summary.json", "0.5", "0.6")
    assert stages(project) == {"report": ["data/report/summary.json is not what it wrote"]}


def test_a_pipeline_without_a_lock_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(project, "git", "rm", "--quiet", "--cached", "dvc.lock")
    monkeypatch.chdir(project)
    done = CliRunner().invoke(app, ["check-lock"])
    assert done.exit_code == 1
    assert done.stdout == "dvc.lock is not in git: run `dvc repro`, then `git add dvc.lock`\n"


def test_without_a_pipeline_there_is_nothing_to_ask(tmp_path: Path) -> None:
    run(tmp_path, "git", "init", "--quiet")
    assert drift(read_index(tmp_path)).stages == {}


def test_the_command_lists_the_stages(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert CliRunner().invoke(app, ["check-lock"]).exit_code == 0
    edit(project, "code.py", "1", "2")
    done = CliRunner().invoke(app, ["check-lock"])
    assert done.exit_code == 1
    assert "  train: code.py changed\n" in done.stdout
    assert "run `dvc repro`" in done.stdout


@pytest.mark.parametrize(
    ("content", "told"), [(b"a: [", "not valid YAML"), (b"\xff", "not UTF-8"), (b"- a", "mapping")]
)
def test_a_lock_that_cannot_be_read_is_told(project: Path, content: bytes, told: str) -> None:
    (project / "dvc.lock").write_bytes(content)
    run(project, "git", "add", "dvc.lock")
    with pytest.raises(LoopwrightError, match=rf"dvc\.lock: .*{told}"):
        stages(project)


def test_definitions_are_filled_in() -> None:
    found = defined(
        {
            "vars": ["other.yaml", {"paths": {"a": "x"}}],
            "stages": {
                "one": {"cmd": ["c ${paths.a}", "${train.seed}"], "deps": ["${paths.a}/b"]},
                "two": {"foreach": ["u", "v"], "do": {"cmd": "c ${item}"}},
                "three": {"foreach": "${listed}", "do": {"cmd": "c"}},
                "four": {"matrix": {"k": [1, 2], "l": ["p"]}, "cmd": "${item.k}${item.l}"},
            },
        }
    )
    assert {name: stage["cmd"] for name, stage in found.items()} == {
        "one": ["c x", "${train.seed}"],
        "two@u": "c u",
        "two@v": "c v",
        "four@1-p": "1p",
        "four@2-p": "2p",
    }
    assert found["one"]["deps"] == ["x/b"]


def test_it_is_quick(project: Path) -> None:
    """Here 300 files of 10 KB; a commit waits for it."""
    for number in range(300):
        (project / f"given/{number}.txt").write_text(str(number) * 5_000)
    run(project, "git", "add", "given")
    start = time.perf_counter()
    assert set(stages(project)) == {"judge"}
    assert time.perf_counter() - start < 2
