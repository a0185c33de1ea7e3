"""Is an iteration better than the one before it? By shared rows where they are, else by intervals.

The rule is that of `loopwright review`: the paired difference, stretched for training and for
the number of models that were tried on the same rows.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from operate.paired import Comparison, Difference
from operate.review.definition import read_costs
from operate.review.difference import stretch
from stages.core.errors import LoopwrightError
from stages.core.files import read_json, write_json
from stages.core.metrics import Metric
from stages.core.numbers import measured, number
from stages.core.params import Evaluate, Task

Answer = Literal["first", "better", "worse", "no evidence", "not comparable"]
TARGET, COSTS, RULE = "charter.target", "charter.costs", "charter.rule"
_VERSION = 1  # of what is remembered


@dataclass(frozen=True)
class Result:
    """What one iteration reached.

    Attributes:
        value: the metric on its validation split; None where it was not measured.
        interval: its 95 % interval; None where the evaluation is not in DVC's cache.
        validation: the hash of the rows on which it was measured.
        terms: the parameters that say what is measured: the target, the costs, the rule.
        predictions: the hash of its predictions.
        trained_on: the rows that its model was fitted on; None where that is not known.
    """

    value: float | None
    interval: tuple[float, float] | None = None
    validation: str | None = None
    terms: Mapping[str, Any] | None = None
    predictions: str | None = None
    trained_on: int | None = None

    def __str__(self) -> str:
        """Return the value with its interval, as a person reads it."""
        if self.value is None:
            return number(None)
        shown = measured(self.value, self.interval)
        return shown if self.interval else f"{shown}, no interval"

    def term(self, section: str) -> dict[str, Any]:
        """Return the parameters of one section by the rest of their keys."""
        terms = (self.terms or {}).items()
        return {
            key.removeprefix(f"{section}."): value
            for key, value in terms
            if key.startswith(f"{section}.")
        }


@dataclass(frozen=True)
class Decision:
    """Whether an iteration is better than the one before it.

    Attributes:
        answer: what was decided.
        why: by what.
        difference: the later value - the earlier one on shared rows; None without them.
        interval: the interval that decides: the 95 % one, stretched.
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
        evaluate: the draws, their seed and the bins, as the evaluation has them.
        cache: DVC's cache of files by their md5.
        memory: a file that keeps what was compared, or None; deleting it loses nothing.
        task: binary, multiclass or regression.
    """

    metric: Metric
    evaluate: Evaluate
    cache: Path
    memory: Path | None = None
    task: Task = "binary"

    @cached_property
    def _comparison(self) -> Comparison:
        return Comparison(self.metric, self.evaluate, self.task)

    @cached_property
    def _known(self) -> dict[str, Any]:
        """What was compared: a difference as a list, or text that says why there is none."""
        return self._remembered()

    def _remembered(self) -> dict[str, Any]:
        try:
            known = read_json(self.memory) if self.memory is not None else {}
        except LoopwrightError:  # not there yet, or spoilt: compared anew
            return {}
        return known if isinstance(known, dict) else {}

    def remember(self) -> None:
        """Write down what was compared, for the next call."""
        if self.memory is not None and self._known != self._remembered():
            write_json(self.memory, self._known)

    def cached(self, md5: str | None) -> Path | None:
        """Return the file of this hash; None where the cache has it not."""
        file = None if md5 is None else self.cache / md5[:2] / md5[2:]
        return file if file is not None and file.is_file() else None

    def decide(self, result: Result, before: Result | None, comparisons: int = 1) -> Decision:
        """Compare a result with the one before it.

        Args:
            result: the later one.
            before: the earlier one; None where there is none.
            comparisons: how many models were tried on these rows against the earlier one.
        """
        if before is None:
            return Decision("first", "nothing before it")
        if result.value is None or before.value is None:
            return Decision("not comparable", f"{self.metric.name} was not measured in both")
        changed = self._changed_terms(result, before)
        if changed:
            return Decision("not comparable", f"{changed} changed")
        if result.predictions is not None and result.predictions == before.predictions:
            return Decision("no evidence", "the same predictions")
        now, then = self.cached(result.predictions), self.cached(before.predictions)
        if now and then:
            return self._paired(result, before, now, then, comparisons)
        if result.validation is None or result.validation != before.validation:
            return Decision("not comparable", "measured on other rows")
        return self._apart(result, before)

    def _changed_terms(self, result: Result, before: Result) -> str:
        """Return the section that gives the metric another meaning; empty for none."""
        sections = [TARGET]
        sections += [COSTS] if self.metric.needs != "score" else []
        sections += [RULE] if self.metric.needs == "rule" else []
        return next((s for s in sections if result.term(s) != before.term(s)), "")

    def _apart(self, result: Result, before: Result) -> Decision:
        if result.interval is None or before.interval is None:
            return Decision("no evidence", "no intervals")
        (low, high), (low_before, high_before) = result.interval, before.interval
        if low <= high_before and low_before <= high:
            return Decision("no evidence", "the intervals overlap")
        return Decision(self._sign(low > high_before), "the intervals lie apart")

    def _sign(self, is_higher: bool) -> Answer:
        return "better" if is_higher == (self.metric.direction == "higher") else "worse"

    def _paired(
        self, result: Result, before: Result, now: Path, then: Path, comparisons: int
    ) -> Decision:
        """Compare on the rows that both predicted."""
        found = self._difference(result, now, then)
        if isinstance(found, str):
            return Decision("not comparable", found)
        known = [r.trained_on for r in (result, before) if r.trained_on]
        factor = stretch(found.rows, min(known, default=found.rows), comparisons)
        low = round(found.value - factor * max(found.value - found.low, 0.0), 6)
        high = round(found.value + factor * max(found.high - found.value, 0.0), 6)
        clear = low > 0 or high < 0
        answer = self._sign(low > 0) if clear else "no evidence"
        tries = f", {comparisons} tries" if comparisons > 1 else ""
        why = f"paired on {number(found.rows)} rows{tries}"
        return Decision(answer, why, found.value, (low, high))

    def _difference(self, result: Result, now: Path, then: Path) -> Difference | str:
        """Return the difference, or text: why there is none."""
        files = [f"{file.parent.name}{file.name}" for file in (now, then)]
        given = [_VERSION, self.metric.name, self.evaluate.model_dump(), result.term(COSTS), files]
        key = hashlib.sha256(json.dumps(given).encode()).hexdigest()
        if key not in self._known:
            found = self._compared(result, now, then)
            self._known[key] = found if isinstance(found, str) else astuple(found)
        known = self._known[key]
        return known if isinstance(known, str) else Difference(*known)

    def _compared(self, result: Result, now: Path, then: Path) -> Difference | str:
        costs = read_costs(result.term(COSTS))
        if self.metric.needs in ("value", "rule") and costs is None:
            return f"{self.metric.name} needs {COSTS}"
        return self._comparison.difference(now, then, costs)
