"""The picture of the evidence: what each created feature adds."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from stages.core.figures import BLACK, BLUE, GREEN, MUTED, VERMILION, elide, figure
from stages.featurize.evidence import Gain

TITLE = "What each created feature adds to the inputs"

COLOURS = {"keep": GREEN, "drop": VERMILION, "insufficient": BLUE}
MARKS = {"keep": "o", "drop": "X", "insufficient": "D"}
SAYS = {
    "keep": "keep: it helps",
    "drop": "drop: no gain that counts",
    "insufficient": "insufficient: not told yet",
}


def draw_gains(gains: Mapping[str, Gain], loss: str, note: str) -> Figure:
    """Draw the gain of each feature with its interval, a row each, in their order.

    Args:
        gains: by feature.
        loss: the name of the loss that falls.
        note: what was measured on which rows; or why nothing was.
    """
    known = {name: gain for name, gain in gains.items() if gain.interval is not None}
    fig, ax = figure(7.2, 1.8 + 0.32 * max(len(known), 1))
    if not known:
        ax.axis("off")
        ax.set_title(TITLE)
        ax.text(0, 0.5, note, color=MUTED, transform=ax.transAxes, wrap=True)
        return fig
    for decision, colour in COLOURS.items():
        own = [(row, g) for row, g in enumerate(known.values()) if g.decision == decision]
        for row, gain in own:
            low, high = gain.interval or (0.0, 0.0)
            ax.plot([low, high], [row, row], color=colour, linewidth=1.6)
        if own:
            ax.plot(
                [gain.gain for _, gain in own],
                [row for row, _ in own],
                MARKS[decision],
                color=colour,
                label=SAYS[decision],
            )
    ax.axvline(0, color=BLACK, linewidth=0.8)
    ax.set_yticks(range(len(known)), [elide(name) for name in known])
    ax.set_ylim(len(known) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set(title=TITLE, xlabel=f"fall of the {loss}; line: 95 %, for all features at once\n{note}")
    fig.legend(loc="outside lower center", ncols=3)
    return fig
