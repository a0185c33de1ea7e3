"""Many tables of predictions, held against each other on the same draws."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import operate.paired as paired
from operate.paired import Comparison, Difference
from operate.review.difference import entities, measure_both, predictions, share
from stages.core.metrics import METRICS
from stages.core.params import Costs, Params, Task
from stages.core.tables import write_table

COSTS = Costs(
    currency="EUR",
    true_positive=-1.0,
    false_positive=-2.0,
    true_negative=0.0,
    false_negative=-5.0,
    source="",
)


def table(seed: int, n: int = 900) -> pd.DataFrame:
    truth = (np.arange(n) % 3 == 0).astype(np.int64)
    score = np.clip(0.3 + 0.3 * truth + 0.3 * np.random.default_rng(seed).random(n), 0, 1)
    decided = (score > 0.5).astype(np.int64)
    return pd.DataFrame(
        {"key": np.arange(n), "y_true": truth, "y_prob": score, "y_pred": decided, "rule": truth}
    )


def saved(folder: Path, *frames: pd.DataFrame) -> list[Path]:
    files = [folder / f"{place}.parquet" for place in range(len(frames))]
    for file, frame in zip(files, frames, strict=True):
        write_table(file, frame)
    return files


def as_review(chosen: Params, then: pd.DataFrame, now: pd.DataFrame, name: str) -> Difference:
    """The difference as `loopwright review` measures it."""
    evaluate, shared = chosen.evaluate, share(then, now)
    both = measure_both(
        predictions(shared.base, COSTS, evaluate.calibration_bins),
        predictions(shared.head, COSTS, evaluate.calibration_bins),
        [METRICS[name]],
        evaluate.bootstrap,
        evaluate.random_state,
        entities(shared.head["key"], None),
    )
    found = both[name].difference
    assert found["value"] is not None
    assert found["interval"] is not None
    return Difference(len(shared), *(round(x, 6) for x in (found["value"], *found["interval"])))


SHUFFLED = table(1).sample(frac=1, random_state=0)
REPEATED = pd.concat([table(2)] * 2)
RELABELLED = table(3).assign(y_true=lambda f: f["y_true"] ^ (f["key"] < 10))


@pytest.mark.parametrize(
    "name", ["roc_auc", "average_precision", "log_loss", "expected_value", "value_over_rule"]
)
@pytest.mark.parametrize("most", [paired.MOST_CELLS, 0])
def test_it_says_what_a_review_says(
    chosen: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(paired, "MOST_CELLS", most)
    frames = [table(0), table(1), SHUFFLED, table(4).iloc[:700], REPEATED, RELABELLED]
    files = saved(tmp_path, *frames)
    comparison = Comparison(METRICS[name], chosen.evaluate)
    for then, now in [(0, 1), (1, 0), (0, 2), (2, 3), (4, 4), (0, 5), (1, 0)]:
        found = comparison.difference(files[now], files[then], COSTS)
        assert found == as_review(chosen, frames[then], frames[now], name), (then, now)


def test_each_table_is_measured_once_and_the_weights_are_drawn_once(
    chosen: Params, tmp_path: Path
) -> None:
    files = saved(tmp_path, *(table(seed) for seed in range(4)))
    comparison = Comparison(METRICS["brier_score"], chosen.evaluate)
    for then, now in pairwise(files):
        comparison.difference(now, then, None)
    assert len(comparison._measured) == 4
    before = comparison._weights
    assert before is not None
    comparison.difference(files[0], files[3], None)
    assert comparison._weights is before
    comparison.difference(files[0], saved(tmp_path / "more", table(5, 600))[0], None)
    assert comparison._weights is not before  # other rows


def test_what_cannot_be_compared_is_said(chosen: Params, tmp_path: Path) -> None:
    comparison = Comparison(METRICS["roc_auc"], chosen.evaluate)
    one, two, half, short, alike = saved(
        tmp_path,
        table(0),
        table(1).drop(columns="rule"),
        table(2).iloc[:300],
        table(3).assign(y_prob=2.0),
        table(4).assign(y_true=1),
    )
    expected = {
        two: "the predictions cannot be compared: the predictions have no column rule",
        half: "of 900 validation rows only 300 are in both",
        short: "y_prob holds values outside 0 to 1",
        tmp_path / "none.parquet": "no such file",
    }
    for file, why in expected.items():
        found = comparison.difference(file, one, None)
        assert isinstance(found, str)
        assert why in found
    assert comparison.difference(alike, alike, None) == "roc_auc is undefined on the shared rows"


@pytest.mark.parametrize(
    ("task", "metric"), [("multiclass", "roc_auc_ovr"), ("regression", "mean_absolute_error")]
)
def test_other_tasks_are_compared_by_their_own_columns(
    chosen: Params, tmp_path: Path, task: Task, metric: str
) -> None:
    frames = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        labels = np.array(["a", "b", "c"], dtype=object)
        truth = np.arange(600) % 3
        prob = rng.dirichlet([1, 1, 1], 600) + 0.5 * seed * np.eye(3)[truth]
        prob /= prob.sum(axis=1, keepdims=True)
        decided = prob.argmax(axis=1)
        frame = pd.DataFrame({"key": np.arange(600)})
        if task == "multiclass":
            frame["y_true"], frame["y_pred"], frame["rule"] = labels[truth], labels[decided], "a"
            frame[["prob_a", "prob_b", "prob_c"]] = prob
        else:
            frame["y_true"], frame["y_pred"], frame["rule"] = truth * 1.0, decided * 1.0, 1.0
        frames.append(frame)
    then, now = saved(tmp_path, *frames)
    found = Comparison(METRICS[metric], chosen.evaluate, task).difference(now, then, None)
    assert isinstance(found, Difference)
    assert found.rows == 600
    assert (found.low > 0) if METRICS[metric].direction == "higher" else (found.high < 0)
    told = Comparison(METRICS["roc_auc"], chosen.evaluate).difference(now, then, None)
    assert isinstance(told, str)
    assert "no column y_prob" in told
