"""The candidates of the last run of train: how good, how sure, how fast, how large."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from operate.pipeline import read_pipeline
from stages.core.errors import LoopwrightError
from stages.core.files import read_json
from stages.core.numbers import measured, number
from stages.core.scoring import goodness

SECONDS = ("fit_seconds", "predict_ms_per_1000_rows")


@dataclass(frozen=True)
class Leaderboard:
    """The candidates of one run.

    Attributes:
        scoring: the score that chose.
        rows: one a candidate, the best on validation first: what train wrote of it (its scores,
            ``difference`` to the winner with a paired 95 % interval, ``bytes`` of its file,
            ``winner``), with ``fit_seconds`` and ``predict_ms_per_1000_rows``. None stands for
            what there is not: the winner's distance to itself, seconds of a run that was taken
            from DVC's cache.
    """

    scoring: str
    rows: tuple[dict[str, Any], ...]


def leaderboard(root: Path) -> Leaderboard:
    """Read what train wrote in the repository `root`, and the seconds it took here.

    Raises:
        LoopwrightError: train has not run.
    """
    pipeline = read_pipeline(root)
    path = pipeline.path("leaderboard")
    if not (root / path).is_file():
        raise LoopwrightError(f"{path}: no such file; `dvc repro train` writes it")
    scoring = str(read_json(root / pipeline.path("model_manifest"))["scoring"])
    board = _read(root / path)
    timings = (root / path).with_name("timings.csv")
    if timings.is_file():
        board = board.merge(_read(timings), on="candidate", how="left")
    else:
        board = board.assign(**dict.fromkeys(SECONDS))
    score = board[f"validation_{scoring}"].map(lambda value: -goodness(scoring, value))
    board = board.loc[score.sort_values(kind="stable").index].astype(object)
    heads = [str(name) for name in board.columns]
    known = board.where(board.notna(), None).itertuples(index=False, name=None)
    return Leaderboard(scoring, tuple(dict(zip(heads, row, strict=True)) for row in known))


def _read(file: Path) -> pd.DataFrame:
    """Read a table of train; a candidate may be called NA."""
    return pd.read_csv(file, dtype={"candidate": str}, keep_default_na=False, na_values=[""])


def as_document(board: Leaderboard) -> dict[str, Any]:
    """Return the leaderboard as a plain dictionary, ready for JSON."""
    return {"scoring": board.scoring, "candidates": list(board.rows)}


def show(board: Leaderboard, console: Console) -> None:
    """Print one line a candidate; the winner is bold."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("candidate", overflow="fold")
    for head in (board.scoring, "less the winner's", "fit s", "ms/1,000 rows", "kB"):
        table.add_column(head, justify="right")
    for row in board.rows:
        bounds = row["difference_low"], row["difference_high"]
        table.add_row(
            Text(row["candidate"]),
            number(row[f"validation_{board.scoring}"], 4),
            measured(row["difference"], None if None in bounds else bounds),
            *(number(row[name], 2) for name in SECONDS),
            number(row["bytes"] / 1000, 1),
            style="bold" if row["winner"] else None,
        )
    console.print(table)
    if any(row[SECONDS[0]] is None for row in board.rows):
        console.print("no seconds: train did not run here, its outputs came from DVC's cache")
