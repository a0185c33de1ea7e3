"""What is found, in the words of a person who knows the columns by their titles."""

from typing import Any

import numpy as np
import pandas as pd

from stages.audit.evidence import Evidence
from stages.core.figures import amounts
from stages.core.statistics import Floats


def capital(text: str) -> str:
    """Return `text` with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def points(e: Evidence) -> tuple[float, str]:
    """Return by what a change of the answer is multiplied to be read, and its unit."""
    if e.task != "regression":
        return 100.0, "percentage points"
    spec = e.schema.columns.get(e.target.column)
    return 1.0, spec.unit if spec and spec.unit else e.title(e.target.column)


def value(e: Evidence, name: str, found: Any) -> str:
    """Return a value of an input: its label, or the number with its unit."""
    if pd.isna(found):
        return "missing"
    spec = e.schema.columns.get(name)
    if spec is not None and spec.labels:
        return spec.label(found)
    if isinstance(found, bool | np.bool_) or not isinstance(found, int | float | np.number):
        return str(found)
    unit = f" {spec.unit}" if spec is not None and spec.unit else ""
    return f"{amounts([float(found)])[0]}{unit}"


def decision(e: Evidence, answers: Floats) -> str:
    """Return the decision on the answer of one row, shape (1,) or (1, classes)."""
    if e.task == "regression":
        return amounts(answers)[0]
    decided = int(e.decide(answers)[0])
    if e.task == "multiclass":
        return e.classes[decided]
    return "act" if decided else "do not act"
