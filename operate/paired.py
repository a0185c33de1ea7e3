"""One metric of many tables of predictions, each held against another on the rows of both.

A project's iterations predict the same rows, over and over. So the bootstrap's weights are
drawn once, and each table is measured once, however often it is compared.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from operate.review.difference import Paired, entities, predictions, share
from stages.core.errors import LoopwrightError
from stages.core.metrics import Metric
from stages.core.params import AnyCosts, Evaluate, Task
from stages.core.statistics import Drawn, Weights, bootstrap_weights
from stages.core.tables import read_table

# Weights of more cells than this are drawn anew for each table instead of kept: 256 MB.
MOST_CELLS = 32_000_000


@dataclass(frozen=True)
class Difference:
    """The later value - the earlier one on shared rows, with its 95 % interval over them."""

    rows: int
    value: float
    low: float
    high: float


class Comparison:
    """Compares tables of predictions; it remembers what it has read, drawn and measured."""

    def __init__(self, metric: Metric, evaluate: Evaluate, task: Task = "binary") -> None:
        """Take what is measured, the draws, their seed and the bins, and of which task."""
        self.task = task
        self.metric = metric
        self.evaluate = evaluate
        self._read = lru_cache(maxsize=2)(read_table)  # the later is the next one's earlier
        self._measured: dict[str, Drawn] = {}
        self._weights: tuple[str, Weights] | None = None

    def difference(self, now: Path, then: Path, costs: AnyCosts | None) -> Difference | str:
        """Compare two tables of predictions; return text where they cannot be compared.

        Args:
            now: the later table.
            then: the earlier one.
            costs: what decisions bring; None for a metric without money.
        """
        try:
            shared = share(self._read(then), self._read(now))
            faults = shared.faults()
            if faults:
                return "; ".join(faults)
            groups = entities(shared.head["key"], None)
            base, head = (self._drawn(frame, costs, groups) for frame in (shared.base, shared.head))
        except (LoopwrightError, ValueError, TypeError, KeyError) as fault:
            return f"the predictions cannot be compared: {fault}"
        found = Paired(self.metric, base, head).difference
        if found["value"] is None or found["interval"] is None:
            return f"{self.metric.name} is undefined on the shared rows"
        return Difference(len(shared), *(round(x, 6) for x in (found["value"], *found["interval"])))

    def _drawn(
        self, frame: pd.DataFrame, costs: AnyCosts | None, groups: npt.NDArray[Any] | None
    ) -> Drawn:
        """Measure the rows of `frame` as they are and on every draw."""
        content = hashlib.sha256(repr(costs).encode())
        for column in frame:
            content.update(pd.util.hash_array(frame[column].to_numpy()).tobytes())
        key = content.hexdigest()
        if key not in self._measured:
            rows = predictions(frame, costs, self.evaluate.calibration_bins, self.task)
            once = self.metric.compute(rows, np.ones((1, len(frame)), dtype=np.int64))
            drawn = [self.metric.compute(rows, w) for w in self._drawings(len(frame), groups)]
            self._measured[key] = Drawn(float(once[0]), np.concatenate(drawn))
        return self._measured[key]

    def _drawings(self, n: int, groups: npt.NDArray[Any] | None) -> Iterator[Weights]:
        """Yield the weights, (some draws, n): the same for the same rows."""
        draws, seed = self.evaluate.bootstrap, self.evaluate.random_state
        chunks = bootstrap_weights(n, draws, np.random.default_rng(seed), groups)
        if draws * n > MOST_CELLS:
            yield from chunks
            return
        of = f"{n} {'' if groups is None else pd.util.hash_array(groups).tobytes().hex()}"
        if self._weights is None or self._weights[0] != of:
            # Draw beside draw in memory, and as floats: sums over rows run at full speed.
            self._weights = of, np.concatenate(list(chunks)).astype(np.float64, order="F")
        yield self._weights[1]
