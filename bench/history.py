"""How long `loopwright history` takes over many commits, each with other predictions in cache.

`python bench/history.py` prints one line of JSON: the seconds of the first call, which
compares every commit with the one before it, and of the second, which remembers. The
commits are made: the pipeline's own dvc.lock with other hashes, and predictions drawn by
chance in DVC's cache. The repository is made anew in the temporary folder.
"""

# ruff: noqa: S603, S607 - it runs git and Python, and nothing that anybody typed.

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np
import pandas as pd

from operate.pipeline import read_pipeline
from stages.core.params import read_params
from stages.core.tables import write_table

ROOT = Path(__file__).resolve().parent.parent
BAR = 5.0
ROWS = 6000  # of the default project's validation split
FILES = ("model", "model_manifest", "metrics", "evaluation", "predictions")


def make(folder: Path, commits: int, rows: int = ROWS) -> None:
    """Make the new `folder` a repository with a history of `commits` iterations."""
    folder.mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, folder)
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("")
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main"], cwd=folder, check=True)
    paths = read_pipeline(ROOT).paths
    metric = read_params(ROOT / "params.yaml").charter.success_criteria[0].metric
    lock = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    stream = []
    for number in range(commits):
        hashes = {paths[name]: _hash(f"{name} {number}") for name in FILES}
        value = 0.77 + number / 100_000
        found = {metric: {"value": value, "interval": [value - 0.02, value + 0.02]}}
        _cache(folder, hashes[paths["evaluation"]], {"metrics": {"validation": found}})
        _cache(folder, hashes[paths["model_manifest"]], {"rows": 3 * rows})
        write_table(_cached(folder, hashes[paths["predictions"]]), predictions(number, rows))
        stream.append(
            f"commit refs/heads/main\ncommitter T <t@example.org> {1_700_000_000 + number} +0000\n"
            + _data(f"Iteration {number}")
            + f"M 100644 inline dvc.lock\n{_data(_rewritten(lock, hashes))}"
            + f"M 100644 inline {paths['metrics']}\n{_data(json.dumps({metric: value}))}"
        )
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=folder, input="".join(stream).encode(), check=True
    )


def predictions(number: int, rows: int) -> pd.DataFrame:
    """Return what iteration `number` predicted of the same `rows` rows; later is a bit better."""
    truth = (np.random.default_rng(0).random(rows) < 0.22).astype(np.int64)
    noise = np.random.default_rng((1, number)).standard_normal(rows)
    y_prob = 1 / (1 + np.exp(1.5 - (1 + number / 2000) * truth - noise))
    decided = (y_prob >= 0.5).astype(np.int64)
    columns = {"key": np.arange(rows), "y_true": truth, "y_prob": y_prob}
    return pd.DataFrame({**columns, "y_pred": decided, "rule": truth[::-1]})


def _hash(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _cached(folder: Path, key: str) -> Path:
    file = folder / ".dvc/cache/files/md5" / key[:2] / key[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _cache(folder: Path, key: str, document: object) -> None:
    _cached(folder, key).write_text(json.dumps(document), encoding="utf-8")


def _rewritten(lock: str, hashes: Mapping[str, str]) -> str:
    """Return `lock` with the hashes of some paths."""
    for path, key in hashes.items():
        found = rf"(- path: {re.escape(path)}\n      hash: md5\n      md5: )\w+"
        lock, changed = re.subn(found, rf"\g<1>{key}", lock)
        if not changed:
            raise ValueError(f"dvc.lock holds no {path}")
    return lock


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


@dataclass(frozen=True)
class Call:
    """One `loopwright history`: its seconds by the clock and of processor, what it printed."""

    seconds: float
    cpu: float
    printed: str


def call(folder: Path) -> Call:
    """Ask for the history of the repository `folder`."""
    command = (str(Path(sys.executable).with_name("loopwright")), "history")
    started, before = time.monotonic(), getrusage(RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    seconds, after = time.monotonic() - started, getrusage(RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Call(seconds, cpu, done.stdout)


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description="Measure `loopwright history`.")
    parser.add_argument("--commits", type=int, default=200)
    commits = parser.parse_args().commits
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "repo"
        make(folder, commits)
        calls = {"first": call(folder), "second": call(folder)}
    line = {
        name: {"seconds": round(one.seconds, 2), "cpu": round(one.cpu, 2)}
        for name, one in calls.items()
    }
    print(json.dumps({"commits": commits, "rows": ROWS, **line, "bar": BAR}))


if __name__ == "__main__":
    main()
