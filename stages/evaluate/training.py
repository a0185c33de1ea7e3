"""The training curve that train logged: where did the error stop to fall?"""

import csv
from pathlib import Path
from typing import Any

from stages.core.metrics import METRICS


def training_curve(live: Path) -> dict[str, Any] | None:
    """Return where the error on validation was least along the fit.

    Args:
        live: the folder of dvclive.

    Returns:
        metric, steps (the last), best_step, best and last (its values there); None where no
        curve of two points or more of a known metric was logged.
    """
    for path in sorted((live / "plots" / "metrics" / "validation").glob("*.tsv")):
        if path.stem not in METRICS:
            continue
        with path.open(encoding="utf-8", newline="") as file:
            points = [
                (int(row["step"]), float(row[path.stem]))
                for row in csv.DictReader(file, delimiter="\t")
            ]
        if len(points) < 2:
            continue
        sign = 1 if METRICS[path.stem].direction == "lower" else -1
        best_step, best = min(points, key=lambda point: (sign * point[1], point[0]))
        return {
            "metric": path.stem,
            "steps": points[-1][0],
            "best_step": best_step,
            "best": best,
            "last": points[-1][1],
        }
    return None
