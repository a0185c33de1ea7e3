"""From one prediction to its sources: the row, the model, the data, the params, the commit."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from operate.evidence import bind
from operate.locks import Lock, read_lock
from operate.pipeline import Pipeline, read_pipeline
from stages.core.errors import LoopwrightError
from stages.core.files import read_json
from stages.core.metrics import best_classes
from stages.core.models import load_model, recorded_sha256
from stages.core.params import ClassCosts, Params, read_params
from stages.core.personal_data import personal_data
from stages.core.schema import Schema, read_schema
from stages.core.scoring import predicted
from stages.core.tables import read_table

SPLITS = ("train", "validation", "test")
WITHHELD = "withheld"


@dataclass(frozen=True)
class Trace:
    """One prediction and where it comes from.

    Attributes:
        key: the row, as it was asked for.
        split: where the row was dealt to; None where no split has it.
        prediction: the probability of the positive class, that of each class, or the number.
        decision: what follows from it, in words.
        inputs: what the model read; what tells who a person is, is withheld.
        model: the sha256 of the model's bytes, the same that train recorded.
        hashes: of files, by path: those in dvc.lock (md5), and the sha256 of params.yaml.
        faults: what is not as dvc.lock has it: files, params, stages.
        commit: the commit that the files stand on; None without a history.
        locked_by: the commit that last changed dvc.lock.
        clean: whether the files of git are those of the commit.
    """

    key: str
    split: str | None
    prediction: float | dict[str, float]
    decision: str
    inputs: dict[str, Any]
    model: str
    hashes: dict[str, str]
    faults: tuple[str, ...]
    commit: str | None
    locked_by: str | None
    clean: bool


def trace(root: Path, key: str) -> Trace:
    """Follow the row called `key` of the validated table from its prediction to its sources.

    Args:
        root: the repository.
        key: a value of the column `charter.key`, as text.

    Raises:
        LoopwrightError: the charter names no key, the table has no such row or several, or
            a file is missing or is not the one that was trained.
    """
    pipeline = read_pipeline(root)
    chosen = read_params(root / pipeline.path("params"))
    schema = read_schema(root / pipeline.path("schema"))
    column = chosen.charter.key
    if column is None:
        raise LoopwrightError(
            "charter.key is null in params.yaml: without a column that names a row, none can be "
            "traced"
        )
    row = _row(root, pipeline, column, key)
    manifest = root / pipeline.path("model_manifest")
    sha256 = recorded_sha256(manifest)
    model = load_model(root / pipeline.path("model"), sha256)
    target = chosen.charter.target
    answer = predicted(model, row.drop(columns=target.column), target.task)
    prediction, decision = _decided(root, pipeline, chosen, model, answer)
    inputs = [str(name) for name in read_json(manifest).get("inputs", ())]
    lock_file = root / "dvc.lock"
    lock = read_lock(lock_file.read_text(encoding="utf-8")) if lock_file.is_file() else Lock()
    commit = _git(root, "rev-parse", "HEAD")
    return Trace(
        key,
        _split(root, pipeline, column, key),
        prediction,
        decision,
        {name: _shown(row[name].iloc[0], name, chosen, schema) for name in inputs if name in row},
        sha256,
        _hashes(root, pipeline, lock),
        tuple(fault.why for fault in bind(root).faults),
        commit,
        _git(root, "log", "-1", "--format=%H", "--", "dvc.lock"),
        commit is not None and _git(root, "status", "--porcelain") == "",
    )


def _row(root: Path, pipeline: Pipeline, column: str, key: str) -> pd.DataFrame:
    path = pipeline.path("validated")
    table = read_table(root / path)
    if column not in table:
        raise LoopwrightError(f"{path}: no column '{column}', which charter.key names")
    keys = table[column].astype(str)
    found = table[keys == key]
    if not len(found):
        # No other key is named: a key may be personal.
        raise LoopwrightError(
            f"{path}: none of its {len(table)} rows has the {column} '{key}'; if the row is "
            f"newer than the table, `dvc repro` reads it in; {pipeline.path('failure_cases')} "
            "lists rows that were dropped"
        )
    if len(found) > 1:
        raise LoopwrightError(
            f"{path}: {len(found)} rows whose {column} is '{key}'; a key names one row"
        )
    return found.reset_index(drop=True)


def _split(root: Path, pipeline: Pipeline, column: str, key: str) -> str | None:
    for name in SPLITS:
        file = root / pipeline.path(name)
        if file.is_file() and (read_table(file)[column].astype(str) == key).any():
            return name
    return None


def _decided(
    root: Path, pipeline: Pipeline, chosen: Params, model: Any, answer: Any
) -> tuple[float | dict[str, float], str]:
    """Return the answer of one row for a person, and the decision on it."""
    charter = chosen.charter
    if charter.task == "regression":
        return float(answer[0]), f"{float(answer[0]):g}"
    if isinstance(charter.costs, ClassCosts):
        classes = tuple(map(str, model.classes_))
        chances = dict(zip(classes, map(float, answer[0]), strict=True))
        return chances, classes[int(best_classes(answer, charter.costs, classes)[0])]
    path = pipeline.path("evaluation")
    threshold = read_json(root / path).get("threshold")
    if not isinstance(threshold, int | float):
        raise LoopwrightError(f"{path}: no threshold, so nothing is decided; run `dvc repro`")
    acts = "act" if float(answer[0]) >= threshold else "do not act"
    return float(answer[0]), f"{acts} (from {threshold:.4g} on)"


def _shown(value: Any, name: str, chosen: Params, schema: Schema) -> Any:
    """Return a value that the model read, unless it tells who the person is."""
    spec = schema.columns.get(name)
    known = {*chosen.charter.sensitive_features, *chosen.audit.privacy_security.quasi_identifiers}
    if name in known or spec is None or spec.kind in ("identifier", "text"):
        return WITHHELD
    if pd.isna(value):
        return None
    if personal_data([str(value)]):
        return WITHHELD
    return value.item() if hasattr(value, "item") else str(value)


def _hashes(root: Path, pipeline: Pipeline, lock: Lock) -> dict[str, str]:
    """Return the hashes of what the model is made of, by path."""
    hashes = {}
    for name in ("source", "ingested", "validated", "train", "schema", "lock", "model"):
        path = pipeline.paths.get(name)
        md5 = path and (lock.output(path) or lock.sources.get(path))
        if path and md5:
            hashes[path] = f"md5 {md5}"
    params = pipeline.path("params")
    content = (root / params).read_bytes()
    return hashes | {params: f"sha256 {hashlib.sha256(content).hexdigest()}"}


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints, without the last line break; None where it cannot tell."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return done.stdout.rstrip("\n")


def show(found: Trace, console: Console) -> None:
    """Print the way from the prediction to its sources."""
    answer = found.prediction
    told = (
        f"{answer:.6g}"
        if isinstance(answer, float)
        else ", ".join(f"{label} {chance:.4g}" for label, chance in answer.items())
    )
    state = "as committed" if found.clean else "changed since, or without a commit"
    lines = [
        ("row", f"{found.key} ({found.split or 'in no split'})"),
        ("prediction", told),
        ("decision", found.decision),
        ("model", f"sha256 {found.model}"),
        *found.hashes.items(),
        ("commit", found.commit or "no git history"),
        ("dvc.lock last changed by", found.locked_by or "no commit"),
        ("files of git", state),
    ]
    lines += [("not as in dvc.lock", why) for why in found.faults] or [("dvc.lock", "as it stands")]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines:
        table.add_row(name, text)
    inputs = Table("input", "value", box=None, pad_edge=False)
    for name, value in found.inputs.items():
        inputs.add_row(name, "missing" if value is None else str(value))
    console.print(table)
    console.print()
    console.print(inputs)
