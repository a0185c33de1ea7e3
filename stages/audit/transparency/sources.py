"""From a prediction to its sources: what the audit's own inputs tell of where the model is from.

A stage does not know of git; `loopwright trace` follows one row to the commit.
"""

import hashlib
from typing import Any

import pandas as pd

from stages.audit.evidence import Evidence


def rows_sha256(frame: pd.DataFrame) -> str:
    """Return a sha256 of the values of a table, in order; its types and bytes on disk apart."""
    hashes = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    names = "\0".join(map(str, frame.columns)).encode()
    return hashlib.sha256(names + b"\0" + hashes.astype("<u8").tobytes()).hexdigest()


def source_table(e: Evidence) -> list[dict[str, Any]]:
    """Return each thing that a prediction comes from, with a hash that names its content."""
    model = hashlib.sha256(e.model_file.read_bytes()).hexdigest() if e.model_file.is_file() else ""
    recorded = str(e.manifest.get("sha256", ""))
    return [
        {
            "From": "the model file",
            "What": e.model_file.name,
            "sha256": model or "no such file",
        },
        {
            "From": "the model that train recorded",
            "What": str(e.manifest.get("estimator", "an estimator")),
            "sha256": recorded or "not recorded",
        },
        {
            "From": "the model that evaluate measured",
            "What": "where the threshold comes from" if e.task == "binary" else "its evaluation",
            "sha256": str(e.evaluation.get("model_sha256", "not recorded")),
        },
        {
            "From": "the rows that it learned from",
            "What": f"{len(e.train)} rows of train",
            "sha256": rows_sha256(e.train),
        },
        {
            "From": "the rows that are predicted here",
            "What": f"{len(e.test)} rows of test",
            "sha256": rows_sha256(e.test),
        },
        {
            "From": "the environment",
            "What": "the locked packages",
            "sha256": hashlib.sha256(e.lock.encode()).hexdigest(),
        },
    ]
