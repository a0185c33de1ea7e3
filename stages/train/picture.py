"""The leaderboard as a picture: each candidate on validation and on train."""

from pathlib import Path

from matplotlib.figure import Figure

from stages.core.figures import BLUE, INK, MUTED, VERMILION, figure, house_style, save
from stages.core.files import published
from stages.core.metrics import METRICS
from stages.train.standings import Standings


def draw(standings: Standings) -> Figure:
    """Return a figure with a line a candidate, the first of params.yaml on top.

    A bar is the winner's score with the 95 % interval of the paired difference around the
    candidate's own: where it crosses the winner's line, chance may have parted the two.
    """
    scoring, best = standings.scoring, standings.best
    title = METRICS[scoring].title
    won = best.validation[scoring]
    entries = standings.entries
    fig, ax = figure(height=1.6 + 0.38 * len(entries))
    ax.axvline(won, color=MUTED, linewidth=1, zorder=1)
    for place, entry in enumerate(entries):
        colour = VERMILION if entry is best else BLUE
        found = standings.differences.get(entry.name)
        if found and found["interval"]:
            low, high = (won + end for end in found["interval"])
            ax.plot([low, high], [place, place], color=colour, linewidth=3, alpha=0.35, zorder=2)
        ax.plot(entry.validation[scoring], place, "o", color=colour, markersize=7, zorder=3)
        ax.plot(entry.train[scoring], place, "o", mfc="white", mec=colour, markersize=5, zorder=3)
    names = [entry.name for entry in entries]
    ax.set_yticks(range(len(names)), names, color=INK)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    better = METRICS[scoring].direction
    ax.set(
        title=f"{best.name} won on validation: {title} {won:g}",
        xlabel=f"{title} ({better} is better); filled: validation, hollow: train; "
        "bar: 95 % interval against the winner",
    )
    return fig


def write_figures(folder: Path, standings: Standings) -> None:
    """Write the figure as ``leaderboard.png`` in a folder of its own."""
    with published(folder) as temporary, house_style():
        temporary.mkdir()
        save(draw(standings), temporary / "leaderboard.png")
