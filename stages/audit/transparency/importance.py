"""How much each input matters: the answer, and the loss, when it is shuffled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import Evidence, listed, plain
from stages.core.figures import BLUE, INK, elide, figure
from stages.core.statistics import Floats, rank_correlation
from stages.core.verdicts import Verdict, at_least

# Rows that are predicted again for each input: enough for a stable order, and quick.
PERMUTED_ROWS = 1000
# Inputs that are asked about at once.
TOGETHER = 20


@dataclass(frozen=True)
class Importance:
    """How much each input matters, each of shape (repeats, inputs).

    Attributes:
        inputs: their names.
        moved: how far the answer moves in the mean when the input is shuffled, as
            `Evidence.moved` has it.
        lost: mean loss added by shuffling it: the log loss, or the squared error.
    """

    inputs: tuple[str, ...]
    moved: Floats
    lost: Floats

    @property
    def order(self) -> list[str]:
        """The inputs by `moved`, the most important first."""
        return [self.inputs[i] for i in np.argsort(-self.moved.mean(axis=0), kind="stable")]


def permutation_importance(
    e: Evidence, inputs: Sequence[str], repeats: int, size: int = PERMUTED_ROWS
) -> Importance:
    """Shuffle each input in turn, on other rows and in another way at each repeat.

    Importance is how far the probability moves and not how much accuracy is lost (Breiman,
    2001; here `lost`): it is about the model's answer, and free of the noise of the
    outcomes, which on a few thousand rows hides the order of all but the first inputs.
    """
    moved, lost = [], []
    for repeat in range(repeats):
        rng = np.random.default_rng((e.random_state, repeat))
        places = np.sort(rng.permutation(len(e.rows))[:size])
        rows, usual = e.rows.iloc[places], e.predicted[places]
        loss = e.predictions.row_loss[places]
        for answers in _shuffled(e, rows, inputs, rng):
            moved.append(e.moved(usual, answers).mean())
            all_rows = e.predicted.copy()
            all_rows[places] = answers
            lost.append((e.measured(all_rows).row_loss[places] - loss).mean())
    shape = (repeats, len(inputs))
    return Importance(tuple(inputs), np.reshape(moved, shape), np.reshape(lost, shape))


def _shuffled(
    e: Evidence, rows: pd.DataFrame, inputs: Sequence[str], rng: np.random.Generator
) -> Iterator[Floats]:
    """Yield the answers to `rows` with each input in turn shuffled, some inputs at once."""
    for start in range(0, len(inputs), TOGETHER):
        frames = [
            rows.assign(**{name: rows[name].array[rng.permutation(len(rows))]})
            for name in inputs[start : start + TOGETHER]
        ]
        answers = e.ask(pd.concat(frames, ignore_index=True))
        yield from np.split(answers, len(frames))


def stable(
    found: Importance, titles: Sequence[str], min_rank_correlation: float, evidence: tuple[str, ...]
) -> Verdict:
    """Compare the order of the inputs between all pairs of repeats."""
    why = (
        f"how alike {len(found.moved)} repeats order the {len(found.inputs)} inputs; most "
        f"important: {listed(titles)}"
    )
    return agreement("transparency.importance", found.moved, min_rank_correlation, evidence, why)


def agreement(
    check: str, sizes: Floats, min_rank_correlation: float, evidence: tuple[str, ...], why: str
) -> Verdict:
    """Hold the mean rank correlation of all pairs of repeats against a bound.

    Args:
        check: the id of the check.
        sizes: how much each input matters, (repeats, inputs).
        min_rank_correlation: the bound.
        evidence: the files that show it.
        why: what is compared.
    """
    threshold = f">= {plain(min_rank_correlation)}"
    pairs = [rank_correlation(a, b) for a, b in combinations(sizes, 2)]
    if sizes.shape[1] < 3 or np.isnan(pairs).any():
        why = "an order needs three inputs that matter, or more"
        return Verdict(check, "not_applicable", None, None, threshold, evidence, why)
    value, interval = float(np.mean(pairs)), (min(pairs), max(pairs))
    status = at_least(value, interval, min_rank_correlation)
    return Verdict(check, status, value, interval, threshold, evidence, why)


def importance_table(e: Evidence, found: Importance) -> list[dict[str, Any]]:
    """Return every input with its importance, the most important first."""
    moved, lost = found.moved.mean(axis=0), found.lost.mean(axis=0)
    return [
        {
            "Input": e.title(name),
            "Column": name,
            "Moves the answer by": float(moved[found.inputs.index(name)]),
            "Least": float(found.moved[:, found.inputs.index(name)].min()),
            "Greatest": float(found.moved[:, found.inputs.index(name)].max()),
            "Loss added": float(lost[found.inputs.index(name)]),
        }
        for name in found.order
    ]


def draw_importance(e: Evidence, found: Importance, top: int) -> Figure:
    """Draw how far the answer moves without each of the first inputs."""
    names = found.order[: max(top, 1)]
    size, unit = 100.0, "percentage points by which the probability moves when the\n"
    if e.task == "regression":
        size, unit = 1.0, "standard deviations by which the prediction moves when the\n"
    fig, ax = figure(7.2, 1.3 + 0.3 * len(names))
    for y, name in enumerate(names):
        column = size * found.moved[:, found.inputs.index(name)]
        ax.barh(y, column.mean(), color=BLUE, height=0.6)
        ax.plot((column.min(), column.max()), (y, y), color=INK, linewidth=2.0)
    ax.set(
        title="What does the model look at?",
        xlabel=f"{unit}input is shuffled; black: least to greatest of {len(found.moved)} repeats",
        yticks=range(len(names)),
        yticklabels=[elide(e.title(name), 40) for name in names],
        ylim=(len(names) - 0.5, -0.5),
    )
    ax.grid(axis="y", visible=False)
    return fig
