"""Fit baselines, candidates and their ensemble on train; validation chooses among them.

The dummy and the charter's rule stand in the same race as the models. Where one of them
wins, nothing was learnt that they do not know, and the manifest says so.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.errors import LoopwrightError
from stages.core.estimators import Setup, inputs_of, with_parameters
from stages.core.files import published, read_json, write_json, write_text
from stages.core.fitting import Rows
from stages.core.iterations import Deal
from stages.core.models import load_model, recorded_sha256, save_model
from stages.core.monotonic import directions
from stages.core.params import Candidate, Target, Train, read_params
from stages.core.progress import progress
from stages.core.scoring import check_truth
from stages.core.splits import folds
from stages.core.tables import read_table
from stages.core.targets import truth, weights_of
from stages.train.blend import blend
from stages.train.calibrate import calibrated
from stages.train.curve import curve, shown, write_live
from stages.train.picture import write_figures
from stages.train.race import Entry, Prepared, prepare, run
from stages.train.standings import finding, judge, timings
from stages.train.standings import leaderboard as leaderboard_of


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


def rows_of(path: Path, target: Target, sample_weight: str | None) -> Rows:
    """Read the rows of a split with their truth and weights.

    Raises:
        LoopwrightError: the table is missing or broken, or there is nothing to tell apart.
    """
    frame = read_table(path)
    y = truth(frame, target)
    check_truth(target.task, y, path)
    return Rows(frame, y, weights_of(frame, sample_weight))


def check_known(train: Rows, validation: Rows, target: Target, path: Path) -> None:
    """Check that train has every class that is to be predicted, and a logarithm its numbers.

    Raises:
        LoopwrightError: validation has a class that no model could have learnt.
    """
    if target.task != "multiclass":
        return
    unknown = sorted(set(validation.y) - set(train.y))
    if unknown:
        raise LoopwrightError(
            f"{path}: class '{unknown[0]}' of '{target.column}' is not in train, so that no model "
            "can have learnt it; get more rows of it, or see the section split in params.yaml"
        )


def check_logarithm(train: Train, rows: Rows, target: Target) -> None:
    """Check that a logarithm of the target can be taken where one is asked for.

    Raises:
        LoopwrightError: a number is -1 or less.
    """
    if train.target_transform == "log1p" and rows.y.min() <= -1:
        raise LoopwrightError(
            f"train.target_transform: log1p needs numbers above -1, and '{target.column}' goes "
            f"down to {rows.y.min():g}; take quantile or none"
        )


def race(
    train: Train, candidates: dict[str, Candidate], setup: Setup, prepared: Prepared, deal: Deal
) -> list[Entry]:
    """Fit and score each of `candidates`, the simplest first, and their ensemble at the end."""
    entries: list[Entry] = []
    with progress(len(candidates) + (train.ensemble is not None)) as step:
        for name, candidate in candidates.items():
            step(f"fitting {name}")
            entries.append(run(name, candidate, setup, prepared, deal))
        if train.ensemble is not None:
            step("weighting the ensemble")
            entries.append(blend(entries, train.ensemble, setup, train.scoring, prepared, deal))
    return entries


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
    train_figures: Path,
    live: Path,
) -> None:
    """Fit, choose, and write the winner with its manifest, the standings and a curve.

    Raises:
        LoopwrightError: params.yaml is at fault, an input is missing or broken, or a split
            has one outcome only.
    """
    chosen = read_params(params)
    target, split, key = chosen.charter.target, chosen.split, chosen.charter.key
    pipeline = load_model(features, recorded_sha256(feature_list))
    weight = chosen.charter.sample_weight
    fitting, ahead = (rows_of(path, target, weight) for path in (train, validation))
    check_known(fitting, ahead, target, validation)
    check_logarithm(chosen.train, fitting, target)
    candidates = tuned(chosen.train.candidates, read_json(best_params))
    random_state, scoring = chosen.train.random_state, chosen.train.scoring
    calibration = chosen.train.calibration
    setup = Setup(
        task=target.task,
        rule=chosen.charter.rule.expression,
        random_state=random_state,
        target_transform=chosen.train.target_transform,
        directions=directions(pipeline, chosen.charter.monotonic),
    )

    def deal(frame: pd.DataFrame, n_folds: int) -> Any:
        return folds(frame, split, target, key, n_folds, random_state)

    def refine(winner: Entry) -> Entry | None:
        if calibration is None:
            return None
        return calibrated(winner, calibration, setup, prepared, deal)

    prepared = prepare(pipeline, fitting, ahead)
    entries = race(chosen.train, candidates, setup, prepared, deal)
    standings = judge(
        entries,
        target.task,
        scoring,
        chosen.train.choice == "simplest",
        ahead,
        None if split.group is None else ahead.frame[split.group].to_numpy(),
        chosen.train.bootstrap,
        random_state,
        refine,
    )
    best = standings.best
    sha256 = save_model(model, best.estimator)
    with published(leaderboard) as temporary:
        leaderboard_of(standings).to_csv(temporary, index=False, lineterminator="\n")
    # Seconds differ from run to run, so they are no output: nothing is made of this file.
    write_text(
        leaderboard.with_name("timings.csv"),
        timings(standings, len(ahead)).to_csv(index=False, lineterminator="\n"),
    )
    write_figures(train_figures, standings)
    write_live(live, curve(shown(entries, best, target.task), target.task, prepared), target.task)
    write_json(
        model_manifest,
        {
            "sha256": sha256,
            "candidate": best.name,
            "estimator": best.kind,
            "inputs": inputs_of(best.estimator),
            "features": list(best.features),
            "rows": len(fitting),
            "scoring": scoring,
            "calibration": best.calibration,
            "parameters": best.parameters,
            "finding": finding(standings),
        },
    )
