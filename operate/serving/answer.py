"""From typed rows to answers: what the model says, and what follows from it."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from operate.serving.faults import Fault
from operate.serving.rows import Rows
from operate.serving.served import Served
from stages.core.errors import LoopwrightError
from stages.core.metrics import best_classes
from stages.core.params import ClassCosts
from stages.core.ranges import clipped, outside
from stages.core.scoring import Floats, predicted

Status = Literal["answered", "refused", "abstained"]

RANGE = "a value in the range of train"
# What becomes of a row with a value outside of it, by `audit.safety.out_of_range`.
BEYOND = {
    "refuse": "a value outside of the trained range: refused",
    "clip": "a value outside of the trained range: taken for the end of the range",
    "abstain": "a value outside of the trained range: left to a person",
    "report": "a value outside of the trained range",
}


@dataclass(frozen=True, eq=False)
class Answers:
    """What is answered, row by row.

    Attributes:
        keys: what names each row; None where nothing does.
        status: of each row. ``refused``: the model was not asked; ``abstained``: it was, and
            a person decides.
        said: what the model says, and ``y_pred``, what follows: of a binary task ``y_prob``
            and 1 to act, of several classes ``prob_`` and each label, and the label; of a
            number the number. Missing where it is not answered. Shape (rows, columns).
        notes: what is to be known of each row.
    """

    keys: "pd.Series[Any] | None"
    status: tuple[Status, ...]
    said: pd.DataFrame
    notes: tuple[tuple[Fault, ...], ...]

    def documents(self) -> list[dict[str, Any]]:
        """Return an object a row, for JSON."""
        keys = [None] * len(self.status) if self.keys is None else [_plain(k) for k in self.keys]
        said = [
            {str(name): _plain(value) for name, value in row.items()}
            for row in self.said.astype(object).to_dict("records")
        ]
        return [
            {**({} if self.keys is None else {"key": key}), "status": status, **row}
            | {"notes": [fault.note() for fault in notes]}
            for key, status, row, notes in zip(keys, self.status, said, self.notes, strict=True)
        ]

    def table(self) -> pd.DataFrame:
        """Return a row each, for a file: its number from 1, key, status, what is said, notes."""
        rows = pd.DataFrame({"row": np.arange(1, len(self.status) + 1)})
        if self.keys is not None:
            rows["key"] = self.keys.to_numpy() if self.keys.dtype == object else self.keys.array
        rows["status"] = pd.array(list(self.status), dtype="str")
        notes = ["; ".join(map(str, faults)) for faults in self.notes]
        return pd.concat([rows, self.said], axis=1).assign(notes=pd.array(notes, dtype="str"))


def answer(served: Served, rows: Rows) -> Answers:
    """Answer typed rows.

    Rows outside of the trained range are treated as `audit.safety.out_of_range` says, by the
    code by which the audit priced it.

    Raises:
        LoopwrightError: the model gives something that is no answer.
    """
    beyond = outside(rows.frame, served.ranges)
    far = beyond.any(axis=1).to_numpy()
    dropped = np.isin(np.arange(len(rows.frame)), list(rows.dropped))
    refused = dropped | far if served.out_of_range == "refuse" else dropped
    abstained = far & ~refused if served.out_of_range == "abstain" else np.zeros_like(far)
    asked = rows.frame[~refused]
    if served.out_of_range == "clip":
        asked = clipped(asked, served.ranges)
    said = _said(served, asked).reindex(range(len(rows.frame)))
    said.loc[abstained, "y_pred"] = None
    status: list[Status] = [
        "refused" if no else "abstained" if left else "answered"
        for no, left in zip(refused, abstained, strict=True)
    ]
    about = BEYOND[served.out_of_range]
    notes = [(*rows.dropped.get(row, ()), *rows.warned.get(row, ())) for row in range(len(far))]
    for row in np.flatnonzero(far):
        names = beyond.columns[beyond.iloc[row].to_numpy()]
        notes[row] += tuple(Fault(int(row) + 1, str(name), about, RANGE) for name in names)
    return Answers(rows.keys, tuple(status), said, tuple(notes))


def _said(served: Served, asked: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `Answers.said` for rows that are asked about, by their index."""
    if len(asked):
        answers = predicted(served.model, asked.reset_index(drop=True), served.task)
    else:
        answers = np.zeros((0, len(served.classes)) if served.classes else 0)
    if not np.isfinite(answers).all():
        raise LoopwrightError("the model gives answers that are no finite numbers")
    return pd.DataFrame(_columns(served, answers), index=asked.index)


def _columns(served: Served, answers: Floats) -> dict[str, Any]:
    if isinstance(served.costs, ClassCosts):
        classes = served.classes
        places = best_classes(answers, served.costs, classes)
        decided = pd.array([classes[place] for place in places], dtype="str")
        return {f"prob_{name}": answers[:, at] for at, name in enumerate(classes)} | {
            "y_pred": decided
        }
    if served.threshold is None:
        return {"y_pred": answers}
    acts = (answers >= served.threshold).astype(np.int64)
    return {"y_prob": answers, "y_pred": pd.array(acts, dtype="Int64")}


def _plain(value: Any) -> Any:
    """Return a value of a table as JSON has it."""
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value
