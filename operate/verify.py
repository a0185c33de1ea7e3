"""The same bytes anywhere: two fresh clones run the pipeline in two different worlds."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from ruamel.yaml import YAML

from stages.core.errors import LoopwrightError

# The hostname is set by the clone's own process, inside a namespace of its own.
_AS_HOST = (
    "import os, socket, sys; socket.sethostname(sys.argv[1]); os.execvp(sys.argv[2], sys.argv[2:])"
)
LOG = "repro.log"
# DVC's own background work would write into a clone after its run.
_QUIET = "[core]\n    analytics = false\n    check_update = false\n"
_NAMESPACES = (("unshare", "--uts"), ("unshare", "--map-root-user", "--uts"))


@dataclass(frozen=True)
class World:
    """Where one clone runs: all that the bytes must not depend on.

    Attributes:
        folder: the clone's folder, so that the paths differ in length.
        hostname: what the machine is called, or None where it cannot be changed.
        umask: the rights that new files do not get.
        environment: variables to set.
    """

    folder: str
    hostname: str | None
    umask: int
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """One output: its hash in the commit and in each clone; None where it is not there."""

    output: str
    committed: str | None
    clones: tuple[str | None, ...]

    @property
    def result(self) -> str:
        """What a person reads about it; ``same`` only where all hashes agree."""
        if None in self.clones:
            return "not written"
        if len(set(self.clones)) > 1:
            return "clones differ"
        return "same" if self.committed == self.clones[0] else "differs from dvc.lock"


def worlds() -> tuple[World, World]:
    """Return two worlds as unlike as this machine allows."""
    first = World(
        folder="a",
        hostname=None,
        umask=0o022,
        environment=_environment("Pacific/Kiritimati", "C.UTF-8", "0", "1", warm=True),
    )
    second = World(
        folder="a-folder-with-a-much-longer-name/and-one-more-level",
        hostname="elsewhere" if _namespace() else None,
        umask=0o077,
        environment=_environment("America/St_Johns", _other_locale(), "4242", "4", warm=False),
    )
    return first, second


def _environment(zone: str, locale: str, seed: str, threads: str, *, warm: bool) -> dict[str, str]:
    return {
        "TZ": zone,
        "LC_ALL": locale,
        "PYTHONHASHSEED": seed,
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "LOOPWRIGHT_WARM": str(int(warm)),
    }


def _other_locale() -> str:
    """Return an installed locale whose rules differ from those of C; else C itself."""
    try:
        listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "C"
    names = listed.stdout.split()
    return next((name for name in names if not name.startswith(("C", "POSIX"))), "C")


def _namespace() -> tuple[str, ...]:
    """Return the command that gives a process its own hostname; empty where none may."""
    for command in _NAMESPACES:
        if shutil.which(command[0]):
            tried = subprocess.run(
                [*command, sys.executable, "-c", _AS_HOST, "elsewhere", "true"],
                capture_output=True,
                check=False,
            )
            if tried.returncode == 0:
                return command
    return ()


def verify(root: Path, pair: Sequence[World], keep: Path | None = None) -> list[Comparison]:
    """Clone HEAD once for each world, run every stage there and compare the outputs.

    No clone can take a result from elsewhere: each has an empty cache of its own, and
    every stage is forced to run.

    Args:
        root: the repository.
        pair: the worlds.
        keep: a folder, not there yet, that keeps the clones; by default they are removed.

    Raises:
        LoopwrightError: `root` is not in git, its HEAD has no dvc.lock, `keep` exists,
            or a pipeline failed; then the message holds the end of what it printed.
    """
    committed = _hashes(_git(root, "show", "HEAD:./dvc.lock"))
    below = _git(root, "rev-parse", "--show-prefix").strip()
    top = Path(_git(root, "rev-parse", "--show-toplevel").strip())
    if keep is not None and keep.exists():
        raise LoopwrightError(f"{keep} exists already: name a folder that is not there yet")

    with tempfile.TemporaryDirectory(prefix="loopwright-verify-") as temporary:
        bases = [(keep or Path(temporary)).resolve() / world.folder for world in pair]
        for base in bases:
            _git(top, "clone", "--quiet", "--no-hardlinks", str(top), str(base / "clone"))
        with _running(bases, below, pair) as processes:
            for process, base in zip(processes, bases, strict=True):
                if process.wait() != 0:
                    raise LoopwrightError(f"`dvc repro` failed in a clone:\n{_tail(base / LOG)}")
        locks = [base / "clone" / below / "dvc.lock" for base in bases]
        return compare(committed, [_hashes(lock.read_text(encoding="utf-8")) for lock in locks])


def compare(committed: Mapping[str, str], clones: Sequence[Mapping[str, str]]) -> list[Comparison]:
    """Return one row for each output that the commit or any clone has, by name."""
    outputs = sorted({*committed, *(output for hashes in clones for output in hashes)})
    return [
        Comparison(output, committed.get(output), tuple(hashes.get(output) for hashes in clones))
        for output in outputs
    ]


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LoopwrightError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def _hashes(lock: str) -> dict[str, str]:
    """Return the hash of each output that a dvc.lock names."""
    document: Any = YAML(typ="safe").load(lock)
    return {
        str(out["path"]): str(out["md5"])
        for stage in document["stages"].values()
        for out in stage.get("outs", [])
    }


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


@contextmanager
def _running(
    bases: Sequence[Path], below: str, pair: Sequence[World]
) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Run the pipelines at the same time; neither they nor their stages outlive the block."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for base, world in zip(bases, pair, strict=True):
            processes.append(_start(base, below, world))
        yield processes
    finally:
        for process in processes:
            _end(process)


def _end(process: "subprocess.Popen[bytes]", seconds: float = 5) -> None:
    """Kill a process that still runs, with its stages, and wait until they are gone."""
    if process.poll() is not None:
        return
    deadline = time.monotonic() + seconds
    with suppress(ProcessLookupError, PermissionError):  # as systems say that none is left
        while time.monotonic() < deadline:
            os.killpg(process.pid, signal.SIGKILL)
            process.poll()
            time.sleep(0.01)


def _start(base: Path, below: str, world: World) -> "subprocess.Popen[bytes]":
    """Start `dvc repro` in the clone under `base`, with no settings but the world's."""
    own = ("DVC_", "GIT_", "LC_", "LOOPWRIGHT_", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")]),
        "DVC_SITE_CACHE_DIR": str(base / "site"),
        "DVC_SYSTEM_CONFIG_DIR": str(base / "system"),
        "DVC_GLOBAL_CONFIG_DIR": str(base / "global"),
        **world.environment,
    }
    command = ["dvc", "repro", "--force", "--no-run-cache"]
    if world.hostname is not None:
        command = [*_namespace(), sys.executable, "-c", _AS_HOST, world.hostname, *command]
    (base / "global").mkdir()
    (base / "global/config").write_text(_QUIET)
    with (base / LOG).open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=base / "clone" / below,
            env=environment,
            umask=world.umask,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def show(rows: Sequence[Comparison], pair: Sequence[World], console: Console) -> None:
    """Print each output and whether it is the same, and what differed around it."""
    width = max((len(row.output) for row in rows), default=0)
    for row in rows:
        _print(console, f"{row.output.ljust(width)}  {row.result}", row.result != "same")
    names = sorted({name for world in pair for name in world.environment})
    around = [f"{name} ({', '.join(w.environment.get(name, '-') for w in pair)})" for name in names]
    host = any(world.hostname for world in pair)
    around.append("hostname" if host else "not the hostname: this machine does not let it change")
    _print(console, f"\nthe clones differed in path, umask, {', '.join(around)}")
    different = sum(row.result != "same" for row in rows)
    if different:
        _print(console, f"{different} of {len(rows)} outputs are not the same bytes", True)
    else:
        _print(console, f"all {len(rows)} outputs are the same bytes, and those of dvc.lock")


def _print(console: Console, line: str, alarm: bool = False) -> None:
    console.print(line, style="bold red" if alarm else None, markup=False, soft_wrap=True)
