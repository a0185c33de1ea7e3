"""The training curve: the loss on both splits as iterations are added."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline

from stages.core.files import published
from stages.core.fitting import Rows
from stages.core.params import Task
from stages.core.scoring import scores
from stages.train.race import Entry, Prepared

# More points of the training curve than this are not seen, and cost a file write each.
CURVE_POINTS = 75

# What is drawn, by task.
LOSS: dict[Task, str] = {
    "binary": "log_loss",
    "multiclass": "log_loss",
    "regression": "root_mean_squared_error",
}


@dataclass(frozen=True)
class Point:
    """The loss after some iterations of a fit."""

    iteration: int
    train: float
    validation: float


def shown(entries: Sequence[Entry], best: Entry, task: Task) -> Entry:
    """Return the entry whose curve is drawn: the best that is fitted by iterations, or `best`."""
    return next((e for e in (best, *entries) if _staged(e, task)), best)


def _staged(entry: Entry, task: Task) -> Any:
    """Return the function that gives predictions by iteration, or None."""
    if not isinstance(entry.estimator, Pipeline):
        return None
    name = "staged_predict" if task == "regression" else "staged_predict_proba"
    return getattr(entry.estimator[-1], name, None)


def curve(entry: Entry, task: Task, prepared: Prepared) -> list[Point]:
    """Return the loss by iteration: `CURVE_POINTS` at most and the last; one if not staged."""
    loss, staged = LOSS[task], _staged(entry, task)
    if staged is None:
        return [Point(1, entry.train[loss], entry.validation[loss])]
    last = entry.estimator[-1].n_iter_
    every = ceil(last / CURVE_POINTS)
    iterations = [i for i in range(1, last + 1) if i % every == 0 or i == last]
    ahead = prepared.features.transform(prepared.validation.frame)
    columns = [
        [
            _loss(task, rows, values, entry)
            for iteration, values in enumerate(staged(X), start=1)
            if iteration in iterations
        ]
        for X, rows in ((prepared.seen, prepared.train), (ahead, prepared.validation))
    ]
    return [Point(*point) for point in zip(iterations, *columns, strict=True)]


def _loss(task: Task, rows: Rows, values: Any, entry: Entry) -> float:
    predicted = values[:, 1] if task == "binary" else values
    classes = list(entry.estimator.classes_) if task == "multiclass" else None
    found = scores(task, rows.y, predicted, [LOSS[task]], classes, rows.weight)
    return found[LOSS[task]]


def write_live(live: Path, points: Sequence[Point], task: Task) -> None:
    """Write `points` at the folder `live` as dvclive lays them out."""
    from dvclive.live import Live

    # Away from the repository: under `dvc exp run` dvclive adds its folder to git.
    with tempfile.TemporaryDirectory() as away:
        with Live(dir=f"{away}/live", dvcyaml=None, save_dvc_exp=False, report=None) as log:
            for point in points:
                log.step = point.iteration
                log.log_metric(f"train/{LOSS[task]}", point.train)
                log.log_metric(f"validation/{LOSS[task]}", point.validation)
                log.next_step()
        with published(live) as temporary:
            shutil.copytree(f"{away}/live", temporary)
