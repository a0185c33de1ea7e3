"""CI, hooks and the licence of the data: what people rely on without looking."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PRE_COMMIT = Path(sys.executable).parent / "pre-commit"


def load(file: str) -> Any:
    return YAML(typ="safe").load((ROOT / file).read_text())


# --- CI -------------------------------------------------------------------------------------


@pytest.fixture
def ci(tmp_path: Path) -> Path:
    """A checkout whose `make` notes what it is asked, and fails at what `failing` names."""
    shutil.copytree(ROOT / ".ci", tmp_path / "repo/.ci")
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "$PWD make $*"\n[ "$1" != "$FAILING" ]\n')
    make.chmod(0o755)
    return tmp_path


def run_ci(folder: Path, failing: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "repo/.ci/run"],
        cwd="/",
        env={"PATH": f"{folder}:{os.environ['PATH']}", "FAILING": failing},
        capture_output=True,
        text=True,
        check=False,
    )


def test_ci_runs_the_pipeline_and_ends_with_the_tests(ci: Path) -> None:
    done = run_ci(ci)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"{ci}/repo make repro", f"{ci}/repo make test"]


@pytest.mark.parametrize("failing", ["repro", "test"])
def test_ci_fails_with_either_and_ends_with_the_tests(ci: Path, failing: str) -> None:
    done = run_ci(ci, failing)
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1].endswith("make test")


def test_the_workflow_does_the_same_with_least_rights_on_every_python() -> None:
    workflow = load(".github/workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert job["steps"][-1] == {"run": ".ci/run"}
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in used)
    assert job["steps"][0]["with"]["fetch-depth"] == 0


# --- hooks ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hooked") / "repo"
    folder.mkdir()
    shutil.copy(ROOT / ".pre-commit-config.yaml", folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


def hook(folder: Path, name: str, file: str, content: str) -> subprocess.CompletedProcess[str]:
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(content)
    subprocess.run(["git", "add", "--all", "--force"], cwd=folder, check=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    path = os.pathsep.join([str(PRE_COMMIT.parent), os.environ["PATH"]])
    return subprocess.run(
        [PRE_COMMIT, "run", name, "--files", file],
        cwd=folder,
        env=environment | {"PATH": path, "PRE_COMMIT_HOME": str(folder.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


# In two parts, so that this file does not hold one.
KEY = "-----BEGIN RSA PRIVATE" + " KEY-----\n"


@pytest.mark.parametrize(
    ("name", "file", "content", "passes"),
    [
        ("no-data", "notes.ipynb", "{}", False),
        ("no-data", "data/train/model.skops", "x", False),
        ("no-data", "tests/rows.csv.gz", "x", False),
        ("no-data", "data/source/rows.csv", "x", True),
        ("no-data", "stages/train.py", "x", True),
        ("no-data", "a picture.svg", "x" * 1_100_000, False),
        ("no-data", "a small picture.svg", "x" * 1_000_000, True),
        ("no-data", "requirements.lock", "x" * 1_100_000, True),
        ("no-private-data", "deploy/key", KEY, False),
        ("no-private-data", "docs/keys.md", "Keep your private key private.\n", True),
    ],
)
def test_a_hook_stops_what_does_not_belong_in_git(
    hooked: Path, name: str, file: str, content: str, passes: bool
) -> None:
    done = hook(hooked, name, file, content)
    assert (done.returncode == 0) is passes, done.stdout
    assert ("Passed" in done.stdout or "Skipped" in done.stdout) is passes


def test_hooks_ask_no_remote_host_and_run_the_tasks_of_make() -> None:
    config = load(".pre-commit-config.yaml")
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    entries = {hook["id"]: hook["entry"] for hook in config["repos"][0]["hooks"]}
    assert entries["lint"] == "make lint"
    assert entries["types"] == "make types"


def test_what_is_in_git_passes_the_hooks(tmp_path: Path) -> None:
    """Nothing that a hook would stop is there already."""
    ids = [h["id"] for h in load(".pre-commit-config.yaml")["repos"][0]["hooks"]]
    path = os.pathsep.join([str(PRE_COMMIT.parent), os.environ["PATH"]])
    for name in [name for name in ids if name.startswith("no-")]:
        done = subprocess.run(
            [PRE_COMMIT, "run", name, "--all-files"],
            cwd=ROOT,
            env=os.environ | {"PATH": path, "PRE_COMMIT_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


# --- the data -------------------------------------------------------------------------------


def test_the_default_data_is_the_one_that_is_attributed() -> None:
    text = (ROOT / "data/source/LICENSE.md").read_text()
    found = hashlib.sha256((ROOT / "data/source/credit_default.csv.gz").read_bytes()).hexdigest()
    assert found in text
    for part in ("Yeh", "10.24432/C55S3H", "CC BY 4.0", "creativecommons.org/licenses/by/4.0"):
        assert part in text
