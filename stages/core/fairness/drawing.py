"""The groups of each feature as a picture."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from stages.core.fairness.comparison import Comparison
from stages.core.figures import BLUE, FAINT, GREEN, MUTED, PURPLE, VERMILION, elide, figure
from stages.core.params import AuditFairness
from stages.core.statistics import interval


def pictures(
    compared: Sequence[Comparison], bounds: AuditFairness, titles: Mapping[str, str], *, prob: bool
) -> dict[str, Figure]:
    """Return the figures of all features by name.

    Args:
        compared: one a feature, of one outcome.
        bounds: of the pillar.
        titles: what a person calls each feature.
        prob: whether there are probabilities whose calibration can be shown.
    """
    least = bounds.min_demographic_parity_ratio
    found = {
        "selection_rate": draw_groups(
            compared,
            [("Selection rate", BLUE, "acted on")],
            "Are all groups acted on equally often?",
            "share of the group that is acted on, with 95 % interval\n"
            f"grey: below {least:.0%} of the group acted on most",
            titles,
            least,
        ),
        "error_rates": draw_groups(
            compared,
            [
                ("True positive rate", GREEN, "of those who need action: found"),
                ("False positive rate", VERMILION, "of those who do not: acted on in vain"),
            ],
            "Are errors spread equally over the groups?",
            "share, with 95 % interval",
            titles,
        ),
    }
    if prob:
        found["group_calibration"] = draw_groups(
            compared,
            [("Calibration", PURPLE, "mean probability less share of positives")],
            "Is the probability right for every group?",
            "mean probability less share of positives, with 95 % interval\n"
            "right of 0: the risk is overstated",
            titles,
            signed=True,
        )
    return found


def draw_groups(
    compared: Sequence[Comparison],
    measured: Sequence[tuple[str, str, str]],
    title: str,
    xlabel: str,
    titles: Mapping[str, str],
    least_ratio: float | None = None,
    signed: bool = False,
) -> Figure:
    """Draw measures of the groups of each feature, one panel a feature.

    Args:
        compared: one a feature.
        measured: (measure, colour, label) of what is drawn.
        title: what is asked.
        xlabel: what the axis shows.
        titles: what a person calls each feature.
        least_ratio: where given, the zone below that share of the panel's greatest value
            is grey.
        signed: whether the measure goes to both sides of 0.
    """
    heights = [max(len(c.grouping.labels), 2) for c in compared]
    fig, axes = figure(
        7.2,
        1.2 + 0.3 * sum(heights) + 0.35 * len(heights),
        nrows=len(compared),
        squeeze=False,
        sharex=True,
        gridspec_kw={"height_ratios": heights},
    )
    for ax, c in zip(axes[:, 0], compared, strict=True):
        for step, (name, colour, _) in enumerate(measured):
            for place in np.flatnonzero(c.large):
                y = place + 0.24 * (step - (len(measured) - 1) / 2)
                low, high = interval(c.drawn[name][:, place])
                ax.plot((low, high), (y, y), color=colour, linewidth=2.2)
                ax.plot(c.once[name][place], y, "o", color=colour)
        for place in np.flatnonzero(~c.large):
            ax.text(
                0.01,
                place,
                "too few rows to judge",
                color=MUTED,
                va="center",
                transform=ax.get_yaxis_transform(),
            )
        if least_ratio is not None and c.large.any():
            most = float(c.once[measured[0][0]][c.large].max())
            ax.axvspan(0, least_ratio * most, color=FAINT, zorder=0)
        k = len(c.grouping.labels)
        ax.set(
            title=elide(titles[c.grouping.name], 60),
            yticks=range(k),
            yticklabels=[
                f"{elide(label, 30)} ({size:,})"
                for label, size in zip(c.grouping.labels, c.sizes, strict=True)
            ],
            ylim=(k - 0.5, -0.5),
        )
        ax.grid(axis="y", visible=False)
    ends = [
        end
        for c in compared
        for name, *_ in measured
        for place in np.flatnonzero(c.large)
        for end in interval(c.drawn[name][:, place])
    ]
    if signed:
        furthest = 1.05 * float(np.nanmax(np.abs([*ends, 0.02])))
        for ax in axes[:, 0]:
            ax.axvline(0, color=MUTED, linewidth=1)
        axes[-1, 0].set(xlabel=xlabel, xlim=(-furthest, furthest))
    else:
        most = min(1.05 * float(np.nanmax([*ends, 0.1])), 1.02)
        axes[-1, 0].set(xlabel=xlabel, xlim=(0, most))
    if len(measured) > 1:
        handles = [axes[0, 0].plot([], [], "o-", color=colour)[0] for _, colour, _ in measured]
        fig.legend(handles, [label for *_, label in measured], loc="outside lower left", ncols=2)
    fig.suptitle(title)
    return fig
