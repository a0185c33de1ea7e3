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
    written = [out.path for stage in House(outputs).stages for out in stage.outs]
    for file in {*filter(None, listed.stdout.split("\0")), *written}:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        if (outputs / file).is_dir():
            shutil.copytree(outputs / file, folder / file)
        elif (outputs / file).exists():
            shutil.copy(outputs / file, folder / file)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    # what stands there counts as run, whatever somebody is working on in the original
    subprocess.run(
        [sys.executable, "-m", "dvc", "commit", "--force", "--quiet"], cwd=folder, check=True
    )
    return folder


def reruns(root: Path) -> set[str]:
    """The stages that `dvc repro` would run, if each that runs writes other bytes."""
    with Repo(str(root)) as repo:
        changed = repo.status()
        graph = repo.index.graph
        stages = {stage.name: stage for stage in graph if stage.cmd}
        direct = {stage for stage in stages.values() if stage.addressing in changed}
        after = {above for stage in direct for above in networkx.ancestors(graph, stage)}
        return {name for name, stage in stages.items() if stage in direct | after}


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


def test_nothing_runs_when_nothing_changed(copy: Path) -> None:
    assert reruns(copy) == set()


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
    copy: Path, key: str, value: Any, stages: set[str]
) -> None:
    with changed(copy / "params.yaml", setting(key, value)):
        assert reruns(copy) == stages


@pytest.mark.parametrize("module", ["errors", "files", "tables", "figures", "metrics", "models"])
def test_a_core_module_runs_the_stages_that_import_it_and_what_follows(
    copy: Path, module: str
) -> None:
    file = f"stages/core/{module}.py"
    house = House(copy)
    direct = {s.name for s in house.stages if file in closure(house, module_file(house, s))}
    assert direct
    with changed(copy / file, lambda text: text + "\n# a note\n"):
        found = reruns(copy)
        with Repo(str(copy)) as repo:
            assert {key.rpartition(":")[2] for key in repo.status()} == direct
    assert direct <= found


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
        ("stages/train.py", FROM_TRAIN),
        ("stages/explore.py", {"explore", "report"}),
        ("stages/audit/safety.py", {"audit@safety", "report"}),
        ("stages/audit/evidence.py", {*AUDIT, "report"}),
    ],
)
def test_a_file_runs_the_stages_that_depend_on_it_and_what_follows(
    copy: Path, file: str, stages: set[str]
) -> None:
    with changed(copy / file, lambda text: text + "\n"):
        assert reruns(copy) == stages
