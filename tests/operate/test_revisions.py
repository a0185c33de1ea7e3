"""Files of a revision: found by every kind of name, read without a checkout."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from operate.revisions import laid_out, open_table, read_bytes, resolve
from stages.core.errors import LoopwrightError
from stages.core.params import read_params
from stages.core.tables import write_table
from tests.operate.project import commit, run

MODEL = "data/train/model.bin"


@pytest.fixture(scope="module")
def moved_on(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with a tag, a branch and an experiment behind its workspace; read only."""
    project = Path(shutil.copytree(made, tmp_path_factory.mktemp("past") / "r", symlinks=True))
    run(project, "git", "tag", "v1")
    run(project, "git", "branch", "feature/first")
    (project / "given/model.bin").write_text("model 2\n")
    run(project, "dvc", "repro", "--quiet", "train")
    run(project, "dvc", "exp", "save", "--name", "trial")
    commit(project, "second")
    (project / MODEL).unlink()
    (project / MODEL).write_text("model 3\n")
    return project


def test_a_file_is_read_as_it_was(moved_on: Path) -> None:
    first = run(moved_on, "git", "rev-parse", "v1").strip()
    names = {
        "v1": b"model 1\n",
        "feature/first": b"model 1\n",
        "HEAD~1": b"model 1\n",
        first: b"model 1\n",
        first[:9]: b"model 1\n",
        "main": b"model 2\n",
        "trial": b"model 2\n",
        "workspace": b"model 3\n",
        None: b"model 3\n",
    }
    before = run(moved_on, "git", "status", "--porcelain")
    found = {name: read_bytes(resolve(name, moved_on), MODEL) for name in names}
    assert found == names
    assert read_bytes(resolve("v1", moved_on), "given/model.bin") == b"model 1\n"  # from git
    assert run(moved_on, "git", "status", "--porcelain") == before
    assert (moved_on / MODEL).read_text() == "model 3\n"


def test_a_revision_tells_its_name_and_commit(project: Path) -> None:
    full = run(project, "git", "rev-parse", "HEAD").strip()
    assert resolve("main", project).commit == full
    assert str(resolve("main", project)) == f"main ({full[:7]})"
    assert str(resolve(full, project)) == full[:7]
    assert str(resolve(None, project)) == "workspace"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mian", "no revision 'mian'; did you mean 'main'"),
        ("tria", "did you mean 'trial'"),
        ("", "no revision ''"),
        ("--all", "no revision '--all'"),
    ],
)
def test_an_unknown_name_is_told_with_the_closest(moved_on: Path, name: str, told: str) -> None:
    with pytest.raises(LoopwrightError, match=told):
        resolve(name, moved_on)


def test_no_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(LoopwrightError, match="go to the top of the repository"):
        resolve("HEAD", tmp_path)


def test_a_file_that_is_not_there_is_told(moved_on: Path) -> None:
    head = resolve("HEAD", moved_on)
    with pytest.raises(LoopwrightError, match=r"gone.bin at HEAD \(\w{7}\): no such file"):
        read_bytes(head, "gone.bin")
    with pytest.raises(LoopwrightError, match=r"gone.bin: no such file; run `dvc repro`"):
        read_bytes(resolve(None, moved_on), "gone.bin")


def test_bytes_that_left_the_cache_are_told(project: Path) -> None:
    shutil.rmtree(project / ".dvc/cache")
    with pytest.raises(LoopwrightError, match="not in DVC's cache"):
        read_bytes(resolve("HEAD", project), MODEL)


def test_a_table_is_opened(project: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    write_table(project / "table.parquet", frame)
    commit(project, "table")
    pd.testing.assert_frame_equal(open_table(resolve("HEAD", project), "table.parquet"), frame)
    with pytest.raises(LoopwrightError, match=r"code.py at HEAD .*not a Parquet file"):
        open_table(resolve("HEAD", project), "code.py")


def test_what_is_laid_out_is_read_by_its_path_and_faults_name_the_revision(project: Path) -> None:
    head = resolve("HEAD", project)
    with laid_out(head, "params.yaml", "given/model.bin") as folder:
        assert read_params(folder / "params.yaml").charter.key == "ID"
        assert (folder / "given/model.bin").read_text() == "model 1\n"
    assert not folder.exists()
    (project / "params.yaml").write_text("charter: 1\n")
    commit(project, "broken")
    broken = resolve("HEAD", project)
    with (
        pytest.raises(LoopwrightError, match=r"^HEAD \(\w{7}\): params.yaml has"),
        laid_out(broken, "params.yaml") as folder,
    ):
        read_params(folder / "params.yaml")
