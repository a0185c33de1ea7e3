"""Where to go next: a table of situations, looked at in its order; the first that fits decides.

Each row names a situation, the stage to go to, when it is so and what to say. All that a row
asks is an attribute of `Evidence`, so the table can be read from top to bottom.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stages.core.diagnosis import Diagnosis
from stages.core.drift import drifted
from stages.core.error_analysis import ErrorAnalysis
from stages.core.extrapolation import Extrapolation
from stages.core.numbers import number
from stages.core.params import Role
from stages.core.probes import Direction, Probe
from stages.core.recalibration import Recalibration
from stages.core.shifts import Shift
from stages.core.statistics import Drawn, interval
from stages.core.verdicts import Status, Verdict
from stages.evaluate.measurement import Measurement

# A change of the model costs less than more rows: it comes first unless twice the rows are
# expected to gain this many times as much. A choice of this project.
ROWS_OVER_MODEL = 3.0


@dataclass(frozen=True)
class Evidence:
    """What the decision is made from.

    Attributes:
        status: of each verdict, by its name without the stage.
        diagnosis: bias or variance.
        role: whether the baseline is a start or an ideal.
        title: who the baseline is.
        baseline: its error on validation.
        dummy: the error of one answer for all on validation.
        error: the model's on validation; all errors are on the same draws.
        more_rows: what twice the rows would give.
        expected: the error expected from them.
        probes: the model made simpler and richer.
        relevant: the gain that would be worth a step back.
        leak: why one is suspected; "" where none is.
        shifts: the columns, by how far validation is from train.
        slices: parts of validation, by how much is to be gained in them.
        recalibration: whether mapped probabilities would be better.
        stopped: after how many iterations the error was least, and of how many.
    """

    status: Mapping[str, Status]
    diagnosis: Diagnosis
    role: Role
    title: str
    baseline: Drawn
    dummy: Drawn
    error: Drawn
    more_rows: Extrapolation
    expected: Drawn
    probes: Sequence[Probe]
    relevant: float
    leak: str = ""
    shifts: Sequence[Shift] = ()
    slices: Sequence[Mapping[str, Any]] = ()
    recalibration: Recalibration | None = None
    stopped: tuple[int, int] | None = None

    @cached_property
    def unanswered(self) -> bool:
        """Whether the rows of validation leave the error, or every check, undefined."""
        open_ = all(found == "insufficient" for found in self.status.values())
        return open_ or self.diagnosis.verdict == "insufficient"

    @cached_property
    def failed(self) -> list[str]:
        """The checks that fail."""
        return [name for name, found in self.status.items() if found == "fail"]

    @cached_property
    def unsettled(self) -> list[str]:
        """The checks that neither pass nor fail."""
        return [name for name, found in self.status.items() if found in ("warn", "insufficient")]

    @cached_property
    def ready(self) -> bool:
        """Whether nothing fails, and what was learned holds."""
        return not self.failed and self.diagnosis.verdict == "good_fit"

    @cached_property
    def moved(self) -> list[str]:
        """The columns that are spread otherwise in validation than in train."""
        return list(dict.fromkeys(s.column for s in self.shifts if drifted(s)))

    @cached_property
    def apart(self) -> bool:
        """Whether the error on validation is clearly above that on train."""
        bounds = self.diagnosis.gap["interval"]
        return bounds is not None and bounds[0] > 0

    def beaten(self, other: Drawn) -> bool:
        """Whether the model, one of its probes, or twice the rows clearly make a smaller error."""
        tried = [self.error, *(probe.validation for probe in self.probes)]
        level = 1 - 0.05 / len(tried)
        found = any(interval((other - e).samples, level)[0] > 0 for e in tried)
        return found or self._rows_beat(other)

    def _rows_beat(self, other: Drawn) -> bool:
        if self.more_rows.trend != "falls":
            return False
        gain = other - self.expected
        return interval(gain.samples)[0] > 0

    def best(self, direction: Direction) -> Probe | None:
        """Return the simpler or the richer model with the largest gain that is clear, if any."""
        found = [
            probe
            for probe in self.probes
            if probe.direction == direction
            and (probe.clear_gain(len(self.probes))["interval"] or (0.0, 0.0))[0] > 0
            and probe.gain.value > self.relevant
        ]
        return max(found, key=lambda probe: probe.gain.value, default=None)

    @cached_property
    def simpler(self) -> Probe | None:
        """The best model that is simpler and clearly better."""
        return self.best("simpler")

    @cached_property
    def richer(self) -> Probe | None:
        """The best model that is richer and clearly better."""
        return self.best("richer")

    @cached_property
    def rows_help(self) -> bool:
        """Whether the error still falls, and more than another model would make it."""
        gains = [probe.gain.value for probe in (self.simpler, self.richer) if probe]
        fall = self.more_rows.fall["value"]
        if self.more_rows.trend != "falls" or fall is None:
            return False
        return fall > ROWS_OVER_MODEL * max(gains, default=0.0)

    @cached_property
    def weak(self) -> str:
        """The part of validation in which most is to be gained, in words; "" for none."""
        flagged = [one for one in self.slices if one["flagged"] and one["within"] is None]
        return str(flagged[0]["definition"]) if flagged else ""


def evidence_of(
    m: Measurement,
    verdicts: Sequence[Verdict],
    min_gain: float,
    errors: ErrorAnalysis | None = None,
    training: Mapping[str, Any] | None = None,
) -> Evidence:
    """Return what the decision is made from.

    Args:
        m: what was measured.
        verdicts: of this stage.
        min_gain: the gain that would be worth a step back, as a share of the dummy's error.
        errors: what was found about single parts of validation.
        training: what `training_curve` gives.
    """
    by_name = {found.id.removeprefix("evaluate."): found for found in verdicts}
    leak = by_name["leak"]
    return Evidence(
        status={name: found.status for name, found in by_name.items()},
        diagnosis=m.diagnosis,
        role=m.standard.role,
        title=m.standard.title,
        baseline=m.terms.scoring.error(m.standard.measured),
        dummy=m.error("dummy"),
        error=m.error("validation"),
        more_rows=m.more_rows,
        expected=m.expected,
        probes=m.probes,
        relevant=min_gain * m.error("dummy").value,
        leak=leak.why if leak.status == "fail" else "",
        shifts=m.shifts,
        slices=() if errors is None else errors.slices,
        recalibration=None if errors is None else errors.recalibration,
        stopped=None if training is None else (training["best_step"], training["steps"]),
    )


@dataclass(frozen=True)
class Situation:
    """A row of the table.

    Attributes:
        name: of the situation.
        step: the stage to go to.
        holds: whether it is so.
        why: what to say where it is.
    """

    name: str
    step: str
    holds: Callable[[Evidence], bool]
    why: Callable[[Evidence], str]


def _ready(e: Evidence) -> str:
    doubt = f"; look at what is not settled: {', '.join(e.unsettled)}" if e.unsettled else ""
    return f"the model does what the charter asks on validation{doubt}"


def _simpler(e: Evidence) -> str:
    iterations = ""
    if e.stopped and e.stopped[0] < e.stopped[1]:
        iterations = f"; the error was least after {e.stopped[0]} of {e.stopped[1]} iterations"
    return f"a simpler model is clearly better on validation: {_change(e.simpler)}{iterations}"


def _change(probe: Probe | None) -> str:
    if probe is None:
        return ""
    value = number(probe.value) if isinstance(probe.value, float) else probe.value
    on = "" if probe.rows is None else f", both fitted on {number(probe.rows)} rows of train"
    return f"{probe.parameter} {value} takes {number(probe.gain.value)} off the error{on}"


def _more_rows(e: Evidence) -> str:
    where = f", above all rows where {e.weak}" if e.weak else ""
    return (
        f"the error still falls: {number(e.more_rows.rows)} rows, twice as many, are expected to "
        f"take {number(e.more_rows.fall['value'])} off it; collect more{where}"
    )


def _richer(e: Evidence) -> str:
    return f"a richer model is clearly better on validation: {_change(e.richer)}"


def _variance(e: Evidence) -> str:
    cure = "take a simpler or more strongly regularised model, or fewer features"
    if e.more_rows.trend == "insufficient":
        cure += "; whether more rows would help, the learning curve cannot say"
    return f"high variance, {e.diagnosis.why}: {cure}"


def _bias(e: Evidence) -> str:
    where = f"; most is to be gained where {e.weak}" if e.weak else ""
    return (
        f"high bias, {e.diagnosis.why}, and no richer model does better: create features that "
        f"know more{where}"
    )


def _miscalibrated(e: Evidence) -> str:
    found = e.recalibration
    if found is None or found.advice in ("none", "insufficient"):
        return "the predictions are off in the mean: choose by another score, or calibrate them"
    # Validation may show the way, and not teach the map: it chose the model already.
    return f"the probabilities are off; {found.why}"


# The first that holds decides.
TABLE = (
    Situation(
        "rows_cannot_answer",
        "ingest",
        lambda e: e.unanswered,
        lambda e: "the rows cannot answer: collect more, above all of the rarer outcome",
    ),
    Situation("leak_suspected", "validate", lambda e: bool(e.leak), lambda e: e.leak),
    Situation(
        "splits_differ",
        "split",
        lambda e: bool(e.moved) and not e.ready and e.apart,
        lambda e: (
            "validation is not like train, and the error is larger there: "
            f"{', '.join(e.moved[:5])}; look at split and at where the rows come from"
        ),
    ),
    Situation("ready", "audit", lambda e: e.ready, _ready),
    Situation(
        "nothing_to_learn",
        "define",
        lambda e: not e.beaten(e.dummy),
        lambda e: (
            "neither the model nor a simpler or richer one is clearly better than one answer for "
            "all: ask whether these columns can know the target at all"
        ),
    ),
    Situation(
        "baseline_suffices",
        "define",
        lambda e: e.role == "start" and not e.beaten(e.baseline),
        lambda e: (
            f"{e.title} does as well, and so would a simpler or richer model not do better: stop "
            "and keep it, or bring columns that know more than it"
        ),
    ),
    Situation("more_rows", "ingest", lambda e: e.rows_help, _more_rows),
    Situation("simpler_model", "train", lambda e: _leads(e.simpler, e.richer), _simpler),
    Situation("richer_model", "train", lambda e: e.richer is not None, _richer),
    Situation(
        "high_variance", "train", lambda e: e.diagnosis.verdict == "high_variance", _variance
    ),
    Situation(
        "miscalibrated",
        "train",
        lambda e: e.status.get("calibrated") == "fail",
        _miscalibrated,
    ),
    Situation("high_bias", "featurize", lambda e: e.diagnosis.verdict == "high_bias", _bias),
    Situation(
        "criteria_missed",
        "define",
        lambda e: True,
        lambda e: (
            f"the model predicts well and still misses {', '.join(e.failed)}: look at the costs "
            "and the criteria again"
        ),
    ),
)


def _leads(first: Probe | None, second: Probe | None) -> bool:
    if first is None:
        return False
    return second is None or first.gain.value >= second.gain.value


def next_step(evidence: Evidence) -> dict[str, Any]:
    """Return the stage to go to, the situation, why, and which others hold as well."""
    holding = [one for one in TABLE if one.holds(evidence)]
    first = holding[0]
    return {
        "step": first.step,
        "situation": first.name,
        "why": first.why(evidence),
        "also": [
            {"situation": one.name, "step": one.step, "why": one.why(evidence)}
            for one in holding[1:-1]
            if one.name != "ready"
        ]
        if first.name != "rows_cannot_answer"
        else [],
    }
