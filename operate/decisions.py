"""Is an iteration better than the one before it? Shared rows where they are, else intervals."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from stages.core.errors import LoopwrightError
from stages.core.files import read_json, write_json
from stages.core.metrics import Metric, Predictions, measure_all
from stages.core.numbers import measured, number
from stages.core.params import Costs, Evaluate
from stages.core.statistics import estimate
from stages.core.tables import read_table

Answer = Literal["first", "better", "worse", "no evidence", "not comparable"]
MIN_SHARED = 100  # fewer rows that both predicted say next to nothing; a choice of this project
_VERSION = 1  # of what is remembered


@dataclass(frozen=True)
class Result:
    """What one iteration reached.

    Attributes:
        value: the metric on its validation split; None where it was not measured.
        interval: its 95 % interval; None where the evaluation is not in DVC's cache.
        validation: the hash of the rows on which it was measured.
        prices: the costs and the rule that amounts of money follow from.
        predictions: the hash of its predictions.
    """

    value: float | None
    interval: tuple[float, float] | None
    validation: str | None
    prices: Mapping[str, Any]
    predictions: str | None

    def __str__(self) -> str:
        """Return the value with its interval, as a person reads it."""
        if self.value is None:
            return number(None)
        shown = measured(self.value, self.interval)
        return shown if self.interval else f"{shown}, no interval"


@dataclass(frozen=True)
class Decision:
    """Whether an iteration is better than the one before it.

    Attributes:
        answer: what was decided.
        why: by what.
        difference: the paired difference, positive where the later is better, or None.
        interval: its 95 % interval.
    """

    answer: Answer
    why: str
    difference: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Judge:
    """Who compares two results.

    Attributes:
        metric: the metric that decides.
        costs: what decisions bring, for metrics of money; those of today for both.
        evaluate: the draws, their seed and the bins, as the evaluation has them.
        cache: DVC's cache of files by their md5.
        memory: a file that keeps what was compared, or None; deleting it loses nothing.
    """

    metric: Metric
    costs: Costs
    evaluate: Evaluate
    cache: Path
    memory: Path | None = None

    def cached(self, md5: str | None) -> Path | None:
        """Return the file of this hash; None where the cache has it not."""
        file = None if md5 is None else self.cache / md5[:2] / md5[2:]
        return file if file is not None and file.is_file() else None

    def decide(self, result: Result, before: Result | None) -> Decision:
        """Compare a result with the one before it."""
        if before is None:
            return Decision("first", "nothing before it")
        if result.value is None or before.value is None:
            return Decision("not comparable", f"{self.metric.name} was not measured in both")
        if result.predictions is not None and result.predictions == before.predictions:
            return Decision("no evidence", "the same predictions")
        same_rows = None not in (result.validation, before.validation) and (
            result.validation == before.validation
        )
        now, then = self.cached(result.predictions), self.cached(before.predictions)
        if now and then:
            paired = self._paired(now, then, same_rows)
            if paired is not None:
                return paired
        if not same_rows:
            return Decision("not comparable", "measured on other rows")
        if self.metric.needs in ("value", "rule") and result.prices != before.prices:
            return Decision("not comparable", "measured with other costs")
        return self._apart(result, before)

    def _apart(self, result: Result, before: Result) -> Decision:
        if result.interval is None or before.interval is None:
            return Decision("no evidence", "no intervals")
        (low, high), (low_before, high_before) = result.interval, before.interval
        if low <= high_before and low_before <= high:
            return Decision("no evidence", "the intervals overlap")
        is_higher = low > high_before
        better = is_higher == (self.metric.direction == "higher")
        return Decision("better" if better else "worse", "the intervals lie apart")

    def _paired(self, now: Path, then: Path, same_rows: bool) -> Decision | None:
        """Compare on the rows that both predicted; None where they are too few."""
        key = self._key(now, then, same_rows)
        known = self._remembered()
        if key not in known:
            known[key] = self._difference(now, then, same_rows)
            if self.memory is not None:
                write_json(self.memory, known)
        found = known[key]
        if found is None:
            return None
        rows, value, low, high = found
        rows_shown = f"{number(rows)} shared rows"
        if value is None:
            return Decision("no evidence", f"undefined on {rows_shown}")
        answer: Answer = "better" if low > 0 else "worse" if high < 0 else "no evidence"
        return Decision(answer, f"paired on {rows_shown}", value, (low, high))

    def _key(self, now: Path, then: Path, same_rows: bool) -> str:
        given = [_VERSION, self.metric.name, same_rows, self.evaluate.model_dump()]
        given += [
            self.costs.model_dump(),
            *(f"{file.parent.name}{file.name}" for file in (now, then)),
        ]
        return hashlib.sha256(json.dumps(given).encode()).hexdigest()

    def _remembered(self) -> dict[str, Any]:
        try:
            known = read_json(self.memory) if self.memory is not None else {}
        except LoopwrightError:  # not there yet, or spoilt: compared anew
            return {}
        return known if isinstance(known, dict) else {}

    def _difference(self, now: Path, then: Path, same_rows: bool) -> list[float | None] | None:
        """Return rows, difference (positive is better), low, high; None for too few rows."""
        frames = [read_table(file) for file in (now, then)]
        if not same_rows or len(frames[0]) != len(frames[1]):
            if any(frame["key"].duplicated().any() for frame in frames):
                return None
            shared = frames[0].merge(frames[1][["key", "y_true"]], on=["key", "y_true"])["key"]
            frames = [frame.set_index("key").loc[shared].reset_index() for frame in frames]
        if len(frames[0]) < MIN_SHARED or not frames[0]["y_true"].equals(frames[1]["y_true"]):
            return None
        keys = frames[0]["key"]
        groups = keys.to_numpy() if keys.duplicated().any() else None
        drawn = [
            measure_all(
                self._predictions(frame),
                self.evaluate.bootstrap,
                self.evaluate.random_state,
                groups,
                [self.metric],
            )[self.metric.name]
            for frame in frames
        ]
        gain = drawn[0] - drawn[1] if self.metric.direction == "higher" else drawn[1] - drawn[0]
        found = estimate(gain.value, gain.samples)
        low, high = found["interval"] or (None, None)
        return [
            len(frames[0]),
            *(None if x is None else round(x, 6) for x in (found["value"], low, high)),
        ]

    def _predictions(self, frame: pd.DataFrame) -> Predictions:
        return Predictions(
            y_true=frame["y_true"].to_numpy(),
            y_prob=frame["y_prob"].to_numpy(),
            y_pred=frame["y_pred"].to_numpy(),
            costs=self.costs,
            rule_decisions=frame["rule"].to_numpy(),
            calibration_bins=self.evaluate.calibration_bins,
        )
