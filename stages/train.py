"""Fit baselines and candidates on train; the validation split chooses among them.

The dummy and the charter's rule stand in the same race as the models. Where one of them
wins, nothing was learnt that they do not know, and the manifest says so.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.core.errors import LoopwrightError
from stages.core.estimators import build_estimator, inputs_of, parameters_of, with_parameters
from stages.core.files import published, read_json, write_json
from stages.core.models import load_model, recorded_sha256, save_model
from stages.core.params import Candidate, read_params
from stages.core.progress import progress
from stages.core.scoring import check_truth, goodness, predicted, scores
from stages.core.tables import read_table
from stages.core.targets import truth

Ints = npt.NDArray[np.int64]
# Raw rows, and 1 or 0 for each.
Split = tuple[pd.DataFrame, Ints]

# Candidates that learn nothing from single rows.
BASELINES = ("dummy", "rule")

# More points of the training curve than this are not seen, and cost a file write each.
CURVE_POINTS = 75


@dataclass(frozen=True)
class Entry:
    """A fitted candidate and its scores.

    Attributes:
        name: of the candidate in params.yaml.
        candidate: its estimator and parameters, those found by tune included.
        estimator: fitted on train; takes the raw frame.
        features: the names of what it learns from.
        validation: its scores on validation.
        train: its scores on train.
    """

    name: str
    candidate: Candidate
    estimator: Any
    features: tuple[str, ...]
    validation: dict[str, float]
    train: dict[str, float]


@dataclass(frozen=True)
class Point:
    """The log loss after some iterations of a fit."""

    iteration: int
    train: float
    validation: float


def tuned(candidates: dict[str, Candidate], best_params: dict[str, Any]) -> dict[str, Candidate]:
    """Return `candidates` with the parameters that tune found for one of them.

    Raises:
        LoopwrightError: that candidate is gone, or has another estimator by now.
    """
    name, parameters = best_params["candidate"], best_params["parameters"]
    if not parameters:
        return candidates
    if name not in candidates:
        raise LoopwrightError(
            f"tune searched for candidate '{name}', which train.candidates no longer has; "
            "run `dvc repro`"
        )
    return {**candidates, name: with_parameters(candidates[name], parameters, f"tune: {name}")}


def fit(
    candidate: Candidate,
    features: Pipeline,
    rule: str,
    random_state: int,
    train: pd.DataFrame,
    transformed: pd.DataFrame,
    y: Ints,
) -> Any:
    """Return the estimator of `candidate`, fitted; it takes the raw frame.

    Args:
        candidate: what to fit.
        features: the fitted feature pipeline; it becomes a part of the estimator.
        rule: the charter's rule.
        random_state: the seed.
        train: the raw rows.
        transformed: what `features` makes of them, computed once for all candidates.
        y: 1 for positive, 0 for negative, shape (rows,).
    """
    estimator = build_estimator(candidate, random_state, features, rule)
    if isinstance(estimator, Pipeline):
        # The steps after the features; the slice shares them with the whole.
        estimator[1:].fit(transformed, y)
        return estimator
    return estimator.fit(train, y)


def race(
    candidates: dict[str, Candidate],
    features: Pipeline,
    rule: str,
    random_state: int,
    train: Split,
    validation: Split,
) -> list[Entry]:
    """Fit each of `candidates` on train and score it on both splits.

    Args:
        candidates: by name, the simplest first.
        features: the fitted feature pipeline.
        rule: the charter's rule.
        random_state: the seed.
        train: what to fit on.
        validation: what chooses later.
    """
    transformed = features.transform(train[0])
    kept = tuple(str(name) for name in features.get_feature_names_out())
    entries = []
    with progress(len(candidates)) as step:
        for name, candidate in candidates.items():
            step(f"fitting {name}")
            estimator = fit(
                candidate, features, rule, random_state, train[0], transformed, train[1]
            )
            found = [
                scores("binary", y, predicted(estimator, frame, "binary")) for frame, y in (validation, train)
            ]
            learnt = kept if isinstance(estimator, Pipeline) else tuple(inputs_of(estimator))
            entries.append(Entry(name, candidate, estimator, learnt, *found))
    return entries


def winner(entries: Sequence[Entry], scoring: str) -> Entry:
    """Return the entry with the best validation score, the earliest on a tie."""
    return max(entries, key=lambda entry: goodness(scoring, entry.validation[scoring]))


def finding(best: Entry, scoring: str) -> str | None:
    """Return what it means that a baseline won, or None where a model did."""
    if best.candidate.estimator not in BASELINES:
        return None
    return (
        f"no model has a better {scoring} on validation than the baseline '{best.name}': "
        "what the features know beyond it was not found"
    )


def standings(entries: Sequence[Entry], best: Entry) -> pd.DataFrame:
    """Return a row a candidate, in the order of params.yaml."""
    return pd.DataFrame(
        {
            "candidate": entry.name,
            "estimator": entry.candidate.estimator,
            "features": len(entry.features),
            **{f"validation_{name}": value for name, value in entry.validation.items()},
            **{f"train_{name}": value for name, value in entry.train.items()},
            "winner": entry is best,
        }
        for entry in entries
    )


def shown(entries: Sequence[Entry], best: Entry) -> Entry:
    """Return the entry whose curve is drawn: the best that is fitted by iterations, or `best`."""
    return next((entry for entry in (best, *entries) if _staged(entry)), best)


def _staged(entry: Entry) -> bool:
    return isinstance(entry.estimator, Pipeline) and hasattr(
        entry.estimator[-1], "staged_predict_proba"
    )


def curve(entry: Entry, train: Split, validation: Split) -> list[Point]:
    """Return the log loss by iteration: `CURVE_POINTS` at most and the last; one if not staged."""
    if not _staged(entry):
        return [Point(1, entry.train["log_loss"], entry.validation["log_loss"])]
    last = entry.estimator[-1].n_iter_
    every = ceil(last / CURVE_POINTS)
    iterations = [i for i in range(1, last + 1) if i % every == 0 or i == last]
    losses = [_losses(entry.estimator, split, iterations) for split in (train, validation)]
    return [Point(*point) for point in zip(iterations, *losses, strict=True)]


def _losses(estimator: Pipeline, split: Split, iterations: Sequence[int]) -> list[float]:
    frame, y = split
    stages = estimator[-1].staged_predict_proba(estimator[:-1].transform(frame))
    return [
        scores("binary", y, y_prob[:, 1], ["log_loss"])["log_loss"]
        for iteration, y_prob in enumerate(stages, start=1)
        if iteration in iterations
    ]


def write_live(live: Path, points: Sequence[Point]) -> None:
    """Write `points` at the folder `live` as dvclive lays them out."""
    from dvclive.live import Live

    # Away from the repository: under `dvc exp run` dvclive adds its folder to git.
    with tempfile.TemporaryDirectory() as away:
        with Live(dir=f"{away}/live", dvcyaml=None, save_dvc_exp=False, report=None) as log:
            for point in points:
                log.step = point.iteration
                log.log_metric("train/log_loss", point.train)
                log.log_metric("validation/log_loss", point.validation)
                log.next_step()
        with published(live) as temporary:
            shutil.copytree(f"{away}/live", temporary)


def main(
    *,
    params: Path,
    train: Path,
    validation: Path,
    features: Path,
    feature_list: Path,
    best_params: Path,
    model: Path,
    model_manifest: Path,
    leaderboard: Path,
    live: Path,
) -> None:
    """Fit, choose, and write the winner with its manifest, the standings and a curve.

    Raises:
        LoopwrightError: params.yaml is at fault, an input is missing or broken, or a split
            has one outcome only.
    """
    chosen = read_params(params)
    pipeline = load_model(features, recorded_sha256(feature_list))
    splits = []
    for path in (train, validation):
        frame = read_table(path)
        y = truth(frame, chosen.charter.target)
        check_truth(chosen.charter.task, y, path)
        splits.append((frame, y))
    candidates = tuned(chosen.train.candidates, read_json(best_params))
    rule, random_state = chosen.charter.rule.expression, chosen.train.random_state
    entries = race(candidates, pipeline, rule, random_state, *splits)
    best = winner(entries, chosen.train.scoring)
    sha256 = save_model(model, best.estimator)
    with published(leaderboard) as temporary:
        standings(entries, best).to_csv(temporary, index=False, lineterminator="\n")
    write_live(live, curve(shown(entries, best), *splits))
    write_json(
        model_manifest,
        {
            "sha256": sha256,
            "candidate": best.name,
            "estimator": best.candidate.estimator,
            "inputs": inputs_of(best.estimator),
            "features": list(best.features),
            "rows": len(splits[0][0]),
            "scoring": chosen.train.scoring,
            "parameters": parameters_of(best.candidate),
            "finding": finding(best, chosen.train.scoring),
        },
    )
