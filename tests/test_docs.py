"""The documents say what there is, and what they say works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from operate.cli import app
from tests.console import Block, Command, blocks, run, surroundings, unseen

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md"]
SIDE_PAGES = [ROOT / "CHANGELOG.md", ROOT / "data/source/LICENSE.md"]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def text() -> str:
    return "\n".join(page.read_text() for page in PAGES)


TASKS = re.findall(r"^\.PHONY: (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
COMMANDS = [str(c.name or c.callback.__name__) for c in app.registered_commands if c.callback]


@pytest.mark.parametrize("task", sorted(set(TASKS) - {"whole"}))
def test_every_task_of_make_is_told(text: str, task: str) -> None:
    assert re.search(rf"\bmake {task}\b(?!-)", text)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_told(text: str, command: str) -> None:
    assert re.search(rf"\bloopwright {command}\b", text)


def test_there_are_tasks_and_commands_to_tell() -> None:
    assert {"repro", "test", "lock"} <= set(TASKS)
    assert {"gate", "verify"} <= set(COMMANDS)


@pytest.mark.parametrize("page", [*PAGES, *SIDE_PAGES], ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)|(?:src|href)=\"([^\"#]+)\"", prose)
    local = [link for pair in links for link in pair if link and not re.match(r"\w+:", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []


# --- blocks that run ------------------------------------------------------------------------

BLOCKS = [block for page in PAGES[:1] for block in blocks(page.read_text(), name(page))]


@pytest.fixture
def clone(outputs: Path, tmp_path: Path) -> Path:
    """A fresh clone of the working tree, with a warm cache and the environment of this Python."""
    folder = tmp_path / "loopwright"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=outputs,
        capture_output=True,
        text=True,
        check=True,
    )
    for file in filter(None, listed.stdout.split("\0")):
        if (outputs / file).is_file():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(outputs / file, folder / file)
    # objects in the cache are never written to: a link is as good as a copy
    shutil.copytree(outputs / ".dvc/cache", folder / ".dvc/cache", copy_function=os.link)
    if Path(sys.prefix).name == ".venv":
        (folder / ".venv").symlink_to(sys.prefix)
    environment = surroundings(folder, Path(sys.executable).parent)
    for command in (
        "git init --quiet --initial-branch main",
        "echo .venv >>.git/info/exclude",
        "git config user.name 'A Reader'",
        "git config user.email reader@example.org",
        "git add --all",
        "git commit --quiet --no-verify --message 'As it stands'",
        "dvc checkout --quiet",
    ):
        subprocess.run(command, cwd=folder, env=environment, shell=True, check=True)  # noqa: S602
    return folder


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, marks=pytest.mark.slow if block.is_slow else ()) for block in BLOCKS],
    ids=lambda block: f"{block.page}:{block.line}",
)
def test_a_block_of_the_readme_runs(block: Block, clone: Path) -> None:
    if all(command.not_run for command in block.commands):
        pytest.skip("; ".join(sorted({str(command.not_run) for command in block.commands})))
    environment = surroundings(clone, Path(sys.executable).parent)
    assert "\n".join(run(block, clone, environment)) == ""


# A page whose blocks are one story: each needs what those before it did.
TOURS = [ROOT / "docs/tour.md"]


@pytest.mark.slow
@pytest.mark.parametrize("page", TOURS, ids=name)
def test_a_tour_runs_from_its_beginning_to_its_end(page: Path, clone: Path) -> None:
    environment = surroundings(clone, Path(sys.executable).parent)
    for block in blocks(page.read_text(), name(page)):
        assert "\n".join(run(block, clone, environment)) == ""


def test_each_step_of_a_tour_has_its_picture() -> None:
    for page in TOURS:
        steps = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)[1:]
        assert len(steps) == 10
        assert [len(re.findall(r"^!\[", step, re.MULTILINE)) for step in steps] == [1] * 10
        assert all("```console" in step for step in steps)


# --- the reader of blocks -------------------------------------------------------------------

SAMPLE = """\
# Title

```console
$ git clone https://example.org/x
$ echo one \\
    two
one two
$ echo $((1 + 1)); false  # exits 1
2
...
```

```python
print("not a command")
```

```bash
# a comment
export WORD=kept
echo $WORD
```
"""


def test_blocks_are_read() -> None:
    console, bash = blocks(SAMPLE, "README.md")
    assert (console.line, bash.line) == (3, 17)
    assert console.commands == (
        Command("git clone https://example.org/x"),
        Command("echo one \\\n    two", ["one two"]),
        Command("echo $((1 + 1)); false  # exits 1", ["2", "..."]),
    )
    assert [command.exit_code for command in console.commands] == [0, 0, 1]
    assert console.commands[0].not_run == "the test is in a clone already"
    assert [command.text for command in bash.commands] == ["export WORD=kept", "echo $WORD"]
    assert not console.is_slow
    assert blocks("```console\n$ make verify\n```\n", "x")[0].is_slow


@pytest.mark.parametrize(
    ("commands", "told"),
    [
        ("$ echo one\none", None),
        ("$ echo one\ntwo", "does not print 'two' there"),
        ("$ false", "exits 1, not 0"),
        ("$ true  # exits 1", "exits 0, not 1"),
        ("$ cd sub && export A=b\n$ pwd; echo $A\n...sub\nb", None),
        ("$ make test", None),
        ("$ echo gone; false\n$ touch never", "gone"),
    ],
)
def test_a_block_that_does_not_work_is_caught(
    tmp_path: Path, commands: str, told: str | None
) -> None:
    folder = tmp_path / "clone"
    (folder / "sub").mkdir(parents=True)
    (block,) = blocks(f"```console\n{commands}\n```\n", "README.md")
    faults = run(block, folder, dict(os.environ))
    assert (told in faults[0]) if told else faults == []
    assert not (folder / "never").exists()


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        (["a", "c"], None),
        (["c", "a"], "a"),
        (["a", "...", "b 2.1 s"], "b 2.1 s"),
        (["a", "...", "b ... s"], None),
        (["  a  "], None),
        (["a."], "a."),
        ([], None),
    ],
)
def test_shown_lines_are_found_in_their_order(shown: list[str], missing: str | None) -> None:
    assert unseen(shown, ["a", "b 1.5 s", "c"]) == missing
