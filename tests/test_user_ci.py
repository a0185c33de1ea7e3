"""The CI files for teams: they call only what exists and give nobody more than they need."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.main import get_command

from operate.cli import app

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
LOOP = ROOT / ".github/workflows/loop.yml"
GITLAB = ROOT / ".gitlab-ci.yml"

TASKS = set(re.findall(r"^\.PHONY: (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE))
COMMANDS: dict[str, Any] = dict(get_command(app).commands)  # type: ignore[attr-defined]
DVC = {"repro"}

# What an expression may hold: nothing that a stranger writes, as titles and branch names are.
TRUSTED = {
    "github.workflow",
    "github.ref",
    "github.sha",
    "github.token",
    "github.event_name",
    "github.event.pull_request.head.sha",
    "github.event.pull_request.base.sha",
    "env.HEAD_COMMIT",
    "matrix.python",
    "cancelled",
}


def load(file: Path) -> Any:
    return YAML(typ="safe").load(file.read_text())


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in load(file)["jobs"].values() for step in job["steps"]]


def scripts() -> Iterator[tuple[str, str]]:
    for file in WORKFLOWS:
        yield from ((file.name, step["run"]) for step in steps(file) if "run" in step)
    yield from ((GITLAB.name, line) for line in load(GITLAB)["loop"]["script"])


def lines() -> list[tuple[str, str]]:
    return [(file, line.strip()) for file, script in scripts() for line in script.splitlines()]


# What is more than a command, and why it is there: the path, and where the work began.
SHELL = {
    'echo "$PWD/.venv/bin" >>"$GITHUB_PATH"',
    'export PATH="$PWD/.venv/bin:$PATH"',
    'echo "BASE_COMMIT=$(git merge-base "$BASE_TIP" HEAD)" >>"$GITHUB_ENV"',
    'if [ -n "$CI_MERGE_REQUEST_IID" ]; then',
    "fi",
    ".ci/run",
}


def fault(line: str) -> str | None:
    """Return why CI may not run `line`, or None."""
    if line in SHELL:
        return None
    if "${{" in line or re.search(r"[;&|`<>]|\$\(", line):
        return "more than a command"
    words = shlex.split(line)
    called = words[1] if len(words) > 1 else ""
    if words[0] == "make":
        return None if called in TASKS else "no such task"
    if words[0] == "dvc":
        return None if called in DVC else "not for CI"
    if words[0] != "loopwright" or called not in COMMANDS:
        return "no such command"
    options = {option for param in COMMANDS[called].params for option in param.opts}
    unknown = [word for word in words if word.startswith("--") and word not in options]
    return f"no option {unknown}" if unknown else None


def test_there_are_scripts_in_each_file() -> None:
    assert {file for file, _ in scripts()} == {"ci.yml", "loop.yml", ".gitlab-ci.yml"}


@pytest.mark.parametrize(("file", "line"), lines())
def test_only_what_exists_is_called(file: str, line: str) -> None:
    assert fault(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "make deploy",
        "loopwright ship",
        "loopwright gate --now",
        "dvc push",
        "curl example.org",
        "make install; env",
        'echo "$GITHUB_TOKEN"',
        "loopwright review ${{ github.head_ref }}",
        "loopwright comment $(cat title)",
    ],
)
def test_a_line_that_does_more_is_caught(line: str) -> None:
    assert fault(line) is not None


def test_both_do_the_same() -> None:
    def calls(name: str) -> list[str]:
        own = [line for file, line in lines() if file == name]
        return [" ".join(line.split()[:2]) for line in own if re.match("make|loopwright|dvc", line)]

    assert calls(LOOP.name) == calls(GITLAB.name)
    assert calls(LOOP.name)[-1] == "loopwright gate"
    assert [c for c in calls(LOOP.name) if "check" not in c] == [
        *("make install", "loopwright restore", "dvc repro"),
        *("loopwright review", "loopwright comment", "loopwright gate"),
    ]


# --- GitHub ---------------------------------------------------------------------------------


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_expressions_hold_nothing_that_a_stranger_writes(file: Path) -> None:
    text = file.read_text()
    for expression in re.findall(r"\$\{\{(.*?)\}\}", text, re.DOTALL):
        names = re.findall(r"[A-Za-z_][\w.-]*", expression)
        assert [n for n in names if n not in TRUSTED and not n.startswith("secrets.")] == []
    for step in steps(file):
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_the_rights_are_the_least(file: Path) -> None:
    workflow = load(file)
    assert set(workflow["on"]) == {"push", "pull_request"}
    assert workflow["on"]["push"] == {"branches": ["main"]}
    assert workflow["permissions"] == {"contents": "read"}
    rights = {"contents": "read"} | ({"pull-requests": "write"} if file == LOOP else {})
    for job in workflow["jobs"].values():
        assert job.get("permissions", {"contents": "read"}) == rights
        assert job["timeout-minutes"] <= 60
    assert "github.ref" in workflow["concurrency"]["group"]
    assert workflow["concurrency"]["cancel-in-progress"] is True


def test_actions_are_githubs_own_and_pinned_to_a_commit() -> None:
    used = re.findall(r"uses: (.*)", LOOP.read_text())
    assert len(used) == 3
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v[\d.]+", action) for action in used)
    checkout = next(s for s in steps(LOOP) if s.get("uses", "").startswith("actions/checkout"))
    assert checkout["with"]["persist-credentials"] is False
    assert checkout["with"]["fetch-depth"] == 0


def test_each_secret_reaches_the_one_step_that_needs_it() -> None:
    job = load(LOOP)["jobs"]["loop"]
    assert not re.search(r"secrets\.|github\.token", str(job["env"]))
    reach = {
        step.get("run", step.get("uses")).split()[1]: sorted(step["env"])
        for step in job["steps"]
        if re.search(r"secrets\.|github\.token", str(step))
    }
    assert reach == {
        "restore": ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
        "comment": ["GITHUB_TOKEN"],
    }


def test_the_comment_names_the_artifact_that_there_is() -> None:
    from operate.comment import ARTIFACT

    upload = next(s for s in steps(LOOP) if s.get("uses", "").startswith("actions/upload"))
    artifacts = load(GITLAB)["loop"]["artifacts"]
    assert upload["with"]["name"] == artifacts["name"] == ARTIFACT
    assert upload["with"]["path"].split() == artifacts["paths"]
    assert {"review.md", "review-figures"} <= set(artifacts["paths"])


# --- GitLab ---------------------------------------------------------------------------------


def test_gitlab_runs_for_merge_requests_and_the_default_branch_once_each() -> None:
    pipeline = load(GITLAB)
    rules = [rule["if"] for rule in pipeline["workflow"]["rules"]]
    assert rules == [
        '$CI_PIPELINE_SOURCE == "merge_request_event"',
        "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH",
    ]
    assert pipeline["loop"]["interruptible"] is True
    assert pipeline["loop"]["variables"]["GIT_DEPTH"] == "0"


def test_gitlab_holds_no_secret_and_shows_none() -> None:
    variables = load(GITLAB)["loop"]["variables"]
    assert not [name for name in variables if re.search(r"TOKEN|KEY|SECRET|PASS", name)]
    for file in (GITLAB, LOOP):
        assert not re.search(r"\b(?:printenv|set -x|env\s*$)", file.read_text())
