"""How much time DVC, shells and starts add to the work itself.

`python bench/bench.py` prints one line of JSON for each figure: two things measured in
turn on this machine, and the ratio of their medians. A ratio means the same on a slow
machine and on a fast one; the seconds are there to show what it is made of. Everything
runs in clones below the temporary folder, with caches of their own. The figure `audit` is
what the audit costs by itself: CPU seconds and memory of each pillar in a process of its own.
"""

# ruff: noqa: S603, S607 - it runs git, DVC and Python, and nothing that anybody typed.

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
DVC = str(Path(sys.executable).with_name("dvc"))
CHANGED = "train.candidates.boosting.learning_rate"


@dataclass
class Timed:
    """What was done, and how many seconds it took each time."""

    what: str
    seconds: list[float] = field(default_factory=list)


def line(figure: str, bar: float, numerator: Timed, denominator: Timed) -> dict[str, Any]:
    """Return the line of a figure: medians in seconds, and their ratio."""
    above, below = median(numerator.seconds), median(denominator.seconds)
    return {
        "figure": figure,
        "ratio": round(above / below, 2),
        "bar": bar,
        "numerator": {"what": numerator.what, "seconds": round(above, 3)},
        "denominator": {"what": denominator.what, "seconds": round(below, 3)},
        "runs": min(len(numerator.seconds), len(denominator.seconds)),
    }


def arguments_of(command: str) -> list[str]:
    """Return what follows `python stages` in a command of dvc.yaml.

    Raises:
        ValueError: the command is of another form.
    """
    words = shlex.split(command)
    if "stages" not in words[:-1]:
        raise ValueError(f"`python stages STAGE ...` was expected in dvc.yaml, found: {command}")
    return words[words.index("stages") + 1 :]


def scale(params: Path, key: str, factor: float) -> None:
    """Multiply the number at `key` ("train.candidates...") of a params.yaml.

    Raises:
        KeyError: there is no such key.
    """
    yaml = YAML()
    document = yaml.load(params)
    *sections, last = key.split(".")
    inner = document
    for section in sections:
        inner = inner[section]
    inner[last] = inner[last] * factor
    yaml.dump(document, params)


class Clone:
    """The repository as it is now in another place, with warm parents of its own."""

    def __init__(self, folder: Path) -> None:
        """Copy the repository to `folder`, without anything that the pipeline made."""
        self.root = folder / "repository"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(self.root)], check=True)
        changed = ["git", "ls-files", "-z", "--modified", "--others", "--exclude-standard"]
        listing = subprocess.run(changed, cwd=ROOT, check=True, capture_output=True, text=True)
        for name in filter(None, listing.stdout.split("\0")):
            if (ROOT / name).is_file():  # and not deleted
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        (self.root / "dvc.lock").unlink(missing_ok=True)
        (folder / "run").mkdir(0o700)
        self.environ = {**os.environ, "XDG_RUNTIME_DIR": str(folder / "run")}

    def timed(self, command: Sequence[str], say: str = "", **environ: str) -> float:
        """Run a command here, with `say` as its input, and return its seconds.

        Raises:
            CalledProcessError: it failed; what it printed goes to standard error.
        """
        start = time.perf_counter()
        ended = subprocess.run(
            list(command),
            cwd=self.root,
            env={**self.environ, **environ},
            input=say,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
        if ended.returncode != 0:
            print(ended.stdout, ended.stderr, sep="\n", file=sys.stderr)
            ended.check_returncode()
        return seconds

    def repro(self) -> float:
        """Run `dvc repro` without a run cache and return its seconds."""
        return self.timed([DVC, "repro", "--no-run-cache"])

    def one_process(self, stages: Sequence[Sequence[str]]) -> float:
        """Run the work of `stages` in one new process and return its seconds."""
        worker = str(ROOT / "bench" / "one_process.py")
        return self.timed([PYTHON, worker], json.dumps(stages))

    def cost(self, arguments: Sequence[str]) -> tuple[float, float]:
        """Run a stage in a process of its own; return its CPU seconds and its peak of MiB.

        Raises:
            CalledProcessError: it failed.
        """
        command = [PYTHON, "stages", *arguments]
        environ = {**self.environ, "LOOPWRIGHT_WARM": "0"}
        started = subprocess.Popen(command, cwd=self.root, env=environ)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            raise subprocess.CalledProcessError(started.returncode, command)
        # macOS counts bytes where Linux counts KiB.
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return used.ru_utime + used.ru_stime, used.ru_maxrss / unit

    def stages(self, only_to_run: bool = False) -> list[list[str]]:
        """Return the arguments of the stages in the order in which DVC runs them.

        With `only_to_run`, those that are out of date and those that depend on them.
        """
        from dvc.repo import Repo
        from dvc.repo.reproduce import plan_repro

        with Repo(str(self.root)) as repo:
            graph = repo.index.graph
            if only_to_run:
                changed = repo.status()
                start = [stage for stage in graph if stage.addressing in changed]
                planned = plan_repro(graph, start, downstream=True)
            else:
                planned = plan_repro(graph)
            return [arguments_of(stage.cmd) for stage in planned]


class Bench:
    """The figures; they share two clones, one run by DVC and one in one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.by_dvc: Clone | None = None
        self.by_one: Clone | None = None

    def clone(self) -> Clone:
        """Return another clone."""
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        return Clone(folder)

    def both(self) -> tuple[Clone, Clone]:
        """Return the clone that DVC runs and the one without, the pipeline run in each."""
        if self.by_dvc is None or self.by_one is None:
            self.cold_repro(1)
        assert self.by_dvc is not None and self.by_one is not None  # noqa: S101 - for the type checker
        return self.by_dvc, self.by_one

    def cold_repro(self, runs: int) -> tuple[Timed, Timed]:
        """Measure the whole pipeline, from nothing."""
        dvc = Timed("cold `dvc repro`, with the start of its warm parent")
        one = Timed("")
        for _ in range(runs):
            self.by_dvc, self.by_one = self.clone(), self.clone()
            stages = self.by_one.stages()
            one.what = f"the work of {len(stages)} stages in one process"
            one.seconds.append(self.by_one.one_process(stages))
            dvc.seconds.append(self.by_dvc.repro())
        return dvc, one

    def one_train_param(self, runs: int) -> tuple[Timed, Timed]:
        """Measure what follows from one changed parameter of a model."""
        by_dvc, by_one = self.both()
        dvc = Timed(f"`dvc repro` after a change of {CHANGED}")
        one = Timed("")
        for _ in range(runs):
            for clone in (by_dvc, by_one):
                scale(clone.root / "params.yaml", CHANGED, 1.1)
            stages = by_dvc.stages(only_to_run=True)
            one.what = f"the work of {len(stages)} stages in one process"
            one.seconds.append(by_one.one_process(stages))
            dvc.seconds.append(by_dvc.repro())
        return dvc, one

    def noop_repro(self, runs: int) -> tuple[Timed, Timed]:
        """Measure a run that has nothing to do."""
        by_dvc, _ = self.both()
        repro, status = Timed("`dvc repro` with nothing to do"), Timed("`dvc status`")
        for _ in range(runs):
            repro.seconds.append(by_dvc.repro())
            status.seconds.append(by_dvc.timed([DVC, "status"]))
        return repro, status

    def warm_start(self, runs: int) -> tuple[Timed, Timed]:
        """Measure the starts of stages, up to the line of help that they print."""
        clone = self.clone()
        warm = Timed("a stage starts, in a fork of the warm parent")
        own = Timed("a stage starts, in a process of its own")
        starts = [[PYTHON, "stages", name, "--help"] for name, *_ in clone.stages()] * runs
        clone.timed(starts[0])  # the parent has its libraries before its turn comes
        own.seconds = [clone.timed(start, LOOPWRIGHT_WARM="0") for start in starts]
        warm.seconds = [clone.timed(start) for start in starts]
        return warm, own

    def audit(self, runs: int) -> dict[str, dict[str, list[float]]]:
        """Measure each pillar of the audit at the level of params.yaml.

        Returns:
            By pillar ``cpu_seconds`` and ``peak_mib`` of each run.
        """
        clone = self.clone()
        stages = clone.stages()
        pillars = [stage for stage in stages if stage[0].startswith("audit.")]
        clone.one_process([s for s in stages if s not in pillars and s[0] != "report"])
        found: dict[str, dict[str, list[float]]] = {}
        for _ in range(runs):
            for pillar in pillars:
                of = found.setdefault(pillar[0], {"cpu_seconds": [], "peak_mib": []})
                for name, value in zip(of, clone.cost(pillar), strict=True):
                    of[name].append(value)
        return found


def cost_line(found: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """Return the line of the audit: the CPU seconds of all pillars, the most memory of one."""
    middle = {
        pillar: {name: median(values) for name, values in of.items()}
        for pillar, of in found.items()
    }
    return {
        "figure": "audit",
        "cpu_seconds": round(sum(of["cpu_seconds"] for of in middle.values()), 2),
        "bar": AUDIT_SECONDS,
        "peak_mib": round(max(of["peak_mib"] for of in middle.values())),
        "peak_bar": AUDIT_MIB,
        "pillars": {
            pillar.removeprefix("audit."): {name: round(value, 2) for name, value in of.items()}
            for pillar, of in middle.items()
        },
        "runs": min(len(of["cpu_seconds"]) for of in found.values()),
    }


# What the pillars may cost at the level standard on the default table: all of them, and one.
AUDIT_SECONDS, AUDIT_MIB, AUDIT_RUNS = 25, 1536, 3

# What is measured, how often, and the ratio that it must stay below.
FIGURES: dict[str, tuple[Callable[[Bench, int], tuple[Timed, Timed]], int, float]] = {
    "cold_repro": (Bench.cold_repro, 3, 1.3),
    "one_train_param": (Bench.one_train_param, 3, 1.4),
    "noop_repro": (Bench.noop_repro, 7, 1.6),
    "warm_start": (Bench.warm_start, 1, 0.2),
}


def main() -> None:
    """Print the figures, or the one that `--figure` names."""
    parser = argparse.ArgumentParser(description="Measure how long things take.")
    parser.add_argument("--figure", choices=[*FIGURES, "audit"], help="only this one")
    chosen = parser.parse_args().figure
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        for name in [name for name in os.environ if name.startswith(("DVC_", "LOOPWRIGHT_"))]:
            del os.environ[name]
        # DVC's own folders, so that nothing of this user's is read, or left behind.
        for name in ("GLOBAL_CONFIG", "SITE_CACHE", "SYSTEM_CONFIG"):
            os.environ[f"DVC_{name}_DIR"] = str(Path(folder, name))
        os.environ["PATH"] = f"{Path(PYTHON).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        bench = Bench(Path(folder))
        for figure in [chosen] if chosen else [*FIGURES, "audit"]:
            if figure == "audit":
                told = cost_line(bench.audit(AUDIT_RUNS))
            else:
                measure, runs, bar = FIGURES[figure]
                told = line(figure, bar, *measure(bench, runs))
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
