"""Personal data: in columns, in what the model reads and in what was written with it.

It is found by its form and, where it has one, its check digit; the values themselves are
never written.
"""

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any
from zipfile import ZipFile

import pandas as pd

from stages.audit.evidence import Check, Evidence, Findings, counted, listed
from stages.core.params import AuditPrivacySecurity
from stages.core.personal_data import personal_data
from stages.core.schema import Schema
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "privacy_security.personal_data",
        "Is there personal data in a column that is not declared an identifier?",
        "columns of train and test with e-mail, phone, IBAN, payment card, IP or national numbers",
        "= 0",
        "data minimisation: EU GDPR, article 5 (1) c",
    ),
    Check(
        "privacy_security.identifiers",
        "Does the model read something that names a single row?",
        "inputs of the model that are identifiers, by schema.yaml or because no value repeats",
        "= 0",
        "an identifier tells nothing about the next row, and the model would keep it",
    ),
    Check(
        "privacy_security.outputs",
        "Is there personal data in what the model's stages wrote?",
        "pieces of personal data in the model file, its manifest and its evaluation",
        "= 0",
        "what is published with the model is read by all",
    ),
)


def column_texts(column: "pd.Series[Any]") -> list[str]:
    """Return the distinct values of `column` that could be personal data, as text.

    Of numbers, only whole ones with eleven digits or more can: they are too long for most
    amounts and counts, and as long as tax numbers and payment cards.
    """
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return []
    distinct = column.dropna().unique()
    if not pd.api.types.is_numeric_dtype(column):
        return [str(value) for value in distinct]
    return [
        str(int(value)) for value in distinct if abs(value) >= 1e10 and float(value).is_integer()
    ]


def columns_with_personal_data(
    frame: pd.DataFrame, schema: Schema, inputs: Sequence[str], evidence: tuple[str, ...]
) -> tuple[Verdict, list[dict[str, Any]]]:
    """Look for personal data in every column; a declared identifier outside the model may."""
    table: list[dict[str, Any]] = []
    undeclared: list[str] = []
    declared: list[str] = []
    for name in frame:
        kinds = personal_data(column_texts(frame[name]))
        spec = schema.columns.get(str(name))
        identifier = spec is not None and spec.kind == "identifier" and str(name) not in inputs
        for kind, count in kinds.items():
            table.append(
                {
                    "Column": str(name),
                    "Kind": kind,
                    "Distinct values": count,
                    "Declared identifier": identifier,
                }
            )
            (declared if identifier else undeclared).append(f"{name} ({kind})")
    check = "privacy_security.personal_data"
    value = len({row["Column"] for row in table if not row["Declared identifier"]})
    if undeclared:
        why = f"personal data where none is declared: {listed(undeclared)}"
        return Verdict(check, "fail", value, None, "= 0", evidence, why), table
    if declared:
        why = f"personal data in identifiers that the model does not read: {listed(declared)}"
        return Verdict(check, "warn", 0, None, "= 0", evidence, why), table
    why = f"none of {frame.shape[1]} columns holds a known kind of personal data"
    return Verdict(check, "pass", 0, None, "= 0", evidence, why), table


def identifiers(
    frame: pd.DataFrame,
    schema: Schema,
    key: str | None,
    inputs: Sequence[str],
    evidence: tuple[str, ...],
) -> Verdict:
    """Look for inputs that name a single row: declared ones, and codes that never repeat."""
    found = []
    for name in inputs:
        spec = schema.columns.get(name)
        if name == key or (spec is not None and spec.kind == "identifier"):
            found.append(f"{name} (declared)")
        elif name in frame and len(frame) > 1 and _names_rows(frame[name]):
            found.append(f"{name} (no value repeats)")
    why = f"none of the model's {len(inputs)} inputs names a single row"
    if found:
        why = f"the model reads what names a single row: {listed(found)}"
    return counted("privacy_security.identifiers", len(found), evidence, why)


def _names_rows(column: "pd.Series[Any]") -> bool:
    """Return whether a text or whole number is different in every row.

    Fractions are not looked at: measurements seldom repeat, and name nobody.
    """
    if pd.api.types.is_float_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    return not column.duplicated().any()


def json_texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON document; numbers are no texts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from json_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from json_texts(inner)


def outputs(e: Evidence, model: bytes, evidence: tuple[str, ...]) -> Verdict:
    """Look for personal data in the texts that were written with the model."""
    with ZipFile(io.BytesIO(model)) as archive:
        stored = json.loads(archive.read("schema.json"))
    places = {
        "the model file": stored,
        "its manifest": dict(e.manifest),
        "its evaluation": dict(e.evaluation),
    }
    found, value = [], 0
    for place, document in places.items():
        for kind, count in personal_data(dict.fromkeys(json_texts(document))).items():
            found.append(f"{place} ({kind})")
            value += count
    why = "the model file, its manifest and its evaluation hold no known kind of personal data"
    if found:
        why = f"personal data in {listed(found)}"
    return counted("privacy_security.outputs", value, evidence, why)


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Look for personal data, and for what names a row."""
    table = pd.concat([e.train, e.test], ignore_index=True)
    personal, found_data = columns_with_personal_data(table, e.schema, e.inputs, e.paths())
    return Findings(
        [
            personal,
            identifiers(table, e.schema, e.key, e.inputs, e.paths()),
            outputs(e, e.model_file.read_bytes(), e.paths()),
        ],
        {"Personal data": found_data},
    )
