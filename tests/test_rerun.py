"""What runs again after a change: the table, asked of DVC and of the real dvc.yaml."""

import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import networkx
import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from tests.contracts import House, closure, module_file

ROOT = Path(__file__).parents[1]

AUDIT = {
    f"audit@{pillar}"
    for pillar in (
        "performance",
        "safety",
        "fairness",
        "privacy_security",
        "transparency",
        "accountability",
    )
}
FROM_TRAIN = {"train", "evaluate", *AUDIT, "report"}
FROM_SPLIT = {"split", "explore", "featurize", "tune", *FROM_TRAIN}
FROM_INGEST = {"ingest", "validate", *FROM_SPLIT}


@pytest.fixture(scope="module")
def copy(outputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working tree with its outputs, whose dvc.lock is up to date."""
    folder = tmp_path_factory.mktemp("rerun") / "house"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=outputs,
        capture_output=True,
        text=True,
        check=True,
    )
    kept = [out.path for stage in House(outputs).stages for out in stage.outs if out.cached]
    for file in [*filter(None, listed.stdout.split("\0")), *kept]:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        if file in kept and (outputs / file).is_dir():
            shutil.copytree(outputs / file, folder / file)
        elif (outputs / file).is_file():
            shutil.copy(outputs / file, folder / file)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    with Repo(str(folder)) as opened:
        stale = changed_stages(opened)
    if stale:  # somebody is at work in the original: what stands there counts as run
        commit = ["dvc", "commit", "--force", "--quiet", *stale]
        subprocess.run([sys.executable, "-m", *commit], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def repo(copy: Path) -> Iterator[Repo]:
    with Repo(str(copy)) as opened:
        yield opened


def changed_stages(repo: Repo, file: str | None = None) -> set[str]:
    """The stages that DVC calls changed, after an edit of `file` alone if it is given."""
    path = None if file is None else f"{repo.root_dir}/{file}"
    return {
        stage.name
        for stage in repo.index.stages
        for dep in stage.deps
        if path is None or path == dep.fs_path or path.startswith(f"{dep.fs_path}/")
        if dep.status()
    }


def reruns(repo: Repo, file: str) -> set[str]:
    """The stages that `dvc repro` would run, if each that runs writes other bytes."""
    direct = changed_stages(repo, file)
    graph = repo.index.graph
    follow = {
        above.name
        for stage in graph
        if stage.name in direct
        for above in networkx.ancestors(graph, stage)
    }
    return direct | follow


@contextmanager
def changed(file: Path, change: Callable[[str], str]) -> Iterator[None]:
    before = file.read_bytes()
    text = change(before.decode("utf-8", "surrogateescape"))
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert file.read_bytes() != before
    try:
        yield
    finally:
        file.write_bytes(before)


def setting(key: str, value: Any) -> Callable[[str], str]:
    """Return the change of params.yaml that sets `key`."""

    def change(text: str) -> str:
        yaml = YAML()
        document = yaml.load(text)
        *above, last = key.split(".")
        section = document
        for name in above:
            section = section[name]
        assert last in section and section[last] != value
        section[last] = value
        written = io.StringIO()
        yaml.dump(document, written)
        return written.getvalue()

    return change


def test_nothing_runs_when_nothing_changed(repo: Repo) -> None:
    assert changed_stages(repo) == set()


@pytest.mark.parametrize(
    ("key", "value", "stages"),
    [
        ("train.random_state", 1, FROM_TRAIN),
        ("train.candidates.boosting.learning_rate", 0.05, FROM_TRAIN),
        ("explore.bins", 30, {"explore", "report"}),
        ("audit.fairness.min_group_size", 50, {"audit@fairness", "report"}),
        ("audit.safety.noise", 0.02, {"audit@safety", "report"}),
        ("audit.random_state", 1, {*AUDIT, "report"}),
        ("evaluate.random_state", 1, {"evaluate", *AUDIT, "report"}),
        ("split.random_state", 1, FROM_SPLIT),
        ("validate.duplicates", "drop", {"validate", *FROM_SPLIT}),
        ("charter.title", "Another title", {"define", "report"}),
        ("gate.accept_insufficient", {"a": "b"}, set()),
    ],
)
def test_a_param_runs_the_stages_that_read_it_and_what_follows(
    copy: Path, repo: Repo, key: str, value: Any, stages: set[str]
) -> None:
    with changed(copy / "params.yaml", setting(key, value)):
        assert reruns(repo, "params.yaml") == stages


@pytest.mark.parametrize("module", ["errors", "files", "tables", "figures", "scoring", "models"])
def test_a_core_module_runs_the_stages_that_import_it(copy: Path, repo: Repo, module: str) -> None:
    file = f"stages/core/{module}.py"
    house = House(copy)
    importing = {s.name for s in house.stages if file in closure(house, module_file(house, s))}
    assert importing
    with changed(copy / file, lambda text: text + "\n# a note\n"):
        assert changed_stages(repo, file) == importing


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("README.md", set()),
        ("CHANGELOG.md", set()),
        ("tests/test_rerun.py", set()),
        ("operate/gate.py", set()),
        ("requirements-dev.lock", set()),
        ("pyproject.toml", set()),
        ("requirements.lock", FROM_INGEST),
        ("data/source/credit_default.csv.gz", FROM_INGEST),
        ("stages/train/__init__.py", FROM_TRAIN),
        ("stages/explore/__init__.py", {"explore", "report"}),
        ("stages/audit/safety/__init__.py", {"audit@safety", "report"}),
        ("stages/audit/evidence.py", {*AUDIT, "report"}),
    ],
)
def test_a_file_runs_the_stages_that_depend_on_it_and_what_follows(
    copy: Path, repo: Repo, file: str, stages: set[str]
) -> None:
    with changed(copy / file, lambda text: text + "\n"):
        assert reruns(repo, file) == stages
