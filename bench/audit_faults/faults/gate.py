"""Faults of the evidence that a release stands on.

The gate compares bytes: there is nothing to chance here, so the seed says which file it is.
"""

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bench.audit_faults.fault import Fault
from bench.audit_faults.world import folder
from operate.gate import decide
from stages.core.verdicts import Verdict
from tests.operate.project import make

OUTPUTS = (
    "data/split/test.csv",
    "data/train/model.bin",
    "data/verdicts/charter.json",
    "data/verdicts/quality.json",
    "data/verdicts/splits.json",
    "data/verdicts/evaluation.json",
    "data/audit/fairness/verdicts.json",
    "data/audit/safety/verdicts.json",
    "data/report/summary.json",
)
INPUTS = (
    "given/rows.csv",
    "given/model.bin",
    "given/charter.json",
    "given/quality.json",
    "pillars/fairness.json",
    "pillars/safety.json",
    "code.py",
)


@cache
def project() -> Path:
    """Return a project whose evidence is whole: real DVC, real git, stages that only copy."""
    made = folder() / "project"
    make(made)
    return made


@cache
def sound(seed: int) -> tuple[Verdict, ...]:
    """A copy of the project as it is."""
    return but(lambda root, seed: None)(seed)


def but(change: Callable[[Path, int], object]) -> Callable[[int], tuple[Verdict, ...]]:
    """Return the world of a copy of the project that was changed after it ran."""

    def world(seed: int) -> tuple[Verdict, ...]:
        root = folder() / "copy"
        shutil.copytree(project(), root, symlinks=True)
        try:
            change(root, seed)
            return decide(root).verdicts
        finally:
            shutil.rmtree(root)

    return world


def missing(root: Path, seed: int) -> None:
    """An output is gone."""
    (root / OUTPUTS[seed % len(OUTPUTS)]).unlink()


def stale(root: Path, seed: int) -> None:
    """An input, or a parameter, was edited after the stages ran."""
    place = seed % (len(INPUTS) + 1)
    if place < len(INPUTS):
        with (root / INPUTS[place]).open("a") as file:
            file.write("\n")
        return
    params = root / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("scoring: log_loss", "scoring: roc_auc"), encoding="utf-8")


def altered(root: Path, seed: int) -> None:
    """One byte of an output differs; its size and its time of change do not."""
    file = root / OUTPUTS[seed % len(OUTPUTS)]
    before, content = file.stat(), bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def both(root: Path, seed: int) -> None:
    """An output differs, and so does DVC's copy of it: nothing is left to restore it from."""
    altered(root, seed)
    shutil.rmtree(root / ".dvc/cache")


FAULTS = tuple(
    Fault("evidence", plant, sound, but(change), by=("fail",), task="any")
    for plant, change in (
        ("an output is missing", missing),
        ("an input or a parameter was edited after the run", stale),
        ("one byte of an output was altered, its size and time kept", altered),
        ("the same, and DVC's cache is gone", both),
    )
)
