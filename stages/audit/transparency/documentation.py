"""Does schema.yaml say what each input means?"""

from collections.abc import Iterator, Sequence

import pandas as pd

from stages.audit.evidence import counted, listed
from stages.core.schema import Schema
from stages.core.verdicts import Verdict


def documented(
    inputs: Sequence[str], schema: Schema, table: pd.DataFrame, evidence: tuple[str, ...]
) -> Verdict:
    """Look for inputs that schema.yaml leaves without words."""
    silent = [gap for name in inputs for gap in _gaps(name, schema, table)]
    why = f"schema.yaml says what each of {len(inputs)} inputs and its values mean"
    if silent:
        why = f"schema.yaml does not say: {listed(silent)}"
    return counted("transparency.documented", len(silent), evidence, why)


def _gaps(name: str, schema: Schema, table: pd.DataFrame) -> Iterator[str]:
    spec = schema.columns.get(name)
    if spec is None:
        yield f"what {name} is"
        return
    if not spec.title.strip():
        yield f"the title of {name}"
    if spec.kind == "numeric" and not (spec.unit or "").strip():
        yield f"the unit of {name}"
    if spec.kind in ("categorical", "ordinal") and not spec.unit and name in table:
        # Codes need words; text is its own.
        coded = pd.api.types.is_numeric_dtype(table[name])
        coded = coded and not pd.api.types.is_bool_dtype(table[name])
        values = list(table[name].dropna().unique()) if coded else []
        unknown = [value for value in values if str(value) not in (spec.labels or {})]
        if unknown:
            yield f"the label of {name} = {unknown[0]}"
