"""How often `loopwright review` is right: revisions that differ by chance, and by a gain.

`python bench/review.py` prints one line of JSON for each table. A pair is a candidate of
the project (`boosting` of params.yaml, but each split looks at half of the features, so
that it uses its random_state) fitted twice, with two seeds, on the default data's train
split, and held against each other on its validation split: the verdict should be "no
evidence of a difference". Then the second is given a gain of twice the half width of the
interval that decides: the verdict should be "better". Once on the default split, and once
with train and validation dealt anew for each pair, so that chance in the rows has its part
too. No pair shares a seed with another.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from operate.review.difference import Paired, decide, measure_both, stretch
from stages.core.estimators import Setup, build_learner, with_parameters
from stages.core.metrics import METRICS, Predictions
from stages.core.params import Params, read_params
from stages.core.schema import read_schema
from stages.core.tables import read_table
from stages.core.targets import truth
from stages.core.transformers import build_features

CANDIDATE = "boosting"
DRAWN = ("roc_auc", "log_loss")
SHARE_OF_ROWS = 0.1  # that a planted gain moves towards the truth
BARS = {"no evidence of a difference": 93, "better": 90}

Floats = npt.NDArray[np.float64]
Rows = tuple[Any, npt.NDArray[np.int64]]


def deal(chosen: Params, pairs: int, anew: bool) -> Iterator[tuple[int, Rows, Rows]]:
    """Yield the number of a pair, its train rows and its validation rows, as features."""
    tables = [read_table(Path(f"data/split/{name}.parquet")) for name in ("train", "validation")]
    rows = pd.concat(tables, ignore_index=True)
    y = truth(rows, chosen.charter.target)
    schema = read_schema(Path("schema.yaml"))
    order = np.arange(len(y))
    for pair in range(pairs):
        if anew:
            order = np.random.default_rng((pair, 1)).permutation(len(y))
        train, validation = order[: len(tables[0])], order[len(tables[0]) :]
        features = build_features(
            chosen.featurize, schema, chosen.charter.target.column, chosen.charter.key
        )
        X = features.fit_transform(rows.iloc[train], y[train])
        Z = features.transform(rows.iloc[validation])
        yield pair, (X, y[train]), (Z, y[validation])


def predict(chosen: Params, train: Rows, validation: Rows, seed: int) -> Floats:
    """Return the probabilities of the project's candidate with its lots drawn by `seed`."""
    boosting = chosen.train.candidates[CANDIDATE]
    candidate = with_parameters(boosting, {"max_features": 0.5}, f"train.candidates.{CANDIDATE}")
    setup = Setup(chosen.charter.task, chosen.charter.rule.expression, seed)
    model = Pipeline(build_learner(candidate, setup))
    y_prob: Floats = model.fit(*train).predict_proba(validation[0])[:, 1]
    return y_prob


def plant(y: npt.NDArray[np.int64], y_prob: Floats, size: float, seed: int) -> Floats:
    """Return probabilities of which some are moved towards the truth, on the scale of logits."""
    moved = np.random.default_rng((seed, 2)).random(len(y)) < SHARE_OF_ROWS
    logit = np.log(y_prob / (1 - y_prob)) + size * (2 * y - 1) * moved
    planted: Floats = 1 / (1 + np.exp(-logit))
    return planted


def hold(y: npt.NDArray[np.int64], old: Floats, new: Floats, draws: int) -> dict[str, Paired]:
    """Return the metrics of both, paired."""
    base, head = (Predictions(y, y_prob, (y_prob >= 0.5).astype(np.int64)) for y_prob in (old, new))
    return measure_both(base, head, [METRICS[name] for name in DRAWN], draws, 0)


def half_width(paired: Paired, n: int, trained_on: int) -> float:
    """Return half the width of the interval that decides."""
    interval = paired.difference["interval"]
    assert interval is not None  # noqa: S101 - for the type checker
    return stretch(n, trained_on, 1) * (interval[1] - interval[0]) / 2


def gain(paired: Paired) -> float:
    """Return by how much the new one is better."""
    sign = 1 if paired.metric.direction == "higher" else -1
    return sign * (paired.head.value - paired.base.value)


def size_of(
    metric: str, y: npt.NDArray[np.int64], old: Floats, new: Floats, n: int, trained_on: int
) -> float:
    """Return the size of planting that gains twice the half width over `new`, by bisection."""
    low, high = 0.0, 4.0
    for _ in range(8):
        middle = (low + high) / 2
        reached = []
        for seed in range(3):
            planted = plant(y, new, middle, seed)
            half = half_width(hold(y, old, planted, 200)[metric], n, trained_on)
            reached.append(gain(hold(y, new, planted, 1)[metric]) / half)
        low, high = (middle, high) if np.mean(reached) < 2 else (low, middle)
    return (low + high) / 2


def tables(chosen: Params, pairs: int, anew: bool) -> Iterator[dict[str, Any]]:
    """Yield the lines of the two tables, one for each metric."""
    told = {(what, name): Counter[str]() for what in ("seeds", "gain") for name in DRAWN}
    alone: Counter[str] = Counter()
    reached: dict[str, list[float]] = {name: [] for name in DRAWN}
    sizes: dict[str, float] = {}
    for pair, train, validation in deal(chosen, pairs, anew):
        y = validation[1]
        n, trained_on = len(y), len(train[1])
        old, new = (predict(chosen, train, validation, 2 * pair + which) for which in (0, 1))
        seeds = hold(y, old, new, chosen.evaluate.bootstrap)
        for name in DRAWN:
            if name not in sizes:
                sizes[name] = size_of(name, y, old, new, n, trained_on)
            told["seeds", name][decide(seeds[name], n, trained_on, 1).judgement] += 1
            interval = seeds[name].difference["interval"]
            assert interval is not None  # noqa: S101 - for the type checker
            alone[name] += interval[0] <= 0 <= interval[1]
            planted = plant(y, new, sizes[name], pair)
            gained = hold(y, old, planted, chosen.evaluate.bootstrap)[name]
            told["gain", name][decide(gained, n, trained_on, 1).judgement] += 1
            half = half_width(gained, n, trained_on)
            reached[name].append((gain(gained) - gain(seeds[name])) / half)
    for (what, name), counts in told.items():
        wanted = "no evidence of a difference" if what == "seeds" else "better"
        line: dict[str, Any] = {
            "table": what,
            "split": "dealt anew" if anew else "default",
            "metric": name,
            "pairs": pairs,
            "verdicts": dict(sorted(counts.items())),
            "right": round(100 * counts[wanted] / pairs, 1),
            "bar": BARS[wanted],
        }
        if what == "seeds":
            line["by the rows alone"] = round(100 * alone[name] / pairs, 1)
        else:
            line["planted, in half widths"] = round(float(np.mean(reached[name])), 2)
        yield line


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure how often a review is right.")
    parser.add_argument("--pairs", type=int, default=100)
    pairs = parser.parse_args().pairs
    chosen = read_params(Path("params.yaml"))
    with threadpool_limits(1):
        for anew in (False, True):
            for line in tables(chosen, pairs, anew):
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
