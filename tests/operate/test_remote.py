"""What a remote gives back, and that nothing is lost where it gives nothing."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from operate.cli import app
from operate.remote import restore
from stages.core.errors import LoopwrightError
from tests.operate.project import run


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
    assert restore(pushed, ["HEAD~1"]).startswith("9 of 9")
    assert len(list(pushed.glob(".dvc/cache/files/md5/*/*"))) > alone
    assert (pushed / "data/train/model.bin").read_text() == "model 2\n"


def test_a_commit_that_is_not_there_costs_nothing(pushed: Path) -> None:
    told = restore(pushed, ["0" * 40])
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
