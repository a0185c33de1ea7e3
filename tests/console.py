"""Documents that run: the commands of a fenced block, and what they are shown to print."""

import os
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

# What a block may hold and a test must not run, and why.
NOT_RUN = {
    r"git clone\b": "the test is in a clone already",
    r"loopwright init ~": "the table is the reader's",
    r"cd \S+$": "the test is in the clone already",
    r"make (test|test-slow|coverage)\b": "the tests would run themselves",
    r"(open|xdg-open|start) ": "it opens a window",
}
SLOW = r"(make|loopwright) verify\b|make bench(-review|-quality)?\b|dvc queue start\b"


@dataclass
class Command:
    """A command of a document.

    Attributes:
        text: what is typed; a comment ``# exits 1`` at its end is the exit code to expect.
        shown: the lines that the document shows under it.
    """

    text: str
    shown: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        found = re.search(r"#\s*exits (\d+)", self.text)
        return int(found[1]) if found else 0

    @property
    def not_run(self) -> str | None:
        """Why it is not run, or None."""
        return next((why for start, why in NOT_RUN.items() if re.match(start, self.text)), None)


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    commands: tuple[Command, ...]

    @property
    def is_slow(self) -> bool:
        return any(re.search(SLOW, command.text) for command in self.commands)


def blocks(text: str, page: str) -> list[Block]:
    """Return the blocks of a Markdown text that are fenced as ``console`` or ``bash``.

    In ``console`` a command follows ``$ `` and the other lines are its output; in
    ``bash`` every line is a command. A backslash at its end continues a command.
    """
    found = []
    for fence in re.finditer(r"^```(console|bash)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        commands: list[Command] = []
        continued = False
        for line in fence[2].splitlines():
            prompt = fence[1] == "bash" or line.startswith("$ ")
            typed = line.removeprefix("$ ") if fence[1] == "console" else line
            if continued:
                commands[-1].text += f"\n{line}"
            elif prompt and typed.strip() and not typed.startswith("#"):
                commands.append(Command(typed))
            elif fence[1] == "console" and commands:
                commands[-1].shown.append(line)
            continued = bool(commands) and line.endswith("\\") and not commands[-1].shown
        line_number = text[: fence.start()].count("\n") + 1
        found.append(Block(page, line_number, tuple(commands)))
    return found


def run(block: Block, folder: Path, environment: dict[str, str]) -> list[str]:
    """Run the commands of `block` in one shell in `folder`; return what went wrong.

    A shell is one for the whole block: what a command sets, the next one finds.
    """
    faults = []
    state = folder.parent / "shell"
    state.write_text("")
    for command in block.commands:
        if command.not_run:
            continue
        script = (
            f". {shlex.quote(str(state))}\n{command.text}\ncode=$?\n"
            f"{{ export -p; printf 'cd %q\\n' \"$PWD\"; }} >{shlex.quote(str(state))}\nexit $code"
        )
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        where = f"{block.page}:{block.line}: `{command.text}`"
        if done.returncode != command.exit_code:
            faults.append(
                f"{where} exits {done.returncode}, not {command.exit_code}\n{done.stdout}"
            )
            break
        missing = unseen(command.shown, done.stdout.splitlines())
        if missing is not None:
            faults.append(f"{where} does not print {missing!r} there, but\n{done.stdout}")
    return faults


def unseen(shown: list[str], printed: list[str]) -> str | None:
    """Return the first line of `shown` that does not stand in `printed`, in this order.

    ``...`` stands for any text in a line, and alone for any lines.
    """
    rest = iter(printed)
    for line in shown:
        if line.strip() in ("", "..."):
            continue
        pattern = ".*".join(re.escape(part) for part in line.strip().split("..."))
        if not any(re.fullmatch(pattern, other.strip()) for other in rest):
            return line
    return None


def surroundings(folder: Path, tools: Path) -> dict[str, str]:
    """Return the environment of a person who has activated nothing but `tools`."""
    own = ("DVC_", "GIT_", "PYTEST_", "COV_", "LOOPWRIGHT_", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return kept | {
        "PATH": os.pathsep.join([str(tools), os.environ["PATH"]]),
        "DVC_SITE_CACHE_DIR": str(folder.parent / "site"),
        "COLUMNS": "120",
    }
