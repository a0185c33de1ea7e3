"""The figures of a decision among several classes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from stages.core.curves import calibration_points, leading_classes
from stages.core.figures import (
    BLACK,
    BLUE,
    MUTED,
    SEQUENTIAL,
    SMALL,
    elide,
    figure,
    panels,
)
from stages.core.metrics import ClassPredictions, roc_auc
from stages.core.numbers import number, percent

MOST = 9
REST = "all others"


def confusion(p: ClassPredictions, names: Sequence[str]) -> Figure:
    """Draw what is decided of each class: the `MOST` frequent ones, and all others as one."""
    shown = leading_classes(p, MOST)
    place = np.full(len(p.classes) + 1, len(shown))
    place[shown] = np.arange(len(shown))
    actual, decided = place[p.y_true], place[p.y_pred]
    rest = bool((actual == len(shown)).any() or (decided == len(shown)).any())
    k = len(shown) + rest
    counts = np.zeros((k, k), dtype=np.int64)
    np.add.at(counts, (actual, decided), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [elide(names[i], 18) for i in shown] + [REST] * rest
    fig, ax = figure(min(3.4 + 0.75 * k, 10), min(2.4 + 0.55 * k, 8))
    ax.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        ax.text(
            column,
            row,
            number(int(counts[row, column])),
            ha="center",
            va="center",
            fontsize=SMALL,
            color="white" if share < 0.55 else BLACK,
        )
    right = float(np.mean(p.y_true == p.y_pred))
    ax.set(
        title=f"What is decided of each class: {percent(right)} right",
        xlabel="Decided",
        ylabel="Actual (brighter: a larger share of the row)",
    )
    ax.set_xticks(range(k), labels, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(k), labels)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return fig


def roc_by_class(points: pd.DataFrame, p: ClassPredictions, names: Sequence[str]) -> Figure:
    """Draw the ROC curve of each of the most frequent classes against the rest."""
    shown = leading_classes(p, MOST)
    fig, axes = panels(
        len(shown),
        3,
        (2.1, 2.1),
        "How each class is told from the rest: ROC curves",
        _note(p, len(shown), "dashed: chance"),
    )
    for ax, place in zip(axes, shown, strict=True):
        own = points[points["class"] == names[place]]
        area = _area(p, place)
        ax.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1)
        ax.plot(own["fpr"], own["tpr"], color=BLUE)
        ax.set_title(f"{elide(names[place], 20)}: {number(area)}", fontsize=SMALL)
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    _label(axes, "False positive rate", "True positive rate")
    return fig


def reliability_by_class(p: ClassPredictions, names: Sequence[str]) -> Figure:
    """Draw, for each of the most frequent classes, how often it happens by its probability."""
    shown = leading_classes(p, MOST)
    fig, axes = panels(
        len(shown),
        3,
        (2.1, 2.1),
        "Is the probability of each class what it says? Calibration",
        _note(p, len(shown), "dashed: perfect; bars: 95 % intervals"),
    )
    for ax, place in zip(axes, shown, strict=True):
        points = calibration_points(p.one_class(place))
        ax.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1)
        off = [points["prob_true"] - points["low"], points["high"] - points["prob_true"]]
        ax.errorbar(
            points["prob_pred"],
            points["prob_true"],
            yerr=off,
            color=BLUE,
            marker="o",
            markersize=3.5,
            capsize=2,
            linewidth=1.2,
        )
        ax.set_title(elide(names[place], 24), fontsize=SMALL)
        top = min(max(points["high"].max(), points["prob_pred"].max()) * 1.08, 1.02)
        ax.set(xlim=(-0.02, top), ylim=(-0.02, top))
    _label(axes, "Predicted probability", "Share that happens")
    return fig


def _note(p: ClassPredictions, shown: int, text: str) -> str:
    left = len(p.classes) - shown
    of = f"the {shown} most frequent of {len(p.classes)} classes; " if left > 0 else ""
    return f"{of}{text}; {number(len(p))} rows"


def _area(p: ClassPredictions, place: int) -> float:
    one = p.one_class(place)
    weights: npt.NDArray[np.float64] = np.ones((1, len(p)))
    return float(roc_auc(one, weights if p.sample_weight is None else p.sample_weight[None])[0])


def _label(axes: Sequence[object], x: str, y: str) -> None:
    """Label the outer panels: the last of each column and the first of each row."""
    for place, ax in enumerate(axes):
        if place % 3 == 0:
            ax.set_ylabel(y, fontsize=SMALL)  # type: ignore[attr-defined]
        if place + 3 >= len(axes):
            ax.set_xlabel(x, fontsize=SMALL)  # type: ignore[attr-defined]
