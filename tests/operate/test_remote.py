"""What a remote gives back, and that nothing is lost where it gives nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

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
    run(pushed, "dvc", "remote", "modify", "--quiet", "box", "url", "gs://box/x")
    with pytest.raises(LoopwrightError, match=r"'dvc-gs' to be installed; put `dvc\[gs\]` in"):
        restore(pushed)


def test_the_restore_command(pushed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pushed)
    done = CliRunner().invoke(app, ["restore", "HEAD"])
    assert (done.exit_code, done.stdout) == (0, "9 of 9 outputs are here (DVC remote 'box')\n")
    monkeypatch.chdir(pushed.parent)
    assert CliRunner().invoke(app, ["restore"]).exit_code == 2


# --- set up ---------------------------------------------------------------------------------


def config(project: Path) -> str:
    return (project / ".dvc/config").read_text()


@pytest.fixture
def call(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call `loopwright` at the top of the project."""
    monkeypatch.chdir(project)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def computes_nothing(clone: Path) -> None:
    """See that `dvc repro --pull` gets all outputs, and that no stage runs."""
    assert not (clone / "data/train/model.bin").exists()
    printed = run(clone, "dvc", "repro", "--pull")
    assert "Running stage" not in printed
    assert printed.endswith("Data and pipelines are up to date.\n")
    assert run(clone, "dvc", "status", "--quiet") == ""


def test_a_second_clone_computes_nothing(
    project: Path, call: Callable[..., Result], tmp_path: Path
) -> None:
    done = call("remote", "add", "../box", "--name", "box")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("remote 'box' is the default: it can be written and read")
    assert "url = ../../box" in config(project)
    assert list((tmp_path / "box").iterdir()) == []  # the probe is gone
    run(project, "git", "commit", "--quiet", "--all", "--message", "a remote")
    model = (project / "given/model.bin").read_text()
    assert remote.push(project) == 0
    (project / "given/model.bin").write_text("model 2")
    run(project, "dvc", "repro", "--quiet")
    run(project, "git", "commit", "--quiet", "--all", "--message", "second")
    assert remote.push(project) == 0
    run(tmp_path, "git", "clone", "--quiet", "repo", "clone")
    clone = tmp_path / "clone"
    computes_nothing(clone)
    assert (clone / "data/train/model.bin").read_text() == "model 2"
    # what another commit gave is known by its inputs: the run cache was pushed as well
    (clone / "given/model.bin").write_text(model)
    assert "Running stage" not in run(clone, "dvc", "repro", "--pull")
    assert (clone / "data/train/model.bin").read_text() == model


def test_a_remote_is_checked_again_and_keeps_its_options(
    project: Path, call: Callable[..., Result]
) -> None:
    assert call("remote", "add", "../box").exit_code == 0
    run(project, "dvc", "remote", "modify", "--quiet", "storage", "verify", "true")
    before = config(project)
    assert call("remote", "add", "../box").exit_code == 0
    assert config(project) == before
    assert call("remote", "check").stdout == "remote 'storage' can be written and read\n"
    taken = call("remote", "add", "../other")
    assert taken.exit_code == 2
    assert "/box already; take another --name, or --force" in taken.stderr
    assert call("remote", "add", "../other", "--force").exit_code == 0
    assert "url = ../../other" in config(project)
    assert "verify" not in config(project)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3://KEY:hush@bucket/x", "s3://***@bucket/x: what stands before '@' may be a secret"),
        ("s3://hush@bucket/x", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"),
        ("ssh://me:hush@host/x", "dvc remote modify --local storage keyfile"),
        ("https://host/x?sig=hush", "https://host/x?***: what stands after '?' may be a secret"),
        ("ftp://host/x", "no kind 'ftp://'; possible: a folder, s3://, gs://"),
        ("s3:///x", "a host or bucket was expected"),
        ("https://[host/x", "Invalid IPv6 URL"),
        ("-f", "a folder or a URL was expected, found '-f'"),
        (" ", "a folder or a URL was expected"),
        ("hdfs://me@host/x", "requires 'dvc-hdfs' to be installed; put `dvc[hdfs]` in the place"),
    ],
)
def test_what_is_no_address_or_holds_a_secret_is_refused(
    project: Path, call: Callable[..., Result], url: str, told: str
) -> None:
    before = config(project)
    done = call("remote", "add", "--", url)
    assert done.exit_code == 2
    assert told in done.stderr
    assert "hush" not in done.stderr
    assert config(project) == before


def test_a_name_is_a_word(project: Path) -> None:
    with pytest.raises(LoopwrightError, match="lower-case letters"):
        remote.add(project, "../box", "My Box")


def test_a_remote_that_cannot_be_used_is_not_written(
    project: Path, call: Callable[..., Result]
) -> None:
    before = config(project)
    (project.parent / "file").write_text("")
    done = call("remote", "add", "../file/box")
    assert done.exit_code == 2
    assert "remote 'storage' cannot be written and read" in done.stderr
    assert "give a folder that you may write" in done.stderr
    closed = call("remote", "add", "http://127.0.0.1:9/x")
    assert closed.exit_code == 2
    assert "`dvc remote modify --local storage password ...`" in closed.stderr
    assert config(project) == before
    done = call("remote", "add", "../file/box", "--no-check")
    assert "not checked" in done.stdout
    assert call("remote", "check").exit_code == 2


def test_other_bytes_are_noticed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.fs import LocalFileSystem

    monkeypatch.setattr(
        LocalFileSystem, "get_file", lambda _, there, here: Path(here).write_text("other")
    )
    with pytest.raises(LoopwrightError, match="other bytes came back"):
        remote.add(project, "../box", "box")
    assert list((project.parent / "box").iterdir()) == []


def test_without_a_remote_or_a_repository_it_says_what_to_do(
    call: Callable[..., Result], tmp_path: Path
) -> None:
    for command in ("check", "push"):
        done = call("remote", command)
        assert done.exit_code == 2
        assert "no default remote; `loopwright remote add URL` makes one" in done.stderr
    with pytest.raises(LoopwrightError, match="not inside of a DVC repository"):
        remote.check(tmp_path)


def test_the_push_command_ends_as_dvc_does(
    project: Path, call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operate.remote.push", lambda root: 7)
    assert call("remote", "push").exit_code == 7
