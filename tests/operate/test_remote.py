"""What a remote gives back, and that nothing is lost where it gives nothing."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from operate import remote
from operate.cli import app
from stages.core.errors import LoopwrightError
from tests.operate.project import run


def restore(root: Path, *revisions: str, compute: bool = False) -> str:
    return "\n".join(remote.restore(root, revisions, compute))


@pytest.fixture(scope="module")
def house(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose outputs are in the remote `box`, and a clone without them."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(made, folder / "repo", symlinks=True)
    run(folder / "repo", "dvc", "remote", "add", "--quiet", "--default", "box", f"{folder}/box")
    run(folder / "repo", "git", "commit", "--quiet", "--all", "--message", "a remote")
    run(folder / "repo", "dvc", "push", "--quiet")
    run(folder, "git", "clone", "--quiet", "repo", "clone")
    return folder


@pytest.fixture
def pushed(house: Path, tmp_path: Path) -> Path:
    """The clone; do with it as you like."""
    return Path(shutil.copytree(house / "clone", tmp_path / "clone", symlinks=True))


def test_the_outputs_come_back_and_nothing_runs_again(pushed: Path) -> None:
    assert restore(pushed) == "9 of 9 outputs are here (DVC remote 'box')"
    assert "up to date" in run(pushed, "dvc", "repro")


def test_other_commits_come_into_the_cache(house: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(house / "repo", tmp_path / "repo", symlinks=True))
    (project / "code.py").write_text("one = 2\n")
    (project / "given/model.bin").write_text("model 2\n")
    run(project, "dvc", "repro", "--quiet")
    run(project, "git", "commit", "--quiet", "--all", "--message", "second")
    run(project, "dvc", "push", "--quiet")
    run(tmp_path, "git", "clone", "--quiet", "repo", "clone")
    pushed = tmp_path / "clone"
    restore(pushed)
    alone = len(list(pushed.glob(".dvc/cache/files/md5/*/*")))
    assert restore(pushed, "HEAD~1").startswith("9 of 9")
    assert len(list(pushed.glob(".dvc/cache/files/md5/*/*"))) > alone
    assert (pushed / "data/train/model.bin").read_text() == "model 2\n"


def test_a_commit_that_is_not_there_costs_nothing(pushed: Path) -> None:
    told = restore(pushed, "0" * 40)
    assert told.startswith("9 of 9 outputs are here (DVC remote 'box': unknown Git revision")


def test_without_a_remote_it_is_said(project: Path, tmp_path: Path) -> None:
    run(tmp_path, "git", "clone", "--quiet", str(project), "clone")
    told = "0 of 9 outputs are here (no DVC remote is configured); `dvc repro` computes the rest"
    assert restore(tmp_path / "clone") == told
    run(tmp_path / "clone", "dvc", "repro", "--quiet")
    assert restore(tmp_path / "clone").startswith("9 of 9")


def test_a_remote_that_is_empty_is_no_error(pushed: Path, tmp_path: Path) -> None:
    run(pushed, "dvc", "remote", "modify", "--quiet", "box", "url", str(tmp_path / "empty"))
    assert restore(pushed).startswith("0 of 9 outputs are here (DVC remote 'box'")


def test_trouble_with_a_remote_is_told_without_its_password(
    pushed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("https://me:hush@box.example/x says no")

    monkeypatch.setattr("dvc.repo.Repo.fetch", refuse)
    assert "(DVC remote 'box': https://***@box.example/x says no)" in restore(pushed)


def objects(folder: Path) -> set[str]:
    return {file.name for file in folder.glob(".dvc/cache/files/md5/*/*")}


def test_a_commit_that_cannot_be_fetched_is_computed(project: Path, tmp_path: Path) -> None:
    wanted = objects(project)
    for step in ("first", "second"):
        (project / "given/model.bin").write_text(f"model {step}\n")
        (project / "code.py").write_text(f"{step} = 1\n")
        run(project, "dvc", "repro", "--quiet")
        run(project, "git", "commit", "--quiet", "--all", "--message", step)
    run(tmp_path, "git", "clone", "--quiet", str(project), "clone")
    told = restore(tmp_path / "clone", "HEAD~2", compute=True).splitlines()
    assert told[1] == "HEAD~2: its outputs are in the cache"
    assert objects(tmp_path / "clone") == wanted
    assert run(tmp_path / "clone", "git", "status", "--porcelain") == ""
    assert not (tmp_path / "clone/data/train/model.bin").exists()


def test_a_commit_that_computes_something_else_is_told(project: Path, tmp_path: Path) -> None:
    lock = (project / "dvc.lock").read_text()
    (project / "given/rows.csv").write_text("a,b\n3,4\n")
    run(project, "git", "commit", "--quiet", "--all", "--message", "not run")
    assert (project / "dvc.lock").read_text() == lock
    told = restore(project, "HEAD", compute=True)
    assert "HEAD: computed here, and its outputs are not those" in told


@pytest.mark.parametrize(
    ("revision", "told"), [("nowhere", "Needed a single revision"), ("--help", "Needed a single")]
)
def test_a_commit_that_cannot_be_computed_is_told(project: Path, revision: str, told: str) -> None:
    assert f"{revision}: not computed: fatal: {told}" in restore(project, revision, compute=True)


def test_an_output_changed_by_hand_is_not_lost(pushed: Path) -> None:
    restore(pushed)
    model = pushed / "data/train/model.bin"
    model.unlink()
    model.write_text("by hand")
    with pytest.raises(LoopwrightError, match="DVC cannot restore the outputs"):
        restore(pushed)
    assert model.read_text() == "by hand"


def test_a_kind_of_remote_that_is_not_installed_is_told(pushed: Path) -> None:
    run(pushed, "dvc", "remote", "modify", "--quiet", "box", "url", "s3://box/x")
    with pytest.raises(LoopwrightError, match="requires 'dvc-s3' to be installed"):
        restore(pushed)


def test_the_command(pushed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pushed)
    done = CliRunner().invoke(app, ["restore", "HEAD"])
    assert (done.exit_code, done.stdout) == (0, "9 of 9 outputs are here (DVC remote 'box')\n")
    monkeypatch.chdir(pushed.parent)
    assert CliRunner().invoke(app, ["restore"]).exit_code == 2
