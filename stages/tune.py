"""Search the parameters of one candidate within train, by cross-validation.

The whole pipeline is fitted anew in each fold, features included, so that no fold is scored
by what was learnt from its own rows. The budget is a number of trials, never a time: the
same seed finds the same parameters on a slow machine.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone

from stages.core.errors import LoopwrightError
from stages.core.estimators import build_estimator, parameters_of, with_parameters
from stages.core.files import published, write_json
from stages.core.models import load_model, recorded_sha256
from stages.core.params import Candidate, Range, Tune, read_params
from stages.core.progress import progress
from stages.core.scoring import goodness, scores
from stages.core.splits import folds
from stages.core.tables import read_table
from stages.core.targets import truth

Ints = npt.NDArray[np.int64]
Fold = tuple[Ints, Ints]
Parameters = dict[str, int | float]


@dataclass(frozen=True)
class Trial:
    """One set of parameters, and its score on each fold and on average."""

    parameters: Parameters
    folds: tuple[float, ...]
    score: float


def check_space(space: dict[str, Range], candidate: Candidate) -> None:
    """Check that `space` names parameters of `candidate`, and holds values that they can take.

    Raises:
        LoopwrightError: it does not.
    """
    if not space:
        raise LoopwrightError("tune.space: nothing to search; name a parameter, or set trials: 0")
    for name, interval in space.items():
        # A whole number of a YAML range is read as a float.
        for bound in (interval.low, interval.high):
            whole = isinstance(getattr(candidate, name, None), int)
            value = int(bound) if whole and bound.is_integer() else bound
            with_parameters(candidate, {name: value}, "tune.space")


def search(score: Callable[[Parameters], Sequence[float]], tune: Tune) -> list[Trial]:
    """Return `tune.trials` trials, in their order; the first has the parameters of `tune.start`.

    The sampler is Optuna's tree-structured Parzen estimator (Bergstra and others, 2011).

    Args:
        score: the score on each fold, from parameters.
        tune: the start, the space, the budget, the seed and which of `SCORES` to improve.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=tune.random_state)
    )
    scoring = tune.scoring
    own = {name: parameters_of(tune.start)[name] for name in tune.space}
    if all(tune.space[name].low <= value <= tune.space[name].high for name, value in own.items()):
        study.enqueue_trial(own)
    trials: list[Trial] = []
    with progress(tune.trials) as step:
        for number in range(tune.trials):
            best = max((goodness(scoring, trial.score) for trial in trials), default=None)
            found = "" if best is None else f", best {scoring} {goodness(scoring, best):.6f}"
            step(f"trial {number + 1} of {tune.trials}{found}")
            asked = study.ask()
            parameters = {
                name: _suggest(asked, name, interval, isinstance(own[name], int))
                for name, interval in tune.space.items()
            }
            by_fold = tuple(score(parameters))
            trials.append(Trial(parameters, by_fold, round(float(np.mean(by_fold)), 6)))
            study.tell(asked, goodness(scoring, trials[-1].score))
    return trials


def _suggest(trial: Any, name: str, interval: Range, whole: bool) -> int | float:
    """Return a value for parameter `name`, with six digits: those that are written down."""
    if whole:
        return int(trial.suggest_int(name, int(interval.low), int(interval.high), log=interval.log))
    return float(f"{trial.suggest_float(name, interval.low, interval.high, log=interval.log):.6g}")


def cross_validated(
    frame: pd.DataFrame,
    y: Ints,
    dealt: Sequence[Fold],
    estimator: Callable[[Parameters], Any],
    scoring: str,
) -> Callable[[Parameters], list[float]]:
    """Return a function that scores parameters on each fold.

    Args:
        frame: the raw train rows.
        y: 1 for positive, 0 for negative, shape (rows,).
        dealt: the positions of the rows to fit on and of those to score, by fold.
        estimator: makes a new estimator from parameters.
        scoring: which of `SCORES`.
    """

    def score(parameters: Parameters) -> list[float]:
        found = []
        for fitting, scored in dealt:
            fitted = estimator(parameters).fit(frame.iloc[fitting], y[fitting])
            y_prob = fitted.predict_proba(frame.iloc[scored])[:, 1]
            found.append(scores("binary", y[scored], y_prob, [scoring])[scoring])
        return found

    return score


def best_of(trials: Sequence[Trial], scoring: str) -> Trial:
    """Return the trial with the best score, the earliest on a tie."""
    return max(trials, key=lambda trial: goodness(scoring, trial.score))


def table(trials: Sequence[Trial], tune: Tune) -> pd.DataFrame:
    """Return a row a trial: its number, score, score by fold and parameters."""
    by_fold = [f"fold_{number + 1}" for number in range(tune.folds)]
    rows = [
        [number, trial.score, *trial.folds, *(trial.parameters[name] for name in tune.space)]
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
        check_space(chosen.tune.space, start)
        frame = read_table(train)
        y = truth(frame, chosen.charter.target)
        pipeline = load_model(features, recorded_sha256(feature_list))
        random_state, rule = chosen.tune.random_state, chosen.charter.rule.expression

        def estimator(parameters: Parameters) -> Any:
            tried = with_parameters(start, parameters, "tune.space")
            return build_estimator(tried, random_state, clone(pipeline), rule)

        dealt = folds(
            frame,
            chosen.split,
            chosen.charter.target,
            chosen.charter.key,
            chosen.tune.folds,
            random_state,
        )
        found = search(cross_validated(frame, y, dealt, estimator, scoring), chosen.tune)
    best = best_of(found, scoring) if found else None
    with published(trials) as temporary:
        table(found, chosen.tune).to_csv(temporary, index=False, lineterminator="\n")
    write_json(
        best_params,
        {
            "status": "searched" if best else "off",
            "candidate": chosen.tune.candidate,
            # All of them: what was scored is what is fitted.
            "parameters": parameters_of(start) | best.parameters if best else {},
            "scoring": scoring,
            "score": best.score if best else None,
            "trials": len(found),
        },
    )
