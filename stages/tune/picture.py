"""The search as a picture: how the score went, and where in the space the good ones lie."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from stages.core.figures import BLUE, MUTED, VERMILION, figure, house_style, save
from stages.core.files import published
from stages.core.metrics import METRICS
from stages.core.params import Tune
from stages.core.scoring import goodness
from stages.tune.search import Trial, best_of

COLUMNS = 4


def draw(trials: Sequence[Trial], tune: Tune) -> Figure:
    """Return a panel of the scores by trial, and one a searched parameter."""
    if not trials:
        return _nothing()
    names = list(tune.space)
    rows = 1 + ceil(len(names) / COLUMNS)
    fig, axes = figure(
        10, 2.6 * rows, nrows=rows, ncols=COLUMNS, squeeze=False, gridspec_kw={"hspace": 0.1}
    )
    for ax in axes[0]:
        ax.remove()
    _history(fig.add_subplot(axes[0, 0].get_gridspec()[0, :]), trials, tune)
    panels = list(axes[1:].ravel())
    for ax, name in zip(panels, names, strict=False):
        _slice(ax, trials, tune, name)
    for ax in panels[len(names) :]:
        ax.remove()
    return fig


def _nothing() -> Figure:
    fig, ax = figure(height=1.4)
    ax.axis("off")
    ax.text(0.5, 0.5, "Nothing was searched: tune.trials is 0", ha="center", color=MUTED)
    return fig


def _history(ax: Any, trials: Sequence[Trial], tune: Tune) -> None:
    title = METRICS[tune.scoring].title
    numbers = np.arange(len(trials))
    whole = np.array([trial.score is not None for trial in trials])
    means = np.array([float(np.mean(trial.folds)) for trial in trials])
    ax.plot(numbers[whole], means[whole], "o", color=BLUE, markersize=5, label="trial")
    if not whole.all():
        ax.plot(
            numbers[~whole], means[~whole], "x", color=MUTED, markersize=5, label="given up early"
        )
    scores = [
        best.score
        for place in range(len(trials))
        if (best := best_of(list(trials[: place + 1]), tune.scoring)) is not None
    ]
    ax.step(
        numbers[len(numbers) - len(scores) :],
        scores,
        where="post",
        color=VERMILION,
        label="best so far",
    )
    ax.set(
        title=f"The best of {len(trials)} trials has {title} {scores[-1]:g}",
        xlabel="trial",
        ylabel=f"{title}, mean of folds",
    )
    ax.legend()


def _slice(ax: Any, trials: Sequence[Trial], tune: Tune, name: str) -> None:
    whole = [trial for trial in trials if trial.score is not None]
    values = [trial.parameters[name] for trial in whole]
    scores = [trial.score for trial in whole]
    place = int(np.argmax([goodness(tune.scoring, score or 0.0) for score in scores]))
    ax.plot(values, scores, "o", color=BLUE, markersize=4)
    ax.plot(values[place], scores[place], "o", color=VERMILION, markersize=7)
    if tune.space[name].log:
        ax.set_xscale("log")
    ax.set(xlabel=name)


def write_figures(folder: Path, trials: Sequence[Trial], tune: Tune) -> None:
    """Write the figure as ``search.png`` in a folder of its own."""
    with published(folder) as temporary, house_style():
        temporary.mkdir()
        save(draw(trials, tune), temporary / "search.png")
