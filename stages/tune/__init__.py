"""Search the parameters of one candidate within train, by cross-validation.

The whole pipeline is fitted anew in each fold, features included, so that no fold is scored
by what was learnt from its own rows. The budget is a number of trials, never a time: the
same seed finds the same parameters on a slow machine.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from stages.core.cross_fit import Fold, cross_fit, predict_held
from stages.core.estimators import Setup, build_learner, parameters_of
from stages.core.files import published, write_json
from stages.core.fitting import Rows
from stages.core.iterations import Deal, stopped_early
from stages.core.models import load_model, recorded_sha256
from stages.core.monotonic import directions
from stages.core.params import Candidate, Tune, read_params
from stages.core.scoring import check_truth, scores
from stages.core.splits import folds
from stages.core.tables import read_table
from stages.core.targets import truth, weights_of
from stages.tune.picture import write_figures
from stages.tune.search import Parameters, Trial, best_of, check_space, search, tried


def cross_validated(
    dealt: Sequence[Fold],
    candidate: Callable[[Parameters], Candidate],
    setup: Setup,
    features: Pipeline,
    deal: Deal,
    scoring: str,
) -> Callable[[Parameters], Iterator[float]]:
    """Return a function that yields the score of parameters on each fold.

    Args:
        dealt: the folds with their features, computed once for all trials.
        candidate: the candidate with parameters.
        setup: the task, the seed and the rest that all candidates share.
        features: the feature pipeline, for rows that stop a booster early.
        deal: deals those.
        scoring: which score.
    """
    several = setup.task == "multiclass"
    classes = np.unique([label for f in dealt for label in (*f.inner.y, *f.held.y)])
    labels = [str(label) for label in classes] if several else None

    def score(parameters: Parameters) -> Iterator[float]:
        for fold in dealt:
            settled = stopped_early(candidate(parameters), setup, features, fold.inner, deal)
            learner = Pipeline(build_learner(settled, setup))
            values = predict_held(learner, fold, setup.task, classes if several else None)
            held = fold.held
            yield scores(setup.task, held.y, values, [scoring], labels, held.weight)[scoring]

    return score


def table(trials: Sequence[Trial], tune: Tune) -> pd.DataFrame:
    """Return a row a trial: its number, score, score by fold and parameters."""
    by_fold = [f"fold_{number + 1}" for number in range(tune.folds)]
    rows = [
        [
            number,
            trial.score,
            *trial.folds,
            *[None] * (tune.folds - len(trial.folds)),
            *(trial.parameters[name] for name in tune.space),
        ]
        for number, trial in enumerate(trials)
    ]
    return pd.DataFrame(rows, columns=["trial", tune.scoring, *by_fold, *tune.space])


def main(
    *,
    params: Path,
    train: Path,
    features: Path,
    feature_list: Path,
    best_params: Path,
    trials: Path,
    tune_figures: Path,
) -> None:
    """Search, or write down that nothing was searched.

    Raises:
        LoopwrightError: params.yaml is at fault, an input is missing or broken, or the
            rows cannot be dealt to folds.
    """
    chosen = read_params(params)
    start, scoring = chosen.tune.start, chosen.tune.scoring
    found: list[Trial] = []
    if chosen.tune.trials:
        check_space(chosen.tune)
        target, split, key = chosen.charter.target, chosen.split, chosen.charter.key
        frame = read_table(train)
        y = truth(frame, target)
        check_truth(target.task, y, train)
        rows = Rows(frame, y, weights_of(frame, chosen.charter.sample_weight))
        pipeline = load_model(features, recorded_sha256(feature_list))
        random_state = chosen.tune.random_state
        setup = Setup(
            task=target.task,
            rule=chosen.charter.rule.expression,
            random_state=random_state,
            target_transform=chosen.train.target_transform,
            directions=directions(pipeline, chosen.charter.monotonic),
        )

        def deal(part: pd.DataFrame, n_folds: int) -> Any:
            return folds(part, split, target, key, n_folds, random_state)

        dealt = list(cross_fit(pipeline, rows, deal(frame, chosen.tune.folds)))
        score = cross_validated(
            dealt, lambda given: tried(start, given), setup, pipeline, deal, scoring
        )
        found = search(score, chosen.tune)
    best = best_of(found, scoring)
    with published(trials) as temporary:
        table(found, chosen.tune).to_csv(temporary, index=False, lineterminator="\n")
    write_figures(tune_figures, found, chosen.tune)
    write_json(
        best_params,
        {
            "status": "searched" if best else "off",
            "candidate": chosen.tune.candidate,
            # All of them: what was scored is what is fitted.
            "parameters": parameters_of(start) | best.parameters if best else {},
            "scoring": scoring,
            "score": best.score if best else None,
            "start_score": found[0].score if best else None,
            "trials": len(found),
            "given_up": sum(trial.score is None for trial in found),
        },
    )
