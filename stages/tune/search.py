"""Try sets of parameters, the next where the last ones say that it pays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.errors import LoopwrightError
from stages.core.estimators import parameters_of, with_parameters
from stages.core.params import Candidate, Range, Tune
from stages.core.progress import progress
from stages.core.scoring import goodness

Parameters = dict[str, int | float]

# Before so many trials are whole there is no median to hold a trial against.
TRIALS_BEFORE_PRUNING = 5


@dataclass(frozen=True)
class Trial:
    """One set of parameters, and its score on each fold and on average.

    Attributes:
        parameters: by name.
        folds: the scores of the folds that were fitted.
        score: their mean; None where the trial was given up before the last.
    """

    parameters: Parameters
    folds: tuple[float, ...]
    score: float | None


def check_space(tune: Tune) -> None:
    """Check that the space names parameters of the start, and values that they can take.

    Raises:
        LoopwrightError: it does not, or a set of `enqueue` lies outside of it.
    """
    start = parameters_of(tune.start)
    if not tune.space:
        raise LoopwrightError("tune.space: nothing to search; name a parameter, or set trials: 0")
    for name, interval in tune.space.items():
        if name in start and start[name] is None:
            raise LoopwrightError(
                f"tune.space.{name}: tune.start.{name} is null; give it a number to start from"
            )
        # A whole number of a YAML range is read as a float.
        for bound in (interval.low, interval.high):
            whole = isinstance(start.get(name), int)
            value = int(bound) if whole and bound.is_integer() else bound
            with_parameters(tune.start, {name: value}, "tune.space")
    for place, wanted in enumerate(tune.enqueue):
        _check_enqueued(wanted, tune, f"tune.enqueue.{place}")


def _check_enqueued(wanted: Parameters, tune: Tune, where: str) -> None:
    with_parameters(tune.start, wanted, where)
    for name, value in wanted.items():
        interval = tune.space.get(name)
        if interval is None:
            raise LoopwrightError(
                f"{where}.{name}: tune.space does not search it; put it into tune.start"
            )
        if not interval.low <= value <= interval.high:
            raise LoopwrightError(
                f"{where}.{name}: {value:g} lies outside of tune.space, which goes from "
                f"{interval.low:g} to {interval.high:g}"
            )


def search(score: Callable[[Parameters], Iterator[float]], tune: Tune) -> list[Trial]:
    """Return `tune.trials` trials, in their order; the first are the start and `enqueue`.

    The sampler is Optuna's tree-structured Parzen estimator (Bergstra and others, 2011). A
    trial that is given up stays below the median of those before it (Golovin and others,
    Google Vizier, 2017), which is asked after each fold but the last.

    Args:
        score: yields the score on each fold, from parameters.
        tune: the start, the space, the budget, the seed and which score to improve.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=TRIALS_BEFORE_PRUNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=tune.random_state),
        pruner=pruner if tune.prune else optuna.pruners.NopPruner(),
    )
    own = {name: parameters_of(tune.start)[name] for name in tune.space}
    for known in ({}, *tune.enqueue):
        wanted = own | known
        if all(tune.space[name].low <= n <= tune.space[name].high for name, n in wanted.items()):
            study.enqueue_trial(wanted)
    trials: list[Trial] = []
    with progress(tune.trials) as step:
        for number in range(tune.trials):
            best = best_of(trials, tune.scoring)
            found = "" if best is None else f", best {tune.scoring} {best.score:.6f}"
            step(f"trial {number + 1} of {tune.trials}{found}")
            trials.append(_tried(study, score, own, tune))
    return trials


def _tried(
    study: Any, score: Callable[[Parameters], Iterator[float]], own: Parameters, tune: Tune
) -> Trial:
    """Ask `study` for parameters, score them fold by fold, and tell it what came of them."""
    import optuna

    asked = study.ask()
    parameters = {
        name: _suggest(asked, name, interval, isinstance(own[name], int))
        for name, interval in tune.space.items()
    }
    by_fold: list[float] = []
    for found in score(parameters):
        by_fold.append(found)
        mean = round(float(np.mean(by_fold)), 6)
        asked.report(goodness(tune.scoring, mean), len(by_fold))
        if len(by_fold) < tune.folds and asked.should_prune():
            study.tell(asked, state=optuna.trial.TrialState.PRUNED)
            return Trial(parameters, tuple(by_fold), None)
    study.tell(asked, goodness(tune.scoring, mean))
    return Trial(parameters, tuple(by_fold), mean)


def _suggest(trial: Any, name: str, interval: Range, whole: bool) -> int | float:
    """Return a value for parameter `name`, with six digits: those that are written down."""
    if whole:
        return int(trial.suggest_int(name, int(interval.low), int(interval.high), log=interval.log))
    return float(f"{trial.suggest_float(name, interval.low, interval.high, log=interval.log):.6g}")


def best_of(trials: list[Trial], scoring: str) -> Trial | None:
    """Return the whole trial with the best score, the earliest on a tie; None without one."""
    whole = [trial for trial in trials if trial.score is not None]
    return max(whole, key=lambda trial: goodness(scoring, trial.score or 0.0), default=None)


def tried(start: Candidate, parameters: Parameters) -> Candidate:
    """Return the start with the parameters of a trial."""
    return with_parameters(start, parameters, "tune.space")
