import os
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML
from typer.testing import CliRunner

from operate.cli import app
from operate.merge_lock import ATTRIBUTE, install, merge, merge_files
from stages.core.errors import LoopwrightError
from tests.operate.project import commit, init, run

# Two stages, one that reads both, and one that has nothing to do with them.
DVC_YAML = """\
stages:
  one:
    cmd: cp one.in one.out
    deps: [one.in]
    outs: [one.out]
  two:
    cmd: cp two.in two.out
    deps: [two.in]
    outs: [two.out]
  both:
    cmd: cat one.out two.out > both.out
    deps: [one.out, two.out]
    metrics: [{both.out: {cache: false}}]
  alone:
    cmd: cp alone.in alone.out
    deps: [alone.in]
    outs: [alone.out]
"""
# What each branch writes into which input.
BRANCHES = {"uno": "one", "eins": "one", "due": "two", "solo": "alone"}


def lock(**stages: str) -> str:
    """A dvc.lock whose stages, each of `md5s` in and out, read nothing of each other."""
    entries = [
        f"  {name}:\n    cmd: run {name}\n    deps:\n    - path: {name}.in\n      hash: md5\n"
        f"      md5: {md5}\n    outs:\n    - path: {name}.out\n      hash: md5\n      md5: {md5}\n"
        for name, md5 in stages.items()
    ]
    return "".join(["schema: '2.0'\nstages:\n", *entries])


# --- the merge ------------------------------------------------------------------------------

A, B, C = "a" * 32, "b" * 32, "c" * 32


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged", "dropped"),
    [
        ({"x": A}, {"x": A}, {"x": A}, {"x": A}, set()),
        ({"x": A}, {"x": B}, {"x": A}, {"x": B}, set()),
        ({"x": A}, {"x": A}, {"x": B}, {"x": B}, set()),
        ({"x": A}, {"x": B}, {"x": B}, {"x": B}, set()),
        ({"x": A, "y": A}, {"x": B, "y": A}, {"x": A, "y": B}, {"x": B, "y": B}, set()),
        ({"x": A, "y": A}, {"x": B, "y": A}, {"x": C, "y": A}, {"y": A}, {"x"}),
        ({"x": A}, {"x": A, "y": B}, {"x": A, "z": C}, {"x": A, "y": B, "z": C}, set()),
        ({"x": A}, {"x": A, "y": B}, {"x": A, "y": C}, {"x": A}, {"y"}),
        ({"x": A, "y": A}, {"x": A}, {"x": A, "y": A}, {"x": A}, set()),
        ({"x": A, "y": A}, {"x": A, "y": A}, {"x": A}, {"x": A}, set()),
        ({"x": A, "y": A}, {"x": A}, {"x": A, "y": B}, {"x": A}, {"y"}),
    ],
)
def test_a_stage_is_taken_whole_from_one_side_or_left_out(
    base: dict[str, str],
    ours: dict[str, str],
    theirs: dict[str, str],
    merged: dict[str, str],
    dropped: set[str],
) -> None:
    found = merge(lock(**base), lock(**ours), lock(**theirs))
    assert YAML(typ="safe").load(found.text) == YAML(typ="safe").load(lock(**merged))
    assert set(found.dropped) == dropped


def test_what_nobody_changed_keeps_its_bytes() -> None:
    text = lock(x=A, y=B)
    assert merge(text, text, text).text == text


def test_a_stage_computed_from_an_output_that_the_merge_has_not_is_left_out() -> None:
    reads = f"  z:\n    cmd: run z\n    deps:\n    - path: x.out\n      hash: md5\n      md5: {A}\n"
    found = merge(lock(x=A), lock(x=B), lock(x=A) + reads)
    assert list(YAML(typ="safe").load(found.text)["stages"]) == ["x"]
    assert found.dropped == {"z": "computed from another x.out than the other side has"}
    fits = merge(lock(x=A), lock(x=A, y=B), lock(x=A) + reads)
    assert fits.dropped == {} and "  z:\n" in fits.text


def test_a_lock_without_an_ancestor_and_one_without_a_stage() -> None:
    assert merge("", lock(x=A), lock(x=A)).dropped == {}
    assert merge("", lock(x=A), lock(x=B)).text == ""
    assert merge("", "", "").text == ""


def test_datasets_are_merged_too() -> None:
    def text(*versions: int) -> str:
        entries = "".join(f"- name: d{i}\n  type: url\n  v: {v}\n" for i, v in enumerate(versions))
        return f"schema: '2.0'\ndatasets:\n{entries}"

    found = YAML(typ="safe").load(merge(text(1, 1), text(2, 1), text(1, 3)).text)
    assert [entry["v"] for entry in found["datasets"]] == [2, 3]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<<<<<<< ours\nschema: '2.0'\n", "not valid YAML"),
        ("schema: '1.0'\nstages: {}\n", "schema '2.0' was expected"),
        ("- a list\n", "schema '2.0' was expected"),
    ],
)
def test_what_is_no_lock_is_refused_and_nothing_is_lost(
    tmp_path: Path, text: str, told: str
) -> None:
    ancestor, ours, theirs = (tmp_path / name for name in "oab")
    ancestor.write_text(lock(x=A))
    ours.write_text(lock(x=B))
    theirs.write_text(text)
    with pytest.raises(LoopwrightError, match=told):
        merge_files(ancestor, ours, theirs)
    assert ours.read_text() == lock(x=B)
    done = CliRunner().invoke(app, ["merge-lock", *map(str, (ancestor, ours, theirs))])
    assert done.exit_code == 2 and "their side" in done.output


def test_a_file_that_is_not_there_and_too_few_files(tmp_path: Path) -> None:
    with pytest.raises(LoopwrightError, match="cannot be read"):
        merge_files(*[tmp_path / "none"] * 3)
    done = CliRunner().invoke(app, ["merge-lock", "one"])
    assert done.exit_code == 2 and "three files" in done.output


# --- as git calls it ------------------------------------------------------------------------


def reproduce(folder: Path) -> None:
    """Run the stages in this process: starting DVC takes longer than they do."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        with Repo() as repo:
            repo.reproduce()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("merge") / "repo"
    folder.mkdir()
    init(folder)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / ".gitignore").write_text("/one.out\n/two.out\n/alone.out\n")
    (folder / ".gitattributes").write_text(f"{ATTRIBUTE}\nboth.out -merge\n")
    for name in ("one", "two", "alone"):
        (folder / f"{name}.in").write_text(f"{name}\n")
    reproduce(folder)
    commit(folder, "the start")
    for name, file in BRANCHES.items():
        run(folder, "git", "checkout", "--quiet", "-b", name, "main")
        (folder / f"{file}.in").write_text(f"{name}\n")
        reproduce(folder)
        commit(folder, name)
    install(folder)
    return folder


@pytest.fixture
def repo(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    subprocess.run(["cp", "-a", made, folder], check=True)
    return folder


def merge_into(folder: Path, ours: str, theirs: str) -> subprocess.CompletedProcess[str]:
    run(folder, "git", "checkout", "--quiet", ours)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_"))}
    return subprocess.run(
        ["git", "merge", "--no-edit", theirs],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def stages(folder: Path) -> set[str]:
    return set(YAML(typ="safe").load((folder / "dvc.lock").read_text())["stages"])


def test_branches_that_changed_other_stages_merge_by_themselves(repo: Path) -> None:
    done = merge_into(repo, "uno", "solo")
    assert done.returncode == 0, done.stderr
    assert stages(repo) == {"one", "two", "both", "alone"}
    run(repo, "dvc", "checkout", "--quiet")
    assert "up to date" in run(repo, "dvc", "status")
    assert (repo / "alone.out").read_text() + (repo / "both.out").read_text() == "solo\nuno\ntwo\n"


@pytest.mark.parametrize(
    ("theirs", "left_out", "expected"),
    [("due", {"both"}, "uno\ndue\n"), ("eins", {"one", "both"}, "agreed\ntwo\n")],
)
def test_a_merge_with_a_conflict_ends_in_a_consistent_state(
    repo: Path, theirs: str, left_out: set[str], expected: str
) -> None:
    done = merge_into(repo, "uno", theirs)
    assert done.returncode == 1
    told = {line.split(":")[1].strip() for line in done.stderr.splitlines() if "dvc.lock:" in line}
    assert told == left_out
    assert "dvc.lock: both: changed on both sides; `dvc repro` computes it" in done.stderr
    assert stages(repo) == {"one", "two", "both", "alone"} - left_out
    if "one" in left_out:
        (repo / "one.in").write_text("agreed\n")  # a person's choice

    run(repo, "dvc", "repro", "--quiet")
    assert (repo / "both.out").read_text() == expected
    run(repo, "git", "add", "--all")
    run(repo, "git", "commit", "--quiet", "--no-edit")
    assert run(repo, "git", "status", "--porcelain") == ""
    assert "up to date" in run(repo, "dvc", "status")


def test_a_rebase_uses_it_too(repo: Path) -> None:
    run(repo, "git", "checkout", "--quiet", "solo")
    run(repo, "git", "rebase", "--quiet", "uno")
    assert stages(repo) == {"one", "two", "both", "alone"}


def test_without_the_driver_git_leaves_a_lock_that_dvc_cannot_read(repo: Path) -> None:
    run(repo, "git", "config", "--remove-section", "merge.dvc-lock")
    assert merge_into(repo, "uno", "due").returncode == 1
    assert "<<<<<<<" in (repo / "dvc.lock").read_text()


# --- installing -----------------------------------------------------------------------------


def test_install_sets_the_command_of_this_environment(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo)
    run(repo, "git", "config", "--remove-section", "merge.dvc-lock")
    assert CliRunner().invoke(app, ["merge-lock", "--install"]).exit_code == 0
    driver = run(repo, "git", "config", "merge.dvc-lock.driver").strip()
    assert driver == f"{Path(sys.executable).parent / 'loopwright'} merge-lock %O %A %B"


def test_install_asks_for_the_attribute_and_for_git(tmp_path: Path) -> None:
    with pytest.raises(LoopwrightError, match=r"dvc\.lock merge=dvc-lock"):
        install(tmp_path)
    (tmp_path / ".gitattributes").write_text(ATTRIBUTE)
    with pytest.raises(LoopwrightError, match="git config"):
        install(tmp_path)
