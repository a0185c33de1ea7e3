"""The model file: the bytes that were trained, without rows of train."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd

from stages.audit.evidence import Check, Evidence, Findings, as_numbers, counted, holds, listed
from stages.core.params import AuditPrivacySecurity
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "privacy_security.model_file",
        "Is the model file the one that was trained, and does it load without running code?",
        "sha256 of the file; its types, all on the pinned list",
        "= the manifest's sha256",
        "stages/core/models.py",
    ),
    Check(
        "privacy_security.training_rows",
        "Does the model file hold rows of train?",
        "arrays of the file with one entry a training row, or with a training row in them",
        "= 0",
        "a model that keeps its rows gives them to everyone who gets the model",
    ),
)


def unchanged(model: bytes, manifest_sha256: str, path: Path, evidence: tuple[str, ...]) -> Verdict:
    """Hold the file's bytes against the manifest; its types were checked when it was loaded."""
    found = hashlib.sha256(model).hexdigest()
    same = found == manifest_sha256
    why = f"{path.as_posix()} has the manifest's bytes, and holds only types of the pinned list"
    if not same:
        why = f"{path.as_posix()} does not have the manifest's bytes"
    return Verdict(
        "privacy_security.model_file",
        holds(same),
        found[:12],
        None,
        f"= {manifest_sha256[:12]}",
        (path.as_posix(), *evidence),
        why,
    )


def arrays(model: bytes) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield the name and the content of each array in a model file."""
    with ZipFile(io.BytesIO(model)) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                yield name, np.load(io.BytesIO(archive.read(name)), allow_pickle=False)


def training_rows(
    model: bytes,
    train: pd.DataFrame,
    features: npt.NDArray[np.float64] | None,
    evidence: tuple[str, ...],
) -> Verdict:
    """Look for train in the arrays of the model file.

    Args:
        model: the bytes of the file.
        train: the rows of train, the model's inputs only.
        features: the same rows as the model's last step sees them, where it has steps.
        evidence: the files that show it.
    """
    raw = np.ascontiguousarray(as_numbers(train).to_numpy(dtype=np.float64))
    known = [rows for rows in (raw, features) if rows is not None and rows.shape[1] > 1]
    found = []
    for name, array in arrays(model):
        if array.ndim and array.shape[0] == len(train) > 1:
            found.append(f"{name} has an entry for each row of train")
        elif array.ndim == 2 and array.dtype.kind in "fiu":
            held = sum(_shared_rows(array, rows) for rows in known)
            if held:
                found.append(f"{name} holds {held} rows of train")
    why = "no array of the model file has an entry a training row, or a training row in it"
    if found:
        why = f"in the model file, {listed(found, 3)}"
    return counted("privacy_security.training_rows", len(found), evidence, why)


def _shared_rows(array: npt.NDArray[Any], rows: npt.NDArray[np.float64]) -> int:
    """Return how many rows of `array` are rows of `rows`, number by number."""
    if array.shape[1] != rows.shape[1]:
        return 0
    # Adding 0 makes minus zero zero; a row that is all zeros is nobody's.
    known = {row.tobytes() for row in rows + 0.0 if row.any()}
    return sum(row.tobytes() in known for row in array.astype(np.float64) + 0.0)


def features_of(model: Any, rows: pd.DataFrame) -> npt.NDArray[np.float64] | None:
    """Return `rows` as the last step of a pipeline sees them; None where there are no steps."""
    steps = getattr(model, "steps", ())
    if len(steps) < 2:
        return None
    return np.asarray(model[:-1].transform(rows), dtype=np.float64)


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Look into the model file."""
    model = e.model_file.read_bytes()
    inputs = [name for name in e.inputs if name in e.train]
    return Findings(
        [
            unchanged(model, str(e.manifest.get("sha256")), e.model_file, e.paths()),
            training_rows(model, e.train[inputs], features_of(e.model, e.train), e.paths()),
        ]
    )
