"""One run: an entrant in a process of its own, its predictions scored, its costs counted."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score

from bench.quality.tables import ROOT, Split, Table

Floats = npt.NDArray[np.float64]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Entrant:
    """Who takes part.

    Attributes:
        name: in the results.
        script: below ``entrants``.
        python: gives the interpreter that runs it.
        options: passed on as they are.
        files: gives what else it is made of for a table; a run of other bytes is another run.
    """

    name: str
    script: str
    python: Callable[[], Path]
    options: dict[str, Any] = field(default_factory=dict)
    files: Callable[[Table], list[Path]] = lambda table: []

    def fingerprint(self, table: Table) -> str:
        """Return 12 digits that change with the script, its options and its files."""
        parts = [json.dumps(self.options, sort_keys=True).encode()]
        parts += [
            path.read_bytes() for path in (HERE / "entrants" / self.script, *self.files(table))
        ]
        return sha256(b"".join(parts)).hexdigest()[:12]


def run(entrant: Entrant, table: Table, number: int, kept: Path) -> dict[str, Any]:
    """Return the line of `entrant` on split `number` of `table`.

    Its predictions go to `kept`. The test rows' target never reaches the process.

    Raises:
        RuntimeError: the entrant's process failed; the end of what it said is told.
    """
    train, test = table.split(number)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write(folder, entrant, table, (train, test))
        command = [entrant.python(), HERE / "entrants" / entrant.script, folder]
        cost, failure = _measured([str(part) for part in command], folder / "said.txt")
        if failure:
            raise RuntimeError(f"{entrant.name} on {table.name}: {failure}")
        done = json.loads((folder / "done.json").read_text())
        predictions = np.load(folder / "predictions.npy")
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.save(kept, predictions)
    return {
        "table": table.name,
        "split": number,
        "entrant": entrant.name,
        "rows": [len(train), len(test)],
        **scores(table, test[table.target].to_numpy(), predictions),
        **cost,
        **done,
        "sha256": sha256(np.ascontiguousarray(predictions).tobytes()).hexdigest(),
        "fingerprint": entrant.fingerprint(table),
    }


def _write(folder: Path, entrant: Entrant, table: Table, split: Split) -> None:
    train, test = split
    train.to_parquet(folder / "train.parquet")
    test.drop(columns=table.target).to_parquet(folder / "test.parquet")
    job = {
        "table": table.name,
        "task": table.task,
        "target": table.target,
        "positive": table.positive,
        "time": table.time,
        "options": entrant.options,
    }
    (folder / "job.json").write_text(json.dumps(job))


def _measured(command: list[str], said: Path) -> tuple[dict[str, Any], str | None]:
    """Run `command`; return what it cost, and why it failed if it did.

    Its CPU seconds are those of the whole process and of its children, imports included.
    """
    # Threads as each package sets them, but none that spins while it waits.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    environ |= {"OMP_WAIT_POLICY": "passive", "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
    start = time.monotonic()
    with said.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command, stdout=output, stderr=subprocess.STDOUT, env=environ
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cost = {
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "wall_seconds": round(time.monotonic() - start, 2),
    }
    if process.returncode == 0:
        return cost, None
    return cost, f"exit {process.returncode}\n{said.read_text(errors='replace')[-3000:]}"


def scores(table: Table, y: npt.NDArray[Any], predictions: Floats) -> dict[str, float]:
    """Return the scores of `predictions` of the target's values `y`."""
    if table.task == "regression":
        rmse = float(np.sqrt(np.mean((y - predictions) ** 2)))
        found = {"root_mean_squared_error": rmse, "r2": r2_score(y, predictions)}
    elif table.task == "binary":
        positive = y == table.positive
        found = {
            "roc_auc": roc_auc_score(positive, predictions),
            "log_loss": log_loss(positive, predictions),
        }
    else:
        classes = np.unique(y)
        found = {
            "accuracy": accuracy_score(y, classes[predictions.argmax(axis=1)]),
            "log_loss": log_loss(y, predictions, labels=classes),
        }
    return {name: round(float(value), 6) for name, value in found.items()}
