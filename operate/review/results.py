"""What the stages found at both revisions, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core.many_tests import ALPHA, holm
from stages.core.parts import MIN_ROWS
from stages.core.statistics import Estimate, Floats
from stages.core.verdicts import SEVERITY

# --- metrics ----------------------------------------------------------------------------


@dataclass(frozen=True)
class MetricRow:
    """A metric as evaluate measured it at both revisions, and the paired difference.

    Attributes:
        name: the metric's.
        base: on all validation rows of the old revision; None where it was not measured.
        head: of the new one.
        difference: new - old on the shared rows, None where they cannot be compared.
        direction: ``higher`` or ``lower`` is better; None for an unknown metric.
        remark: why `difference` is None; else empty.
    """

    name: str
    base: Estimate | None
    head: Estimate | None
    difference: Estimate | None
    direction: str | None
    remark: str = ""

    @property
    def reading(self) -> str:
        """What the difference says, on these rows and for these fitted models alone."""
        if self.difference is None:
            return self.remark
        interval = self.difference["interval"]
        if interval is None:
            return "undefined"
        if interval[0] <= 0 <= interval[1]:
            return "not clear"
        return "better" if (interval[0] > 0) == (self.direction == "higher") else "worse"


def measured_of(evaluation: Mapping[str, Any] | None) -> dict[str, Estimate]:
    """Return the model's metrics on validation from evaluation.json; malformed ones left out."""
    found = ((evaluation or {}).get("metrics") or {}).get("validation") or {}
    return {
        str(name): {"value": entry["value"], "interval": _pair(entry.get("interval"))}
        for name, entry in found.items()
        if isinstance(entry, Mapping) and "value" in entry
    }


def _pair(ends: Any) -> tuple[float, float] | None:
    return (float(ends[0]), float(ends[1])) if ends else None


# --- verdicts ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Flip:
    """A verdict that is not what it was; `old` or `new` is None where there is none."""

    id: str
    old: str | None
    new: str | None
    why: str

    @property
    def direction(self) -> str:
        """Whether it got ``better`` or ``worse``, is ``new`` or ``gone``, or else."""
        if self.old is None or self.new is None:
            return "new" if self.old is None else "gone"
        places = [_rank(status) for status in (self.old, self.new)]
        return "worse" if places[1] < places[0] else "better"


def _rank(status: str) -> int:
    names: Sequence[str] = SEVERITY
    return names.index(status) if status in names else 0


def flips(base: Sequence[Mapping[str, Any]], head: Sequence[Mapping[str, Any]]) -> list[Flip]:
    """Return the verdicts whose status differs, what got worse first.

    Args:
        base: the verdicts of the old revision, as documents.
        head: those of the new one.
    """
    old, new = ({str(v["id"]): v for v in found} for found in (base, head))
    order = ("worse", "gone", "new", "better")
    rows = [
        Flip(
            name,
            None if name not in old else str(old[name]["status"]),
            None if name not in new else str(new[name]["status"]),
            str((new.get(name) or old[name]).get("why", "")),
        )
        for name in dict.fromkeys([*new, *old])
    ]
    changed = [row for row in rows if row.old != row.new]
    return sorted(changed, key=lambda row: order.index(row.direction))


def verdicts_of(document: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Return the verdicts that a document holds; what is no verdict is left out."""
    found = (document or {}).get("verdicts")
    return [v for v in found or [] if isinstance(v, Mapping) and {"id", "status"} <= v.keys()]


# --- slices -----------------------------------------------------------------------------


@dataclass(frozen=True)
class SliceRow:
    """A part of the shared rows.

    Attributes:
        column: by which the rows are cut.
        value: the label of the part.
        rows: how many rows it has.
        base: the mean log loss of the old revision.
        head: that of the new one.
        interval: of new - old, 95 %, for this slice alone.
        p: the chance of so large a difference where there is none, after Holm.
    """

    column: str
    value: str
    rows: int
    base: float
    head: float
    interval: tuple[float, float]
    p: float

    @property
    def reading(self) -> str:
        """Better or worse where it is clear after the correction."""
        if self.p > ALPHA:
            return "not clear"
        return "better" if self.head < self.base else "worse"


def compare_slices(
    parts: Sequence[tuple[str, str, npt.NDArray[np.bool_]]],
    base: Floats,
    head: Floats,
    groups: npt.NDArray[Any] | None,
) -> list[SliceRow]:
    """Return each part with its paired difference of loss, the clearest first.

    The test is on the mean difference of the rows, or of the entities where rows of one
    repeat; with `MIN_ROWS` rows the normal distribution is near enough. Holm's correction
    (A Simple Sequentially Rejective Multiple Test Procedure, 1979) keeps the chance that any
    slice is called different by chance at 5 %.

    Args:
        parts: column, label and rows (n,) of each; small ones are left out.
        base: the losses of the old revision's rows, (n,).
        head: those of the new one's, (n,).
        groups: the entity of each row, where rows of one repeat.
    """
    losses = (base, head)
    codes = None if groups is None else np.unique(groups, return_inverse=True)[1]
    large = [part for part in parts if part[2].sum() >= MIN_ROWS]
    found: list[SliceRow] = []
    for column, label, inside in large:
        difference = (losses[1] - losses[0])[inside]
        mean, n = float(difference.mean()), len(difference)
        off = difference - mean
        sums = off if codes is None else np.bincount(codes[inside], weights=off)
        error = float(np.sqrt((sums**2).sum())) / n
        p = 2 * NormalDist().cdf(-abs(mean) / error) if error > 0 else 1.0
        reach = NormalDist().inv_cdf(0.975) * error
        means = (float(losses[0][inside].mean()), float(losses[1][inside].mean()))
        found.append(SliceRow(column, label, n, *means, (mean - reach, mean + reach), p))
    corrected = holm([row.p for row in found])
    order = np.argsort([row.p for row in found], kind="stable")
    return [replace(found[i], p=float(corrected[i])) for i in order]


# --- the model --------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelRow:
    """One fact about the model at both revisions; None where it is not known."""

    name: str
    old: int | str | None
    new: int | str | None


def model_rows(
    base: Mapping[str, Any] | None,
    head: Mapping[str, Any] | None,
    sizes: tuple[int | None, int | None],
) -> list[ModelRow]:
    """Return what the model is and what it takes.

    Args:
        base: model.json of the old revision.
        head: that of the new one.
        sizes: of the model's file, bytes.
    """
    old, new = base or {}, head or {}
    text = {"candidate": "candidate", "estimator": "estimator"}
    counted = {"features": "features", "inputs": "columns read"}
    rows = [ModelRow(title, old.get(name), new.get(name)) for name, title in text.items()]
    rows.append(ModelRow("size, bytes", *sizes))
    rows.append(ModelRow("training rows", old.get("rows"), new.get("rows")))
    rows += [
        ModelRow(title, *(len(d[name]) if name in d else None for d in (old, new)))
        for name, title in counted.items()
    ]
    return rows
